//! `idle-transaction`: a transaction that waited long for its application.

use dbproof_model::{Finding, IdleTransaction, Scenario, Severity};

use super::FindingKind;

/// What is the same for all findings of this code.
pub const KIND: FindingKind = FindingKind {
    code: "idle-transaction",
    scenario: Scenario::Watch,
    severity: Severity::Warning,
    title: "a transaction waited for its application",
    page: include_str!("idle_transaction.md"),
};

/// The finding about the transactions that were left idle after one statement; the limit is in
/// milliseconds.
#[must_use]
pub fn finding(idle: &IdleTransaction, limit_ms: f64) -> Finding {
    let times = if idle.count == 1 { "time" } else { "times" };
    let end = if idle.abandoned {
        ", until its session ended without COMMIT or ROLLBACK"
    } else {
        ""
    };
    let message = format!(
        "an open transaction was left idle {} {times} for {limit_ms} ms or more after this statement, \
         the longest for {:.0} ms{end}",
        idle.count, idle.longest_ms
    );
    KIND.about(&idle.after, message)
        .with_evidence("count", idle.count)
        .with_evidence("longest_ms", idle.longest_ms)
        .with_evidence("limit_ms", limit_ms)
        .with_remedy(
            "commit before slow work outside of the database (a call to another service, an e-mail, \
             a file), and set idle_in_transaction_session_timeout as a safety net",
            None,
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_says_how_often_and_how_it_ended() {
        let idle = IdleTransaction {
            after: "update t set a = ?".to_owned(),
            count: 1,
            longest_ms: 1500.4,
            abandoned: true,
        };
        assert_eq!(
            finding(&idle, 1000.0).message,
            "an open transaction was left idle 1 time for 1000 ms or more after this statement, the \
             longest for 1500 ms, until its session ended without COMMIT or ROLLBACK"
        );
    }
}
