//! `estimate-off`: the planner expects a very different number of rows.

use dbproof_model::{Finding, Scenario, Severity};

use super::FindingKind;
use super::query_work::QueryWork;
use crate::figures::count;

/// What is the same for all findings of this code.
pub const KIND: FindingKind = FindingKind {
    code: "estimate-off",
    scenario: Scenario::Regress,
    severity: Severity::Warning,
    title: "row estimate far off",
    page: include_str!("estimate_off.md"),
};

/// The estimate and what came of it.
pub(crate) struct Estimate<'a> {
    /// The relations that it is about.
    pub(crate) relation: Option<&'a str>,
    /// The node.
    pub(crate) node: &'a str,
    /// Rows per loop that the planner expected after the change.
    pub(crate) estimated: f64,
    /// Rows per loop that there were.
    pub(crate) actual: f64,
    /// The factor between the two before.
    pub(crate) error_before: f64,
    /// The factor between the two after.
    pub(crate) error_after: f64,
}

/// The finding for an estimate whose error doubled, to ten or more.
pub(crate) fn finding(work: &QueryWork<'_>, estimate: &Estimate<'_>) -> Finding {
    let on = estimate
        .relation
        .map_or_else(String::new, |relation| format!(" on {relation}"));
    let message = format!(
        "{}{on} was expected to give {} rows and gave {}: off by a factor of {} where it was {}",
        estimate.node,
        count(estimate.estimated),
        count(estimate.actual),
        count(estimate.error_after),
        count(estimate.error_before)
    );
    let mut finding = work
        .about(&KIND, message)
        .with_evidence("node", estimate.node)
        .with_evidence("estimated_rows", estimate.estimated)
        .with_evidence("actual_rows", estimate.actual)
        .with_evidence("q_error_before", estimate.error_before)
        .with_evidence("q_error_after", estimate.error_after);
    let mut analyze = None;
    if let Some(relation) = estimate.relation {
        finding = finding.with_evidence("relation", relation);
        analyze = (!relation.contains(", ")).then(|| format!("ANALYZE {relation};"));
    }
    finding.with_remedy(
        "Bring the statistics up to date. If the estimate stays off, the columns of the condition \
         depend on one another (CREATE STATISTICS), or the condition holds an expression that has \
         no statistics.",
        analyze,
    )
}

#[cfg(test)]
mod tests {
    use super::super::query_work::sample;
    use super::*;

    #[test]
    fn both_errors_are_told() {
        let estimate = Estimate {
            relation: Some("orders"),
            node: "Seq Scan",
            estimated: 1.0,
            actual: 4200.0,
            error_before: 2.0,
            error_after: 4200.0,
        };
        let finding = finding(&sample(12, 12), &estimate);
        insta::assert_snapshot!(finding.message, @"Seq Scan on orders was expected to give 1 rows and gave 4,200: off by a factor of 4,200 where it was 2");
        assert_eq!(finding.remedy.unwrap().sql.unwrap(), "ANALYZE orders;");
    }
}
