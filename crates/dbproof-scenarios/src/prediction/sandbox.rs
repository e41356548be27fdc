//! Databases of dbproof's own that captured transactions are run in again: [`Sandboxes`].

use std::time::Duration;

use dbproof_analysis::lock_order::Footprint;
use dbproof_analysis::transactions::Transactions;
use dbproof_model::Schema;
use dbproof_postgres::{Address, Databases};

/// Replaced by the replay in the next commit.
const NOT_YET: &str = "sandboxes are not made yet";

/// How long replaying may take.
#[derive(Debug, Clone, Copy)]
pub struct SandboxLimits {
    /// All of [`Sandboxes::make`], and each [`Sandboxes::state_for`].
    pub total: Duration,
    /// One statement.
    pub statement: Duration,
}

impl Default for SandboxLimits {
    fn default() -> Self {
        SandboxLimits {
            total: Duration::from_secs(60),
            statement: Duration::from_secs(10),
        }
    }
}

/// Something that could not be done, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotDone {
    /// What: the name of a transaction or a database.
    pub what: String,
    /// Why.
    pub why: String,
}

/// What the sandbox of a database was made from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MadeFrom {
    /// Everything that was done to it, done again.
    History,
    /// A copy of it as it was in the end.
    Clone,
}

/// The sandbox of one captured database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Made {
    /// The captured database.
    pub database: String,
    /// What its sandbox was made from.
    pub from: MadeFrom,
    /// Statements of its history that were run again.
    pub statements: u64,
    /// Those of them that failed, which is no error by itself: not every state comes back.
    pub failed: u64,
}

/// The sandbox of each captured database, and what the exemplars lock in it.
#[derive(Debug)]
pub struct Sandboxes<'t> {
    /// What each class's exemplar locks, aligned with [`Transactions::classes`]; `None` where it could not
    /// be run, which [`Sandboxes::not_done`] tells.
    pub footprints: Vec<Option<Footprint>>,
    /// The schema of each database, by its number: as it was when the last exemplar had been run.
    pub schemas: Vec<Option<Schema>>,
    /// How each sandbox was made.
    pub made: Vec<Made>,
    /// What could not be done, and why.
    pub not_done: Vec<NotDone>,
    transactions: &'t Transactions,
    databases: &'t Databases,
    limits: SandboxLimits,
}

impl<'t> Sandboxes<'t> {
    /// Makes a sandbox of every database that has classes of transactions, replays its history into it,
    /// and reads the footprint of each exemplar at its place.
    ///
    /// `server` is any database of the server; `databases` makes databases under the run's name.
    pub async fn make(
        databases: &'t Databases,
        server: &Address,
        transactions: &'t Transactions,
        limits: SandboxLimits,
    ) -> Self {
        let _ = server;
        let databases_of = transactions.histories.iter();
        Sandboxes {
            footprints: transactions.classes.iter().map(|_| None).collect(),
            schemas: databases_of.clone().map(|_| None).collect(),
            made: Vec::new(),
            not_done: databases_of
                .map(|history| NotDone {
                    what: history.database.clone(),
                    why: NOT_YET.to_owned(),
                })
                .collect(),
            transactions,
            databases,
            limits,
        }
    }

    /// A new database in the state that these classes' exemplars met, without what the exemplars
    /// themselves did: the history up to the latest of their places. All of them must be of one captured
    /// database. Whoever asks gives it back with [`Sandboxes::discard`].
    ///
    /// # Errors
    ///
    /// Why there is none, for the reader.
    pub async fn state_for(&mut self, classes: &[usize]) -> Result<Address, String> {
        let _ = (self.transactions, self.limits, classes);
        Err(NOT_YET.to_owned())
    }

    /// Drops a database that [`Sandboxes::state_for`] has made, whoever is connected to it.
    pub async fn discard(&self, state: &Address) -> Result<(), String> {
        let dropped = self.databases.drop(state).await;
        dropped.map_err(|error| error.to_string())
    }

    /// Drops all sandboxes.
    pub async fn close(self) {}
}
