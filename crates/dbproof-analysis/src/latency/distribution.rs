//! Samples while they are taken, kept or condensed: [`Distribution`].

use std::time::Duration;

use dbproof_model::{HistogramBucket, Interval, Statistic, Verdict};

use super::bounds::{bounds, decide};
use super::condensed::Condensed;
use super::histogram::histogram;
use super::summary::{Summary, summarise};

/// So many samples of a query are kept as they are. More of them, or a number that nobody knows
/// beforehand, are condensed, which costs a thousandth of precision.
pub const RAW_SAMPLES: u64 = 1_000_000;

/// The latencies of one query.
#[derive(Debug, Clone)]
pub enum Distribution {
    /// Every sample, in milliseconds.
    Raw(Vec<f64>),
    /// How many samples had which latency.
    Condensed(Box<Condensed>),
}

impl Distribution {
    /// Room for samples: for so many, or for any number where it is unknown.
    #[must_use]
    pub fn with_room_for(samples: Option<u64>) -> Self {
        match samples
            .filter(|samples| *samples <= RAW_SAMPLES)
            .and_then(|samples| usize::try_from(samples).ok())
        {
            Some(samples) => Distribution::Raw(Vec::with_capacity(samples)),
            None => Distribution::Condensed(Box::new(Condensed::new())),
        }
    }

    /// Adds a sample. Nothing is allocated as long as the room suffices.
    pub fn record(&mut self, latency: Duration) {
        match self {
            Distribution::Raw(samples) => samples.push(latency.as_secs_f64() * 1000.0),
            Distribution::Condensed(condensed) => {
                condensed.record(u64::try_from(latency.as_nanos()).unwrap_or(u64::MAX));
            }
        }
    }

    /// Adds the samples of another connection, which were given the same room.
    pub fn merge(&mut self, other: &Distribution) {
        match (self, other) {
            (Distribution::Raw(mine), Distribution::Raw(theirs)) => mine.extend(theirs),
            (Distribution::Condensed(mine), Distribution::Condensed(theirs)) => mine.merge(theirs),
            (Distribution::Condensed(mine), Distribution::Raw(theirs)) => {
                for sample in theirs {
                    #[expect(
                        clippy::cast_possible_truncation,
                        clippy::cast_sign_loss,
                        reason = "a latency is positive and below 584 years"
                    )]
                    mine.record((sample * 1e6).round() as u64);
                }
            }
            (mine @ Distribution::Raw(_), theirs @ Distribution::Condensed(_)) => {
                let mut all = theirs.clone();
                all.merge(mine);
                *mine = all;
            }
        }
    }

    /// The number of samples.
    #[must_use]
    pub fn len(&self) -> u64 {
        match self {
            Distribution::Raw(samples) => samples.len() as u64,
            Distribution::Condensed(condensed) => condensed.len(),
        }
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The figures; `None` without samples.
    #[must_use]
    pub fn summarise(&self) -> Option<Summary> {
        match self {
            Distribution::Raw(samples) => summarise(samples),
            Distribution::Condensed(condensed) => condensed.summarise(),
        }
    }

    /// A figure with its bounds, as [`super::bounds`] defines them; those of condensed samples are up
    /// to a thousandth wider.
    #[must_use]
    pub fn bounds(&self, statistic: Statistic) -> Interval {
        match self {
            Distribution::Raw(samples) => bounds(samples, statistic),
            Distribution::Condensed(condensed) => condensed.bounds(statistic),
        }
    }

    /// Holds a figure against its threshold, as [`super::gate`] does.
    #[must_use]
    pub fn gate(&self, statistic: Statistic, threshold_ms: f64) -> Verdict {
        decide(&self.bounds(statistic), threshold_ms)
    }

    /// The samples as bars, as [`super::histogram`] draws them.
    #[must_use]
    pub fn bars(&self) -> Vec<HistogramBucket> {
        match self {
            Distribution::Raw(samples) => histogram(samples),
            Distribution::Condensed(condensed) => condensed.bars(),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const STATISTICS: [Statistic; 5] = [
        Statistic::Avg,
        Statistic::P50,
        Statistic::P95,
        Statistic::P99,
        Statistic::Max,
    ];

    /// The same samples, kept and condensed, from two connections.
    fn both(nanoseconds: &[u64]) -> (Distribution, Distribution) {
        let mut kept = Distribution::with_room_for(Some(nanoseconds.len() as u64));
        let mut condensed = Distribution::with_room_for(None);
        let mut other = Distribution::with_room_for(None);
        for (index, nanoseconds) in nanoseconds.iter().enumerate() {
            let latency = Duration::from_nanos(*nanoseconds);
            kept.record(latency);
            let half = if index % 3 == 0 {
                &mut other
            } else {
                &mut condensed
            };
            half.record(latency);
        }
        condensed.merge(&other);
        (kept, condensed)
    }

    fn near(a: f64, b: f64) -> bool {
        (a - b).abs() <= 1e-3 * a.abs().max(b.abs()) + 1e-9
    }

    proptest! {
        #[test]
        fn condensing_costs_a_thousandth_and_never_narrows_a_bound(
            nanoseconds in prop::collection::vec(1_u64..2_000_000_000, 1..700)
        ) {
            let (kept, condensed) = both(&nanoseconds);
            prop_assert_eq!(kept.len(), condensed.len());
            let (a, b) = (kept.summarise().unwrap(), condensed.summarise().unwrap());
            for statistic in STATISTICS {
                prop_assert!(near(a.value(statistic), b.value(statistic)), "{statistic:?}");
                let (exact, wide) = (kept.bounds(statistic), condensed.bounds(statistic));
                prop_assert_eq!(exact.low.is_some(), wide.low.is_some());
                prop_assert_eq!(exact.high.is_some(), wide.high.is_some());
                if let (Some(exact), Some(wide)) = (exact.low, wide.low) {
                    prop_assert!(wide <= exact + 1e-9 * exact.abs() && near(exact, wide));
                }
                if let (Some(exact), Some(wide)) = (exact.high, wide.high) {
                    prop_assert!(wide >= exact - 1e-9 * exact.abs() && near(exact, wide));
                }
            }
            prop_assert!(near(a.stddev, b.stddev) && near(a.min, b.min));
            let counted: u64 = condensed.bars().iter().map(|bar| bar.count).sum();
            prop_assert_eq!(counted, condensed.len());
        }
    }

    #[test]
    fn nothing_is_nothing_in_either_form() {
        let (kept, condensed) = both(&[]);
        for empty in [kept, condensed] {
            assert!(empty.is_empty() && empty.summarise().is_none() && empty.bars().is_empty());
            assert_eq!(empty.gate(Statistic::P95, 1.0), Verdict::Inconclusive);
        }
    }

    #[test]
    fn more_samples_than_fit_are_condensed() {
        let few = Distribution::with_room_for(Some(RAW_SAMPLES));
        let many = Distribution::with_room_for(Some(RAW_SAMPLES + 1));
        assert!(matches!(few, Distribution::Raw(_)));
        assert!(matches!(many, Distribution::Condensed(_)));
    }
}
