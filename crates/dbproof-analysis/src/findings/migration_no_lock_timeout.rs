//! `migration-no-lock-timeout`: a strong lock is waited for without end, and everybody behind it.

use dbproof_model::{Finding, ProbeKind, Scenario, Severity, TrafficPass};

use super::FindingKind;
use crate::figures::milliseconds;
use crate::migration::{HeldLock, Migration, location};

/// What is the same for all findings of this code.
pub const KIND: FindingKind = FindingKind {
    code: "migration-no-lock-timeout",
    scenario: Scenario::Regress,
    severity: Severity::Info,
    title: "a strong lock is waited for without lock_timeout",
    page: include_str!("migration_no_lock_timeout.md"),
};

/// Whoever waited for so large a part of the transaction in front stood behind the migration.
const BEHIND: f64 = 0.5;

/// The finding for a migration that asks for strong locks without a limit; one for all of them.
pub(crate) fn finding(migration: &Migration<'_>) -> Option<Finding> {
    let mut locks: Vec<&HeldLock<'_>> = migration
        .transactions
        .iter()
        .flat_map(|transaction| &transaction.locks)
        .filter(|lock| lock.statement.lock_timeout_ms == Some(0.0))
        .collect();
    locks.sort_by_key(|lock| std::cmp::Reverse((lock.mode, lock.rows)));
    let worst = locks.first()?;
    let mut tables: Vec<&str> = locks.iter().map(|l| l.relation.name.as_str()).collect();
    tables.sort_unstable();
    tables.dedup();
    let mut message = format!(
        "{} on {}{} with lock_timeout = 0: behind one long transaction the migration waits for its end, \
         and {} wait behind the migration",
        worst.mode_in_words(),
        worst.relation.name,
        match tables.len() {
            1 => " is asked for".to_owned(),
            _ => format!(
                " and other strong locks are asked for ({})",
                tables.join(", ")
            ),
        },
        worst.blocks()
    );
    let traffic = migration.record.traffic.as_ref();
    let measured = measured(migration);
    let mut severity = KIND.severity;
    if let Some((behind, with_timeout)) = &measured {
        message = format!(
            "{message}; measured behind a transaction of {}: {}",
            milliseconds(traffic.map_or(0.0, |traffic| traffic.in_front_ms)),
            told(behind)
        );
        if let Some(with_timeout) = with_timeout {
            message = format!(
                "{message}; with lock_timeout and retry: {}",
                told(with_timeout)
            );
        }
        severity = Severity::Warning;
    }
    let mut finding = KIND
        .about(worst.relation.name.as_str(), message)
        .with_severity(severity)
        .at(location(worst.statement))
        .with_evidence("tables", tables);
    if let Some((behind, with_timeout)) = measured {
        finding = finding.with_evidence("waited_ms", behind.longest_ms);
        if let Some(with_timeout) = with_timeout {
            finding = finding.with_evidence("waited_with_lock_timeout_ms", with_timeout.longest_ms);
        }
    }
    let timeout = traffic.map_or(100.0, |traffic| traffic.lock_timeout_ms);
    Some(finding.with_remedy(
        "Set lock_timeout before the first statement, and let the deployment try again with pauses that \
         grow: nobody then waits longer than that for the migration's turn. Not before CREATE INDEX \
         CONCURRENTLY, which blocks nobody while it waits and leaves an invalid index when it times out. \
         Where the role or the tool sets it already, say so in [regress] lock_timeout_ms.",
        Some(format!("SET lock_timeout = '{timeout}ms';")),
    ))
}

/// What others waited the most in a pass.
struct Waited<'a> {
    longest_ms: f64,
    what: &'a str,
    subject: &'a str,
}

fn told(waited: &Waited<'_>) -> String {
    format!(
        "{} of {} waited up to {}",
        waited.what,
        waited.subject,
        milliseconds(waited.longest_ms)
    )
}

/// The longest wait behind the transaction in front, and with `lock_timeout`; nothing where nobody
/// waited for long.
fn measured<'a>(migration: &Migration<'a>) -> Option<(Waited<'a>, Option<Waited<'a>>)> {
    let traffic = migration.record.traffic.as_ref()?;
    let pass = |retried: bool| {
        let mut passes = traffic.passes.iter();
        passes.find(|pass| pass.in_front && pass.retried == retried)
    };
    let behind = longest(pass(false)?)?;
    (behind.longest_ms >= BEHIND * traffic.in_front_ms)
        .then(|| (behind, pass(true).and_then(longest)))
}

fn longest(pass: &TrafficPass) -> Option<Waited<'_>> {
    let waits = pass.probes.iter().filter_map(|probe| {
        let what = match probe.kind {
            ProbeKind::Read => "reads",
            ProbeKind::Write => "writes",
            ProbeKind::Query => "executions",
        };
        Some(Waited {
            longest_ms: probe.during_ms.max?,
            what,
            subject: &probe.subject,
        })
    });
    waits.max_by(|a, b| a.longest_ms.total_cmp(&b.longest_ms))
}

#[cfg(test)]
mod tests {
    use dbproof_model::{Durations, MigrationTraffic, TrafficProbe};

    use super::*;
    use crate::findings::with_code;
    use crate::migration::judge;
    use crate::migration::tests::{Sample, orders, record, statement};

    fn alter() -> Sample {
        statement("ALTER TABLE orders ADD x int").locking("orders", "AccessExclusiveLock", 2.0)
    }

    #[test]
    fn without_a_timeout_it_is_told_and_with_one_not() {
        let found = judge(&record(vec![alter().done()], vec![orders(10)]));
        let finding = with_code(&found, KIND.code).unwrap();
        assert_eq!(finding.severity, Severity::Info);
        insta::assert_snapshot!(finding.message, @"ACCESS EXCLUSIVE on orders is asked for with lock_timeout = 0: behind one long transaction the migration waits for its end, and reads and writes wait behind the migration");
        let mut with = alter();
        with.lock_timeout_ms = Some(2000.0);
        let found = judge(&record(vec![with.done()], vec![orders(10)]));
        assert!(with_code(&found, KIND.code).is_none());
    }

    #[test]
    fn what_others_waited_is_a_warning() {
        let probe = |max: f64| TrafficProbe {
            kind: ProbeKind::Read,
            subject: "orders".to_owned(),
            sql: String::new(),
            baseline_ms: Durations::default(),
            during_ms: Durations {
                n: 50,
                max: Some(max),
                ..Durations::default()
            },
            excess_max_ms: None,
            excess_p95_ms: None,
            errors: 0,
            error: None,
        };
        let pass = |retried, max| TrafficPass {
            in_front: true,
            retried,
            probes: vec![probe(max)],
            ..TrafficPass::default()
        };
        let mut record = record(vec![alter().done()], vec![orders(10)]);
        record.traffic = Some(MigrationTraffic {
            in_front_ms: 1000.0,
            lock_timeout_ms: 100.0,
            passes: vec![pass(false, 998.0), pass(true, 103.0)],
            ..MigrationTraffic::default()
        });
        let found = judge(&record);
        let finding = with_code(&found, KIND.code).unwrap();
        assert_eq!(finding.severity, Severity::Warning);
        insta::assert_snapshot!(finding.message, @"ACCESS EXCLUSIVE on orders is asked for with lock_timeout = 0: behind one long transaction the migration waits for its end, and reads and writes wait behind the migration; measured behind a transaction of 1,000 ms: reads of orders waited up to 998 ms; with lock_timeout and retry: reads of orders waited up to 103 ms");
    }
}
