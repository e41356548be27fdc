//! What the `deadlock` scenario saw: [`DeadlockRecord`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Verdict;

/// What the `deadlock` scenario saw.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DeadlockRecord {
    /// The verdict over all shapes and predictions.
    pub verdict: Verdict,
    /// One entry a shape and `deadlock_timeout`.
    pub shapes: Vec<DeadlockShape>,
    /// Deadlocks predicted from captured transactions.
    pub predictions: Vec<DeadlockPrediction>,
}

/// How long something took over repeated runs, in milliseconds. The times are null when `n` is 0.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Durations {
    /// The number of observations.
    pub n: u64,
    /// The shortest.
    pub min: Option<f64>,
    /// The median.
    pub p50: Option<f64>,
    /// The 95th percentile.
    pub p95: Option<f64>,
    /// The longest.
    pub max: Option<f64>,
}

/// What one deadlock shape cost at one `deadlock_timeout`. Times are the client's monotonic clock;
/// t0 is the moment at which the request that closes the cycle was sent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DeadlockShape {
    /// The shape's name.
    pub name: String,
    /// How often it was run.
    pub runs: u64,
    /// Deadlock errors (SQLSTATE 40P01) that clients saw; more than `runs` where a retry deadlocked
    /// again. `victims` tells in how many runs there was one.
    pub deadlocks: u64,
    /// How far `pg_stat_database.deadlocks` went up meanwhile.
    pub server_deadlocks: Option<u64>,
    /// The server's `deadlock_timeout`, in milliseconds.
    pub deadlock_timeout_ms: f64,
    /// The session that was most often the victim.
    pub victim: Option<String>,
    /// How often each session was the victim.
    pub victims: Vec<DeadlockVictim>,
    /// The first 40P01, from t0.
    pub detect_ms: Durations,
    /// The victim's ROLLBACK, from its 40P01.
    pub abort_ms: Durations,
    /// The survivor's blocked statement done, from the victim's 40P01.
    pub release_ms: Durations,
    /// The victim's COMMIT by retry, from its 40P01.
    pub recover_ms: Durations,
    /// The victim's COMMIT by retry, from t0.
    pub outage_ms: Durations,
    /// Attempts until the victim's work was committed (a count, not a time).
    pub attempts: Durations,
    /// The victim's work thrown away: from its BEGIN to its 40P01.
    pub wasted_work_ms: Durations,
    /// Write-ahead log written over all runs, in bytes.
    pub wal_bytes: Option<u64>,
    /// Committed transactions a second over all runs.
    pub throughput_per_second: f64,
    /// Sessions that had no part in the cycle.
    pub bystanders: Bystanders,
    /// The same transactions with their locks taken in one order.
    pub control: Option<DeadlockControl>,
}

/// How often a session was the victim.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DeadlockVictim {
    /// The session's name in the shape.
    pub session: String,
    /// In how many runs it was the victim.
    pub runs: u64,
}

/// Latency of sessions that had no part in the cycle, from the intended start of each request.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Bystanders {
    /// Before any deadlock, at the same rate.
    pub baseline_ms: Durations,
    /// During the deadlocks, on the same table but other rows.
    pub same_table_ms: Durations,
    /// During the deadlocks, queued on a row of the cycle.
    pub queued_ms: Durations,
}

/// The non-deadlocking control of a shape.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DeadlockControl {
    /// How often it was run.
    pub runs: u64,
    /// Deadlock errors that clients saw; anything but 0 is a finding.
    pub deadlocks: u64,
    /// How far `pg_stat_database.deadlocks` went up meanwhile.
    pub server_deadlocks: Option<u64>,
    /// Both transactions committed, from the moment the second one asked for its first lock.
    pub both_committed_ms: Durations,
    /// Committed transactions a second over all runs.
    pub throughput_per_second: f64,
}

/// A deadlock predicted from captured transactions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DeadlockPrediction {
    /// `confirmed` where the interleaving was run and deadlocked, else `possible`.
    pub verdict: String,
    /// The transactions that take part.
    pub transactions: Vec<String>,
    /// What they lock against each other.
    pub objects: Vec<String>,
    /// What to do.
    pub remedy: String,
}
