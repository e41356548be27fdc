//! What `dbproof seed` did: [`SeedRecord`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Tool, Verdict};

/// The name and version of the seed record's format.
pub const SEED_SCHEMA: &str = "dbproof.seed/1";

/// What `dbproof seed` did. Fields may be added; none changes its meaning within `/1`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SeedRecord {
    /// Always `dbproof.seed/1`.
    pub schema: String,
    /// The tool that made the record.
    pub tool: Tool,
    /// The project's name from `dbproof.toml`.
    pub project: Option<String>,
    /// How long it took, in milliseconds: database, schema, rows, indexes, keys, statistics, check.
    pub duration_ms: f64,
    /// The seed of the data.
    pub seed: u64,
    /// What the rows of every scaled table were multiplied by.
    pub scale: f64,
    /// The server's version, such as `15.18`.
    pub server_version: String,
    /// The database that was filled.
    pub database: String,
    /// Its URL, without the password.
    pub url: String,
    /// Whether it was there before.
    pub in_place: bool,
    /// What was filled, parents first.
    pub tables: Vec<SeedTable>,
    /// `fail` where a check differs, `inconclusive` where nothing could be checked.
    pub verdict: Verdict,
    /// The planner's statistics against what was asked for.
    pub checks: Vec<SeedCheck>,
}

/// What was loaded into one table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SeedTable {
    /// The table, as `data/*.toml` names it.
    pub table: String,
    /// Rows that the server has taken.
    pub rows: u64,
    /// From the first byte to the last, in milliseconds, without indexes and keys. Tables are
    /// loaded at the same time, so that these do not add up to the whole.
    pub duration_ms: f64,
}

/// One statistic of one column against what was asked for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SeedCheck {
    /// The table, as `data/*.toml` names it.
    pub table: String,
    /// The column; empty for what concerns the whole table.
    pub column: String,
    /// The statistic: `rows`, `nulls`, `distinct values`, `children a parent`, `frequency of …`,
    /// `correlation`, `median`.
    pub statistic: String,
    /// What was asked for.
    pub asked: Option<f64>,
    /// The least that sampling leaves room for.
    pub low: Option<f64>,
    /// The most that sampling leaves room for.
    pub high: Option<f64>,
    /// What the planner's statistics say.
    pub found: Option<f64>,
    /// How the two compare.
    pub outcome: CheckOutcome,
    /// Why it was not checked, or what differs where figures do not tell.
    pub reason: Option<String>,
}

/// How a statistic compares with what was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum CheckOutcome {
    /// Within the sampling error.
    Ok,
    /// Beyond the sampling error.
    Differs,
    /// Nothing to compare; the reason is said.
    NotChecked,
}

impl CheckOutcome {
    /// The outcome as reports show it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            CheckOutcome::Ok => "ok",
            CheckOutcome::Differs => "differs",
            CheckOutcome::NotChecked => "not checked",
        }
    }
}
