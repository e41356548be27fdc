//! `deadlock-not-reproduced`: a shape that should deadlock did not, or not always.

use dbproof_model::{DeadlockExpectation, DeadlockShape, Finding, Scenario, Severity};

use super::FindingKind;

/// What is the same for all findings of this code.
pub const KIND: FindingKind = FindingKind {
    code: "deadlock-not-reproduced",
    scenario: Scenario::Deadlock,
    severity: Severity::Warning,
    title: "the shape did not deadlock in every run",
    page: include_str!("deadlock_not_reproduced.md"),
};

/// The finding for a shape that deadlocked in too few runs.
#[must_use]
pub fn finding(shape: &DeadlockShape) -> Finding {
    let expected = match shape.expected {
        DeadlockExpectation::Soft => "had its queue reordered",
        DeadlockExpectation::Invisible => "was left alone by the server",
        DeadlockExpectation::Any => "ended alike",
        _ => "deadlocked",
    };
    let as_expected = shape.as_expected.unwrap_or(shape.deadlocks);
    let message = format!(
        "`{}` {expected} in {as_expected} of {} runs at a deadlock_timeout of {} ms",
        shape.name, shape.runs, shape.deadlock_timeout_ms
    );
    KIND.about(&shape.name, message)
        .with_evidence("as_expected", as_expected)
        .with_evidence("deadlocks", shape.deadlocks)
        .with_evidence("runs", shape.runs)
        .with_remedy(
            "See that each session's second step asks for exactly the lock that the other one's \
             first step holds.",
            None,
        )
}

#[cfg(test)]
mod tests {
    use super::super::deadlock_shape;
    use super::*;

    #[test]
    fn the_runs_are_told() {
        let mut shape = deadlock_shape();
        shape.deadlocks = 3;
        assert!(finding(&shape).message.contains("3 of 20"));
    }
}
