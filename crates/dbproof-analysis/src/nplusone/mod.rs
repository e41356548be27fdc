//! N+1 detection in what sessions executed: [`Detector`].
//!
//! Executions are read (`reading`), put into their units of work and kept for a while (`window`).
//! When a window is judged (`judge`), each repeated template of a unit is asked where its values come
//! from: out of one earlier result (`fanout`), out of its own result before (`chain`), or from nowhere
//! that was seen (`repetition`); what no unit explains is searched for children that a pool spread
//! over several units (`spread`), and for those of such children (`nested`), whose pauses are judged
//! by `pace`. Requests that follow each other within a burst are told apart first
//! (`pauses`). Which columns hold the same kind of value is told by the catalog
//! (`identity`), or by the traffic itself where no catalog does (`learned`). What was seen of one
//! template and one parent is put together over all windows (`accumulate`), and becomes one group and
//! one finding at the end (`groups`), with the batched statement where one can be written (`remedy`).
//! Where there is nothing but counters, [`counted`] says what they suggest.

mod accumulate;
mod batch;
mod chain;
mod counted;
mod detector;
mod fanout;
mod groups;
mod identity;
mod ignore;
mod judge;
mod learned;
mod nested;
mod pace;
mod pauses;
mod reading;
mod remedy;
mod repetition;
mod rerun;
mod spread;
#[cfg(test)]
mod tests;
mod window;

use dbproof_model::{Finding, NPlusOneGroup};

pub use self::counted::{Counted, CountedLoop, counted};
pub use self::detector::Detector;
pub use self::ignore::{IgnorePattern, IgnoreRule};
pub use self::rerun::{Rerun, RerunValue};
use crate::traffic::SentText;

/// From where on repetition is reported.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Thresholds {
    /// Children of one result from which on an N+1 is proven.
    pub proven_children: u64,
    /// Distinct values in one unit of work from which on an N+1 is likely.
    pub likely_values: u64,
    /// Repetitions of one value in one unit of work that make a duplicate.
    pub duplicate_repeats: u64,
    /// The share of the children's values that one result has to supply.
    pub coverage: f64,
    /// Idle time of a session, in milliseconds, that ends a burst of statements.
    pub burst_gap_ms: f64,
}

impl Default for Thresholds {
    fn default() -> Self {
        Self {
            proven_children: 2,
            likely_values: 5,
            duplicate_repeats: 3,
            coverage: 0.9,
            burst_gap_ms: 50.0,
        }
    }
}

impl Thresholds {
    fn burst_gap_us(&self) -> u64 {
        std::time::Duration::try_from_secs_f64(self.burst_gap_ms / 1e3)
            .map_or(0, |gap| u64::try_from(gap.as_micros()).unwrap_or(u64::MAX))
    }
}

/// What was found, and in how much.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Detection {
    /// Repeated executions of one template, with one parent: the worst first.
    pub groups: Vec<NPlusOneGroup>,
    /// The texts that were kept of each group, in the same order.
    pub samples: Vec<GroupSample>,
    /// One finding a group that is not ignored, then those about ignore rules and the capture.
    pub findings: Vec<Finding>,
    /// Statements captured.
    pub executions: u64,
    /// Sessions captured.
    pub sessions: u64,
    /// Why the capture is incomplete, if it is. What was found stands; the caller makes a verdict
    /// that would be a pass inconclusive.
    pub incomplete: Vec<String>,
}

/// What an application sent in one loop of a group, where the capture keeps texts. Holds values:
/// never to be shown.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct GroupSample {
    /// The number of the database.
    pub database: u32,
    /// Which `?` of the template differs from child to child, counted from 0.
    pub position: Option<usize>,
    /// The children, the first hundred of them.
    pub children: Vec<SentText>,
    /// The statement whose result supplied their values.
    pub parent: Option<SentText>,
}
