//! `baseline-changed`: another plan than the accepted one, for about the same work.

use dbproof_model::{BaselineQuery, Finding, Scenario, Severity};

use super::FindingKind;
use super::baseline_difference::{about, command};

/// What is the same for all findings of this code.
pub const KIND: FindingKind = FindingKind {
    code: "baseline-changed",
    scenario: Scenario::Regress,
    severity: Severity::Info,
    title: "another plan than the accepted one",
    page: include_str!("baseline_changed.md"),
};

/// The finding for a plan of another shape and about as many blocks.
#[must_use]
pub fn finding(query: &BaselineQuery) -> Finding {
    about(&KIND, query, "The work is about the same").with_remedy(
        format!("Accept the plan with {} if it is meant.", command(query)),
        None,
    )
}

#[cfg(test)]
mod tests {
    use dbproof_model::{BaselineCause, BaselineVerdict};

    use super::super::baseline_difference::sample;
    use super::*;

    #[test]
    fn the_command_to_accept_it_is_told() {
        let finding = finding(&sample(BaselineVerdict::Changed, BaselineCause::Change));
        let remedy = finding.remedy.unwrap().text;
        assert!(remedy.contains("`dbproof accept --query order_history`"));
        assert_eq!(finding.evidence["baseline"], "baselines/order_history.plan");
    }
}
