//! Samples that are too many to be kept: [`Condensed`].

use dbproof_model::{HistogramBucket, Interval, Statistic};
use hdrhistogram::Histogram;

use super::bounds::{lower_rank, mean_interval, share, upper_rank};
use super::histogram::bars;
use super::summary::Summary;

/// An hour, in nanoseconds. What takes longer counts as an hour, except for the maximum and the mean.
const LONGEST: u64 = 3_600_000_000_000;
/// A bar is at most a thousandth as wide as its values are large.
const DIGITS: u8 = 3;
const NANOS_PER_MS: f64 = 1e6;

/// A histogram of high dynamic range (Gil Tene's design), with the mean, the deviation and the
/// ends beside it, which are exact.
///
/// A value is known to within a thousandth. Bounds of a quantile are the outer ends of the bars that
/// hold the order statistics, so that they are never narrower than those of the samples themselves.
#[derive(Debug, Clone)]
pub struct Condensed {
    counts: Histogram<u64>,
    /// Mean and sum of squared deviations in milliseconds (Welford's recurrence).
    mean: f64,
    squares: f64,
    min: f64,
    max: f64,
}

impl Condensed {
    pub(super) fn new() -> Self {
        Condensed {
            counts: Histogram::new_with_bounds(1, LONGEST, DIGITS).expect("these bounds are valid"),
            mean: 0.0,
            squares: 0.0,
            min: f64::INFINITY,
            max: 0.0,
        }
    }

    pub(super) fn len(&self) -> u64 {
        self.counts.len()
    }

    /// Allocates nothing, since the range is fixed.
    pub(super) fn record(&mut self, nanoseconds: u64) {
        self.counts.saturating_record(nanoseconds);
        let value = nanoseconds as f64 / NANOS_PER_MS;
        let delta = value - self.mean;
        self.mean += delta / self.len() as f64;
        self.squares += delta * (value - self.mean);
        self.min = self.min.min(value);
        self.max = self.max.max(value);
    }

    /// Adds what another one holds (Chan and others, "Updating Formulae and a Pairwise
    /// Algorithm for Computing Sample Variances", 1979).
    pub(super) fn merge(&mut self, other: &Condensed) {
        let (mine, theirs) = (self.len() as f64, other.len() as f64);
        if theirs == 0.0 {
            return;
        }
        let delta = other.mean - self.mean;
        let all = mine + theirs;
        self.mean += delta * theirs / all;
        self.squares += other.squares + delta * delta * mine * theirs / all;
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
        self.counts
            .add(&other.counts)
            .expect("both have the same bounds");
    }

    pub(super) fn summarise(&self) -> Option<Summary> {
        let n = usize::try_from(self.len()).ok().filter(|n| *n > 0)?;
        let quantile = |share: f64| self.at_rank(nearest_rank(n, share)).middle;
        Some(Summary {
            n,
            avg: self.mean,
            p50: quantile(0.50),
            p95: quantile(0.95),
            p99: quantile(0.99),
            max: self.max,
            min: self.min,
            stddev: self.deviation(),
        })
    }

    fn deviation(&self) -> f64 {
        match self.len() {
            0 | 1 => 0.0,
            n => (self.squares / (n - 1) as f64).sqrt(),
        }
    }

    pub(super) fn bounds(&self, statistic: Statistic) -> Interval {
        let n = usize::try_from(self.len()).unwrap_or(usize::MAX);
        match share(statistic) {
            _ if n == 0 => Interval {
                estimate: 0.0,
                low: None,
                high: None,
            },
            Some(share) => Interval {
                estimate: self.at_rank(nearest_rank(n, share)).middle,
                low: lower_rank(n, share).map(|rank| self.at_rank(rank).low),
                high: upper_rank(n, share).map(|rank| self.at_rank(rank).high),
            },
            None if statistic == Statistic::Max => Interval {
                estimate: self.max,
                low: Some(self.max),
                high: Some(self.max),
            },
            None => mean_interval(n, self.mean, self.deviation()),
        }
    }

    pub(super) fn bars(&self) -> Vec<HistogramBucket> {
        if self.len() == 0 {
            return Vec::new();
        }
        let recorded: Vec<(f64, u64)> = self
            .counts
            .iter_recorded()
            .scan(0, |so_far, bar| {
                *so_far += bar.count_at_value();
                let middle = self.counts.median_equivalent(bar.value_iterated_to());
                let value = middle as f64 / NANOS_PER_MS;
                Some((value.clamp(self.min, self.max), *so_far))
            })
            .collect();
        bars(self.min, self.max, |end| {
            let below = recorded.partition_point(|(value, _)| *value <= end);
            below.checked_sub(1).map_or(0, |last| recorded[last].1)
        })
    }

    /// The bar that holds the sample of this rank, counted from 1, in milliseconds.
    fn at_rank(&self, rank: usize) -> Bar {
        let mut so_far = 0;
        let value = self
            .counts
            .iter_recorded()
            .find(|bar| {
                so_far += bar.count_at_value();
                so_far >= rank as u64
            })
            .map_or(0, |bar| bar.value_iterated_to());
        let within =
            |nanoseconds: u64| (nanoseconds as f64 / NANOS_PER_MS).clamp(self.min, self.max);
        Bar {
            low: within(self.counts.lowest_equivalent(value)),
            middle: within(self.counts.median_equivalent(value)),
            high: if value >= LONGEST {
                self.max
            } else {
                within(self.counts.highest_equivalent(value))
            },
        }
    }
}

/// Ends and middle of a bar, within the smallest and the largest sample.
struct Bar {
    low: f64,
    middle: f64,
    high: f64,
}

/// The rank of `share` among `n` samples, as of samples that are kept.
fn nearest_rank(n: usize, share: f64) -> usize {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a share of n is between 0 and n"
    )]
    let rank = (share * n as f64 - 1e-9).ceil() as usize;
    rank.clamp(1, n)
}
