//! A migration as findings look at it: by transaction, with the strong locks of each.

use std::collections::BTreeMap;

use dbproof_model::{
    Location, LockLimits, MigratedRelation, MigrationRecord, MigrationStatement, MigrationWork,
    RelationKind,
};

use crate::figures::{float, milliseconds};
use crate::lock_order::RelationMode;

/// A migration by its transactions.
pub(crate) struct Migration<'a> {
    pub(crate) record: &'a MigrationRecord,
    pub(crate) limits: LockLimits,
    pub(crate) transactions: Vec<Transaction<'a>>,
    relations: BTreeMap<&'a str, &'a MigratedRelation>,
}

/// Statements that were committed together; one alone where it ran outside of a transaction.
pub(crate) struct Transaction<'a> {
    pub(crate) statements: Vec<&'a MigrationStatement>,
    /// The strong locks on tables that others use, the strongest of each table.
    pub(crate) locks: Vec<HeldLock<'a>>,
}

/// A lock that keeps others from writing, or from reading too, on a table that was there before.
#[derive(Debug, Clone)]
pub(crate) struct HeldLock<'a> {
    pub(crate) relation: &'a MigratedRelation,
    pub(crate) mode: RelationMode,
    /// Which of the transaction's statements took it.
    pub(crate) at: usize,
    pub(crate) statement: &'a MigrationStatement,
    /// From the first strong lock on the table to the end of the transaction.
    pub(crate) held_ms: f64,
    /// Whether a sample saw it; if not, it was held for `held_ms` at most.
    pub(crate) sampled: bool,
    /// Whether the statement that took it names the table.
    pub(crate) named: bool,
    /// Rows of the table.
    pub(crate) rows: u64,
    /// The most expensive work while it was held; absent where it was not seen.
    pub(crate) work: Option<MigrationWork>,
    /// Rows that were read or written while it was held, or are in what was rewritten or indexed.
    pub(crate) rows_worked: u64,
}

impl<'a> Migration<'a> {
    /// Nothing where the record is of a version that did not look at locks.
    pub(crate) fn of(record: &'a MigrationRecord) -> Option<Self> {
        let limits = record.limits?;
        let relations = record.relations.iter();
        let mut migration = Migration {
            record,
            limits,
            transactions: Vec::new(),
            relations: relations.map(|r| (r.name.as_str(), r)).collect(),
        };
        let mut grouped: Vec<Vec<&MigrationStatement>> = Vec::new();
        for statement in &record.statements {
            match grouped.last_mut() {
                Some(group)
                    if statement.transaction.is_some()
                        && group[0].transaction == statement.transaction =>
                {
                    group.push(statement);
                }
                _ => grouped.push(vec![statement]),
            }
        }
        migration.transactions = grouped
            .into_iter()
            .map(|statements| Transaction {
                locks: migration.strong_locks(&statements),
                statements,
            })
            .collect();
        Some(migration)
    }

