//! What differs between two run records: [`compare`].

mod compare;
mod draw;

use dbproof_model::{Finding, RegressVerdict, Severity};

pub use compare::compare;
pub use draw::{markdown, terminal};

/// What differs between two run records.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Delta {
    /// Why figures of the two runs cannot be held against each other; empty where they can.
    pub incomparable: Vec<String>,
    /// Findings of the head that the base does not have.
    pub new: Vec<Finding>,
    /// Findings of the base that are gone; those of a scenario that did not run in the head are in
    /// `unchecked` instead.
    pub gone: Vec<Finding>,
    /// Findings of both.
    pub remaining: Vec<Remaining>,
    /// Findings of the base that the head did not look for.
    pub unchecked: Vec<Finding>,
    /// Latency of the queries, as far as both or either measured them.
    pub slow: Vec<SlowChange>,
    /// Queries whose verdict about the schema change is another one.
    pub regress: Vec<RegressChange>,
    /// Repeated statements that are in one of the runs alone.
    pub groups: Vec<GroupChange>,
    /// What deadlocks cost, a shape and `deadlock_timeout`.
    pub deadlock: Vec<DeadlockChange>,
}

impl Delta {
    /// Whether there is an error that the base does not have: a new finding, or an old one that
    /// has become an error.
    #[must_use]
    pub fn has_new_errors(&self) -> bool {
        let worse = self.remaining.iter().filter(|r| r.was < r.finding.severity);
        self.new
            .iter()
            .chain(worse.map(|r| &r.finding))
            .any(|finding| finding.severity == Severity::Error)
    }
}

/// A finding of both runs.
#[derive(Debug, Clone, PartialEq)]
pub struct Remaining {
    /// The finding as the head has it.
    pub finding: Finding,
    /// Its severity in the base.
    pub was: Severity,
}

/// A figure of both runs.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct FigureChange {
    /// The base's.
    pub base: Option<f64>,
    /// The head's.
    pub head: Option<f64>,
}

impl FigureChange {
    /// Head divided by base, where both are there and the base is not zero.
    #[must_use]
    pub fn ratio(&self) -> Option<f64> {
        match (self.base, self.head) {
            (Some(base), Some(head)) if base > 0.0 => Some(head / base),
            _ => None,
        }
    }
}

/// The latency of a query in both runs, in milliseconds.
#[derive(Debug, Clone, PartialEq)]
pub struct SlowChange {
    /// The query's name.
    pub name: String,
    /// Its mean.
    pub avg_ms: FigureChange,
    /// Its median.
    pub p50_ms: FigureChange,
    /// Its 95th percentile.
    pub p95_ms: FigureChange,
}

/// A query whose verdict about the schema change is another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegressChange {
    /// The query's name.
    pub name: String,
    /// The base's verdict, if it compared the query.
    pub base: Option<RegressVerdict>,
    /// The head's verdict, if it compared the query.
    pub head: Option<RegressVerdict>,
}

/// A repeated statement that is in one of the runs alone, or is something else now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupChange {
    /// The statement without its values.
    pub template: String,
    /// The base's verdict and executions, if it saw the group.
    pub base: Option<(dbproof_model::GroupVerdict, u64)>,
    /// The head's verdict and executions, if it saw the group.
    pub head: Option<(dbproof_model::GroupVerdict, u64)>,
}

/// What a deadlock shape cost in both runs.
#[derive(Debug, Clone, PartialEq)]
pub struct DeadlockChange {
    /// The shape's name.
    pub name: String,
    /// The server's `deadlock_timeout`, in milliseconds.
    pub deadlock_timeout_ms: f64,
    /// Deadlocks as a share of runs.
    pub deadlock_share: FigureChange,
    /// Median outage, in milliseconds.
    pub outage_ms: FigureChange,
    /// Median time until the victim had committed by retry, in milliseconds.
    pub recover_ms: FigureChange,
    /// 95th percentile of bystanders queued on the cycle, in milliseconds.
    pub queued_ms: FigureChange,
}
