//! `deadlock-count-differs`: clients and server counted different numbers of deadlocks.

use dbproof_model::{DeadlockShape, Finding, Scenario, Severity};

use super::FindingKind;

/// What is the same for all findings of this code.
pub const KIND: FindingKind = FindingKind {
    code: "deadlock-count-differs",
    scenario: Scenario::Deadlock,
    severity: Severity::Warning,
    title: "clients and server counted different numbers of deadlocks",
    page: include_str!("deadlock_count_differs.md"),
};

/// The finding for a shape whose two counts differ.
#[must_use]
pub fn finding(shape: &DeadlockShape) -> Finding {
    let counted = shape.server_deadlocks.unwrap_or_default();
    let message = format!(
        "at a deadlock_timeout of {} ms the clients of `{}` saw {} deadlocks, and \
         pg_stat_database.deadlocks went up by {counted}",
        shape.deadlock_timeout_ms, shape.name, shape.deadlocks
    );
    KIND.about(&shape.name, message)
        .with_evidence("client_deadlocks", shape.deadlocks)
        .with_evidence("server_deadlocks", counted)
        .with_remedy(
            "Run it again; on a server of your own, see whether anything else used the database.",
            None,
        )
}

#[cfg(test)]
mod tests {
    use super::super::deadlock_shape;
    use super::*;

    #[test]
    fn both_counts_are_told() {
        let mut shape = deadlock_shape();
        shape.server_deadlocks = Some(23);
        let finding = finding(&shape);
        assert!(finding.message.contains("saw 20") && finding.message.contains("by 23"));
    }
}
