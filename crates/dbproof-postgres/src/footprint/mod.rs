//! What a transaction locks, read statement by statement while it runs alone: [`FootprintReader`].
//!
//! No extension is needed. Locks of relations and advisory locks are in `pg_locks`. A locked row is one
//! that another session cannot lock: a second session, the [`LockObserver`], tries it with SKIP LOCKED in a
//! transaction that it rolls back. New keys in unique indexes are seen by the transaction alone, so that
//! its own session is asked, inside of a savepoint.
//!
//! **Nobody else may use the database meanwhile**: whatever is locked there counts as the transaction's.
//!
//! * `held`: the locks of `pg_locks`; `relation`: what the catalog says of locked relations.
//! * `rows`: rows that are locked, and how strongly; `keys`: keys entered into unique indexes.
//! * `order`, `waiting`: in which order a statement took its locks, and whether it waits for them.
//! * `sequences`: numbers that a rollback does not give back.
//!
//! Left out are locks of indexes, of the catalog and of temporary tables, unique constraints that are
//! checked at the end, exclusion constraints, and what a failed statement locked before it failed.

mod held;
mod keys;
mod order;
mod relation;
mod rows;
mod sequences;
mod waiting;

use std::collections::BTreeSet;

use dbproof_analysis::lock_order::{
    Footprint, FootprintStep, Lock, LockMode, LockObject, RelationMode,
};
use dbproof_analysis::traffic::SentText;
use tokio_postgres::Row;

use self::held::HeldQuery;
use self::relation::{Catalog, Relation};
use self::rows::Probes;
use self::sequences::Sequences;
use crate::{PostgresError, Session, sent};

/// How values are written, so that both sessions write them alike, and that names mean the same.
const READING: [&str; 6] = [
    "search_path = ''",
    "TimeZone = 'UTC'",
    "DateStyle = 'ISO, MDY'",
    "IntervalStyle = 'postgres'",
    "extra_float_digits = 1",
    "bytea_output = 'hex'",
];

/// How long the observer waits for a relation at most. It never has to: what it would have to wait for,
/// it does not look into.
const PATIENCE: &str = "lock_timeout = '2s'";

/// A session that looks at the locks of others.
#[derive(Debug)]
pub struct LockObserver {
    session: Session,
    held: HeldQuery,
    probes: Probes,
}

impl LockObserver {
    /// Observes through this session, which must be in the database that the transactions run in, as a
    /// role that may read and lock its tables.
    pub async fn new(session: Session) -> Result<Self, PostgresError> {
        let settings = READING.iter().chain([&PATIENCE, &"row_security = off"]);
        let settings: Vec<String> = settings.map(|s| format!("SET {s}")).collect();
        session.run(&settings.join("; ")).await?;
        let held = HeldQuery::prepare(&session).await?;
        Ok(LockObserver {
            session,
            held,
            probes: Probes::default(),
        })
    }

    /// The session, for other questions.
    #[must_use]
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// Closes the session.
    pub async fn close(self) {
        self.session.close().await;
    }
}

/// Reads what one transaction locks. Ended by [`FootprintReader::rollback`]; dropped before that, it leaves
/// the transaction open.
#[derive(Debug)]
pub struct FootprintReader<'a> {
    observer: &'a mut LockObserver,
    session: &'a Session,
    pid: i32,
    catalog: Catalog,
    sequences: Sequences,
    /// What is held.
    locks: BTreeSet<Lock>,
    unread: BTreeSet<String>,
    /// How many rows the last statement returned or changed.
    affected: u64,
}

impl<'a> FootprintReader<'a> {
    /// Begins a transaction in `session`. Of `begin`, the statement that the application began it with,
    /// the isolation level counts.
    pub async fn begin(
        observer: &'a mut LockObserver,
        session: &'a Session,
        begin: Option<&str>,
    ) -> Result<Self, PostgresError> {
        let pid = session.backend_pid().await?;
        let sequences = Sequences::read(&observer.session).await?;
        let level = begin.and_then(isolation_level);
        let level = level.map_or(String::new(), |level| format!(" ISOLATION LEVEL {level}"));
        session.run(&format!("BEGIN{level}")).await?;
        Ok(FootprintReader {
            observer,
            session,
            pid,
            catalog: Catalog::default(),
            sequences,
            locks: BTreeSet::new(),
            unread: BTreeSet::new(),
            affected: 0,
        })
    }

    /// Runs the next statement and reads what it locks.
    ///
    /// # Errors
    ///
    /// Only where a session is lost or the observer may not look at all: an error of the statement itself
    /// is part of what is read.
    pub async fn step(&mut self, statement: &SentText) -> Result<FootprintStep, PostgresError> {
        self.run(&statement.sql, statement).await
    }

    /// How many rows the last statement returned or changed; 0 where it failed.
    #[must_use]
    pub fn affected(&self) -> u64 {
        self.affected
    }

