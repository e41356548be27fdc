//! A migration with everything that it does to others seen: [`ObservedMigration`].
//!
//! Modes are exact: after every statement of a transaction, the migrating session reads its own locks.
//! Times are on the clock of the statements, which stands still while the migrating session answers
//! questions about itself; a second session's samples tell when within a statement a lock was waited
//! for and granted. Of a statement outside of a transaction, the samples are all that there is.

mod seen;

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use dbproof_analysis::lock_order::RelationMode;
use dbproof_model::{
    InvalidIndex, LockSampling, MigratedRelation, MigrationStatement, RelationKind,
};

use super::relations::{FIRST_OWN_OID, RelationState, Snapshot, sizes};
use super::sampler::{Sampler, Samples};
use super::{
    MigrationFailure, Transactions, brings_transactions, refuses_transactions, transaction_control,
};
use crate::{Address, PostgresError, Session, catalog, connect};

/// A migration that is being applied.
#[derive(Debug)]
pub struct ObservedMigration {
    session: Session,
    sampler: Sampler,
    /// Before the migration.
    first: Snapshot,
    sizes: BTreeMap<u32, u64>,
    /// As it is now.
    now: Snapshot,
    /// Every relation that was ever there.
    known: BTreeMap<u32, RelationState>,
    /// Relations that some statement had to do with.
    touched: BTreeSet<u32>,
    may_ask_for_wal: bool,
    clock_ms: f64,
    transactions: u32,
    open: Option<OpenTransaction>,
    done: Vec<MigrationStatement>,
}

/// A transaction that is not over.
#[derive(Debug, Default)]
struct OpenTransaction {
    /// Where each lock stands, and when it was acquired on the clock.
    acquired: Vec<Acquired>,
    held: BTreeSet<(u32, RelationMode)>,
}

#[derive(Debug, Clone, Copy)]
struct Acquired {
    statement: usize,
    lock: usize,
    at_ms: f64,
}

/// What was seen of a whole migration besides its statements.
#[derive(Debug, Clone, PartialEq)]
pub struct Seen {
    /// Relations that it had to do with.
    pub relations: Vec<MigratedRelation>,
    /// How often was looked.
    pub sampling: LockSampling,
    /// Indexes that are invalid and were not.
    pub invalid_indexes: Vec<InvalidIndex>,
}

/// How one statement ran.
struct Ran {
    began: Instant,
    began_ms: f64,
    ended: Instant,
    samples: Samples,
}

impl ObservedMigration {
    /// Opens the migrating session on `address` and the one that watches it on `elsewhere`, another
    /// database of the server.
    pub async fn begin(address: &Address, elsewhere: &Address) -> Result<Self, PostgresError> {
        let session = connect(address).await?;
        let may_ask_for_wal = catalog::wal_position(&session).await.is_some();
        let first = Snapshot::take(&session, may_ask_for_wal).await?;
        Ok(ObservedMigration {
            sampler: Sampler::start(elsewhere, session.backend_pid().await?).await?,
            sizes: sizes(&session).await?,
            now: first.clone(),
            known: first.relations.clone(),
            first,
            session,
            touched: BTreeSet::new(),
            may_ask_for_wal,
            clock_ms: 0.0,
            transactions: 0,
            open: None,
            done: Vec::new(),
        })
    }

    /// The session, for what must happen between two files.
    #[must_use]
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// Applies the statements of a file that brings no transactions of its own as `transactions` says,
    /// and those of one that does as it says. A statement that refuses to run in a transaction block
    /// runs outside of one where it would have had one to itself.
    pub async fn apply(
        &mut self,
        statements: &[&str],
        transactions: Transactions,
    ) -> Result<Vec<MigrationStatement>, MigrationFailure> {
        let before = self.done.len();
        let applied = self.apply_all(statements, transactions).await;
        if let Err(error) = applied {
            let statement = self.done.len() - before;
            self.session.run("ROLLBACK").await.ok();
            return Err(MigrationFailure { statement, error });
        }
        Ok(self.done[before..].to_vec())
    }

