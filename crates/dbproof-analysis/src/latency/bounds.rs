//! What samples prove about the figure that a threshold names: [`bounds`] and [`gate`].
//!
//! A percentile's bounds are order statistics. The number of samples at or below the true
//! p-quantile is binomial (n, p) whatever the distribution, so the k-th smallest sample exceeds
//! the quantile with probability P(B ≤ k − 1), and lies below it with probability P(B ≥ k)
//! (David and Nagaraja, "Order Statistics", section 7.1). Each bound is one-sided at
//! [`CONFIDENCE`]: a wrong *fail* and a wrong *pass* each happen in at most 1 % of runs.
//!
//! An upper bound exists once p^n ≤ 1 %: from 90 samples on for a p95, from 459 for a p99, from 7
//! for a median. (59 and 299 samples, which are often quoted, certify at 95 % only.)

use dbproof_model::{Interval, Statistic, Verdict};
use statrs::distribution::{Binomial, ContinuousCDF, DiscreteCDF, StudentsT};

use super::summary::{mean_and_deviation, quantile, sorted};

/// The one-sided confidence of each bound.
pub const CONFIDENCE: f64 = 0.99;

/// The figure with its bounds, in milliseconds; a bound is `None` where the samples are too few
/// for one.
///
/// A percentile is bounded by order statistics, the mean by Student's t (a normal approximation of
/// the mean, which skewed latencies reach slowly). The maximum is a statement about the samples
/// themselves and not about what might come, so its bounds are itself. Without samples the
/// estimate is 0, with no bounds; [`super::summarise`] tells that case apart.
///
/// All bounds assume that samples are independent. Those of an open loop are not where they queue
/// together: there, the bounds are narrower than they should be.
#[must_use]
pub fn bounds(samples_ms: &[f64], statistic: Statistic) -> Interval {
    let ordered = sorted(samples_ms);
    let Some(&max) = ordered.last() else {
        return Interval {
            estimate: 0.0,
            low: None,
            high: None,
        };
    };
    match share(statistic) {
        Some(share) => {
            let sample = |rank: usize| ordered[rank - 1];
            Interval {
                estimate: quantile(&ordered, share),
                low: lower_rank(ordered.len(), share).map(sample),
                high: upper_rank(ordered.len(), share).map(sample),
            }
        }
        None if statistic == Statistic::Max => Interval {
            estimate: max,
            low: Some(max),
            high: Some(max),
        },
        None => mean_bounds(samples_ms),
    }
}

/// Holds a figure against its threshold: it fails where the lower bound exceeds the threshold,
/// passes where the upper bound does not, and is undecided otherwise.
#[must_use]
pub fn gate(samples_ms: &[f64], statistic: Statistic, threshold_ms: f64) -> Verdict {
    decide(&bounds(samples_ms, statistic), threshold_ms)
}

/// [`gate`], on bounds that are already known.
pub(super) fn decide(interval: &Interval, threshold_ms: f64) -> Verdict {
    if interval.low.is_some_and(|low| low > threshold_ms) {
        Verdict::Fail
    } else if interval.high.is_some_and(|high| high <= threshold_ms) {
        Verdict::Pass
    } else {
        Verdict::Inconclusive
    }
}

/// The least number of samples with which a figure can pass a threshold at all.
#[must_use]
pub fn samples_needed(statistic: Statistic) -> usize {
    match (share(statistic), statistic) {
        // Of the percentiles that can be chosen, the 99th takes most: 459.
        (Some(share), _) => (1..1000)
            .find(|n| upper_rank(*n, share).is_some())
            .unwrap_or(1000),
        (None, Statistic::Max) => 1,
        (None, _) => 2,
    }
}

pub(super) fn share(statistic: Statistic) -> Option<f64> {
    match statistic {
        Statistic::P50 => Some(0.50),
        Statistic::P95 => Some(0.95),
        Statistic::P99 => Some(0.99),
        Statistic::Avg | Statistic::Max => None,
    }
}

/// The rank, from 1, of the largest of `n` samples that is still a lower bound of the quantile:
/// the largest k with P(B ≤ k − 1) ≤ 1 − [`CONFIDENCE`].
pub(crate) fn lower_rank(n: usize, share: f64) -> Option<usize> {
    let below = Binomial::new(share, n as u64).ok()?;
    let wrong = |rank: usize| below.cdf(rank as u64 - 1);
    partition(n, |rank| wrong(rank) <= 1.0 - CONFIDENCE)
        .checked_sub(1)
        .filter(|rank| *rank > 0)
}

