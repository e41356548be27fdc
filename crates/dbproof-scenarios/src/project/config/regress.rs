//! `[regress]`: what a schema change does to plans, and to those who are at work meanwhile.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{place_of_key, positive};
use crate::error::InputError;

/// `[regress]`: plans before and after a schema change.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RegressConfig {
    /// The migration under test; the last one where nothing is said.
    pub migration: Option<String>,
    /// A git revision: the change under test is every migration that is new since then.
    pub base: Option<String>,
    /// Parameter sets that each query is explained with.
    pub parameter_sets: u32,
    /// Shared blocks may rise by this much, in percent …
    pub blocks_percent: f64,
    /// … or by this many blocks, before that is a regression.
    pub blocks_min: u64,
    /// The folder of the accepted plans, which `dbproof accept` writes.
    pub baselines: String,
    /// Sessions in which the two sides are timed against each other.
    pub sessions: u32,
    /// Pairs of executions in each session.
    pub pairs: u32,
    /// Seconds that timing one query may take.
    pub budget_s: f64,
    /// How the migration tool runs a file that has no BEGIN of its own and does not ask to be run
    /// outside of a transaction.
    pub transaction: MigrationTransaction,
    /// Milliseconds that a migration may hold a lock that keeps others from writing or reading.
    ///
    /// 500 where nothing is said: whoever waits for the lock keeps a connection of the pool. At a
    /// hundred requests a second, half a second takes fifty of them, which is more than most pools
    /// have, and from then on requests fail that have nothing to do with the table.
    pub lock_limit_ms: f64,
    /// Rows from which on a table is a large one, so that reading, indexing or rewriting it under a
    /// lock is a warning.
    ///
    /// 10,000 where nothing is said: such work takes some microseconds a row, so that a smaller table
    /// is locked for no longer than an ordinary slow request takes.
    pub lock_rows: u64,
    /// Milliseconds of the `lock_timeout` that the deployment sets for the migrating role or session;
    /// nothing where it sets none.
    pub lock_timeout_ms: Option<f64>,
    /// Apply the migration three more times with other sessions at work, and measure what they wait.
    pub with_traffic: bool,
    /// Executions a second that each of those sessions begins.
    pub traffic_rate: f64,
}

impl Default for RegressConfig {
    fn default() -> Self {
        RegressConfig {
            migration: None,
            base: None,
            parameter_sets: 3,
            blocks_percent: 10.0,
            blocks_min: 16,
            baselines: "baselines".to_owned(),
            sessions: 10,
            pairs: 20,
            budget_s: 20.0,
            transaction: MigrationTransaction::File,
            lock_limit_ms: 500.0,
            lock_rows: 10_000,
            lock_timeout_ms: None,
            with_traffic: false,
            traffic_rate: 50.0,
        }
    }
}

/// How a migration tool runs the statements of a file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum MigrationTransaction {
    /// All in one transaction, as sqlx, golang-migrate, Flyway, dbmate, refinery and Prisma do.
    #[default]
    File,
    /// Each in one of its own, as psql does.
    Statement,
}

impl RegressConfig {
    /// Refuses values that have no sense.
    pub(super) fn check(&self, file: &str, text: &str) -> Result<(), Box<InputError>> {
        let wrong = |key: &str, message: &str| {
            Err(InputError::at(
                format!("`{key}` {message}"),
                place_of_key(file, text, key),
            ))
        };
        if !self.blocks_percent.is_finite() || self.blocks_percent < 0.0 {
            return wrong("blocks_percent", "must be a percentage of 0 or more");
        }
        if !self.budget_s.is_finite() || self.budget_s < 0.0 {
            return wrong("budget_s", "must be a number of seconds, 0 or more");
        }
        if self.migration.is_some() && self.base.is_some() {
            return wrong("base", "and `migration` each name a change: leave one away");
        }
        if !positive(self.lock_limit_ms) {
            return wrong("lock_limit_ms", "must be a number of milliseconds above 0");
        }
        if self
            .lock_timeout_ms
            .is_some_and(|ms| !positive(ms) || ms < 1.0)
        {
            return wrong(
                "lock_timeout_ms",
                "must be a number of milliseconds, 1 or more",
            );
        }
        if !positive(self.traffic_rate) || self.traffic_rate > MOST_TRAFFIC {
            return wrong(
                "traffic_rate",
                "must be a number of executions a second above 0 and up to 1000",
            );
        }
        Ok(())
    }
}

/// Each of up to a dozen probes begins so many executions a second at the most; more would measure
/// dbproof.
const MOST_TRAFFIC: f64 = 1000.0;
