//! The plans of a query that are to be kept: [`Baseline`], what a file of `baselines/` holds.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The plans of one query, by the set of parameters that they are for. Nothing in it differs from
/// run to run on the same base: no cost, time, date, machine or parameter value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Baseline {
    /// The query's name.
    pub query: String,
    /// A digest of the statement and its parameter sources, so that an edited query is told apart
    /// from a plan that moved.
    pub statement: String,
    /// What the plans were taken on.
    pub base: BaselineBase,
    /// One entry a set of parameters.
    pub sets: Vec<BaselineSet>,
}

/// What plans depend on beside the statement and the schema.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct BaselineBase {
    /// Engine and major version: `postgresql 15`.
    pub server: String,
    /// The database's collation, which decides whether an index serves a LIKE.
    pub collation: String,
    /// The seed of data and parameters.
    pub seed: u64,
    /// What the rows of every scaled table are multiplied by.
    pub scale: f64,
    /// A digest of the files of `data/`, comments left out; absent where there are none.
    pub data: Option<String>,
    /// Planner and memory settings that are not at their built-in defaults.
    pub settings: BTreeMap<String, String>,
    /// Rows of each relation that the plans read, as the planner's statistics have it.
    pub relations: BTreeMap<String, u64>,
}

/// The plan for one set of parameters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BaselineSet {
    /// The set's label, such as `typical`.
    pub label: String,
    /// Its plan.
    pub plan: BaselinePlan,
}

/// A plan as a baseline keeps it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BaselinePlan {
    /// Rows returned; absent where the statement asks for the time or for chance, so that they
    /// differ from run to run.
    pub rows: Option<u64>,
    /// A short digest of the parameter values, which tells that they are others and not which they
    /// are; absent where there are none.
    #[serde(default)]
    pub values: Option<String>,
    /// Shared blocks, hit and read together, those of triggers included.
    pub blocks: u64,
    /// Spill blocks, read and written.
    pub spill_blocks: u64,
    /// One line a node, two spaces for each level below the root, then one a trigger.
    pub nodes: Vec<String>,
}
