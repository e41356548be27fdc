//! `migration-backfill-in-transaction`: rows are changed while a table is locked against everybody.

use dbproof_model::{Finding, MigrationStatement, Scenario, Severity};

use super::FindingKind;
use crate::figures::{counted, float};
use crate::migration::{HeldLock, Migration, Transaction, location};

/// What is the same for all findings of this code.
pub const KIND: FindingKind = FindingKind {
    code: "migration-backfill-in-transaction",
    scenario: Scenario::Regress,
    severity: Severity::Warning,
    title: "rows are changed in the transaction that locks the table",
    page: include_str!("migration_backfill_in_transaction.md"),
};

/// Of a large table, this part is many rows.
const MANY: u64 = 10;

/// The findings for a transaction: one at most, about the statement that writes the most.
pub(crate) fn findings(
    migration: &Migration<'_>,
    transaction: &Transaction<'_>,
) -> Option<Finding> {
    let mut backfills: Vec<(&MigrationStatement, &HeldLock<'_>, u64, &str)> = Vec::new();
    for (at, statement) in transaction.statements.iter().enumerate() {
        let lock = transaction
            .locks
            .iter()
            .filter(|lock| lock.at <= at && lock.rows > 0)
            .max_by_key(|lock| (lock.mode, lock.rows));
        let Some(lock) = lock else { continue };
        let written: u64 = statement.rows.iter().map(|rows| rows.written).sum();
        let most = statement.rows.iter().max_by_key(|rows| rows.written);
        let Some(most) = most.filter(|_| is_many(migration, statement, written)) else {
            continue;
        };
        backfills.push((statement, lock, written, &most.relation));
    }
    let (statement, lock, written, table) = backfills.into_iter().max_by_key(|b| b.2)?;
    let limit = migration.limits.rows.div_ceil(MANY);
    let severity = if written >= limit {
        Severity::Warning
    } else {
        Severity::Info
    };
    let message = format!(
        "{} of {table} are written while {} on {}, which this transaction took before, keeps {} waiting; \
         it is held for {} here, and longer the more rows there are",
        counted(float(written), "row"),
        lock.mode_in_words(),
        lock.relation.name,
        lock.blocks(),
        lock.duration()
    );
    Some(
        KIND.about(table, message)
            .with_severity(severity)
            .at(location(statement))
            .with_evidence("rows_written", written)
            .with_evidence("locked", lock.relation.name.as_str())
            .with_evidence("mode", lock.mode.as_pg_locks())
            .with_evidence("held_ms", lock.held_ms)
            .with_remedy(
                "Commit the change of the schema by itself. Change the rows afterwards, in batches that \
                 are committed one by one, so that row locks are short too and dead rows can be reused.",
                Some(format!(
                    "-- a file or a job of its own, outside of a transaction; again until 0 rows are \
                     changed:\n\
                     UPDATE {table} SET … WHERE ctid = ANY (ARRAY(\n    \
                     SELECT ctid FROM {table} WHERE … LIMIT 1000 FOR UPDATE SKIP LOCKED));"
                )),
            ),
    )
}

/// Many rows: a thousand where ten thousand make a large table, or half of a table that was there before,
/// since then it will be half of a larger one too.
fn is_many(migration: &Migration<'_>, statement: &MigrationStatement, written: u64) -> bool {
    let half = statement.rows.iter().any(|rows| {
        let table = migration.in_use(&rows.relation);
        let rows_before = table.and_then(|table| table.rows).unwrap_or(0);
        rows_before > 1 && rows.written * 2 >= rows_before
    });
    half || written >= migration.limits.rows.div_ceil(MANY)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::findings::with_code;
    use crate::migration::judge;
    use crate::migration::tests::{Sample, orders, record, statement};

    fn alter() -> Sample {
        statement("ALTER TABLE orders ADD state text").locking(
            "orders",
            "AccessExclusiveLock",
            80.0,
        )
    }

    fn update(rows: u64) -> Sample {
        statement("UPDATE orders SET state = 'x'").writing("orders", rows)
    }

    #[test]
    fn an_update_after_a_lock_of_the_same_transaction_is_found() {
        let found = judge(&record(
            vec![alter().done(), update(20_000).done()],
            vec![orders(20_000)],
        ));
        let finding = with_code(&found, KIND.code).unwrap();
        assert_eq!(finding.severity, Severity::Warning);
        insta::assert_snapshot!(finding.message, @"20,000 rows of orders are written while ACCESS EXCLUSIVE on orders, which this transaction took before, keeps reads and writes waiting; it is held for 80.0 ms here, and longer the more rows there are");
    }

    #[test]
    fn a_whole_small_table_is_told() {
        let found = judge(&record(
            vec![alter().done(), update(40).done()],
            vec![orders(40)],
        ));
        let finding = with_code(&found, KIND.code).unwrap();
        assert_eq!(finding.severity, Severity::Info);
    }

    #[test]
    fn apart_or_before_the_lock_or_of_few_rows_it_is_nothing() {
        let apart = vec![alter().done(), update(20_000).transaction(2)];
        let before = vec![update(20_000).done(), alter().done()];
        let few = vec![alter().done(), update(3).done()];
        for statements in [apart, before, few] {
            let found = judge(&record(statements, vec![orders(20_000)]));
            assert!(with_code(&found, KIND.code).is_none(), "{found:?}");
        }
    }
}