    async fn apply_all(
        &mut self,
        statements: &[&str],
        transactions: Transactions,
    ) -> Result<(), PostgresError> {
        if transactions == Transactions::File && !brings_transactions(statements) {
            return self.in_one_transaction(statements).await;
        }
        for sql in statements {
            match transaction_control(sql) {
                Some(true) => {
                    self.open();
                    self.statement(sql).await?;
                }
                Some(false) => {
                    self.statement(sql).await?;
                    self.closed().await?;
                }
                None if self.open.is_some() => self.statement(sql).await?,
                None => match self.in_one_transaction(&[sql]).await {
                    Err(error) if refuses_transactions(&error) => {
                        self.session.run("ROLLBACK").await?;
                        self.open = None;
                        self.transactions -= 1;
                        self.statement(sql).await?;
                        self.take_snapshot().await?;
                    }
                    done => done?,
                },
            }
        }
        if self.open.is_some() {
            self.commit().await?;
        }
        Ok(())
    }

    async fn in_one_transaction(&mut self, statements: &[&str]) -> Result<(), PostgresError> {
        if statements.is_empty() {
            return Ok(());
        }
        self.session.run("BEGIN").await?;
        self.open();
        for sql in statements {
            self.statement(sql).await?;
        }
        self.commit().await
    }

    fn open(&mut self) {
        self.transactions += 1;
        self.open = Some(OpenTransaction::default());
    }

    /// Commits; the time that it takes belongs to the last statement.
    async fn commit(&mut self) -> Result<(), PostgresError> {
        let began = Instant::now();
        // Deferred constraints may still refuse, as the last statement's doing.
        if let Err(error) = self.session.run("COMMIT").await {
            self.done.pop();
            return Err(error);
        }
        let took = milliseconds(began.elapsed());
        self.clock_ms += took;
        if let Some(last) = self.done.last_mut() {
            last.duration_ms += took;
        }
        self.closed().await
    }

    /// The transaction is over: its locks are held no longer.
    async fn closed(&mut self) -> Result<(), PostgresError> {
        for acquired in self.open.take().into_iter().flat_map(|open| open.acquired) {
            let lock = &mut self.done[acquired.statement].lock_details[acquired.lock];
            lock.held_ms = self.clock_ms - acquired.at_ms;
        }
        self.take_snapshot().await
    }

    async fn take_snapshot(&mut self) -> Result<(), PostgresError> {
        self.now = Snapshot::take(&self.session, self.may_ask_for_wal).await?;
        self.known.extend(self.now.relations.clone());
        Ok(())
    }

    /// Runs a statement, and sees what it did.
    async fn statement(&mut self, sql: &str) -> Result<(), PostgresError> {
        // Counters of rows start anew with a transaction.
        let control = transaction_control(sql);
        let inside = self.open.is_some() && control.is_none();
        if inside {
            self.now = Snapshot::take(&self.session, self.may_ask_for_wal).await?;
        }
        self.sampler.take()?;
        let (began, began_ms) = (Instant::now(), self.clock_ms);
        self.session.run(sql).await?;
        let ended = Instant::now();
        let samples = self.sampler.take()?;
        self.clock_ms += milliseconds(ended - began);
        let ran = Ran {
            began,
            began_ms,
            ended,
            samples,
        };
        let before = self.now.clone();
        let locks = if inside {
            self.own_locks().await?
        } else {
            Vec::new()
        };
        if control != Some(true) {
            self.take_snapshot().await?;
        }
        let mut statement = MigrationStatement {
            sql: sql.to_owned(),
            duration_ms: milliseconds(ended - began),
            transaction: self.open.as_ref().map(|_| self.transactions),
            lock_timeout_ms: Some(before.lock_timeout_ms),
            wal_bytes: before
                .wal
                .zip(self.now.wal)
                .map(|(from, to)| to.saturating_sub(from)),
            samples: ran.samples.looks,
            waited_for_transactions_ms: ran.waited_for_transactions_ms(),
            ..MigrationStatement::default()
        };
        if inside {
            self.add_held(&mut statement, &locks, &ran);
        } else if self.open.is_none() {
            self.add_sampled(&mut statement, &ran);
        }
        if control.is_none() {
            let counted = inside.then(|| self.now.rows_since(&before));
            self.add_work(&mut statement, &before, counted).await?;
        }
        self.done.push(statement);
        Ok(())
    }

