//! The figures of a set of samples: [`Summary`].

use dbproof_model::{Durations, Statistic};

/// The figures of a set of samples, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Summary {
    /// How many samples there are.
    pub n: usize,
    /// Arithmetic mean.
    pub avg: f64,
    /// Median, nearest rank.
    pub p50: f64,
    /// 95th percentile, nearest rank.
    pub p95: f64,
    /// 99th percentile, nearest rank.
    pub p99: f64,
    /// Largest sample.
    pub max: f64,
    /// Smallest sample.
    pub min: f64,
    /// Sample standard deviation (divided by n − 1); 0 for a single sample.
    pub stddev: f64,
}

impl Summary {
    /// The figure that a threshold names.
    #[must_use]
    pub fn value(&self, statistic: Statistic) -> f64 {
        match statistic {
            Statistic::Avg => self.avg,
            Statistic::P50 => self.p50,
            Statistic::P95 => self.p95,
            Statistic::P99 => self.p99,
            Statistic::Max => self.max,
        }
    }
}

/// The figures of these samples; `None` without any.
#[must_use]
pub fn summarise(samples_ms: &[f64]) -> Option<Summary> {
    let ordered = sorted(samples_ms);
    let (min, max) = (*ordered.first()?, *ordered.last()?);
    let (avg, stddev) = mean_and_deviation(samples_ms);
    Some(Summary {
        n: ordered.len(),
        avg,
        p50: quantile(&ordered, 0.50),
        p95: quantile(&ordered, 0.95),
        p99: quantile(&ordered, 0.99),
        max,
        min,
        stddev,
    })
}

/// The figures of these samples in the form that the record of a deadlock keeps them.
#[must_use]
pub fn durations(samples_ms: &[f64]) -> Durations {
    let summary = summarise(samples_ms);
    Durations {
        n: samples_ms.len() as u64,
        min: summary.map(|s| s.min),
        p50: summary.map(|s| s.p50),
        p95: summary.map(|s| s.p95),
        max: summary.map(|s| s.max),
    }
}

pub(super) fn sorted(samples_ms: &[f64]) -> Vec<f64> {
    let mut ordered = samples_ms.to_vec();
    ordered.sort_by(f64::total_cmp);
    ordered
}

/// The nearest rank of `share` among ordered samples, of which there must be at least one.
pub(super) fn quantile(ordered: &[f64], share: f64) -> f64 {
    // 0.95 × 100 is 95.00000000000001 or so in binary; without the allowance its rank were 96.
    let wanted = share * ordered.len() as f64 - 1e-9;
    let below = (1..ordered.len())
        .take_while(|rank| (*rank as f64) < wanted)
        .count();
    ordered[below]
}

/// Mean and sample standard deviation, in two passes, since the one-pass formula cancels.
pub(super) fn mean_and_deviation(samples: &[f64]) -> (f64, f64) {
    let n = samples.len() as f64;
    let mean = samples.iter().sum::<f64>() / n;
    if samples.len() < 2 {
        return (mean, 0.0);
    }
    let squares: f64 = samples.iter().map(|sample| (sample - mean).powi(2)).sum();
    (mean, (squares / (n - 1.0)).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_nearest_ranks() {
        let hundred: Vec<f64> = (1..=100).rev().map(f64::from).collect();
        let summary = summarise(&hundred).unwrap();
        assert_eq!((summary.p50, summary.p95, summary.p99), (50.0, 95.0, 99.0));
        assert_eq!((summary.min, summary.max, summary.n), (1.0, 100.0, 100));
        assert!((summary.avg - 50.5).abs() < 1e-12);
        assert!((summary.stddev - 29.011_491_975_882_016).abs() < 1e-9);
    }

    #[test]
    fn a_quantile_of_few_samples_is_one_of_them() {
        let summary = summarise(&[3.0, 1.0, 2.0]).unwrap();
        assert_eq!((summary.p50, summary.p95, summary.p99), (2.0, 3.0, 3.0));
        let single = summarise(&[7.5]).unwrap();
        assert_eq!((single.p50, single.p99, single.stddev), (7.5, 7.5, 0.0));
    }

    #[test]
    fn nothing_has_no_summary() {
        assert_eq!(summarise(&[]), None);
        assert_eq!((durations(&[]).n, durations(&[]).min), (0, None));
    }

    #[test]
    fn durations_repeat_the_summary() {
        let d = durations(&[4.0, 1.0, 3.0, 2.0]);
        assert_eq!((d.n, d.min, d.p50), (4, Some(1.0), Some(2.0)));
        assert_eq!((d.p95, d.max), (Some(4.0), Some(4.0)));
    }
}
