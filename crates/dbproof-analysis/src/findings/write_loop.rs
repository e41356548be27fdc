//! Rows written one by one.

use dbproof_model::{Finding, NPlusOneGroup, Scenario, Severity};

use super::FindingKind;
use super::group_evidence::{units, with_group};

/// One writing statement for each row.
pub const KIND: FindingKind = FindingKind {
    code: "write-loop",
    scenario: Scenario::NPlusOne,
    severity: Severity::Warning,
    title: "one writing statement for each row",
    page: include_str!("write_loop.md"),
};

/// The finding about a group; `coverage` is the share of its values that the parent supplied.
#[must_use]
pub fn finding(group: &NPlusOneGroup, coverage: Option<f64>) -> Finding {
    let message = format!(
        "executed {} times for {} distinct rows in {}",
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
        let finding = finding(&sample(GroupVerdict::WriteLoop), Some(1.0));
        assert_eq!(finding.severity, Severity::Warning);
        assert_eq!(
            finding.message,
            "executed 20 times for 10 distinct rows in 1 unit of work"
        );
        assert_eq!(finding.evidence["executions"], 20);
    }
}
