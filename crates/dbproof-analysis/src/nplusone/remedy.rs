//! What to do about a group: [`remedy`].

use dbproof_model::GroupVerdict;

use super::batch::batched;
use super::identity::Identity;
use super::runs::Run;
use crate::sql::SlotKind;

/// The advice, and the batched statement where one can be written safely. `all` are the group's
/// executions, one of which is the `sample`.
pub(super) fn remedy(
    verdict: GroupVerdict,
    sample: &Run<'_>,
    all: &[&Run<'_>],
    position: Option<usize>,
    identity: &Identity<'_>,
) -> (String, Option<String>) {
    let text = match verdict {
        GroupVerdict::Proven => {
            "collect the values of the first result and ask for all rows in one statement"
        }
        GroupVerdict::Likely => {
            "if the values are known before the loop begins, ask for all rows in one statement"
        }
        GroupVerdict::WriteLoop => "write all rows in one statement",
        GroupVerdict::Duplicate => "ask once and keep the answer for the rest of the unit of work",
        GroupVerdict::Chain => {
            "each statement needs the answer to the one before, so they cannot be batched: walk a \
             tree with one recursive query (WITH RECURSIVE), and page with larger pages"
        }
    };
    let batchable = matches!(
        verdict,
        GroupVerdict::Proven | GroupVerdict::Likely | GroupVerdict::WriteLoop
    );
    // Where what is written differs from row to row, a list of keys is not enough.
    let assigns_alike = all.windows(2).all(|pair| {
        pair[0].values_of(&[SlotKind::Assigned]) == pair[1].values_of(&[SlotKind::Assigned])
    });
    let sql = position
        .filter(|_| batchable && assigns_alike)
        .and_then(|position| {
            let key = sample.key(position)?;
            batched(
                &sample.execution.sql,
                &sample.parsed,
                position,
                identity.type_of(key.column),
            )
        });
    (text.to_owned(), sql)
}
