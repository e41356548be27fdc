//! An N+1, proven by where the values come from.

use dbproof_model::{Finding, NPlusOneGroup, Scenario, Severity};

use super::FindingKind;
use super::group_evidence::with_group;

/// One query, and then one more for each of its rows.
pub const KIND: FindingKind = FindingKind {
    code: "n-plus-one",
    scenario: Scenario::NPlusOne,
    severity: Severity::Error,
    title: "one query, and then one more for each of its rows",
    page: include_str!("n_plus_one.md"),
};

/// The finding about a group; `coverage` is the share of its values that the parent supplied.
#[must_use]
pub fn finding(group: &NPlusOneGroup, coverage: Option<f64>) -> Finding {
    let source = match &group.parent {
        Some(parent) => format!(
            "`{}` of rows fetched before ({} in all)",
            parent.column, parent.rows
        ),
        None => "one earlier result".to_owned(),
    };
    let message = format!(
        "executed {} times with {} distinct values, which came from {source}",
        group.executions, group.distinct_values
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
        let finding = finding(&sample(GroupVerdict::Proven), Some(1.0));
        assert_eq!(finding.severity, Severity::Error);
        assert_eq!(
            finding.message,
            "executed 20 times with 10 distinct values, which came from `orders.user_id` of rows fetched before (20 in all)"
        );
        assert_eq!(finding.evidence["executions"], 20);
    }
}
