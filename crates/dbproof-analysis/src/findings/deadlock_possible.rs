//! `deadlock-possible`: captured transactions that lock in contradicting orders, and were not seen to
//! deadlock.

use dbproof_model::{DeadlockPrediction, Finding, Scenario, Severity};

use super::FindingKind;
use super::prediction_evidence::with_prediction;

/// What is the same for all findings of this code.
pub const KIND: FindingKind = FindingKind {
    code: "deadlock-possible",
    scenario: Scenario::Deadlock,
    severity: Severity::Warning,
    title: "transactions of the application may deadlock",
    page: include_str!("deadlock_possible.md"),
};

/// The finding about a prediction that was not confirmed.
#[must_use]
pub fn finding(prediction: &DeadlockPrediction) -> Finding {
    let why = prediction.reason.as_deref().unwrap_or("no reason is known");
    let tried = match prediction.orders_tried {
        0 => "it could not be run".to_owned(),
        1 => "1 order of their statements was run, and none deadlocked".to_owned(),
        several => format!("{several} orders of their statements were run, and none deadlocked"),
    };
    let message = format!(
        "they lock in contradicting orders, but a deadlock was not confirmed: {tried} ({why})"
    );
    let mut finding = with_prediction(&KIND, prediction, &message);
    if prediction.members.iter().any(|m| m.migration.is_some()) {
        TITLE_OF_MIGRATION.clone_into(&mut finding.title);
    }
    finding
}

/// The title where a migration takes part.
const TITLE_OF_MIGRATION: &str = "the migration may deadlock with transactions of the application";

#[cfg(test)]
mod tests {
    use super::super::prediction_evidence::sample;
    use super::*;

    #[test]
    fn why_it_is_only_possible_is_told() {
        let mut prediction = sample("possible");
        prediction.reason = Some("no row met".to_owned());
        let told = finding(&prediction);
        assert_eq!(told.severity, Severity::Warning);
        let start = "they lock in contradicting orders, but a deadlock was not confirmed: 2 orders of \
                     their statements were run, and none deadlocked (no row met); transfer";
        assert!(told.message.starts_with(start), "{}", told.message);
        prediction.orders_tried = 0;
        prediction.reason = None;
        let told = finding(&prediction).message;
        assert!(
            told.contains("it could not be run (no reason is known)"),
            "{told}"
        );
    }

    #[test]
    fn a_prediction_without_details_is_told_as_well() {
        let finding = finding(&DeadlockPrediction {
            transactions: vec!["a".to_owned(), "b".to_owned()],
            ..DeadlockPrediction::default()
        });
        assert_eq!(
            (finding.subject.as_str(), finding.location),
            ("a and b", None)
        );
    }
}
