//! What the `deadlock` scenario saw: [`DeadlockRecord`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Verdict;
use crate::record::prediction::{DeadlockPrediction, PredictionCoverage};

/// What the `deadlock` scenario saw.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DeadlockRecord {
    /// The verdict over all shapes and predictions.
    pub verdict: Verdict,
    /// One entry a shape and `deadlock_timeout`.
    pub shapes: Vec<DeadlockShape>,
    /// Deadlocks predicted from captured transactions.
    pub predictions: Vec<DeadlockPrediction>,
    /// What the prediction saw and what it could not do; null where nothing was to be predicted from.
    #[serde(default)]
    pub prediction: Option<PredictionCoverage>,
    /// Many clients on few rows, where that was asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub storms: Vec<DeadlockStorm>,
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
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DeadlockShape {
    /// The shape's name.
    pub name: String,
    /// What happens, in a sentence.
    #[serde(default)]
    pub summary: String,
    /// How each run is expected to end.
    #[serde(default)]
    pub expected: DeadlockExpectation,
    /// In how many runs it ended so; null in records of versions that did not count this.
    #[serde(default)]
    pub as_expected: Option<u64>,
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
    /// In how many runs with a deadlock the victim was the one that the rule names: the first
    /// waiter whose `deadlock_timeout` ends after the cycle is closed, or, where the cycle is seen
    /// at once, the one that closes it.
    #[serde(default)]
    pub victims_as_predicted: Option<u64>,
    /// The first 40P01, from t0.
    pub detect_ms: Durations,
    /// The victim's 40P01, from the request that had to wait.
    #[serde(default)]
    pub victim_wait_ms: Durations,
    /// How long a soft deadlock, or one that the server cannot see, kept everyone: from t0 until
    /// the queue was reordered, or until the waiting statement was ended from outside.
    #[serde(default)]
    pub stalled_ms: Durations,
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
    /// Write-ahead log that one victim's attempt writes for nothing, in bytes, and the dead tuples
    /// that it leaves; measured by running the victim's steps before the deadlock alone, to a
    /// ROLLBACK.
    #[serde(default)]
    pub wasted_wal_bytes: Option<u64>,
    /// The dead tuples of that attempt.
    #[serde(default)]
    pub wasted_dead_tuples: Option<u64>,
    /// Write-ahead log written over all runs, in bytes.
    pub wal_bytes: Option<u64>,
    /// Committed transactions a second over all runs.
    pub throughput_per_second: f64,
    /// Whether a survivor went on while the victim had its error and had not sent its ROLLBACK
    /// yet; tried once.
    #[serde(default)]
    pub released_before_rollback: Option<bool>,
    /// Retries from a savepoint after the deadlock, where the shape has some.
    #[serde(default)]
    pub savepoint: Option<SavepointRetries>,
    /// What each way to try again costs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub policies: Vec<RetryPolicyCost>,
    /// Sessions that had no part in the cycle.
    pub bystanders: Bystanders,
    /// The same transactions with their locks taken in one order.
    pub control: Option<DeadlockControl>,
    /// The transactions as they should be written.
    #[serde(default)]
    pub mended: Option<DeadlockControl>,
    /// Who waited for whom, with which statements.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub participants: Vec<DeadlockParticipant>,
    /// The first run that ended as expected, on a line of time.
    #[serde(default)]
    pub timeline: Option<DeadlockTimeline>,
}

/// How each run of a shape is expected to end.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum DeadlockExpectation {
    /// One transaction gets 40P01 once a `deadlock_timeout` is over.
    #[default]
    Deadlock,
    /// The server mends the cycle by reordering a queue, after a `deadlock_timeout` and without an
    /// error.
    Soft,
    /// The request that closes the cycle gets 40P01 at once, whatever the timeout.
    Immediate,
    /// A part of the cycle is outside of the server, which sees nothing and waits on.
    Invisible,
    /// No deadlock.
    None,
    /// Nothing is said beforehand; what happened is told.
    Any,
}

impl DeadlockExpectation {
    /// The word that the record uses.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            DeadlockExpectation::Deadlock => "deadlock",
            DeadlockExpectation::Soft => "soft",
            DeadlockExpectation::Immediate => "immediate",
            DeadlockExpectation::Invisible => "invisible",
            DeadlockExpectation::None => "none",
            DeadlockExpectation::Any => "any",
        }
    }

    /// Whether a client is expected to see 40P01.
    #[must_use]
    pub fn is_error(self) -> bool {
        matches!(
            self,
            DeadlockExpectation::Deadlock | DeadlockExpectation::Immediate
        )
    }
}

/// Retries from a savepoint that was set after the first lock.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SavepointRetries {
    /// How often `ROLLBACK TO SAVEPOINT` and the statement were tried.
    pub tried: u64,
    /// How often that came through.
    pub rescued: u64,
}

