//! `baseline-improved`: less work than was accepted.

use dbproof_model::{BaselineQuery, Finding, Scenario, Severity};

use super::FindingKind;
use super::baseline_difference::{about, command};

/// What is the same for all findings of this code.
pub const KIND: FindingKind = FindingKind {
    code: "baseline-improved",
    scenario: Scenario::Regress,
    severity: Severity::Info,
    title: "better than the accepted plan",
    page: include_str!("baseline_improved.md"),
};

/// The finding for a plan that does less than the accepted one.
#[must_use]
pub fn finding(query: &BaselineQuery) -> Finding {
    let more = "Until the better plan is accepted, its loss goes unnoticed here";
    about(&KIND, query, more).with_remedy(format!("Accept it with {}.", command(query)), None)
}

#[cfg(test)]
mod tests {
    use dbproof_model::{BaselineCause, BaselineVerdict};

    use super::super::baseline_difference::sample;
    use super::*;

    #[test]
    fn it_asks_to_be_accepted() {
        let finding = finding(&sample(BaselineVerdict::Improved, BaselineCause::Change));
        assert_eq!(finding.severity, Severity::Info);
        assert!(finding.remedy.unwrap().text.contains("dbproof accept"));
    }
}
