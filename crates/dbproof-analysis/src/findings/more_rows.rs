//! `more-rows`: the query takes many more rows into its hands than before.

use dbproof_model::{Finding, Scenario, Severity};

use super::FindingKind;
use super::query_work::QueryWork;
use crate::figures::{count, counted};

/// What is the same for all findings of this code.
pub const KIND: FindingKind = FindingKind {
    code: "more-rows",
    scenario: Scenario::Regress,
    severity: Severity::Error,
    title: "more rows than before for the same result",
    page: include_str!("more_rows.md"),
};

/// The finding for rows that doubled at equal blocks.
pub(crate) fn finding(work: &QueryWork<'_>, rows_before: f64, rows_after: f64) -> Finding {
    let message = format!(
        "the plan's nodes pass on or throw away {} where they did {}, though {}",
        counted(rows_after, "row"),
        count(rows_before),
        work.total()
    );
    work.about(&KIND, message)
        .with_evidence("rows_processed_before", rows_before)
        .with_evidence("rows_processed_after", rows_after)
        .with_remedy(
            "Look for the node whose rows, or whose rows removed by a filter, rose: a join that \
             multiplies rows which a later step takes out again, or a condition that is now \
             applied after reading and not by the index.",
            None,
        )
}

#[cfg(test)]
mod tests {
    use super::super::query_work::sample;
    use super::*;

    #[test]
    fn the_rows_are_told_beside_the_blocks() {
        let finding = finding(&sample(40, 40), 1200.0, 90_000.0);
        assert_eq!(finding.severity, Severity::Error);
        insta::assert_snapshot!(finding.message, @"the plan's nodes pass on or throw away 90,000 rows where they did 1,200, though the query touches 40 blocks where it touched 40");
    }
}
