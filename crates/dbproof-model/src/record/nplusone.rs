//! What the `nplusone` scenario saw: [`NPlusOneRecord`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Verdict;

/// What the `nplusone` scenario saw.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct NPlusOneRecord {
    /// The verdict over all groups.
    pub verdict: Verdict,
    /// Sessions captured.
    pub sessions: u64,
    /// Statements captured.
    pub executions: u64,
    /// Whether everything that was executed was captured.
    pub complete: bool,
    /// Events that were seen but could not be kept.
    pub dropped: u64,
    /// Why the capture is incomplete, each reason once.
    #[serde(default)]
    pub reasons: Vec<String>,
    /// Repeated executions of one template, the worst first.
    pub groups: Vec<NPlusOneGroup>,
    /// The pages that were run and measured, where dbproof ran them itself.
    #[serde(default)]
    pub pages: Vec<PageMeasurement>,
}

/// What a group of repeated executions is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum GroupVerdict {
    /// An N+1: the values come out of one earlier result, through a known identity.
    Proven,
    /// Many distinct values in one unit of work, but no proof of where they come from.
    Likely,
    /// The same statement with the same values again and again.
    Duplicate,
    /// A writing statement once per row.
    WriteLoop,
    /// Each value comes out of the result before: paging or a walk, not batchable.
    Chain,
}

impl GroupVerdict {
    /// The verdict as it is written in the run record.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            GroupVerdict::Proven => "proven",
            GroupVerdict::Likely => "likely",
            GroupVerdict::Duplicate => "duplicate",
            GroupVerdict::WriteLoop => "write-loop",
            GroupVerdict::Chain => "chain",
        }
    }
}

/// Repeated executions of one template within units of work.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct NPlusOneGroup {
    /// What the group is.
    pub verdict: GroupVerdict,
    /// The repeated statement without its values.
    pub template: String,
    /// How often it was executed.
    pub executions: u64,
    /// How many different values it was executed with.
    pub distinct_values: u64,
    /// The number of sessions that took part.
    pub sessions: u64,
    /// The first of the units of work in which it was seen.
    pub units: Vec<String>,
    /// In how many units of work it was seen.
    #[serde(default)]
    pub unit_count: u64,
    /// Where in the application it comes from, as the tags in its comments tell; the most frequent
    /// first.
    #[serde(default)]
    pub origins: Vec<GroupOrigin>,
    /// The statement that supplied the values.
    pub parent: Option<GroupParent>,
    /// What the loop costs, and what the batched statement costs.
    pub cost: Option<GroupCost>,
    /// What one statement for all values would save, by the network round trip that it is assumed
    /// to spare for each of the others; empty where nothing can be saved.
    #[serde(default)]
    pub savings: Vec<ProjectedSaving>,
    /// What to do.
    pub remedy: String,
    /// The batched statement, where one can be written.
    pub remedy_sql: Option<String>,
    /// Why it is left alone, where the configuration says so; no finding is made of it then.
    #[serde(default)]
    pub ignored: Option<String>,
    /// How the batched statement did beside the loop, where `--prove` asked for it.
    #[serde(default)]
    pub proof: Option<RemedyProof>,
}

/// Where in an application statements come from, as the tags in their comments tell.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct GroupOrigin {
    /// The source file.
    pub file: Option<String>,
    /// The line in it, counted from 1.
    pub line: Option<u32>,
    /// The function.
    pub function: Option<String>,
    /// The route of the request.
    pub route: Option<String>,
    /// The controller that serves it.
    pub controller: Option<String>,
    /// The controller's action.
    pub action: Option<String>,
    /// How many of the group's executions come from there.
    pub executions: u64,
}

/// What one statement instead of a loop would save. Times in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ProjectedSaving {
    /// The network round trip that is added to what was measured.
    pub round_trip_ms: f64,
    /// The time saved, over all units of work, if the one statement takes as long as one of those
    /// that it replaces.
    pub saved_ms: f64,
}

/// A loop and its batched statement, both run on the database under test in one read-only
/// transaction. Times in milliseconds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RemedyProof {
    /// What came of it.
    pub outcome: ProofOutcome,
    /// Why, where that needs saying.
    pub reason: Option<String>,
    /// The statements of the loop that were run.
    pub statements: u64,
    /// The rows that they returned.
    pub rows: u64,
    /// The median time of the whole loop.
    pub looped_ms: Option<f64>,
    /// The median time of the batched statement.
    pub batched_ms: Option<f64>,
}

/// What came of running a loop and its batched statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ProofOutcome {
    /// Both returned the same rows for every value.
    Agrees,
    /// They returned other rows: the statement is not offered.
    Differs,
    /// They were not run, or there was no row to compare.
    NotProven,
}

impl ProofOutcome {
    /// The outcome as it is written in the run record.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            ProofOutcome::Agrees => "agrees",
            ProofOutcome::Differs => "differs",
            ProofOutcome::NotProven => "not-proven",
        }
    }
}

/// The statement whose result supplied the values of a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GroupParent {
    /// The statement without its values.
    pub template: String,
    /// The rows that it returned, over all of its runs.
    pub rows: u64,
    /// The result column that supplied the values, with its relation where that is known.
    pub column: String,
}

/// What a loop costs. Times in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct GroupCost {
    /// Time of all executions of the loop.
    pub looped_ms: Option<f64>,
    /// Time of the batched statement, where it was run.
    pub batched_ms: Option<f64>,
}

/// A page of the sample's access layer, run for real.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PageMeasurement {
    /// The page's name.
    pub page: String,
    /// Which version of it: `looped`, `batched`, …
    pub version: String,
    /// How often the page was run.
    pub runs: u64,
    /// Statements of one run.
    pub statements: u64,
    /// Round trips of one run.
    pub round_trips: u64,
    /// Median wall time of one run, in milliseconds.
    pub wall_ms: f64,
    /// The same with the network round trip of a real deployment added.
    pub projected: Vec<ProjectedTime>,
}

/// What a page would cost at some distance from the database.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ProjectedTime {
    /// The network round trip, in milliseconds.
    pub round_trip_ms: f64,
    /// The page's wall time with that, in milliseconds.
    pub wall_ms: f64,
}
