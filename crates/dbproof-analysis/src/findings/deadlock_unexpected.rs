//! `deadlock-unexpected`: a shape that must not deadlock does.

use dbproof_model::{DeadlockShape, Finding, Scenario, Severity};

use super::FindingKind;

/// What is the same for all findings of this code.
pub const KIND: FindingKind = FindingKind {
    code: "deadlock-unexpected",
    scenario: Scenario::Deadlock,
    severity: Severity::Error,
    title: "transactions that must not deadlock do",
    page: include_str!("deadlock_unexpected.md"),
};

/// The finding for a shape that was expected to have no deadlock.
#[must_use]
pub fn finding(shape: &DeadlockShape) -> Finding {
    let message = format!(
        "`{}` is expected to have no deadlock, and its clients saw {} in {} runs",
        shape.name, shape.deadlocks, shape.runs
    );
    KIND.about(&shape.name, message)
        .with_evidence("deadlocks", shape.deadlocks)
        .with_evidence("runs", shape.runs)
        .with_evidence("deadlock_timeout_ms", shape.deadlock_timeout_ms)
        .with_remedy(
            "See who waited for whom in the report, and take those locks in one order in every \
             transaction.",
            Some("SELECT 1 FROM … WHERE id = ANY($1) ORDER BY id FOR UPDATE".to_owned()),
        )
}

#[cfg(test)]
mod tests {
    use super::super::deadlock_shape;
    use super::*;

    #[test]
    fn the_count_is_told() {
        let message = finding(&deadlock_shape()).message;
        assert!(message.contains("saw 20 in 20 runs"), "{message}");
    }
}
