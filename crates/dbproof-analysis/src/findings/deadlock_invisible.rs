//! `deadlock-invisible`: a cycle with a part outside of the server is never ended by it.

use dbproof_model::{DeadlockShape, Finding, Scenario, Severity};

use super::FindingKind;

/// What is the same for all findings of this code.
pub const KIND: FindingKind = FindingKind {
    code: "deadlock-invisible",
    scenario: Scenario::Deadlock,
    severity: Severity::Info,
    title: "a deadlock that the server cannot see",
    page: include_str!("deadlock_invisible.md"),
};

/// The finding for a shape whose cycle the server did nothing about.
#[must_use]
pub fn finding(shape: &DeadlockShape) -> Finding {
    let stalled = shape.stalled_ms.p50.unwrap_or_default();
    let message = format!(
        "a part of the cycle of `{}` is in its clients: after {stalled:.0} ms, longer than the \
         deadlock_timeout of {:.0} ms, the server had done nothing, and dbproof ended the waiting \
         statement itself",
        shape.name, shape.deadlock_timeout_ms
    );
    KIND.about(&shape.name, message)
        .with_evidence("runs", shape.runs)
        .with_evidence("stalled_p50_ms", stalled)
        .with_evidence("deadlock_timeout_ms", shape.deadlock_timeout_ms)
        .with_remedy(
            "Wait for nothing outside of the database while a transaction is open, and bound what \
             remains by lock_timeout and idle_in_transaction_session_timeout.",
            Some("SET lock_timeout = '5s'".to_owned()),
        )
}

#[cfg(test)]
mod tests {
    use super::super::deadlock_shape;
    use super::*;

    #[test]
    fn that_the_server_did_nothing_is_told_with_the_time_it_had() {
        let mut shape = deadlock_shape();
        shape.stalled_ms.p50 = Some(1305.2);
        let message = finding(&shape).message;
        assert!(message.contains("after 1305 ms"), "{message}");
        assert!(message.contains("of 1000 ms"), "{message}");
    }
}
