//! `nested-loop-over-seq-scan`: a nested loop reads a whole relation again and again.

use dbproof_model::{Finding, Scenario, Severity};

use super::FindingKind;
use super::query_work::QueryWork;
use crate::figures::{count, counted};

/// What is the same for all findings of this code.
pub const KIND: FindingKind = FindingKind {
    code: "nested-loop-over-seq-scan",
    scenario: Scenario::Regress,
    severity: Severity::Warning,
    title: "whole relation read in a loop",
    page: include_str!("nested_loop_over_seq_scan.md"),
};

/// The sequential scan inside of a loop.
pub(crate) struct Repeated<'a> {
    /// The relation.
    pub(crate) relation: &'a str,
    /// How often it is read.
    pub(crate) loops: f64,
    /// Rows read each time.
    pub(crate) rows_per_loop: f64,
    /// The statement that would create an index for it.
    pub(crate) definition: Option<String>,
}

/// The finding for a sequential scan that is new inside of a nested loop: an error where the
/// query's work rose, else a warning.
pub(crate) fn finding(work: &QueryWork<'_>, repeated: &Repeated<'_>) -> Finding {
    let message = format!(
        "a nested loop reads all of {} {} times, {} each time; {}",
        repeated.relation,
        count(repeated.loops),
        counted(repeated.rows_per_loop, "row"),
        work.total()
    );
    work.about(&KIND, message)
        .with_severity(work.severity_or(Severity::Warning))
        .with_evidence("relation", repeated.relation)
        .with_evidence("loops", repeated.loops)
        .with_evidence("rows_per_loop", repeated.rows_per_loop)
        .with_remedy(
            "Give the join an index on the inner relation, or make a hash join possible: an \
             equality between columns of the same type.",
            repeated.definition.clone(),
        )
}

#[cfg(test)]
mod tests {
    use super::super::query_work::sample;
    use super::*;

    #[test]
    fn the_message_tells_how_often_and_how_much() {
        let repeated = Repeated {
            relation: "orders",
            loops: 120.0,
            rows_per_loop: 2500.0,
            definition: Some("CREATE INDEX CONCURRENTLY ON orders (user_id);".to_owned()),
        };
        let failed = finding(&sample(40, 4800), &repeated);
        assert_eq!(failed.severity, Severity::Error);
        insta::assert_snapshot!(failed.message, @"a nested loop reads all of orders 120 times, 2,500 rows each time; the query touches 4,800 blocks where it touched 40");
        assert_eq!(
            finding(&sample(40, 40), &repeated).severity,
            Severity::Warning
        );
    }
}
