//! `deadlock-soft`: a cycle through a queue costs a whole timeout and raises no error.

use dbproof_model::{DeadlockShape, Finding, Scenario, Severity};

use super::FindingKind;

/// What is the same for all findings of this code.
pub const KIND: FindingKind = FindingKind {
    code: "deadlock-soft",
    scenario: Scenario::Deadlock,
    severity: Severity::Info,
    title: "a deadlock that raises no error",
    page: include_str!("deadlock_soft.md"),
};

/// The finding for a shape whose cycle the server mended by reordering a queue.
#[must_use]
pub fn finding(shape: &DeadlockShape) -> Finding {
    let stalled = shape.stalled_ms.p50.unwrap_or_default();
    let message = format!(
        "each run of `{}` kept everyone for {stalled:.0} ms until the server reordered a queue \
         (deadlock_timeout is {:.0} ms); no client saw an error, and pg_stat_database.deadlocks \
         counted {}",
        shape.name,
        shape.deadlock_timeout_ms,
        shape.server_deadlocks.unwrap_or_default()
    );
    KIND.about(&shape.name, message)
        .with_evidence("runs", shape.runs)
        .with_evidence("stalled_p50_ms", stalled)
        .with_evidence("deadlock_timeout_ms", shape.deadlock_timeout_ms)
        .with_remedy(
            "Let nothing that needs a strong lock wait for it long: SET lock_timeout before DDL, \
             and try again.",
            Some("SET lock_timeout = '100ms'".to_owned()),
        )
}

#[cfg(test)]
mod tests {
    use super::super::deadlock_shape;
    use super::*;

    #[test]
    fn the_stall_is_told_beside_the_timeout() {
        let mut shape = deadlock_shape();
        shape.server_deadlocks = Some(0);
        shape.stalled_ms.p50 = Some(1001.7);
        let finding = finding(&shape);
        assert!(finding.message.contains("1002 ms"), "{}", finding.message);
        assert!(finding.message.contains("counted 0"), "{}", finding.message);
    }
}
