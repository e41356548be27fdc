//! What `dbproof watch` saw pass by: [`WatchRecord`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{ThresholdSource, Verdict};

/// What `dbproof watch` saw pass by. Statements stand here without their values.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct WatchRecord {
    /// Whether anything was captured, and all of it.
    pub verdict: Verdict,
    /// Where the statements were read from.
    #[serde(default)]
    pub source: TrafficSource,
    /// The files that were read, where files were.
    #[serde(default)]
    pub files: Vec<String>,
    /// The command and its arguments, passwords left out; empty where the application was started
    /// elsewhere.
    pub command: Vec<String>,
    /// How the command ended.
    pub exit: Option<CommandExit>,
    /// What ended the watch.
    pub ended: WatchEnd,
    /// The watched server, as `host:port` or the path of its socket.
    pub server: String,
    /// Where dbproof listened, as `host:port`.
    pub listened: String,
    /// The variables that the command was given to be led there.
    pub pointed: Vec<PointedVariable>,
    /// The time from the start of the command, or of listening, to the end, in milliseconds.
    pub duration_ms: f64,
    /// Sessions (connections) captured.
    pub sessions: u64,
    /// Statements captured.
    pub executions: u64,
    /// Whether everything that passed was read.
    pub complete: bool,
    /// Events that were seen but could not be kept.
    pub dropped: u64,
    /// Why the capture is incomplete, each reason once.
    pub reasons: Vec<String>,
    /// What else happened between the application and the server: connections that came to nothing,
    /// sessions without statements.
    #[serde(default)]
    pub notes: Vec<String>,
    /// The databases that sessions were connected to, in the order of first use.
    pub databases: Vec<WatchedDatabase>,
    /// The statements that took the most time together, without their values; the most first.
    pub templates: Vec<TemplateTotal>,
    /// The templates that are not listed, and what they come to.
    pub others: OtherTemplates,
    /// A statement that takes at least so long is slow, in milliseconds.
    pub threshold_ms: f64,
    /// Where the threshold was set.
    pub threshold_source: ThresholdSource,
    /// The slow statements, the slowest first.
    pub slow: Vec<SlowStatement>,
    /// The statements that the server refused, the most frequent first.
    pub failed: Vec<FailedStatement>,
    /// A transaction that waits for its application for at least so long was left idle, in
    /// milliseconds.
    pub idle_limit_ms: f64,
    /// The transactions that were left idle, by the statement that they were left after; the longest
    /// first.
    pub idle: Vec<IdleTransaction>,
}

/// Where statements were read from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TrafficSource {
    /// The traffic between application and server.
    #[default]
    Wire,
    /// A trace of such traffic, kept by `--save-trace`.
    Trace,
    /// The server's log, in which there are no results.
    Log,
    /// The counters of `pg_stat_statements`, which know neither values nor order.
    PgStatStatements,
}

/// What ended a watch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum WatchEnd {
    /// The command ended.
    Command,
    /// The time of `--for` was over.
    Duration,
    /// Ctrl-C or SIGTERM.
    Interrupt,
    /// The files were read to their end.
    Source,
}

/// How a command ended: with a code, or by a signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CommandExit {
    /// Its exit code.
    pub code: Option<i32>,
    /// The number of the signal that ended it.
    pub signal: Option<i32>,
}

/// A variable of the command's environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PointedVariable {
    /// Its name.
    pub name: String,
    /// What was done with it, without any password.
    pub to: String,
}

/// A database that sessions were connected to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WatchedDatabase {
    /// Its name.
    pub name: String,
    /// Sessions of it.
    pub sessions: u64,
    /// Statements executed in it.
    pub executions: u64,
    /// Whether its catalog was read. Without it no N+1 is proven through a foreign key.
    pub catalog_read: bool,
    /// Why its catalog could not be read, the last time that it was tried.
    pub catalog_error: Option<String>,
}

/// All executions of one statement without its values. Times in milliseconds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TemplateTotal {
    /// The statement.
    pub template: String,
    /// How often it was executed.
    pub executions: u64,
    /// The rows that it returned or wrote, over all executions.
    pub rows: u64,
    /// The time of all executions.
    pub total_ms: f64,
    /// The mean time of one.
    pub avg_ms: f64,
    /// Its 95th percentile, to within 5 %.
    pub p95_ms: Option<f64>,
    /// The longest.
    pub max_ms: Option<f64>,
    /// Its share of the time of all statements, from 0 to 1.
    pub share: f64,
}

/// What is left out of a list of templates.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OtherTemplates {
    /// How many templates.
    pub templates: u64,
    /// Their executions.
    pub executions: u64,
    /// Their time, in milliseconds.
    pub total_ms: f64,
}

/// A statement that took at least the threshold. Times in milliseconds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SlowStatement {
    /// The statement without its values.
    pub template: String,
    /// How many of its executions were slow.
    pub slow: u64,
    /// How many there were.
    pub executions: u64,
    /// The longest.
    pub max_ms: f64,
    /// Where the longest came from, as the tags of its comment tell.
    #[serde(default)]
    pub from: Vec<String>,
    /// The text of the longest, where values are kept.
    #[serde(default)]
    pub example: Option<String>,
}

/// A statement that the server refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FailedStatement {
    /// The statement without its values.
    pub template: String,
    /// The five characters of the error.
    pub sqlstate: String,
    /// How often.
    pub count: u64,
}

/// Transactions that waited for their application after the same statement.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct IdleTransaction {
    /// The statement before the wait, without its values.
    pub after: String,
    /// How many waits there were.
    pub count: u64,
    /// The longest, in milliseconds.
    pub longest_ms: f64,
    /// Whether the longest ended with the session, the transaction still open.
    pub abandoned: bool,
}
