//! Deadlocks predicted from captured transactions: [`DeadlockPrediction`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::deadlock::DeadlockTimeline;
use super::nplusone::GroupOrigin;

/// A deadlock predicted from captured transactions.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DeadlockPrediction {
    /// `confirmed` where the interleaving was run and deadlocked, else `possible`.
    pub verdict: String,
    /// The transactions that take part, by their names.
    pub transactions: Vec<String>,
    /// What they lock against each other.
    pub objects: Vec<String>,
    /// What to do.
    pub remedy: String,
    /// A statement that shows how, where one can be written.
    #[serde(default)]
    pub remedy_sql: Option<String>,
    /// The database that they run in.
    #[serde(default)]
    pub database: Option<String>,
    /// The transactions, each of which waits for the one after it, and the last one for the first.
    #[serde(default)]
    pub members: Vec<PredictedTransaction>,
    /// Why it is only `possible`.
    #[serde(default)]
    pub reason: Option<String>,
    /// How many orders of the statements were run.
    #[serde(default)]
    pub orders_tried: u64,
    /// How many of them ended in a deadlock (SQLSTATE 40P01).
    #[serde(default)]
    pub deadlocks: u64,
    /// The first order that deadlocked, on a line of time.
    #[serde(default)]
    pub timeline: Option<DeadlockTimeline>,
}

/// A transaction of a predicted deadlock.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PredictedTransaction {
    /// Its name: where it comes from, or what it writes first.
    pub name: String,
    /// The session that it ran in, as the timeline names it; unlike its name, no two are the same.
    pub session: String,
    /// How often it was seen; 0 of a migration.
    pub occurrences: u64,
    /// The file of the migration, where it is a transaction of one and none of the application's.
    #[serde(default)]
    pub migration: Option<String>,
    /// Its statements, without BEGIN and COMMIT.
    pub statements: Vec<PredictedStatement>,
    /// What it holds that the transaction before it asks for.
    pub holds: PredictedLock,
    /// What it asks for that the transaction after it holds.
    pub asks: PredictedLock,
}

/// A statement of a predicted deadlock.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PredictedStatement {
    /// The statement without its values.
    pub statement: String,
    /// Where in the application it comes from, as the tags in its comments tell.
    #[serde(default)]
    pub origin: Option<GroupOrigin>,
}

/// A lock of a predicted deadlock.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PredictedLock {
    /// The statement that takes it, as an index into the statements of the transaction.
    pub statement: u64,
    /// What is locked: `a row of public.accounts`. The values of a key stand here only where values
    /// are kept.
    pub object: String,
    /// In which mode: `FOR NO KEY UPDATE`, `ACCESS EXCLUSIVE`.
    pub mode: String,
}

/// What the prediction of deadlocks saw and what it could not do. What was not checked is told here,
/// and never taken for free of deadlocks.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PredictionCoverage {
    /// Transactions captured that take locks.
    pub transactions: u64,
    /// The kinds that they come to: sequences of the same statements, with the same pattern of values.
    pub classes: u64,
    /// The kinds of which one was run alone and its locks read.
    pub replayed: u64,
    /// Cycles that were left out because a guard keeps them from closing.
    pub guarded: u64,
    /// The deadlocks that may be, each of which was to be run.
    pub candidates: u64,
    /// Those that were run and deadlocked.
    pub confirmed: u64,
    /// Those of which it is not known, because they could not be run to the end.
    pub possible: u64,
    /// Those that were run in every order and did not deadlock: they queue, or do not meet.
    #[serde(default)]
    pub refuted: u64,
    /// Rings of three or four that were not run, because a transaction does in them what it does in a
    /// deadlock that is confirmed: mending that one mends them.
    #[serde(default)]
    pub contained: u64,
    /// The migrations that stood among the transactions.
    #[serde(default)]
    pub migrations: Vec<PredictedMigration>,
    /// What is to be known of the migrations: that they were run otherwise than asked for, or taken out
    /// of the sandbox.
    #[serde(default)]
    pub notes: Vec<String>,
    /// The databases that the transactions were run in again.
    #[serde(default)]
    pub sandboxes: Vec<PredictionSandbox>,
    /// What was not checked.
    #[serde(default)]
    pub not_checked: Vec<NotChecked>,
    /// How long all of it took, in milliseconds.
    pub duration_ms: f64,
}

/// A migration that stood among the transactions.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PredictedMigration {
    /// Its file.
    pub file: String,
    /// Its transactions; each statement that runs outside of a transaction block is one.
    pub transactions: u64,
    /// Those that were run alone and their locks read.
    pub replayed: u64,
}

/// A database that transactions were run in again.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PredictionSandbox {
    /// The captured database.
    pub database: String,
    /// How its sandbox was made: `history` (everything that was done to it, done again), `clone` (a copy
    /// of it as it was in the end), `project` (a copy of one with the project's schema and rows, because it
    /// is not there any more), or `none`.
    pub made_from: String,
    /// Statements of its history that were run again.
    pub statements: u64,
    /// Those of them that failed, which is no error by itself: not every state comes back.
    pub failed: u64,
}

/// Something that was not checked, and why.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NotChecked {
    /// What: the name of a transaction, a database, a table.
    pub what: String,
    /// Why.
    pub why: String,
}
