//! N+1 detection on a trace: [`detect`].
//!
//! A trace is first put in order (`runs`): each execution gets its template and its unit of work.
//! Then each repeated template of a unit is asked where its values come from: out of one earlier
//! result (`fanout`), out of its own result before (`chain`), or from nowhere that was seen
//! (`repetition`). What is left is searched for children that a pool spread over several units.
//! Last, what was seen of one template in all units becomes one group and one finding
//! (`groups`), with the batched statement where one can be written (`remedy`).

mod batch;
mod chain;
mod fanout;
mod groups;
mod identity;
mod remedy;
mod repetition;
mod runs;
#[cfg(test)]
mod tests;

use std::collections::HashSet;

use dbproof_model::{Finding, NPlusOneGroup, Schema, Trace};

use self::fanout::Supply;
use self::identity::Identity;
use self::runs::Runs;
use crate::findings::capture_incomplete;

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

/// What was found in a trace.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Detection {
    /// Repeated executions of one template, the worst first.
    pub groups: Vec<NPlusOneGroup>,
    /// One finding a group, and one more if the capture is incomplete.
    pub findings: Vec<Finding>,
}

/// Finds statements that are executed once per row, per value, or again and again.
///
/// An incomplete trace is searched all the same, and said to be incomplete by a finding of its
/// own; the caller makes the verdict inconclusive.
#[must_use]
pub fn detect(trace: &Trace, schema: &Schema, thresholds: &Thresholds) -> Detection {
    let runs = Runs::of(trace, thresholds.burst_gap_us());
    let identity = Identity::of(schema);
    let supply = Supply::of(&runs, &identity);
    let mut sightings = fanout::in_units(&runs, &supply, thresholds);
    let mut seen: HashSet<usize> = sightings
        .iter()
        .flat_map(|s| &s.children)
        .copied()
        .collect();
    let across = fanout::across_units(&runs, &supply, &seen, thresholds);
    seen.extend(across.iter().flat_map(|s| &s.children));
    sightings.extend(across);
    let chains = chain::find(&runs, &supply, &seen, thresholds);
    seen.extend(chains.iter().flat_map(|s| &s.children));
    sightings.extend(chains);
    sightings.extend(repetition::find(&runs, &seen, thresholds));
    let (groups, mut findings) = groups::merged(&runs, &identity, sightings);
    if trace.dropped > 0 || trace.incomplete.is_some() {
        findings.push(capture_incomplete::finding(
            trace.incomplete.as_deref(),
            trace.dropped,
        ));
    }
    Detection { groups, findings }
}
