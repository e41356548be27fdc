//! `deadlock-not-reproduced`: a shape that should deadlock did not, or not always.

use dbproof_model::{DeadlockShape, Finding, Scenario, Severity};

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
    let message = format!(
        "`{}` deadlocked in {} of {} runs",
        shape.name, shape.deadlocks, shape.runs
    );
    KIND.about(&shape.name, message)
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