/// The rank, from 1, of the smallest of `n` samples that is still an upper bound of the quantile:
/// the smallest k with P(B ≥ k) ≤ 1 − [`CONFIDENCE`].
pub(crate) fn upper_rank(n: usize, share: f64) -> Option<usize> {
    let below = Binomial::new(share, n as u64).ok()?;
    let wrong = |rank: usize| below.sf(rank as u64 - 1);
    let rank = partition(n, |rank| wrong(rank) > 1.0 - CONFIDENCE);
    (rank <= n).then_some(rank)
}

/// The first rank of 1..=n that does not hold, n + 1 if all do; `holds` must be true, then false.
fn partition(n: usize, holds: impl Fn(usize) -> bool) -> usize {
    let (mut low, mut high) = (1, n + 1);
    while low < high {
        let middle = usize::midpoint(low, high);
        if holds(middle) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    low
}

fn mean_bounds(samples_ms: &[f64]) -> Interval {
    let (mean, deviation) = mean_and_deviation(samples_ms);
    mean_interval(samples_ms.len(), mean, deviation)
}

/// Student's t around the mean of `n` samples.
pub(super) fn mean_interval(n: usize, mean: f64, deviation: f64) -> Interval {
    let n = n as f64;
    let reach = StudentsT::new(0.0, 1.0, n - 1.0)
        .ok()
        .map(|student| student.inverse_cdf(CONFIDENCE) * deviation / n.sqrt());
    Interval {
        estimate: mean,
        low: reach.map(|reach| mean - reach),
        high: reach.map(|reach| mean + reach),
    }
}

#[cfg(test)]
mod tests {
    use super::Statistic::{Avg, Max, P50, P95, P99};
    use super::*;

    fn ramp(n: u32) -> Vec<f64> {
        (1..=n).map(f64::from).collect()
    }

    #[test]
    fn certifying_needs_as_many_samples_as_the_binomial_says() {
        let needed = [P50, P95, P99, Max, Avg].map(samples_needed);
        assert_eq!(needed, [7, 90, 459, 1, 2]);
        assert!(0.95_f64.powi(89) > 0.01 && 0.95_f64.powi(90) <= 0.01);
        assert!(0.99_f64.powi(458) > 0.01 && 0.99_f64.powi(459) <= 0.01);
    }

    #[track_caller]
    fn check_bounds(n: u32, statistic: Statistic, expected: (f64, Option<f64>, Option<f64>)) {
        let interval = bounds(&ramp(n), statistic);
        assert_eq!((interval.estimate, interval.low, interval.high), expected);
    }

    #[test]
    fn bounds_are_order_statistics() {
        check_bounds(7, P50, (4.0, Some(1.0), Some(7.0)));
        check_bounds(6, P50, (3.0, None, None));
        check_bounds(90, P95, (86.0, Some(80.0), Some(90.0)));
        check_bounds(89, P95, (85.0, Some(79.0), None));
        check_bounds(1000, P95, (950.0, Some(933.0), Some(966.0)));
        check_bounds(20, Max, (20.0, Some(20.0), Some(20.0)));
        check_bounds(0, P95, (0.0, None, None));
    }

    #[test]
    fn the_mean_is_bounded_by_students_t() {
        let interval = bounds(&ramp(5), Avg);
        // t(0.99, 4) = 3.746947; s = 1.581139.
        let reach = 3.746_947 * 1.581_139 / 5.0_f64.sqrt();
        assert!((interval.high.unwrap() - (3.0 + reach)).abs() < 1e-4);
        assert!((interval.low.unwrap() - (3.0 - reach)).abs() < 1e-4);
        assert_eq!(
            bounds(&[4.0], Avg),
            Interval {
                estimate: 4.0,
                low: None,
                high: None
            }
        );
        assert_eq!(bounds(&[4.0; 8], Avg).high, Some(4.0));
    }

    #[track_caller]
    fn check_gate(n: u32, statistic: Statistic, threshold: f64, expected: Verdict) {
        assert_eq!(
            gate(&ramp(n), statistic, threshold),
            expected,
            "{n} {statistic:?} {threshold}"
        );
    }

    #[test]
    fn a_threshold_is_failed_or_passed_only_beyond_the_bounds() {
        check_gate(1000, P95, 932.5, Verdict::Fail);
        check_gate(1000, P95, 933.0, Verdict::Inconclusive);
        check_gate(1000, P95, 965.9, Verdict::Inconclusive);
        check_gate(1000, P95, 966.0, Verdict::Pass);
        check_gate(100, Max, 100.0, Verdict::Pass);
        check_gate(100, Max, 99.9, Verdict::Fail);
    }

    #[test]
    fn too_few_samples_never_pass_but_may_fail() {
        check_gate(0, P95, 1e9, Verdict::Inconclusive);
        check_gate(58, P95, 1e9, Verdict::Inconclusive);
        check_gate(58, P95, 1.0, Verdict::Fail);
        check_gate(300, P99, 1e9, Verdict::Inconclusive);
    }
}
