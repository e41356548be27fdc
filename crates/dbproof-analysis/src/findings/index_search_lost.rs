//! `index-search-lost`: another index serves the search less well.

use dbproof_model::{Finding, Scenario, Severity};

use super::FindingKind;
use super::query_work::QueryWork;
use crate::figures::{count, counted, float};

/// What is the same for all findings of this code.
pub const KIND: FindingKind = FindingKind {
    code: "index-search-lost",
    scenario: Scenario::Regress,
    severity: Severity::Error,
    title: "searched by an index that fits less well",
    page: include_str!("index_search_lost.md"),
};

/// A relation that another index, or none, is searched for.
pub(crate) struct OtherIndex<'a> {
    pub(crate) relation: &'a str,
    /// The scan with its index and what that is on.
    pub(crate) before: &'a str,
    pub(crate) after: &'a str,
    pub(crate) blocks: (u64, u64),
    pub(crate) definition: Option<String>,
}

/// The finding for an index that takes the place of another and makes the scan touch more blocks.
pub(crate) fn finding(work: &QueryWork<'_>, other: &OtherIndex<'_>) -> Finding {
    let message = format!(
        "{} is read by {} where it was by {}, {} where it was {}; {}",
        other.relation,
        other.after,
        other.before,
        counted(float(other.blocks.1), "block"),
        count(float(other.blocks.0)),
        work.total()
    );
    work.about(&KIND, message)
        .with_evidence("relation", other.relation)
        .with_evidence("access_before", other.before)
        .with_evidence("access_after", other.after)
        .with_evidence("node_blocks_before", other.blocks.0)
        .with_evidence("node_blocks_after", other.blocks.1)
        .with_remedy(
            "Put the columns that are compared for equality first in the index, then the one that \
             is compared by range or sorted by.",
            other.definition.clone(),
        )
}

#[cfg(test)]
mod tests {
    use super::super::query_work::sample;
    use super::*;

    #[test]
    fn both_indexes_and_their_blocks_are_named() {
        let other = OtherIndex {
            relation: "orders",
            before: "Index Scan using a btree (user_id, at)",
            after: "Index Scan using b btree (at, user_id)",
            blocks: (20, 91),
            definition: None,
        };
        insta::assert_snapshot!(finding(&sample(20, 91), &other).message, @"orders is read by Index Scan using b btree (at, user_id) where it was by Index Scan using a btree (user_id, at), 91 blocks where it was 20; the query touches 91 blocks where it touched 20");
    }
}