    /// The locks on relations that this session's transaction holds.
    async fn own_locks(&self) -> Result<Vec<(u32, RelationMode)>, PostgresError> {
        let sql = "SELECT relation, mode FROM pg_locks WHERE pid = pg_backend_pid() AND granted \
                   AND locktype = 'relation' AND relation >= $1";
        let rows = self
            .session
            .query(sql, &[&FIRST_OWN_OID])
            .await
            .map_err(|e| self.session.error(&e))?;
        let lock = |row: &tokio_postgres::Row| {
            Some((row.get(0), RelationMode::from_pg_locks(row.get(1))?))
        };
        Ok(rows.iter().filter_map(lock).collect())
    }

    /// Indexes that are invalid at this moment and were not before, such as what a `CREATE INDEX
    /// CONCURRENTLY` that has failed leaves behind.
    pub async fn invalid_indexes(&mut self) -> Result<Vec<InvalidIndex>, PostgresError> {
        self.take_snapshot().await?;
        let invalid = self.now.relations.iter().filter(|(oid, index)| {
            !index.valid && self.first.relations.get(oid).is_none_or(|was| was.valid)
        });
        Ok(invalid.map(|(_, index)| self.invalid(index)).collect())
    }

    /// Ends the observation.
    pub async fn finish(mut self) -> Result<Seen, PostgresError> {
        let invalid_indexes = self.invalid_indexes().await?;
        let relations = self.touched.iter().filter_map(|oid| self.relation(*oid));
        let relations = relations.collect();
        let sampling = self.sampler.finish().await;
        self.session.close().await;
        Ok(Seen {
            relations,
            sampling,
            invalid_indexes,
        })
    }

    fn invalid(&self, index: &RelationState) -> InvalidIndex {
        let table = index.of.and_then(|table| self.known.get(&table));
        InvalidIndex {
            index: index.name.clone(),
            relation: table.map(|t| t.name.clone()).unwrap_or_default(),
            partitioned: table.is_some_and(|t| t.kind == RelationKind::PartitionedTable),
        }
    }

    fn relation(&self, oid: u32) -> Option<MigratedRelation> {
        // By the name that it had when the migration came.
        let was = self.first.relations.get(&oid);
        let relation = was.or_else(|| self.known.get(&oid))?;
        let of = relation.of.and_then(|of| self.name(of));
        Some(MigratedRelation {
            name: relation.name.clone(),
            kind: relation.kind,
            of,
            rows: was.and_then(|was| self.rows(oid, was)),
            bytes: was.and_then(|_| self.sizes.get(&oid).copied()),
            made_here: was.is_none(),
            written_by: Vec::new(),
        })
    }

    /// A partitioned table has the rows of its partitions, which statistics are not always kept of.
    fn rows(&self, oid: u32, was: &RelationState) -> Option<u64> {
        if was.kind != RelationKind::PartitionedTable {
            return was.rows;
        }
        let partitions = self.first.relations.iter().filter(|(_, r)| {
            r.of == Some(oid)
                && matches!(r.kind, RelationKind::Table | RelationKind::PartitionedTable)
        });
        partitions.map(|(oid, part)| self.rows(*oid, part)).sum()
    }

    fn name(&self, oid: u32) -> Option<String> {
        let first = self.first.relations.get(&oid);
        let relation = first.or_else(|| self.known.get(&oid))?;
        Some(relation.name.clone())
    }
}

impl Ran {
    /// A moment of this statement on the clock.
    fn at_ms(&self, moment: Instant) -> f64 {
        let within = moment.clamp(self.began, self.ended);
        self.began_ms + milliseconds(within - self.began)
    }

    fn waited_for_transactions_ms(&self) -> Option<f64> {
        let (first, last, at_first) = self.samples.transactions?;
        Some(milliseconds(at_first + (last - first)))
    }

    /// How long a lock was waited for.
    fn queued_ms(&self, lock: (u32, RelationMode)) -> Option<f64> {
        let seen = self.samples.locks.get(&lock)?;
        let (first, at_first) = seen.waiting?;
        let granted = seen.held.map_or(self.ended, |(granted, _)| granted);
        Some(milliseconds(
            at_first + granted.saturating_duration_since(first),
        ))
    }
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}
