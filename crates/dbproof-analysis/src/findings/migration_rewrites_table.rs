//! `migration-rewrites-table`: a table is written anew while nobody may read it.

use dbproof_model::{Finding, MigrationStatement, Scenario, Severity};

use super::FindingKind;
use crate::figures::{counted, float, milliseconds};
use crate::migration::{Migration, Transaction, location};

/// What is the same for all findings of this code.
pub const KIND: FindingKind = FindingKind {
    code: "migration-rewrites-table",
    scenario: Scenario::Regress,
    severity: Severity::Warning,
    title: "a migration writes a table anew",
    page: include_str!("migration_rewrites_table.md"),
};

/// The findings for a transaction: one for each statement that rewrites a table with rows.
pub(crate) fn findings(migration: &Migration<'_>, transaction: &Transaction<'_>) -> Vec<Finding> {
    let statements = transaction.statements.iter();
    statements
        .filter_map(|statement| finding(migration, statement))
        .collect()
}

fn finding(migration: &Migration<'_>, statement: &MigrationStatement) -> Option<Finding> {
    let tables: Vec<_> = statement
        .rewrites
        .iter()
        .filter_map(|rewrite| migration.in_use(&rewrite.relation))
        .collect();
    let rows: u64 = tables.iter().filter_map(|table| table.rows).sum();
    if rows == 0 {
        return None;
    }
    let largest = tables.iter().max_by_key(|table| table.rows)?;
    let table = &migration.root(largest).name;
    let bytes: u64 = tables.iter().filter_map(|table| table.bytes).sum();
    let toast = statement.rewrites.iter().any(|r| r.toast == Some(true));
    let mut message = format!(
        "{} of {table} are written anew, with its indexes{}, while others can neither read nor write \
         it; that took {} here and grows with the table",
        counted(float(rows), "row"),
        if toast { " and its TOAST table" } else { "" },
        milliseconds(statement.duration_ms)
    );
    if tables.len() > 1 {
        message = format!("{message}; {} tables in all", tables.len());
    }
    let severity = if rows >= migration.limits.rows {
        Severity::Warning
    } else {
        Severity::Info
    };
    Some(
        KIND.about(table, message)
            .with_severity(severity)
            .at(location(statement))
            .with_evidence("rows", rows)
            .with_evidence("bytes", bytes)
            .with_evidence("duration_ms", statement.duration_ms)
            .with_evidence("wal_bytes", statement.wal_bytes.unwrap_or(0))
            .with_remedy(
                "Add a column of the new type or with the new default, let a trigger or the application \
                 keep it, fill it in batches that are committed one by one, and change over. A constant \
                 default, a longer varchar, and varchar to text write nothing anew.",
                Some(format!(
                    "ALTER TABLE {table} ADD COLUMN … ;\n\
                     -- in batches, each in a transaction of its own:\n\
                     UPDATE {table} SET … WHERE id BETWEEN … AND …;"
                )),
            ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::findings::with_code;
    use crate::migration::judge;
    use crate::migration::tests::{orders, record, statement};

    #[test]
    fn severity_is_by_the_number_of_rows() {
        for (rows, severity) in [
            (0, None),
            (500, Some(Severity::Info)),
            (10_000, Some(Severity::Warning)),
        ] {
            let rewrite = statement("ALTER TABLE orders ALTER id TYPE bigint")
                .locking("orders", "AccessExclusiveLock", 2.0)
                .rewriting("orders");
            let found = judge(&record(vec![rewrite.done()], vec![orders(rows)]));
            let finding = with_code(&found, KIND.code);
            assert_eq!(finding.map(|f| f.severity), severity, "{rows}");
        }
    }

    #[test]
    fn the_table_is_named_with_what_it_costs() {
        let rewrite = statement("ALTER TABLE orders ALTER id TYPE bigint")
            .locking("orders", "AccessExclusiveLock", 40.0)
            .rewriting("orders");
        let found = judge(&record(vec![rewrite.done()], vec![orders(20_000)]));
        insta::assert_snapshot!(with_code(&found, KIND.code).unwrap().message, @"20,000 rows of orders are written anew, with its indexes, while others can neither read nor write it; that took 10.0 ms here and grows with the table");
    }
}
