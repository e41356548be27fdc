//! Applying a migration's statements.
//!
//! * [`apply`]: for the stage, with nothing seen but times and locks.
//! * [`ObservedMigration`]: for the change under test, with what each statement locks, for how long, what
//!   it reads, writes and rewrites; a second session samples `pg_locks` meanwhile.
//! * [`apply_as_deployed`]: with nothing asked in between, with or without `lock_timeout` and further
//!   attempts.

mod observed;
mod relations;
mod repeated;
mod sampler;

use std::time::Instant;

pub use observed::{ObservedMigration, Seen};
pub use repeated::{Attempts, Retry, apply_as_deployed};

use crate::{PostgresError, Session};

/// How the statements of a file are put into transactions that they do not bring themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transactions {
    /// All of the file's in one.
    File,
    /// Each in one of its own.
    Statement,
}

/// What one statement of a migration did.
#[derive(Debug, Clone, PartialEq)]
pub struct AppliedStatement {
    /// Wall time in milliseconds.
    pub duration_ms: f64,
    /// Locks taken on relations outside of the system's schemas, as `relation: mode`, strongest
    /// first; empty where the statement cannot run inside a transaction.
    pub locks: Vec<String>,
}

/// Which statement failed, and how.
#[derive(Debug)]
pub struct MigrationFailure {
    /// The statement's index.
    pub statement: usize,
    /// What went wrong.
    pub error: PostgresError,
}

/// Applies statements one after the other, each in a transaction of its own unless the file
/// brings its own BEGIN, and reports what each took and locked.
///
/// A statement that refuses to run in a transaction block (`CREATE INDEX CONCURRENTLY`, `VACUUM`)
/// is run outside of one; its locks are not seen.
pub async fn apply(
    session: &Session,
    statements: &[&str],
) -> Result<Vec<AppliedStatement>, MigrationFailure> {
    let mut applied = Vec::with_capacity(statements.len());
    let mut in_transaction = false;
    for (statement, sql) in statements.iter().enumerate() {
        let done = match transaction_control(sql) {
            Some(opens) => {
                in_transaction = opens;
                run_timed(session, sql).await
            }
            None if in_transaction => run_timed(session, sql).await,
            None => run_in_own_transaction(session, sql).await,
        };
        match done {
            Ok(done) => applied.push(done),
            Err(error) => {
                session.run("ROLLBACK").await.ok();
                return Err(MigrationFailure { statement, error });
            }
        }
    }
    if in_transaction {
        session
            .run("COMMIT")
            .await
            .map_err(|error| MigrationFailure {
                statement: statements.len().saturating_sub(1),
                error,
            })?;
    }
    Ok(applied)
}

/// Whether a file brings transactions of its own.
fn brings_transactions(statements: &[&str]) -> bool {
    statements
        .iter()
        .any(|sql| transaction_control(sql).is_some())
}

/// Whether a statement was refused because it stood in a transaction block
/// (25001 `active_sql_transaction`).
fn refuses_transactions(error: &PostgresError) -> bool {
    error.server_error().is_some_and(|e| e.sqlstate == "25001")
}

/// `Some(true)` where the statement opens a transaction, `Some(false)` where it ends one.
#[must_use]
pub fn transaction_control(sql: &str) -> Option<bool> {
    let mut words = sql.split_whitespace().map(str::to_ascii_uppercase);
    let first = words.next()?;
    match first.as_str() {
        "BEGIN" => Some(true),
        "START" if words.next().as_deref() == Some("TRANSACTION") => Some(true),
        // To a savepoint: the transaction goes on.
        "ROLLBACK" if words.any(|word| word == "TO") => None,
        "COMMIT" | "ROLLBACK" | "END" | "ABORT" => Some(false),
        _ => None,
    }
}

async fn run_timed(session: &Session, sql: &str) -> Result<AppliedStatement, PostgresError> {
    let began = Instant::now();
    session.run(sql).await?;
    let duration_ms = began.elapsed().as_secs_f64() * 1000.0;
    let locks = held_locks(session).await?;
    Ok(AppliedStatement { duration_ms, locks })
}

async fn run_in_own_transaction(
    session: &Session,
    sql: &str,
) -> Result<AppliedStatement, PostgresError> {
    session.run("BEGIN").await?;
    match run_timed(session, sql).await {
        Ok(mut done) => {
            let began = Instant::now();
            session.run("COMMIT").await?;
            done.duration_ms += began.elapsed().as_secs_f64() * 1000.0;
            Ok(done)
        }
        Err(error) => {
            session.run("ROLLBACK").await?;
            if refuses_transactions(&error) {
                return run_timed(session, sql).await;
            }
            Err(error)
        }
    }
}

/// Locks that this session's transaction holds on the project's relations, strongest first.
async fn held_locks(session: &Session) -> Result<Vec<String>, PostgresError> {
    session
        .texts(
            "SELECT format('%s: %s', c.relname, l.mode)
             FROM pg_locks l
             JOIN pg_class c ON c.oid = l.relation
             JOIN pg_namespace n ON n.oid = c.relnamespace
             WHERE l.pid = pg_backend_pid() AND l.granted AND l.locktype = 'relation'
               AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
             ORDER BY array_position(ARRAY['AccessExclusiveLock', 'ExclusiveLock',
                 'ShareRowExclusiveLock', 'ShareLock', 'ShareUpdateExclusiveLock',
                 'RowExclusiveLock', 'RowShareLock', 'AccessShareLock'], l.mode), c.relname",
        )
        .await
}

#[cfg(test)]
mod tests {
    use super::transaction_control;

    #[test]
    fn transaction_control_is_recognised() {
        assert_eq!(transaction_control("begin"), Some(true));
        assert_eq!(transaction_control("START TRANSACTION"), Some(true));
        assert_eq!(transaction_control("COMMIT"), Some(false));
        assert_eq!(transaction_control("ROLLBACK TO SAVEPOINT s"), None);
        assert_eq!(transaction_control("CREATE TABLE begin (x int)"), None);
    }
}