    /// What COMMIT would lock: the checks that are put off until then are made now. No more statements may
    /// follow.
    pub async fn commit(&mut self) -> Result<FootprintStep, PostgresError> {
        let checks = SentText {
            sql: "SET CONSTRAINTS ALL IMMEDIATE".into(),
            parameters: Vec::new(),
        };
        self.run("COMMIT", &checks).await
    }

    /// Rolls back, and takes back what a rollback leaves: session-level advisory locks, and the numbers of
    /// sequences. Returns what could not be read, for the reader.
    pub async fn rollback(self) -> Result<Vec<String>, PostgresError> {
        self.session.run("ROLLBACK").await?;
        self.session.run("SELECT pg_advisory_unlock_all()").await?;
        let numbered = self.catalog.sequences();
        self.sequences.restore(self.session, &numbered).await?;
        Ok(self.unread.into_iter().collect())
    }

    async fn run(
        &mut self,
        text: &str,
        statement: &SentText,
    ) -> Result<FootprintStep, PostgresError> {
        let answer = sent::answer(self.session, &statement.sql, &statement.parameters).await;
        self.affected = 0;
        let mut step = FootprintStep {
            waiting: waiting::of(text),
            ..FootprintStep::default()
        };
        match answer {
            Ok(answer) => {
                let (taken, released) = self.read().await?;
                let (locks, is_ordered) = self.in_order(taken, text, &answer.rows);
                self.affected = answer.affected;
                step.locks = locks;
                step.released = released;
                step.is_ordered = is_ordered;
            }
            // Whatever it locked is free again, and the transaction can be asked nothing until it is
            // rolled back to a savepoint.
            Err(PostgresError::Server(error)) => step.failed = Some(error.sqlstate),
            Err(error) => return Err(error),
        }
        Ok(step)
    }

    /// What is held now and was not before, and the other way round.
    async fn read(&mut self) -> Result<(Vec<Lock>, Vec<Lock>), PostgresError> {
        let LockObserver {
            session: observer,
            held,
            probes,
        } = &mut *self.observer;
        let held = held.read(observer, self.pid).await?;
        self.catalog.learn(observer, &held).await?;
        let mut now: BTreeSet<Lock> = held.advisory.clone();
        now.extend(self.catalog.locks(&held));
        // Who has locked or written a row has an id; whoever has only read needs none.
        let searched = if held.xids.is_empty() {
            Vec::new()
        } else {
            self.catalog.searchable(&held, &mut self.unread)
        };
        for relation in searched {
            let found = match probes.locked_rows(observer, relation).await {
                Ok(found) => found,
                Err(error) => {
                    self.unread.insert(unread(relation, &error)?);
                    continue;
                }
            };
            if found.is_cut {
                self.unread.insert(format!(
                    "{} has more than {} rows that the transaction locks; the others were not read",
                    relation.name,
                    rows::MOST_ROWS
                ));
            }
            match keys::read(self.session, relation, &held.xids, &found.rows).await {
                Ok(keys) => now.extend(keys),
                Err(error) => {
                    self.unread.insert(unread(relation, &error)?);
                }
            }
            now.extend(found.rows.iter().map(|row| row.lock(relation)));
        }
        // What is inside of a relation that is shut for others now stays as it was read.
        let shut = self.catalog.shut(&held);
        let kept = self.locks.iter();
        now.extend(kept.filter(|lock| is_inside(lock, &shut)).cloned());
        let taken = now.difference(&self.locks).cloned().collect();
        let released = released(&self.locks, &now);
        self.locks = now;
        Ok((taken, released))
    }

    /// The new locks, in the order in which they were taken where that is known.
    fn in_order(&self, taken: Vec<Lock>, sql: &str, answer: &[Row]) -> (Vec<Lock>, bool) {
        let relation_of = |name: &str| self.catalog.by_name(name);
        order::of(taken, sql, answer, &relation_of)
    }
}

/// A transaction that was run alone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReadTransaction {
    /// What it locks.
    pub footprint: Footprint,
    /// For each of the statements that were run, how many rows it returned or changed.
    pub affected: Vec<u64>,
}

/// Reads the whole footprint of a transaction: its statements, what COMMIT would take, and a rollback.
///
/// After a statement that fails, the transaction goes on only where one of the next statements rolls back
/// to a savepoint; those before that fail too.
pub async fn read<'s>(
    observer: &mut LockObserver,
    session: &Session,
    begin: Option<&str>,
    statements: impl IntoIterator<Item = &'s SentText>,
) -> Result<ReadTransaction, PostgresError> {
    let statements: Vec<&SentText> = statements.into_iter().collect();
    let mut reader = FootprintReader::begin(observer, session, begin).await?;
    let mut read = ReadTransaction::default();
    let mut has_failed = false;
    for (at, statement) in statements.iter().enumerate() {
        let step = reader.step(statement).await?;
        has_failed = step.failed.is_some();
        read.footprint.steps.push(step);
        read.affected.push(reader.affected());
        if has_failed && !statements[at + 1..].iter().any(|s| rolls_back_to(&s.sql)) {
            break;
        }
    }
    if !has_failed {
        read.footprint.commit = reader.commit().await?;
    }
    read.footprint.unread = reader.rollback().await?;
    Ok(read)
}

