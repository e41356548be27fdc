//! What writing itself costs, beside finding the rows: [`findings`].

use dbproof_model::Finding;

use super::Tolerances;
use super::detect::Trees;
use super::rises::self_blocks;
use super::signals::rises;
use crate::findings::index_maintenance::{self, Maintained};
use crate::findings::query_work::QueryWork;

/// Written relations with indexes that are new, where writing touches more blocks.
pub(super) fn findings(
    trees: &Trees<'_>,
    work: &QueryWork<'_>,
    tolerances: &Tolerances,
) -> Vec<Finding> {
    if !work.worse {
        return Vec::new();
    }
    let own = (self_blocks(trees.plans.0), self_blocks(trees.plans.1));
    trees
        .matching
        .pairs
        .iter()
        .filter_map(|(from, to)| {
            let before = trees.before.entries[*from].node;
            let after = trees.after.entries[*to].node;
            let blocks = (own.0[*from], own.1[*to]);
            let new = missing_from(&before.maintained_indexes, &after.maintained_indexes);
            if after.node_type != "ModifyTable" || new.is_empty() || !rises(blocks, tolerances) {
                return None;
            }
            let maintained = Maintained {
                relation: after.relation.as_deref()?,
                operation: after.operation.as_deref().unwrap_or("Writing"),
                new,
                indexes: (
                    before.maintained_indexes.len(),
                    after.maintained_indexes.len(),
                ),
                blocks,
            };
            Some(index_maintenance::finding(work, &maintained))
        })
        .collect()
}

/// Those that `after` has more of than `before`.
fn missing_from<'a>(before: &[String], after: &'a [String]) -> Vec<&'a str> {
    let mut known: Vec<&String> = before.iter().collect();
    after
        .iter()
        .filter(
            |definition| match known.iter().position(|k| k == definition) {
                Some(found) => {
                    known.remove(found);
                    false
                }
                None => true,
            },
        )
        .map(String::as_str)
        .collect()
}
