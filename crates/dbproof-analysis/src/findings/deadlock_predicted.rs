//! `deadlock-predicted`: captured transactions that deadlocked when they were run against each other.

use dbproof_model::{DeadlockPrediction, Finding, Scenario, Severity};

use super::FindingKind;
use super::prediction_evidence::with_prediction;

/// What is the same for all findings of this code.
pub const KIND: FindingKind = FindingKind {
    code: "deadlock-predicted",
    scenario: Scenario::Deadlock,
    severity: Severity::Error,
    title: "transactions of the application deadlock when they meet",
    page: include_str!("deadlock_predicted.md"),
};

/// The finding about a prediction that was confirmed.
#[must_use]
pub fn finding(prediction: &DeadlockPrediction) -> Finding {
    let orders = match prediction.orders_tried {
        1 => "the order of their statements that was run".to_owned(),
        several => format!(
            "{} of {several} orders of their statements that were run",
            prediction.deadlocks
        ),
    };
    let message = format!(
        "they never met in the capture; on a copy of its database, {orders} ended in a deadlock"
    );
    with_prediction(&KIND, prediction, &message)
}

#[cfg(test)]
mod tests {
    use super::super::prediction_evidence::sample;
    use super::*;

    #[test]
    fn who_holds_what_and_asks_for_what_is_told_with_the_code() {
        let mut prediction = sample("confirmed");
        prediction.deadlocks = 1;
        let finding = finding(&prediction);
        assert_eq!(finding.severity, Severity::Error);
        assert_eq!(finding.subject, "transfer and refund");
        assert_eq!(
            finding.message,
            "they never met in the capture; on a copy of its database, 1 of 2 orders of their statements \
             that were run ended in a deadlock; transfer (seen 12 times) holds a row of public.accounts \
             (FOR NO KEY UPDATE) by `update accounts set from = ? where id = ?` (bank/views.py:10) and \
             asks for a row of public.accounts (FOR NO KEY UPDATE) by `update accounts set to = ? where \
             id = ?` (bank/views.py:10); refund (seen once) holds a row of public.accounts (FOR NO KEY \
             UPDATE) by `update accounts set from = ? where id = ?` (bank/views.py:30) and asks for a row \
             of public.accounts (FOR NO KEY UPDATE) by `update accounts set to = ? where id = ?` \
             (bank/views.py:30)"
        );
        let location = finding.location.unwrap();
        assert_eq!(
            (location.file.as_str(), location.line),
            ("bank/views.py", 10)
        );
        assert_eq!(finding.evidence["cycle"][1]["name"], "refund");
        assert_eq!(finding.remedy.unwrap().sql.as_deref(), Some("SELECT 1"));
    }
}
