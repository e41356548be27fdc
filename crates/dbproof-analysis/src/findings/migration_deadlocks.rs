//! `migration-deadlocks`: a migration and those who write beside it end each other.

use dbproof_model::{Finding, MigrationRecord, Scenario, Severity};

use super::FindingKind;

/// What is the same for all findings of this code.
pub const KIND: FindingKind = FindingKind {
    code: "migration-deadlocks",
    scenario: Scenario::Regress,
    severity: Severity::Error,
    title: "a migration deadlocks with writes beside it",
    page: include_str!("migration_deadlocks.md"),
};

/// How messages of the server name `deadlock_detected`.
const DEADLOCK: &str = "SQLSTATE 40P01";

/// The finding for a migration that deadlocked in a pass beside others.
pub(crate) fn finding(record: &MigrationRecord) -> Option<Finding> {
    let traffic = record.traffic.as_ref()?;
    let mut passes = Vec::new();
    let mut victims: Vec<&str> = Vec::new();
    for pass in &traffic.passes {
        let own = pass.errors.iter().any(|error| error.contains(DEADLOCK));
        let probes = pass.probes.iter().filter(|probe| {
            let error = probe.error.as_ref();
            error.is_some_and(|error| error.contains(DEADLOCK))
        });
        let before = victims.len();
        victims.extend(probes.map(|probe| probe.subject.as_str()));
        if own {
            victims.push("the migration");
        }
        if victims.len() > before {
            passes.push(pass.name.as_str());
        }
    }
    if passes.is_empty() {
        return None;
    }
    victims.sort_unstable();
    victims.dedup();
    let message = format!(
        "beside reads and writes of the tables that it locks, it came to a deadlock ({}); the server \
         ended {}",
        passes.join(", "),
        victims.join(", ")
    );
    let file = record.statements.iter().find_map(|s| s.file.as_deref());
    Some(
        KIND.about(file.unwrap_or("the migration"), message)
            .with_evidence("passes", passes)
            .with_evidence("victims", victims)
            .with_remedy(
                "Change rows and schema in transactions of their own, the schema first; or take the \
                 strongest lock before anything else.",
                None,
            ),
    )
}

#[cfg(test)]
mod tests {
    use dbproof_model::{MigrationTraffic, TrafficPass};

    use super::*;

    fn found(errors: &[&str]) -> Option<Finding> {
        let pass = TrafficPass {
            name: "alone".to_owned(),
            errors: errors.iter().map(|error| (*error).to_owned()).collect(),
            ..TrafficPass::default()
        };
        finding(&MigrationRecord {
            traffic: Some(MigrationTraffic {
                passes: vec![pass],
                ..MigrationTraffic::default()
            }),
            ..MigrationRecord::default()
        })
    }

    #[test]
    fn a_deadlock_is_found_and_a_timeout_is_none() {
        let deadlock = found(&["deadlock detected (SQLSTATE 40P01)"]).unwrap();
        insta::assert_snapshot!(deadlock.message, @"beside reads and writes of the tables that it locks, it came to a deadlock (alone); the server ended the migration");
        assert!(found(&["canceling statement due to lock timeout (SQLSTATE 55P03)"]).is_none());
    }
}
