//! `deadlock-savepoint`: trying again from a savepoint meets the same deadlock.

use dbproof_model::{DeadlockShape, Finding, SavepointRetries, Scenario, Severity};

use super::FindingKind;

/// What is the same for all findings of this code.
pub const KIND: FindingKind = FindingKind {
    code: "deadlock-savepoint",
    scenario: Scenario::Deadlock,
    severity: Severity::Info,
    title: "a savepoint does not rescue an earlier lock",
    page: include_str!("deadlock_savepoint.md"),
};

/// The finding for retries from a savepoint, where some of them failed.
#[must_use]
pub fn finding(shape: &DeadlockShape, savepoint: &SavepointRetries) -> Option<Finding> {
    let failed = savepoint.tried.saturating_sub(savepoint.rescued);
    if failed == 0 {
        return None;
    }
    let message = format!(
        "{failed} of {} retries of `{}` from a savepoint met the same deadlock again: the lock that \
         the other transaction waits for was taken before the savepoint",
        savepoint.tried, shape.name
    );
    let finding = KIND
        .about(&shape.name, message)
        .with_evidence("tried", savepoint.tried)
        .with_evidence("rescued", savepoint.rescued)
        .with_remedy(
            "Roll back the whole transaction and begin it again, or set the savepoint before the \
             first lock.",
            None,
        );
    Some(finding)
}

#[cfg(test)]
mod tests {
    use super::super::deadlock_shape;
    use super::*;

    #[test]
    fn only_retries_that_failed_are_a_finding() {
        let retries = |rescued| SavepointRetries { tried: 20, rescued };
        let shape = deadlock_shape();
        let message = finding(&shape, &retries(1)).unwrap().message;
        assert!(message.contains("19 of 20"), "{message}");
        assert!(finding(&shape, &retries(20)).is_none());
    }
}
