//! Statements that need the answer to the one before.

use dbproof_model::{Finding, NPlusOneGroup, Scenario, Severity};

use super::FindingKind;
use super::group_evidence::{units, with_group};

/// Each statement asks for what the one before returned.
pub const KIND: FindingKind = FindingKind {
    code: "query-chain",
    scenario: Scenario::NPlusOne,
    severity: Severity::Info,
    title: "each statement asks for what the one before returned",
    page: include_str!("query_chain.md"),
};

/// The finding about a group; `coverage` is the share of its values that the parent supplied.
#[must_use]
pub fn finding(group: &NPlusOneGroup, coverage: Option<f64>) -> Finding {
    let message = format!(
        "executed {} times in {}, each time with a value that the execution before returned",
        group.executions,
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
        let finding = finding(&sample(GroupVerdict::Chain), Some(1.0));
        assert_eq!(finding.severity, Severity::Info);
        assert_eq!(
            finding.message,
            "executed 20 times in 1 unit of work, each time with a value that the execution before returned"
        );
        assert_eq!(finding.evidence["executions"], 20);
    }
}
