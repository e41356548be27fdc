//! What of an executed plan is the same in every run on the same base: [`observe`].

use dbproof_model::BaselinePlan;

use super::{digest, tidy};
use crate::plan;
use crate::regression::{Side, blocks_beside_the_plan};

/// A plan as a baseline keeps it. The names of the side's plan are resolved already: an index is its
/// definition and the partitions of a table are one scan, so that a rename is no difference.
///
/// `follows_clock` says that the rows are another number every day, so that they are left out.
#[must_use]
pub fn observe(side: &Side, values: &[Option<String>], follows_clock: bool) -> BaselinePlan {
    let buffers = plan::total_buffers(&side.plan);
    let mut nodes: Vec<String> = plan::lines(&side.plan).collect();
    for (name, runs) in &side.plan.triggers {
        let on = runs.relation.as_deref().unwrap_or("its relation");
        nodes.push(tidy(&format!("Trigger {name} on {on}")));
    }
    // A row count is a whole number below 2^53.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a count of rows, kept as a float for messages"
    )]
    let rows = side.row_count.max(0.0) as u64;
    BaselinePlan {
        rows: (!follows_clock).then_some(rows),
        values: digest_of_values(values),
        blocks: buffers.shared_total() + blocks_beside_the_plan(side),
        spill_blocks: buffers.temp_total(),
        nodes,
    }
}

/// 16 bits: enough to notice other values, and too few to tell which they were, because values are
/// in no file that dbproof writes.
fn digest_of_values(values: &[Option<String>]) -> Option<String> {
    (!values.is_empty()).then(|| {
        let digest = digest(&format!("{values:?}"));
        digest[digest.len() - 4..].to_owned()
    })
}