/// What one way to try again after a deadlock costs.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RetryPolicyCost {
    /// `none`, `immediate` or `jittered` (a uniform share of 10 ms that doubles each time).
    pub policy: String,
    /// How often the shape was run.
    pub runs: u64,
    /// Every 40P01 that clients saw.
    pub deadlocks: u64,
    /// Transactions whose work never got committed.
    pub lost: u64,
    /// Attempts until the victim's work was committed, or given up (a count).
    pub attempts: Durations,
    /// Everything over, committed or given up, from t0.
    pub outage_ms: Durations,
}

/// One side of a cycle.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DeadlockParticipant {
    /// The session that waited.
    pub session: String,
    /// Its statement, literals masked unless they are kept.
    pub statement: String,
    /// The statement as the server's log has it, where that could be read.
    pub logged_statement: Option<String>,
    /// The lock that it asked for: mode and object, as `pg_locks` names them.
    pub lock: Option<String>,
    /// The session that it waited for.
    pub blocked_by: String,
    /// The statement by which that session took the lock; the server names only what waits. Found
    /// by running the holder's statements again until the waiting one is blocked.
    pub held_by_statement: Option<String>,
}

/// One run on a line of time; milliseconds from its first statement.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DeadlockTimeline {
    /// The run, counted from 1.
    pub run: u64,
    /// The request that closed the cycle was sent.
    pub closed_ms: Option<f64>,
    /// The first 40P01 arrived, or the stall ended.
    pub ended_ms: Option<f64>,
    /// Everything was over.
    pub duration_ms: f64,
    /// What each session did, in order.
    pub sessions: Vec<TimelineSession>,
}

/// What a session did.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TimelineSession {
    /// The session's name.
    pub name: String,
    /// Its statements, in order.
    pub spans: Vec<TimelineSpan>,
}

/// A statement, from its request to its answer.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TimelineSpan {
    /// `run`, `wait`, `rollback`, `savepoint`, `retry` or `commit`.
    pub kind: String,
    /// Its statement, literals masked unless they are kept.
    pub statement: String,
    /// The request was sent.
    pub from_ms: f64,
    /// The answer arrived.
    pub to_ms: f64,
    /// Who it was seen waiting for.
    pub blocked_by: Vec<String>,
    /// The lock that it waited for.
    pub lock: Option<String>,
    /// `done`, or the SQLSTATE of its error.
    pub outcome: String,
}

/// Many clients that change few rows, in one order of the rows and at one `deadlock_timeout`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DeadlockStorm {
    /// `sorted` or `unsorted`: the order in which each transaction takes its rows.
    pub order: String,
    /// The server's `deadlock_timeout`, in milliseconds.
    pub deadlock_timeout_ms: f64,
    /// Clients.
    pub clients: u64,
    /// Rows that they share.
    pub hot_rows: u64,
    /// Rows that each transaction changes.
    pub rows_per_transaction: u64,
    /// For how long, in milliseconds, over all turns.
    pub duration_ms: f64,
    /// Transactions committed.
    pub commits: u64,
    /// Committed transactions a second.
    pub throughput_per_second: f64,
    /// Deadlock errors that clients saw.
    pub deadlocks: u64,
    /// Deadlock errors a second.
    pub deadlocks_per_second: f64,
    /// How far `pg_stat_database.deadlocks` went up meanwhile.
    pub server_deadlocks: Option<u64>,
    /// A transaction from its first BEGIN to its COMMIT, retries included.
    pub transaction_ms: Latency,
    /// A session that works in the same table on other rows, before the storm.
    pub bystander_baseline_ms: Latency,
    /// The same session during the storm, from each request's intended start.
    pub bystander_ms: Latency,
}

/// The latencies of many requests, in milliseconds. Null when `n` is 0.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Latency {
    /// The number of requests.
    pub n: u64,
    /// The median.
    pub p50: Option<f64>,
    /// The 95th percentile.
    pub p95: Option<f64>,
    /// The 99th percentile.
    pub p99: Option<f64>,
    /// The longest.
    pub max: Option<f64>,
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
    /// During the deadlocks, queued on an object of the cycle: a request that starts when the cycle
    /// is closed.
    pub queued_ms: Durations,
    /// During the deadlocks, on another table.
    #[serde(default)]
    pub uninvolved_ms: Durations,
    /// The baseline of `uninvolved_ms`.
    #[serde(default)]
    pub uninvolved_baseline_ms: Durations,
    /// The baseline of `queued_ms`.
    #[serde(default)]
    pub queued_baseline_ms: Durations,
    /// What the deadlocks added to each class.
    #[serde(default)]
    pub excess: BystanderExcess,
}

/// What the deadlocks added to the latency of bystanders: a percentile during the deadlocks minus the
/// same one of the baseline, in milliseconds. It can be below 0 by chance.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct BystanderExcess {
    /// 95th percentile, on another table.
    pub uninvolved_p95_ms: Option<f64>,
    /// 95th percentile, same table, other rows.
    pub same_table_p95_ms: Option<f64>,
    /// Median, queued on an object of the cycle.
    pub queued_p50_ms: Option<f64>,
    /// 95th percentile, queued on an object of the cycle.
    pub queued_p95_ms: Option<f64>,
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
