//! `partitions-not-pruned`: a table is read in more of its partitions.

use dbproof_model::{Finding, Scenario, Severity};

use super::FindingKind;
use super::query_work::QueryWork;
use crate::figures::{count, counted, float};

/// What is the same for all findings of this code.
pub const KIND: FindingKind = FindingKind {
    code: "partitions-not-pruned",
    scenario: Scenario::Regress,
    severity: Severity::Error,
    title: "more partitions are read",
    page: include_str!("partitions_not_pruned.md"),
};

/// The finding for a relation that is read in at least twice as many partitions: an error where the
/// query's blocks rose, else a warning.
pub(crate) fn finding(
    work: &QueryWork<'_>,
    relation: &str,
    partitions: (u64, u64),
    blocks: (u64, u64),
) -> Finding {
    let message = format!(
        "{relation} is read in {} where it was in {}, {} where it was {}; {}",
        counted(float(partitions.1), "partition"),
        count(float(partitions.0)),
        counted(float(blocks.1), "block"),
        count(float(blocks.0)),
        work.total()
    );
    let mut finding = work
        .about(&KIND, message)
        .with_evidence("relation", relation)
        .with_evidence("partitions_before", partitions.0)
        .with_evidence("partitions_after", partitions.1)
        .with_evidence("node_blocks_before", blocks.0)
        .with_evidence("node_blocks_after", blocks.1)
        .with_remedy(
            "Partition by what the queries select by, or let the statement say the partition key as \
             well; a condition on another column, or on an expression around the key, excludes no \
             partition.",
            None,
        );
    finding.severity = work.severity_or(Severity::Warning);
    finding
}

#[cfg(test)]
mod tests {
    use super::super::query_work::sample;
    use super::*;

    #[test]
    fn partitions_and_blocks_are_counted() {
        let finding = finding(&sample(50, 299), "events", (1, 6), (50, 299));
        insta::assert_snapshot!(finding.message, @"events is read in 6 partitions where it was in 1, 299 blocks where it was 50; the query touches 299 blocks where it touched 50");
        assert_eq!(finding.severity, Severity::Error);
    }
}
