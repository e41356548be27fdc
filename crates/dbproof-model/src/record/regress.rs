//! What the `regress` scenario saw: [`RegressRecord`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::migration::MigrationRecord;
use crate::{BaselinesRecord, Location, Verdict};

/// What the `regress` scenario saw.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RegressRecord {
    /// The verdict over all queries.
    pub verdict: Verdict,
    /// What lies between before and after, such as the migration's file.
    pub change: String,
    /// How the change was applied.
    pub migration: Option<MigrationRecord>,
    /// One entry a monitored query.
    pub queries: Vec<RegressQuery>,
    /// Today's plans against the accepted ones; absent in records of earlier versions.
    #[serde(default)]
    pub baselines: Option<BaselinesRecord>,
    /// What the times of this run are worth.
    #[serde(default)]
    pub timing: Option<RunTiming>,
}

/// What the times of a run are worth, shown by a comparison of two identical sides.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RunTiming {
    /// Whether client and backends were pinned to one processor. Unpinned, only 40 to 62 % of true
    /// effects of 14 to 19 % are found.
    pub pinned: bool,
    /// What the comparison of two identical databases came to; anything but `same` or
    /// `inconclusive` means that this machine cannot tell.
    pub control: TimingOutcome,
    /// Its ratio with its interval.
    pub control_ratio: Option<Interval>,
    /// Whether time decides anything in this run.
    pub gates: bool,
}

/// What the times of a query prove.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TimingOutcome {
    /// Slower after than before.
    Slower,
    /// Faster after than before.
    Faster,
    /// Neither by as much as matters: the interval lies within ±10 %.
    Same,
    /// Too noisy to tell.
    Inconclusive,
    /// The query takes too long for the time that measuring may take.
    NotMeasured,
}

impl TimingOutcome {
    /// The outcome as it is written in the run record.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            TimingOutcome::Slower => "slower",
            TimingOutcome::Faster => "faster",
            TimingOutcome::Same => "same",
            TimingOutcome::Inconclusive => "inconclusive",
            TimingOutcome::NotMeasured => "not-measured",
        }
    }
}

/// The times of one query before and after.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct QueryTiming {
    /// What they prove; `slower` and `faster` are confirmed by a second, independent measurement.
    pub outcome: TimingOutcome,
    /// Sessions that were compared, each with connections of its own.
    pub sessions: u64,
    /// Pairs of executions in all sessions.
    pub pairs: u64,
    /// The median of after − before over all pairs, in milliseconds.
    pub difference_ms: Option<f64>,
    /// The p-value of "slower by more than 5 %".
    pub p_slower: Option<f64>,
    /// The p-value of "faster by more than 5 %".
    pub p_faster: Option<f64>,
    /// Whether client and backends shared one processor. They do not where the server is not ours, and
    /// where the statement is meant to run with parallel workers; smaller effects are then missed.
    #[serde(default)]
    pub pinned: Option<bool>,
}

/// What became of a query between before and after.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum RegressVerdict {
    /// Less work than before.
    Improved,
    /// More work than before, or other rows.
    Regressed,
    /// Another plan of about the same work.
    Changed,
    /// The same plan and the same work.
    Unchanged,
    /// Not checked, or not enough to tell.
    Inconclusive,
}

impl RegressVerdict {
    /// The verdict as it is written in the run record.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            RegressVerdict::Improved => "improved",
            RegressVerdict::Regressed => "regressed",
            RegressVerdict::Changed => "changed",
            RegressVerdict::Unchanged => "unchanged",
            RegressVerdict::Inconclusive => "inconclusive",
        }
    }
}

/// One query before and after.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RegressQuery {
    /// The query's name.
    pub name: String,
    /// Where it is defined.
    pub location: Option<Location>,
    /// The plan and work before; null where the query fails there.
    pub before: Option<PlanSummary>,
    /// The plan and work after; null where the query fails there.
    pub after: Option<PlanSummary>,
    /// What differs between the two trees.
    pub changes: Vec<PlanChange>,
    /// After divided by before.
    pub ratio: Ratios,
    /// The verdict for this query.
    pub verdict: RegressVerdict,
    /// Why, in a few words each.
    pub reasons: Vec<String>,
    /// What the times prove; absent where one side could not be executed.
    #[serde(default)]
    pub timing: Option<QueryTiming>,
    /// The label of the parameter set that decided, which is the one that `before` and `after` show.
    #[serde(default)]
    pub parameter_set: Option<String>,
    /// Which plan a client gets that prepares the statement and executes it often; absent where it
    /// has no parameters.
    #[serde(default)]
    pub prepared: Option<PreparedPlans>,
    /// Every parameter set that was compared, since a plan can be right for one and wrong for
    /// another.
    #[serde(default)]
    pub sets: Vec<ParameterSet>,
}

/// Which plan the server settles on for a prepared statement, after more than five executions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PreparedPlans {
    /// Before the change.
    pub before: PlanChoice,
    /// After the change.
    pub after: PlanChoice,
}

