//! Everything that one run saw: [`RunRecord`].

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    DeadlockRecord, Finding, NPlusOneRecord, RegressRecord, Severity, SlowRecord, Verdict,
    WatchRecord,
};

/// The name and version of the run record's format.
pub const RECORD_SCHEMA: &str = "dbproof.run/1";

/// Everything that one run saw. Fields may be added; none changes its meaning within `/1`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RunRecord {
    /// Always `dbproof.run/1`.
    pub schema: String,
    /// The tool that made the record.
    pub tool: Tool,
    /// Names this run among all others.
    pub run_id: String,
    /// The project's name from `dbproof.toml`.
    pub project: Option<String>,
    /// The configuration that asked for the run, such as `dbproof.toml`, relative to its own folder;
    /// absent where none was read.
    #[serde(default)]
    pub configuration: Option<String>,
    /// When the run began, RFC 3339 in UTC.
    pub started_at: String,
    /// How long it took, in milliseconds.
    pub duration_ms: f64,
    /// The seed of data and parameters.
    pub seed: u64,
    /// The revision of the project's checkout, if it is one.
    pub git: Option<Git>,
    /// The machine that dbproof ran on.
    pub host: Host,
    /// The server that was measured.
    pub server: Server,
    /// The verdict of the whole run.
    pub verdict: Verdict,
    /// What was found, the most severe first.
    pub findings: Vec<Finding>,
    /// What each scenario saw.
    pub scenarios: Scenarios,
}

impl RunRecord {
    /// The number of findings of this severity.
    #[must_use]
    pub fn count(&self, severity: Severity) -> usize {
        self.findings
            .iter()
            .filter(|f| f.severity == severity)
            .count()
    }
}

/// The tool that made the record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Tool {
    /// dbproof's version.
    pub version: String,
}

/// The revision of a git checkout.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Git {
    /// The full commit hash.
    pub commit: String,
    /// The branch, unless the head is detached.
    pub branch: Option<String>,
    /// Whether the work tree differs from the commit.
    pub dirty: bool,
    /// The project's folder within the checkout, such as `services/shop`; empty at its root. What
    /// the record says of files is relative to it.
    #[serde(default)]
    pub folder: String,
}

/// The machine that dbproof ran on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Host {
    /// Processors available to dbproof.
    pub cores: usize,
    /// Operating system and architecture, such as `linux x86_64`.
    pub os: String,
    /// The one-minute load average when the run began, where the system tells.
    pub load: Option<f64>,
}

/// The server that was measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Server {
    /// `postgresql`.
    pub engine: String,
    /// The version as the server tells it, such as `15.18`.
    pub version: String,
    /// The settings that differ from the server's built-in defaults, and those that decide about
    /// plans and durability.
    pub settings: BTreeMap<String, String>,
    /// Whether dbproof started the server itself and threw it away afterwards.
    pub ephemeral: bool,
}

/// What each scenario saw; absent where it did not run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Scenarios {
    /// Critical queries under a threshold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slow: Option<SlowRecord>,
    /// Plans before and after a schema change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub regress: Option<RegressRecord>,
    /// One query, and then N more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nplusone: Option<NPlusOneRecord>,
    /// Transactions that lock in reverse order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadlock: Option<DeadlockRecord>,
    /// What passed by while an application ran.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub watch: Option<WatchRecord>,
}

impl Scenarios {
    /// The verdicts of the scenarios that ran, in the order in which they are reported.
    #[must_use]
    pub fn verdicts(&self) -> Vec<(&'static str, Verdict)> {
        let all = [
            ("slow", self.slow.as_ref().map(|s| s.verdict)),
            ("regress", self.regress.as_ref().map(|s| s.verdict)),
            ("nplusone", self.nplusone.as_ref().map(|s| s.verdict)),
            ("deadlock", self.deadlock.as_ref().map(|s| s.verdict)),
            ("watch", self.watch.as_ref().map(|s| s.verdict)),
        ];
        all.into_iter()
            .filter_map(|(name, verdict)| Some((name, verdict?)))
            .collect()
    }
}
