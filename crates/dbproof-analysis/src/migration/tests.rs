//! Records of migrations to judge, and what is true of all findings about them.

use std::ops::{Deref, DerefMut};

use dbproof_model::{
    BuiltIndex, LockLimits, MigratedRelation, MigrationRecord, MigrationStatement, MigrationWork,
    RelationKind, Rewrite, RowsTouched, StatementLock,
};

use super::judge;

/// A statement to add to.
pub(crate) struct Sample(MigrationStatement);

/// A statement of the first transaction that changes the catalog alone.
pub(crate) fn statement(sql: &str) -> Sample {
    Sample(MigrationStatement {
        file: Some("migrations/002.sql".to_owned()),
        line: Some(3),
        sql: sql.to_owned(),
        duration_ms: 10.0,
        transaction: Some(1),
        lock_timeout_ms: Some(0.0),
        work: Some(MigrationWork::Catalog),
        samples: 3,
        ..MigrationStatement::default()
    })
}

/// A table that was there before.
pub(crate) fn orders(rows: u64) -> MigratedRelation {
    MigratedRelation {
        name: "orders".to_owned(),
        kind: RelationKind::Table,
        of: None,
        rows: Some(rows),
        bytes: Some(rows * 100),
        made_here: false,
        written_by: Vec::new(),
    }
}

/// The record of these statements.
pub(crate) fn record(
    statements: Vec<MigrationStatement>,
    relations: Vec<MigratedRelation>,
) -> MigrationRecord {
    MigrationRecord {
        statements,
        relations,
        limits: Some(LockLimits {
            held_ms: 500.0,
            rows: 10_000,
        }),
        ..MigrationRecord::default()
    }
}

impl Sample {
    pub(crate) fn done(self) -> MigrationStatement {
        self.0
    }

    pub(crate) fn transaction(mut self, number: u32) -> MigrationStatement {
        self.0.transaction = Some(number);
        self.0
    }

    pub(crate) fn locking(mut self, relation: &str, mode: &str, held_ms: f64) -> Self {
        self.0.lock_details.push(StatementLock {
            relation: relation.to_owned(),
            mode: mode.to_owned(),
            named: true,
            queued_ms: None,
            held_ms,
            sampled: true,
            until_commit: true,
        });
        self
    }

    pub(crate) fn reading(mut self, relation: &str, read: u64) -> Self {
        self.0.work = Some(MigrationWork::Scan);
        self.0.rows.push(RowsTouched {
            relation: relation.to_owned(),
            read,
            written: 0,
        });
        self
    }

    pub(crate) fn writing(mut self, relation: &str, written: u64) -> Self {
        self.0.work = Some(MigrationWork::Rows);
        self.0.rows.push(RowsTouched {
            relation: relation.to_owned(),
            read: written,
            written,
        });
        self
    }

    pub(crate) fn rewriting(mut self, relation: &str) -> Self {
        self.0.work = Some(MigrationWork::Rewrite);
        self.0.rewrites.push(Rewrite {
            relation: relation.to_owned(),
            from_filenode: 1,
            to_filenode: 2,
            toast: None,
        });
        self
    }

    pub(crate) fn building(mut self, index: &str, relation: &str, definition: &str) -> Self {
        self.0.work = Some(MigrationWork::Index);
        self.0.built_indexes.push(BuiltIndex {
            index: index.to_owned(),
            relation: relation.to_owned(),
            definition: Some(definition.to_owned()),
            constraint: false,
        });
        self
    }
}

impl Deref for Sample {
    type Target = MigrationStatement;

    fn deref(&self) -> &MigrationStatement {
        &self.0
    }
}

impl DerefMut for Sample {
    fn deref_mut(&mut self) -> &mut MigrationStatement {
        &mut self.0
    }
}

#[test]
fn a_record_of_an_earlier_version_says_nothing() {
    let alter = statement("ALTER TABLE orders ADD x int")
        .locking("orders", "AccessExclusiveLock", 5000.0)
        .rewriting("orders");
    let mut record = record(vec![alter.done()], vec![orders(1_000_000)]);
    assert!(!judge(&record).is_empty());
    record.limits = None;
    assert!(judge(&record).is_empty());
}

#[test]
fn the_tables_of_one_transaction_share_a_finding() {
    let mut users = orders(900);
    users.name = "users".to_owned();
    let mut key = statement("ALTER TABLE orders ADD FOREIGN KEY (user_id) REFERENCES users")
        .locking("orders", "ShareRowExclusiveLock", 20.0)
        .locking("users", "ShareRowExclusiveLock", 20.0)
        .reading("orders", 20_000);
    key.lock_details[1].named = false;
    let found = judge(&record(vec![key.done()], vec![orders(20_000), users]));
    let held: Vec<&str> = found
        .iter()
        .filter(|f| f.code == "migration-lock-held")
        .map(|f| f.message.as_str())
        .collect();
    assert_eq!(held.len(), 1);
    assert!(held[0].contains("locked with it: users"), "{held:?}");
}
