//! What a migration locks, for how long and with what work, as findings: [`judge`].
//!
//! Times are those of test data on an empty server. They decide nothing by themselves but that a limit
//! is exceeded here already; below it, the kind of work and the number of rows do: what only changes the
//! catalog takes no longer on a hundred million rows, and what reads or writes every row does.

mod view;

pub(crate) use view::{HeldLock, Migration, Transaction, location};

use dbproof_model::{Finding, MigrationRecord, MigrationWork, Severity};

use crate::findings::{
    migration_backfill_in_transaction, migration_deadlocks, migration_index_blocks_writes,
    migration_invalid_index, migration_lock_held, migration_no_lock_timeout,
    migration_rewrites_table,
};

/// What is to be said about a migration.
#[must_use]
pub fn judge(record: &MigrationRecord) -> Vec<Finding> {
    let Some(migration) = Migration::of(record) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for transaction in &migration.transactions {
        found.extend(lock_held(&migration, transaction));
        found.extend(migration_rewrites_table::findings(&migration, transaction));
        found.extend(migration_index_blocks_writes::findings(
            &migration,
            transaction,
        ));
        found.extend(migration_backfill_in_transaction::findings(
            &migration,
            transaction,
        ));
    }
    found.extend(migration_no_lock_timeout::finding(&migration));
    found.extend(migration_deadlocks::finding(record));
    let invalid = record.invalid_indexes.iter();
    found.extend(invalid.map(migration_invalid_index::finding));
    found
}

/// One finding a transaction: about the lock that is worst, with the others named.
fn lock_held(migration: &Migration<'_>, transaction: &Transaction<'_>) -> Option<Finding> {
    let limit = migration.limits.held_ms;
    let mut told: Vec<(&HeldLock<'_>, Severity)> = transaction
        .locks
        .iter()
        .filter_map(|lock| Some((lock, severity(migration, lock, limit)?)))
        .collect();
    told.sort_by(|(a, a_severity), (b, b_severity)| {
        (b_severity, b.mode, b.rows)
            .cmp(&(a_severity, a.mode, a.rows))
            .then_with(|| b.held_ms.total_cmp(&a.held_ms))
    });
    let (worst, severity) = *told.first()?;
    let others: Vec<&HeldLock<'_>> = told[1..].iter().map(|(lock, _)| *lock).collect();
    Some(migration_lock_held::finding(migration, worst, &others).with_severity(severity))
}

/// How much a lock matters that is held so long with such work; `None` where it does not. Rewrites,
/// indexes and backfills within the limit have findings of their own.
fn severity(migration: &Migration<'_>, lock: &HeldLock<'_>, limit: f64) -> Option<Severity> {
    let grows = lock.work.is_none_or(|work| work > MigrationWork::Catalog);
    if lock.held_ms > limit {
        // Nothing that grows with the table: a long list of statements, a pause, a busy machine.
        let known_to_grow = grows && lock.work.is_some();
        return Some(if known_to_grow {
            Severity::Error
        } else {
            Severity::Warning
        });
    }
    if lock.work != Some(MigrationWork::Scan) {
        return None;
    }
    Some(if lock.rows_worked >= migration.limits.rows {
        Severity::Warning
    } else {
        Severity::Info
    })
}

#[cfg(test)]
pub(crate) mod tests;
