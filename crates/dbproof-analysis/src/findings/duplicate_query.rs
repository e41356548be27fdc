//! The same question asked again and again.

use dbproof_model::{Finding, NPlusOneGroup, Scenario, Severity};

use super::FindingKind;
use super::group_evidence::{units, with_group};

/// The same statement with the same values again and again.
pub const KIND: FindingKind = FindingKind {
    code: "duplicate-query",
    scenario: Scenario::NPlusOne,
    severity: Severity::Warning,
    title: "the same statement with the same values again and again",
    page: include_str!("duplicate_query.md"),
};

/// The finding about a group; `coverage` is the share of its values that the parent supplied.
#[must_use]
pub fn finding(group: &NPlusOneGroup, coverage: Option<f64>) -> Finding {
    let message = format!(
        "executed {} times with {} in {}, and nothing changed in between",
        group.executions,
        match group.distinct_values {
            1 => "the same values".to_owned(),
            several => format!("only {several} different sets of values"),
        },
        units(group)
    );
    with_group(KIND.about(&group.template, message), group, coverage)
}

#[cfg(test)]
mod tests {
    use dbproof_model::GroupVerdict;

    use super::*;
    use crate::findings::group_evidence::sample;

    #[test]
    fn the_message_has_the_figures() {
        let finding = finding(&sample(GroupVerdict::Duplicate), Some(1.0));
        assert_eq!(finding.severity, Severity::Warning);
        assert_eq!(
            finding.message,
            "executed 20 times with only 10 different sets of values in 1 unit of work, and nothing changed in between"
        );
        assert_eq!(finding.evidence["executions"], 20);
    }
}