    /// The relation of this name.
    pub(crate) fn relation(&self, name: &str) -> Option<&'a MigratedRelation> {
        self.relations.get(name).copied()
    }

    /// A table that somebody else may use, since the migration has not made it.
    pub(crate) fn in_use(&self, name: &str) -> Option<&'a MigratedRelation> {
        self.relation(name).filter(|relation| {
            !relation.made_here
                && matches!(
                    relation.kind,
                    RelationKind::Table
                        | RelationKind::PartitionedTable
                        | RelationKind::MaterializedView
                )
        })
    }

    /// The table as a user thinks of it: the partitioned one for a partition.
    pub(crate) fn root(&self, relation: &'a MigratedRelation) -> &'a MigratedRelation {
        let mut root = relation;
        while let (RelationKind::Table | RelationKind::PartitionedTable, Some(of)) =
            (root.kind, &root.of)
        {
            match self.relation(of) {
                Some(parent) => root = parent,
                None => break,
            }
        }
        root
    }

    fn strong_locks(&self, statements: &[&'a MigrationStatement]) -> Vec<HeldLock<'a>> {
        let mut locks: BTreeMap<&str, HeldLock<'a>> = BTreeMap::new();
        for (at, statement) in statements.iter().copied().enumerate() {
            for lock in &statement.lock_details {
                let (Some(relation), Some(mode)) = (
                    self.in_use(&lock.relation),
                    RelationMode::from_pg_locks(&lock.mode),
                ) else {
                    continue;
                };
                if mode < RelationMode::Share {
                    continue;
                }
                let rows = relation.rows.unwrap_or(0);
                let held = locks.entry(&relation.name).or_insert(HeldLock {
                    relation,
                    mode,
                    at,
                    statement,
                    held_ms: 0.0,
                    sampled: lock.sampled,
                    named: lock.named,
                    rows,
                    work: None,
                    rows_worked: 0,
                });
                held.mode = held.mode.max(mode);
                held.held_ms = held.held_ms.max(lock.held_ms);
            }
        }
        let mut locks: Vec<HeldLock<'a>> = locks.into_values().collect();
        for lock in &mut locks {
            let under = &statements[lock.at..];
            lock.work = work_under(under);
            lock.rows_worked = under.iter().map(|s| self.rows_worked(s)).sum();
        }
        locks
    }

    /// Rows that a statement went through.
    fn rows_worked(&self, statement: &MigrationStatement) -> u64 {
        let counted: u64 = statement
            .rows
            .iter()
            .map(|rows| rows.read.max(rows.written))
            .sum();
        let of = |name: &str| self.relation(name).and_then(|r| r.rows).unwrap_or(0);
        let rewritten: u64 = statement.rewrites.iter().map(|r| of(&r.relation)).sum();
        let indexed: u64 = statement
            .built_indexes
            .iter()
            .map(|b| of(&b.relation))
            .sum();
        counted.max(rewritten).max(indexed)
    }
}

/// The most expensive work of some statements; unknown where it is of one of them.
fn work_under(statements: &[&MigrationStatement]) -> Option<MigrationWork> {
    let mut most = MigrationWork::Catalog;
    for statement in statements {
        // What opens or ends a transaction does no work.
        let control = statement.work.is_none() && statement.lock_details.is_empty();
        if control && statements.len() > 1 {
            continue;
        }
        most = most.max(statement.work?);
    }
    Some(most)
}

impl HeldLock<'_> {
    /// Whom it keeps out.
    pub(crate) fn blocks(&self) -> &'static str {
        if self.mode == RelationMode::AccessExclusive {
            "reads and writes"
        } else {
            "writes"
        }
    }

    /// The mode as SQL has it.
    pub(crate) fn mode_in_words(&self) -> &'static str {
        match self.mode {
            RelationMode::AccessExclusive => "ACCESS EXCLUSIVE",
            RelationMode::Exclusive => "EXCLUSIVE",
            RelationMode::ShareRowExclusive => "SHARE ROW EXCLUSIVE",
            RelationMode::Share => "SHARE",
            RelationMode::ShareUpdateExclusive => "SHARE UPDATE EXCLUSIVE",
            RelationMode::RowExclusive => "ROW EXCLUSIVE",
            RelationMode::RowShare => "ROW SHARE",
            RelationMode::AccessShare => "ACCESS SHARE",
        }
    }

    /// How long it was held, in words.
    pub(crate) fn duration(&self) -> String {
        let at_most = if self.sampled { "" } else { "at most " };
        format!("{at_most}{}", milliseconds(self.held_ms))
    }

    /// Rows at which the limit would be reached, if every row takes what it took here. Absent where so
    /// few rows were seen that the fixed cost of a statement decides, and where nothing was measured.
    pub(crate) fn rows_at(&self, limit_ms: f64) -> Option<f64> {
        /// Fewer rows take less than the statement itself.
        const ENOUGH: u64 = 1000;
        if self.rows_worked < ENOUGH || self.held_ms <= 0.0 {
            return None;
        }
        let rows = limit_ms / self.held_ms * float(self.rows_worked);
        // Two digits are more than the measurement is worth.
        let digits = 10f64.powf(rows.log10().floor() - 1.0);
        Some((rows / digits).round() * digits)
    }
}

/// Where a statement stands.
pub(crate) fn location(statement: &MigrationStatement) -> Option<Location> {
    Some(Location {
        file: statement.file.clone()?,
        line: statement.line?,
    })
}
