//! How often each value is drawn: [`Frequencies`].

use std::sync::Arc;

/// The probabilities of the values of a column, without the values.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Frequencies {
    /// Each written out; they sum to 1.
    Listed(Arc<[f64]>),
    /// So many values, each alike.
    Even(u64),
    /// P(k) ∝ k^−exponent for k in 1..=n.
    Zipf { n: u64, exponent: f64 },
}

/// Ranks of a Zipf distribution that are summed one by one; beyond them, in groups.
const SINGLY: u64 = 20_000;
/// Each group of ranks ends at this multiple of its first rank, so that frequencies in it differ by
/// a percent or two.
const GROUP: f64 = 1.02;

impl Frequencies {
    /// The sum of `f(p)` over all values.
    pub(crate) fn sum(&self, f: impl Fn(f64) -> f64) -> f64 {
        match self {
            Frequencies::Listed(shares) => shares.iter().map(|p| f(*p)).sum(),
            Frequencies::Even(values) => *values as f64 * f(1.0 / *values as f64),
            Frequencies::Zipf { n, exponent } => {
                let whole = weigh(*n, *exponent, |weight| weight);
                weigh(*n, *exponent, |weight| f(weight / whole))
            }
        }
    }

    /// The probability of rank `k`, counted from 1, for ranks up to `count`.
    pub(crate) fn first(&self, count: u64) -> Vec<f64> {
        match self {
            Frequencies::Listed(shares) => {
                let mut shares = shares.to_vec();
                shares.sort_by(|a, b| b.total_cmp(a));
                shares.truncate(usize::try_from(count).unwrap_or(usize::MAX));
                shares
            }
            Frequencies::Even(values) => {
                let count = usize::try_from(count.min(*values)).unwrap_or(usize::MAX);
                vec![1.0 / *values as f64; count]
            }
            Frequencies::Zipf { n, exponent } => {
                let whole = weigh(*n, *exponent, |weight| weight);
                let weights = (1..=count.min(*n)).map(|k| (k as f64).powf(-exponent) / whole);
                weights.collect()
            }
        }
    }

    /// The number of values that are drawn at all.
    pub(crate) fn values(&self) -> f64 {
        match self {
            Frequencies::Listed(shares) => shares.iter().filter(|p| **p > 0.0).count() as f64,
            Frequencies::Even(values) => *values as f64,
            Frequencies::Zipf { n, .. } => *n as f64,
        }
    }
}

/// The sum of `f(k^−exponent)` over the ranks.
fn weigh(n: u64, exponent: f64, f: impl Fn(f64) -> f64) -> f64 {
    let singly = n.min(SINGLY);
    let mut sum: f64 = (1..=singly).map(|k| f((k as f64).powf(-exponent))).sum();
    let (mut from, end) = (singly as f64 + 0.5, n as f64 + 0.5);
    while from < end {
        let to = (from * GROUP).min(end);
        let middle = (from * to).sqrt();
        sum += (to - from) * f(middle.powf(-exponent));
        from = to;
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::Frequencies;

    #[test]
    fn groups_of_ranks_sum_as_the_single_ones() {
        for exponent in [0.0, 0.3, 0.9, 1.0, 1.4] {
            let n = 300_000;
            let exact: Vec<f64> = (1..=n).map(|k| (k as f64).powf(-exponent)).collect();
            let whole: f64 = exact.iter().sum();
            let zipf = Frequencies::Zipf { n, exponent };
            let mass = zipf.sum(|p| p);
            assert!((mass - 1.0).abs() < 1e-9, "{exponent}: {mass}");
            let seen = |p: f64| 1.0 - (1.0 - p).powf(30_000.0);
            let expected: f64 = exact.iter().map(|weight| seen(weight / whole)).sum();
            let found = zipf.sum(seen);
            assert!(
                (found / expected - 1.0).abs() < 1e-3,
                "{exponent}: {found} {expected}"
            );
        }
    }
}
