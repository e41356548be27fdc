//! `index-only-scan-lost`: the index alone no longer answers the query.

use dbproof_model::{Finding, Scenario, Severity};

use super::FindingKind;
use super::query_work::QueryWork;
use crate::figures::{count, counted, float};

/// What is the same for all findings of this code.
pub const KIND: FindingKind = FindingKind {
    code: "index-only-scan-lost",
    scenario: Scenario::Regress,
    severity: Severity::Warning,
    title: "table visited where the index sufficed",
    page: include_str!("index_only_scan_lost.md"),
};

/// The finding for an index-only scan that became another index scan. `access` is how the relation
/// was and is read, `blocks` the scan's blocks before and after.
pub(crate) fn finding(
    work: &QueryWork<'_>,
    relation: &str,
    access: (&str, &str),
    blocks: (u64, u64),
) -> Finding {
    let message = format!(
        "{relation} is read by {} where {} sufficed: {} where it was {}",
        access.1,
        access.0,
        counted(float(blocks.1), "block"),
        count(float(blocks.0))
    );
    work.about(&KIND, message)
        .with_evidence("relation", relation)
        .with_evidence("access_before", access.0)
        .with_evidence("access_after", access.1)
        .with_evidence("node_blocks_before", blocks.0)
        .with_evidence("node_blocks_after", blocks.1)
        .with_remedy(
            "Add the columns that the query returns to the index with INCLUDE, or return only \
             those that it holds.",
            None,
        )
}

#[cfg(test)]
mod tests {
    use super::super::query_work::sample;
    use super::*;

    #[test]
    fn both_ways_of_reading_are_told() {
        let access = ("Index Only Scan using a", "Index Scan using b");
        let finding = finding(&sample(3, 12), "orders", access, (3, 12));
        assert_eq!(finding.severity, Severity::Warning);
        insta::assert_snapshot!(finding.message, @"orders is read by Index Scan using b where Index Only Scan using a sufficed: 12 blocks where it was 3");
    }
}
