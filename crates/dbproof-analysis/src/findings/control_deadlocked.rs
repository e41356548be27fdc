//! `control-deadlocked`: the mended transactions deadlock as well.

use dbproof_model::{DeadlockControl, DeadlockShape, Finding, Scenario, Severity};

use super::FindingKind;

/// What is the same for all findings of this code.
pub const KIND: FindingKind = FindingKind {
    code: "control-deadlocked",
    scenario: Scenario::Deadlock,
    severity: Severity::Error,
    title: "the control deadlocks as well",
    page: include_str!("control_deadlocked.md"),
};

/// The finding for a shape whose control saw deadlocks.
#[must_use]
pub fn finding(shape: &DeadlockShape, control: &DeadlockControl) -> Finding {
    let message = format!(
        "the control of `{}` takes its locks in one order and still deadlocked in {} of {} runs",
        shape.name, control.deadlocks, control.runs
    );
    KIND.about(&shape.name, message)
        .with_evidence("deadlocks", control.deadlocks)
        .with_evidence("runs", control.runs)
        .with_evidence("deadlock_timeout_ms", shape.deadlock_timeout_ms)
        .with_remedy(
            "Look for a lock that the statements take without naming it: a foreign key's parent \
             row, a unique index, a trigger. Take that one first in both transactions.",
            None,
        )
}

#[cfg(test)]
mod tests {
    use dbproof_model::Durations;

    use super::super::deadlock_shape;
    use super::*;

    #[test]
    fn the_runs_are_told() {
        let control = DeadlockControl {
            runs: 20,
            deadlocks: 2,
            server_deadlocks: Some(2),
            both_committed_ms: Durations::default(),
            throughput_per_second: 90.0,
        };
        let finding = finding(&deadlock_shape(), &control);
        assert!(finding.message.contains("2 of 20"), "{}", finding.message);
        assert_eq!(finding.severity, Severity::Error);
    }
}
