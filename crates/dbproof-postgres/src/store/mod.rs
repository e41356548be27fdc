//! The results store, a database in which runs are kept side by side, such as for Grafana:
//! [`export`].
//!
//! It lives in the schema `dbproof` of a database that the user names, and nothing else of that
//! database is touched. Many exporters may write at once: a run is one transaction, which is there
//! whole or not at all, and once, however often it is exported.
//!
//! * `migrate`: the tables, and which version of them a store has.
//! * `rows`: a record as rows, without any server.
//! * `write`, `prune`: the transactions.
//! * `retry`: what is worth another attempt, and for how long.
//!
//! One advisory lock orders everybody: who writes a run holds it shared, who changes the tables or
//! removes old runs holds it alone. It belongs to a transaction, so that it goes with its holder,
//! whatever ends that one.

mod error;
mod keep;
mod migrate;
mod prune;
mod retry;
mod rows;
mod write;

use std::time::Duration;

use dbproof_model::RunRecord;

use crate::{Address, PostgresError, Session, connect};

pub use error::StoreError;
pub use keep::{Keep, KeepError};

/// For how long a server that has no place for another connection is asked again.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// What an export came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Export {
    /// What became of the run.
    pub run: RunOutcome,
    /// Runs of the same project that were older than what is kept, and were removed.
    pub removed: u64,
    /// Attempts that it took; more than one where the server was busy.
    pub attempts: u32,
}

/// What became of an exported run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunOutcome {
    /// It is in the store now.
    Stored,
    /// It was there already.
    AlreadyThere,
    /// It is older than what is kept, and was not stored.
    TooOld,
}

/// Stores a run, making or migrating the tables where that is needed, and then removes what is older
/// than what is kept. A server that is busy is asked again for up to `patience`.
///
/// # Errors
///
/// [`StoreError::OtherRun`] where another run is there under the run's name,
/// [`StoreError::Newer`] where a newer dbproof has made the store; [`StoreError::Busy`] where the
/// patience came to an end. Nothing of the run is in the store then.
pub async fn export(
    address: &Address,
    record: &RunRecord,
    keep: Option<Keep>,
    patience: Duration,
) -> Result<Export, StoreError> {
    let record = rows::without_nul(record);
    let mut retry = retry::Retry::new(patience);
    loop {
        match attempt(address, &record, keep).await {
            Ok((run, removed)) => {
                return Ok(Export {
                    run,
                    removed,
                    attempts: retry.attempts(),
                });
            }
            Err(error) => retry.again_after(error).await?,
        }
    }
}

async fn attempt(
    address: &Address,
    record: &RunRecord,
    keep: Option<Keep>,
) -> Result<(RunOutcome, u64), StoreError> {
    let session = connect(address).await?;
    migrate::migrate(&session).await?;
    let run = write::write(&session, record, keep).await?;
    let removed = match keep {
        Some(keep) => prune::prune(&session, record, keep).await?,
        None => 0,
    };
    session.close().await;
    Ok((run, removed))
}

/// How much of the lock a transaction takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lock {
    /// With others that write runs.
    Shared,
    /// Alone.
    Exclusive,
}

/// Begins a transaction and takes the lock. A client that hangs, or that is stopped, must not keep
/// the others from writing for ever, hence the limits.
async fn begin(session: &Session, lock: Lock) -> Result<(), PostgresError> {
    let lock = match lock {
        Lock::Shared => "pg_advisory_xact_lock_shared",
        Lock::Exclusive => "pg_advisory_xact_lock",
    };
    // The key is `dbproof` in ASCII.
    session
        .run(&format!(
            "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE;
             SET LOCAL lock_timeout = '60s';
             SET LOCAL statement_timeout = '120s';
             SET LOCAL idle_in_transaction_session_timeout = '60s';
             SET LOCAL client_min_messages = warning;
             SELECT {lock}(x'646270726f6f66'::bigint)"
        ))
        .await
}

/// The server's errors as ours.
fn on(session: &Session) -> impl Fn(tokio_postgres::Error) -> StoreError + '_ {
    |error| session.error(&error).into()
}
