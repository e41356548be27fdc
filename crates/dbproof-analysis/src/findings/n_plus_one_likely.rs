//! Many values in one unit of work, without a proof of where they come from.

use dbproof_model::{Finding, NPlusOneGroup, Scenario, Severity};

use super::FindingKind;
use super::group_evidence::{units, with_group};

/// One statement for many values in one unit of work.
pub const KIND: FindingKind = FindingKind {
    code: "n-plus-one-likely",
    scenario: Scenario::NPlusOne,
    severity: Severity::Warning,
    title: "one statement for many values in one unit of work",
    page: include_str!("n_plus_one_likely.md"),
};

/// The finding about a group; `coverage` is the share of its values that the parent supplied.
#[must_use]
pub fn finding(group: &NPlusOneGroup, coverage: Option<f64>) -> Finding {
    let message = format!(
        "executed {} times with {} distinct values in {}; where the values come from was not seen",
        group.executions,
        group.distinct_values,
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
        let finding = finding(&sample(GroupVerdict::Likely), Some(1.0));
        assert_eq!(finding.severity, Severity::Warning);
        assert_eq!(
            finding.message,
            "executed 20 times with 10 distinct values in 1 unit of work; where the values come from was not seen"
        );
        assert_eq!(finding.evidence["executions"], 20);
    }
}
