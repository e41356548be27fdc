//! `migration-deadlock-predicted`: a migration that deadlocked with captured transactions when they were
//! run against each other.

use dbproof_model::{DeadlockPrediction, Finding, Scenario, Severity};

use super::FindingKind;
use super::prediction_evidence::{migration_location, named, with_prediction};

/// What is the same for all findings of this code.
pub const KIND: FindingKind = FindingKind {
    code: "migration-deadlock-predicted",
    scenario: Scenario::Deadlock,
    severity: Severity::Error,
    title: "the migration deadlocks with transactions of the application",
    page: include_str!("migration_deadlock_predicted.md"),
};

/// The finding about a prediction that was confirmed and that a migration takes part in.
#[must_use]
pub fn finding(prediction: &DeadlockPrediction) -> Finding {
    let (migrations, others): (Vec<_>, Vec<_>) = prediction
        .members
        .iter()
        .partition(|member| member.migration.is_some());
    let names = |members: Vec<&dbproof_model::PredictedTransaction>| {
        let names: Vec<String> = members.into_iter().map(named).collect();
        names.join(" and ")
    };
    let orders = match prediction.orders_tried {
        1 => "the order that was run".to_owned(),
        several => format!("{} of {several} orders that were run", prediction.deadlocks),
    };
    let message = format!(
        "{} can deadlock with {}: on a copy of the database as it is before the migration, {orders} ended \
         in a deadlock",
        names(migrations),
        names(others)
    );
    let mut finding = with_prediction(&KIND, prediction, &message);
    // Whoever reviews the migration is to see it there.
    if let Some(location) = migration_location(prediction) {
        finding.location = Some(location);
    }
    finding
}

#[cfg(test)]
mod tests {
    use super::super::prediction_evidence::sample;
    use super::*;

    #[test]
    fn it_stands_at_the_migration_and_names_the_transaction() {
        let mut prediction = sample("confirmed");
        prediction.deadlocks = 1;
        let migration = &mut prediction.members[1];
        migration.migration = Some("migrations/7.sql".to_owned());
        migration.session = "migrations/7.sql".to_owned();
        migration.occurrences = 0;
        for statement in &mut migration.statements {
            let origin = statement.origin.as_mut().unwrap();
            origin.file = Some("migrations/7.sql".to_owned());
        }
        let finding = finding(&prediction);
        assert_eq!(finding.severity, Severity::Error);
        let start = "migrations/7.sql can deadlock with transfer (bank/views.py:10): on a copy of the database as it is \
                     before the migration, 1 of 2 orders that were run ended in a deadlock; transfer \
                     (seen 12 times) holds";
        assert!(finding.message.starts_with(start), "{}", finding.message);
        assert!(
            finding.message.contains("; migrations/7.sql holds a row"),
            "{}",
            finding.message
        );
        let location = finding.location.unwrap();
        assert_eq!(
            (location.file.as_str(), location.line),
            ("migrations/7.sql", 30)
        );
    }
}