/// Whether it is ROLLBACK TO SAVEPOINT.
fn rolls_back_to(sql: &str) -> bool {
    let words = words(sql);
    let mut words = words.iter().map(String::as_str);
    words.next() == Some("rollback")
        && words.find(|w| !matches!(*w, "work" | "transaction")) == Some("to")
}

/// The isolation level that a BEGIN, START TRANSACTION or SET TRANSACTION names.
fn isolation_level(begin: &str) -> Option<&'static str> {
    let words = words(begin);
    let at = words.iter().position(|word| word == "level")?;
    let next = |by: usize| words.get(at + by).map(String::as_str);
    match (next(1)?, next(2)) {
        ("serializable", _) => Some("SERIALIZABLE"),
        ("repeatable", Some("read")) => Some("REPEATABLE READ"),
        ("read", Some("committed")) => Some("READ COMMITTED"),
        // PostgreSQL reads nothing that is not committed.
        ("read", Some("uncommitted")) => Some("READ UNCOMMITTED"),
        _ => None,
    }
}

fn words(sql: &str) -> Vec<String> {
    let tokens = dbproof_analysis::sql::tokenize(sql);
    let words = tokens.iter().filter(|token| token.is_significant());
    words.map(|token| token.text.to_lowercase()).collect()
}

/// What is not held any more. A lock that has got stronger is not given back.
fn released(before: &BTreeSet<Lock>, now: &BTreeSet<Lock>) -> Vec<Lock> {
    let gone = before.difference(now);
    let gone = gone.filter(|lock| {
        let LockMode::Row(mode) = lock.mode else {
            return true;
        };
        let is_stronger =
            |other: &&Lock| other.object == lock.object && other.mode > LockMode::Row(mode);
        !now.iter().any(|other| is_stronger(&other))
    });
    gone.cloned().collect()
}

/// Whether it is a row or a key of one of these relations.
fn is_inside(lock: &Lock, relations: &BTreeSet<&str>) -> bool {
    let is_relation = matches!(lock.object, LockObject::Relation(_));
    let relation = lock.object.relation();
    !is_relation && relation.is_some_and(|relation| relations.contains(relation))
}

/// What is told of a relation that could not be looked into; an error that is not the relation's own is
/// handed on.
fn unread(relation: &Relation, error: &PostgresError) -> Result<String, PostgresError> {
    match error {
        PostgresError::Server(server) => Ok(format!(
            "{} was not searched for locked rows: {}",
            relation.name, server
        )),
        PostgresError::ConnectionLost { server, reason } => Err(PostgresError::ConnectionLost {
            server: server.clone(),
            reason: reason.clone(),
        }),
        error => Ok(format!(
            "{} was not searched for locked rows: {error}",
            relation.name
        )),
    }
}

/// Whether somebody who holds the relation in this mode keeps all others from locking rows of it: what is
/// locked inside is of no consequence then, and looking would wait.
fn shuts_out(mode: RelationMode) -> bool {
    mode.conflicts_with(RelationMode::RowShare)
}

#[cfg(test)]
mod tests {
    use dbproof_analysis::lock_order::RowMode;

    use super::*;

    #[test]
    fn isolation_levels_are_read_from_whatever_began_the_transaction() {
        for (begin, level) in [
            ("BEGIN", None),
            ("begin isolation level serializable", Some("SERIALIZABLE")),
            (
                "START TRANSACTION READ WRITE, ISOLATION LEVEL REPEATABLE READ",
                Some("REPEATABLE READ"),
            ),
            (
                "SET TRANSACTION ISOLATION LEVEL read committed",
                Some("READ COMMITTED"),
            ),
        ] {
            assert_eq!(isolation_level(begin), level, "{begin}");
        }
    }

    #[test]
    fn rolling_back_to_a_savepoint_is_told_from_rolling_back() {
        for (sql, expected) in [
            ("ROLLBACK TO SAVEPOINT \"s1\"", true),
            ("rollback work to s1", true),
            ("ROLLBACK", false),
            ("RELEASE s1", false),
        ] {
            assert_eq!(rolls_back_to(sql), expected, "{sql}");
        }
    }

    #[test]
    fn a_lock_that_gets_stronger_is_not_given_back() {
        let row = |key: &str, mode| Lock {
            object: LockObject::Row {
                relation: "public.t".to_owned(),
                key: vec![("id".to_owned(), key.to_owned())],
            },
            mode: LockMode::Row(mode),
        };
        let before = BTreeSet::from([row("1", RowMode::KeyShare), row("2", RowMode::Update)]);
        let now = BTreeSet::from([row("1", RowMode::Update), row("2", RowMode::KeyShare)]);
        assert_eq!(released(&before, &now), [row("2", RowMode::Update)]);
    }
}
