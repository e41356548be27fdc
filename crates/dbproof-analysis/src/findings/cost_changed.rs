//! `cost-changed`: the planner thinks otherwise of a plan that is the same.

use dbproof_model::{Finding, Scenario, Severity};

use super::FindingKind;
use super::query_work::QueryWork;
use crate::figures::count;

/// What is the same for all findings of this code.
pub const KIND: FindingKind = FindingKind {
    code: "cost-changed",
    scenario: Scenario::Regress,
    severity: Severity::Info,
    title: "same plan at another estimated cost",
    page: include_str!("cost_changed.md"),
};

/// The finding for a cost that doubled or halved though the plan does the same work.
pub(crate) fn finding(work: &QueryWork<'_>, costs: (f64, f64)) -> Finding {
    let message = format!(
        "the planner puts the cost of the same plan at {} where it was {}; {}",
        count(costs.1),
        count(costs.0),
        work.total()
    );
    work.about(&KIND, message)
        .with_evidence("cost_before", costs.0)
        .with_evidence("cost_after", costs.1)
        .with_remedy(
            "Nothing needs to be done. See whether statistics, table sizes or cost settings are \
             meant to have changed, since the planner may come to another plan before long.",
            None,
        )
}

#[cfg(test)]
mod tests {
    use super::super::query_work::sample;
    use super::*;

    #[test]
    fn both_costs_are_told_beside_the_work() {
        let finding = finding(&sample(40, 40), (120.0, 480.0));
        assert_eq!(finding.severity, Severity::Info);
        insta::assert_snapshot!(finding.message, @"the planner puts the cost of the same plan at 480 where it was 120; the query touches 40 blocks where it touched 40");
    }
}