/// One of the two plans that a prepared statement can have (PostgreSQL documentation, "PREPARE").
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum PlanChoice {
    /// Made for the parameters' values.
    Custom,
    /// Made once, for any values.
    Generic,
}

impl PlanChoice {
    /// The choice as it is written in the run record.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            PlanChoice::Custom => "custom",
            PlanChoice::Generic => "generic",
        }
    }
}

/// One query with one set of parameter values, before and after.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ParameterSet {
    /// `typical`, `typical 2`, …: as the parameters' sources draw them; `heavy`: the most common
    /// values of the columns; `none`: values that no row has. With `, prepared` behind it: with the
    /// plans that the server settles on for a prepared statement.
    pub label: String,
    /// Which plans are shown.
    pub plans: PreparedPlans,
    /// The plan and work before.
    pub before: PlanSummary,
    /// The plan and work after.
    pub after: PlanSummary,
    /// What differs between the two trees.
    pub changes: Vec<PlanChange>,
    /// After divided by before; times are not taken of each set.
    pub ratio: Ratios,
    /// The verdict for this set.
    pub verdict: RegressVerdict,
    /// Why, in a few words each.
    pub reasons: Vec<String>,
}

/// A plan and its work. Counts are totals over the whole plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PlanSummary {
    /// The topmost node's type.
    pub root_node: String,
    /// How each relation is read, in the plan's order.
    pub access: Vec<Access>,
    /// EXPLAIN's execution time in milliseconds.
    pub execution_ms: Option<f64>,
    /// EXPLAIN's planning time in milliseconds.
    pub planning_ms: Option<f64>,
    /// The planner's cost of the whole.
    pub total_cost: f64,
    /// Words that tell the plan from others; absent in records of earlier versions.
    #[serde(default)]
    pub hashes: Option<PlanHashes>,
    /// Blocks found in shared buffers.
    pub shared_hit_blocks: u64,
    /// Blocks read into shared buffers.
    pub shared_read_blocks: u64,
    /// Spill-file blocks read and written.
    pub temp_blocks: u64,
    /// Rows returned.
    pub rows: f64,
    /// Rows that filters threw away, over all nodes and loops.
    pub rows_removed_by_filter: f64,
    /// EXPLAIN's JSON; values are masked unless `--keep-values` is given.
    pub plan: Value,
}

/// Words that tell plans apart, of 16 hexadecimal digits each. Names are resolved and constants are
/// masked first, so that neither a renamed index nor another value changes them.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct PlanHashes {
    /// Equal where the same relations are read and joined in the same way and order.
    pub shape: String,
    /// Equal where conditions, keys and aliases are the same too.
    pub strict: String,
}

/// How a relation is read.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct Access {
    /// The relation.
    pub relation: String,
    /// The node's type, such as `Index Scan`.
    pub node: String,
    /// The index, where one is used.
    pub index: Option<String>,
}

/// What kind of difference a change is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ChangeKind {
    /// A relation is read in another way.
    Access,
    /// The same relations are joined by another method.
    Join,
    /// Relations are joined in another order.
    JoinOrder,
    /// An aggregate, sort or set operation works in another way.
    Strategy,
    /// A node that was not there before.
    Added,
    /// A node that is gone.
    Removed,
    /// Something spills to disk that did not, or the reverse.
    Spill,
    /// The planner's row estimate is better or worse than it was.
    Estimate,
    /// The same node does more or less work.
    Work,
}

impl ChangeKind {
    /// The kind as it is written in the run record.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            ChangeKind::Access => "access",
            ChangeKind::Join => "join",
            ChangeKind::JoinOrder => "join-order",
            ChangeKind::Strategy => "strategy",
            ChangeKind::Added => "added",
            ChangeKind::Removed => "removed",
            ChangeKind::Spill => "spill",
            ChangeKind::Estimate => "estimate",
            ChangeKind::Work => "work",
        }
    }
}

/// Whether a change is for the better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ChangeEffect {
    /// Less work.
    Better,
    /// More work.
    Worse,
    /// Neither, or not known.
    Neutral,
}

/// One difference between two plan trees.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PlanChange {
    /// What kind of difference it is.
    pub kind: ChangeKind,
    /// The relation, or the set of relations below a join, that it is about.
    pub relation: Option<String>,
    /// What was there before.
    pub from: Option<String>,
    /// What is there after.
    pub to: Option<String>,
    /// Whether that is for the better.
    pub effect: ChangeEffect,
}

/// After divided by before; absent where one side is missing or zero.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Ratios {
    /// Of the client's time over interleaved pairs, with its interval.
    pub time: Option<Interval>,
    /// Of shared blocks, hit and read together.
    pub buffers: Option<f64>,
    /// Of the planner's cost.
    pub cost: Option<f64>,
}

/// An estimate with its interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Interval {
    /// The estimate.
    pub estimate: f64,
    /// The lower bound, where the samples suffice for one.
    pub low: Option<f64>,
    /// The upper bound, where the samples suffice for one.
    pub high: Option<f64>,
}
