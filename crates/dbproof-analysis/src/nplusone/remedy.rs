//! What to do about a group: [`remedy`].

use dbproof_model::GroupVerdict;

use super::accumulate::Accumulated;
use super::batch::batched;
use super::identity::Identity;

/// The advice, and the batched statement where one can be written safely.
pub(super) fn remedy(of: &Accumulated, identity: &Identity) -> (String, Option<String>) {
    let verdict = of.key.verdict;
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
    let position = of.position.filter(|_| batchable && of.assigns_alike);
    let sql = position.and_then(|position| {
        let column = of.sample.column(of.sample.key_at(position)?)?;
        let key_type = identity.type_of(of.sample.database, column);
        let statement = &of.sample.statement;
        batched(
            statement.sql(),
            statement.parsed(),
            position,
            key_type.as_deref(),
        )
    });
    (text.to_owned(), sql)
}
