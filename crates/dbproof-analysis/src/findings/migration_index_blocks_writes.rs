//! `migration-index-blocks-writes`: an index is built while nobody may write to its table.

use std::collections::BTreeMap;

use dbproof_model::{
    BuiltIndex, Finding, MigratedRelation, MigrationStatement, RelationKind, Scenario, Severity,
};

use super::FindingKind;
use crate::figures::{counted, float};
use crate::migration::{HeldLock, Migration, Transaction, location};

/// What is the same for all findings of this code.
pub const KIND: FindingKind = FindingKind {
    code: "migration-index-blocks-writes",
    scenario: Scenario::Regress,
    severity: Severity::Warning,
    title: "a migration builds an index and keeps writes out",
    page: include_str!("migration_index_blocks_writes.md"),
};

/// A table that monitored queries write to is large already at this share of the rows.
const BUSY: u64 = 10;

/// The indexes that a transaction builds on one table, with the locks under which it does.
#[derive(Default)]
struct Built<'a> {
    indexes: Vec<&'a BuiltIndex>,
    lock: Option<&'a HeldLock<'a>>,
    /// The first statement that builds one.
    statement: Option<&'a MigrationStatement>,
    rows: u64,
}

/// The findings for a transaction: one for each table that gets indexes under a strong lock.
pub(crate) fn findings(migration: &Migration<'_>, transaction: &Transaction<'_>) -> Vec<Finding> {
    let mut tables: BTreeMap<&str, (&MigratedRelation, Built<'_>)> = BTreeMap::new();
    for statement in &transaction.statements {
        for index in &statement.built_indexes {
            let Some(table) = migration.in_use(&index.relation) else {
                continue;
            };
            let lock = transaction
                .locks
                .iter()
                .find(|lock| lock.relation.name == table.name);
            let Some(lock) = lock else {
                continue;
            };
            let root = migration.root(table);
            let (_, built) = tables.entry(&root.name).or_insert((root, Built::default()));
            // A partition's index comes with the partitioned one, and is not named beside it.
            if root.name == table.name || built.indexes.is_empty() {
                built.indexes.push(index);
            }
            if built.lock.is_none_or(|known| lock.held_ms > known.held_ms) {
                built.lock = Some(lock);
            }
            built.statement.get_or_insert(statement);
            built.rows = root.rows.unwrap_or(0);
        }
    }
    let tables = tables.into_values();
    tables
        .filter_map(|(table, built)| finding(migration, table, &built))
        .collect()
}

fn finding(
    migration: &Migration<'_>,
    table: &MigratedRelation,
    built: &Built<'_>,
) -> Option<Finding> {
    let lock = built.lock.filter(|_| built.rows > 0)?;
    let names: Vec<&str> = built.indexes.iter().map(|i| i.index.as_str()).collect();
    let mut message = format!(
        "{} {} built on {} ({}) under {}, which keeps {} waiting: for {} here, and longer the more rows \
         there are",
        names.join(", "),
        if names.len() == 1 { "is" } else { "are" },
        table.name,
        counted(float(built.rows), "row"),
        lock.mode_in_words(),
        lock.blocks(),
        lock.duration()
    );
    if !table.written_by.is_empty() {
        message = format!("{message}; written to by {}", table.written_by.join(", "));
    }
    let limit = migration.limits.rows;
    let busy = !table.written_by.is_empty() && built.rows >= limit.div_ceil(BUSY);
    let severity = if built.rows >= limit || busy {
        Severity::Warning
    } else {
        Severity::Info
    };
    Some(
        KIND.about(&table.name, message)
            .with_severity(severity)
            .at(built.statement.and_then(location))
            .with_evidence("indexes", names)
            .with_evidence("rows", built.rows)
            .with_evidence("held_ms", lock.held_ms)
            .with_evidence("mode", lock.mode.as_pg_locks())
            .with_remedy(text(table), Some(sql(table, &built.indexes))),
    )
}

fn text(table: &MigratedRelation) -> &'static str {
    if table.kind == RelationKind::PartitionedTable {
        return "A partitioned index cannot be built concurrently: make it on the partitioned table alone, \
                build each partition's concurrently, outside of a transaction, and attach them.";
    }
    "Build it concurrently, in a file that runs outside of a transaction. A build that fails leaves an \
     invalid index behind, to be dropped before the next attempt."
}

fn sql(table: &MigratedRelation, indexes: &[&BuiltIndex]) -> String {
    if table.kind == RelationKind::PartitionedTable {
        return format!(
            "CREATE INDEX … ON ONLY {table} (…);\n\
             -- for each partition, outside of a transaction:\n\
             CREATE INDEX CONCURRENTLY … ON partition (…);\n\
             ALTER INDEX … ATTACH PARTITION …;",
            table = table.name
        );
    }
    let statements = indexes.iter().filter_map(|index| {
        let definition = index.definition.as_ref()?;
        let concurrently = definition.replacen("INDEX ", "INDEX CONCURRENTLY ", 1);
        Some(if index.constraint {
            format!(
                "{concurrently};\nALTER TABLE {} ADD CONSTRAINT {} UNIQUE USING INDEX {}; -- or PRIMARY KEY",
                table.name, index.index, index.index
            )
        } else {
            format!("{concurrently};")
        })
    });
    statements.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::findings::with_code;
    use crate::migration::judge;
    use crate::migration::tests::{orders, record, statement};

    fn found(mode: &str, table: MigratedRelation) -> Vec<Finding> {
        let index = statement("CREATE INDEX i ON orders (user_id)")
            .locking("orders", mode, 9.0)
            .building(
                "i",
                "orders",
                "CREATE INDEX i ON public.orders USING btree (user_id)",
            );
        judge(&record(vec![index.done()], vec![table]))
    }

    #[test]
    fn the_remedy_builds_the_same_index_concurrently() {
        let found = found("ShareLock", orders(20_000));
        let finding = with_code(&found, KIND.code).unwrap();
        assert_eq!(finding.severity, Severity::Warning);
        insta::assert_snapshot!(finding.message, @"i is built on orders (20,000 rows) under SHARE, which keeps writes waiting: for 9.00 ms here, and longer the more rows there are");
        let remedy = finding.remedy.as_ref().unwrap();
        insta::assert_snapshot!(remedy.sql.as_ref().unwrap(), @"CREATE INDEX CONCURRENTLY i ON public.orders USING btree (user_id);");
    }

    #[test]
    fn a_small_table_is_told_and_a_busy_one_warned_of_earlier() {
        let severity = |table| {
            let found = found("ShareLock", table);
            with_code(&found, KIND.code).map(|f| f.severity)
        };
        let mut busy = orders(1_000);
        busy.written_by = vec!["place_order".to_owned()];
        assert_eq!(severity(orders(1_000)), Some(Severity::Info));
        assert_eq!(severity(busy), Some(Severity::Warning));
        assert_eq!(severity(orders(0)), None);
    }

    #[test]
    fn concurrently_it_blocks_nobody() {
        let found = found("ShareUpdateExclusiveLock", orders(1_000_000));
        assert!(with_code(&found, KIND.code).is_none());
    }

    #[test]
    fn a_table_of_the_same_migration_is_nobodys_yet() {
        let mut table = orders(1_000_000);
        table.made_here = true;
        assert!(found("ShareLock", table).is_empty());
    }
}
