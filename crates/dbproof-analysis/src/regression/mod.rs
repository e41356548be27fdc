//! The judgement of one query before and after a change: [`judge`].
//!
//! Deterministic signals decide: blocks, spill blocks, rows and the shape of the plan. Times are
//! no part of it; see [`crate::comparison`].

use dbproof_model::{Finding, Location, Plan, PlanChange, RegressVerdict};

/// A query's plan and result on one side of the change.
#[derive(Debug, Clone, PartialEq)]
pub struct Side {
    /// The analysed plan.
    pub plan: Plan,
    /// The number of rows returned.
    pub row_count: f64,
    /// A digest of the result's rows, where it is known. Two sides that both have one must agree.
    pub rows_digest: Option<u64>,
}

/// How much more or less work counts as a change.
#[derive(Debug, Clone, PartialEq)]
pub struct Tolerances {
    /// Blocks must differ by more than this many percent of before …
    pub blocks_percent: f64,
    /// … and by at least this many blocks.
    pub blocks_min: u64,
}

impl Default for Tolerances {
    fn default() -> Self {
        Tolerances {
            blocks_percent: 10.0,
            blocks_min: 16,
        }
    }
}

/// What became of a query, and why.
#[derive(Debug, Clone, PartialEq)]
pub struct Judgement {
    /// The verdict.
    pub verdict: RegressVerdict,
    /// What differs between the plans.
    pub changes: Vec<PlanChange>,
    /// What is to be said about it.
    pub findings: Vec<Finding>,
    /// Why, in a few words each.
    pub reasons: Vec<String>,
    /// Shared blocks (hit and read) after divided by before; absent where one is 0.
    pub buffers_ratio: Option<f64>,
    /// The planner's cost after divided by before; it explains, and decides nothing.
    pub cost_ratio: Option<f64>,
}

/// Judges a query by its work before and after.
#[must_use]
pub fn judge(
    _query_name: &str,
    _location: Option<Location>,
    _before: &Side,
    _after: &Side,
    _tolerances: &Tolerances,
) -> Judgement {
    Judgement {
        verdict: RegressVerdict::Inconclusive,
        changes: Vec::new(),
        findings: Vec::new(),
        reasons: Vec::new(),
        buffers_ratio: None,
        cost_ratio: None,
    }
}
