//! `migration-lock-held`: a migration keeps others from a table for too long.

use dbproof_model::{Finding, MigrationWork, Scenario, Severity};

use super::FindingKind;
use crate::figures::{count, counted, float, milliseconds};
use crate::migration::{HeldLock, Migration, location};

/// What is the same for all findings of this code.
pub const KIND: FindingKind = FindingKind {
    code: "migration-lock-held",
    scenario: Scenario::Regress,
    severity: Severity::Error,
    title: "a migration keeps others from a table",
    page: include_str!("migration_lock_held.md"),
};

/// The finding for the worst lock of a transaction, with the other tables that are locked with it.
pub(crate) fn finding(
    migration: &Migration<'_>,
    lock: &HeldLock<'_>,
    others: &[&HeldLock<'_>],
) -> Finding {
    let limit = migration.limits.held_ms;
    let table = &lock.relation.name;
    let mut message = format!(
        "{} on {table} keeps {} waiting for {}",
        lock.mode_in_words(),
        lock.blocks(),
        lock.duration()
    );
    if lock.held_ms > limit {
        message = format!("{message}, and the limit is {}", milliseconds(limit));
    }
    if !lock.named {
        message += "; the statement does not name that table";
    }
    message = format!("{message}; {}", work_in_words(lock));
    if let Some(rows) = lock.rows_at(limit).filter(|_| lock.held_ms <= limit) {
        message = format!(
            "{message}; at this pace, {} reach the limit of {}",
            counted(rows, "row"),
            milliseconds(limit)
        );
    }
    if !others.is_empty() {
        let names: Vec<&str> = others.iter().map(|o| o.relation.name.as_str()).collect();
        message = format!("{message}; locked with it: {}", names.join(", "));
    }
    let (text, sql) = remedy(lock);
    let mut finding = KIND
        .about(table, message)
        .at(location(lock.statement))
        .with_evidence("mode", lock.mode.as_pg_locks())
        .with_evidence("held_ms", lock.held_ms)
        .with_evidence("limit_ms", limit)
        .with_evidence("rows", lock.rows)
        .with_evidence("rows_worked", lock.rows_worked);
    if let Some(work) = lock.work {
        finding = finding.with_evidence("work", work.as_str());
    }
    finding.with_remedy(text, sql)
}

fn work_in_words(lock: &HeldLock<'_>) -> String {
    let rows = counted(float(lock.rows_worked), "row");
    match lock.work {
        Some(MigrationWork::Catalog) => {
            "meanwhile only the catalog changes, so this does not grow with the table".to_owned()
        }
        Some(MigrationWork::Scan) => {
            format!("meanwhile {rows} are read, which grows with the table")
        }
        Some(MigrationWork::Rows) => format!("meanwhile {rows} are read or written"),
        Some(MigrationWork::Index) => format!("meanwhile an index is built, of {rows}"),
        Some(MigrationWork::Rewrite) => format!("meanwhile {rows} are written anew"),
        None => format!(
            "what is done meanwhile was not counted; the table has {} rows",
            count(float(lock.rows))
        ),
    }
}

fn remedy(lock: &HeldLock<'_>) -> (&'static str, Option<String>) {
    let table = &lock.relation.name;
    match lock.work {
        Some(MigrationWork::Scan) => (
            "Add the constraint NOT VALID, which reads nothing, and validate it in a transaction of its \
             own, which lets others read and write. SET NOT NULL reads nothing where such a CHECK (… IS \
             NOT NULL) is valid already.",
            Some(format!(
                "ALTER TABLE {table} ADD CONSTRAINT … NOT VALID;\n\
                 -- in a transaction of its own, later:\n\
                 ALTER TABLE {table} VALIDATE CONSTRAINT …;"
            )),
        ),
        Some(MigrationWork::Rows) => (
            "Commit the change of the schema first, and change the rows afterwards, in batches that are \
             committed one by one.",
            None,
        ),
        Some(MigrationWork::Index) => (
            "Build the index with CREATE INDEX CONCURRENTLY, outside of a transaction.",
            None,
        ),
        Some(MigrationWork::Rewrite) => (
            "Add a new column instead of changing the one that is there, fill it in batches, and let the \
             application change over.",
            None,
        ),
        Some(MigrationWork::Catalog) | None => (
            "Give each strong lock a transaction of its own, with nothing in it that takes time.",
            None,
        ),
    }
}

#[cfg(test)]
mod tests {
    use dbproof_model::MigrationWork;

    use super::*;
    use crate::findings::with_code;
    use crate::migration::judge;
    use crate::migration::tests::{orders, record, statement};

    #[test]
    fn a_scan_under_a_lock_is_told_with_the_rows_that_reach_the_limit() {
        let mut scan = statement("ALTER TABLE orders ALTER note SET NOT NULL")
            .locking("orders", "AccessExclusiveLock", 12.0)
            .reading("orders", 20_000);
        scan.work = Some(MigrationWork::Scan);
        let found = judge(&record(vec![scan.done()], vec![orders(20_000)]));
        let finding = with_code(&found, KIND.code).unwrap();
        assert_eq!(finding.severity, Severity::Warning);
        insta::assert_snapshot!(finding.message, @"ACCESS EXCLUSIVE on orders keeps reads and writes waiting for 12.0 ms; meanwhile 20,000 rows are read, which grows with the table; at this pace, 830,000 rows reach the limit of 500 ms");
    }

    #[test]
    fn beyond_the_limit_it_is_an_error_where_the_work_grows_and_a_warning_where_not() {
        for (work, severity) in [
            (Some(MigrationWork::Rows), Severity::Error),
            (Some(MigrationWork::Catalog), Severity::Warning),
            (None, Severity::Warning),
        ] {
            let mut held = statement("SELECT change()").locking("orders", "ShareLock", 501.0);
            held.work = work;
            let found = judge(&record(vec![held.done()], vec![orders(10)]));
            assert_eq!(with_code(&found, KIND.code).unwrap().severity, severity);
        }
    }

    #[test]
    fn the_catalog_alone_and_new_tables_and_weak_locks_are_nothing() {
        let mut catalog =
            statement("ALTER TABLE orders ADD x int").locking("orders", "AccessExclusiveLock", 3.0);
        catalog.work = Some(MigrationWork::Catalog);
        let mut validate = statement("ALTER TABLE orders VALIDATE CONSTRAINT c")
            .locking("orders", "ShareUpdateExclusiveLock", 900.0)
            .reading("orders", 50_000);
        validate.work = Some(MigrationWork::Scan);
        let mut new =
            statement("CREATE INDEX i ON fresh (id)").locking("fresh", "ShareLock", 900.0);
        new.work = Some(MigrationWork::Index);
        let mut fresh = orders(0);
        fresh.name = "fresh".to_owned();
        fresh.made_here = true;
        let statements = vec![catalog.done(), validate.done(), new.done()];
        let found = judge(&record(statements, vec![orders(50_000), fresh]));
        assert!(with_code(&found, KIND.code).is_none(), "{found:?}");
    }
}
