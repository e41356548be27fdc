//! How far a sample's figure may lie from what was asked for.

use std::ops::RangeInclusive;

/// α, the error of one check.
const ERROR: f64 = 1e-6;
/// ln(2/α).
const LOG: f64 = 14.508_657_738_524_219;

/// Around the sum of independent indicators with this mean and variance.
///
/// Bernstein's inequality (Boucheron, Lugosi and Massart, "Concentration inequalities", 2013,
/// corollary 2.11): P(|X − E| ≥ t) ≤ 2 exp(−t² / (2 (V + t/3))), solved for t. It holds as well for
/// draws without replacement (Hoeffding 1963, theorem 4) and for occupied cells, which are negatively
/// associated (Dubhashi and Ranjan, "Balls and bins", 1998).
pub(super) fn sum(mean: f64, variance: f64) -> RangeInclusive<f64> {
    // Not one of them deviates from what it nearly always is, by the union bound: the sum of the
    // smaller probabilities is less than twice the variance.
    if variance < ERROR / 2.0 {
        return mean.round()..=mean.round();
    }
    let linear = LOG / 3.0;
    let reach = linear + (linear * linear + 2.0 * LOG * variance).sqrt();
    (mean - reach).max(0.0)..=mean + reach
}

/// Around a share of `n` draws, each of which is in it with probability `p`.
pub(super) fn share(p: f64, n: f64) -> RangeInclusive<f64> {
    if p <= 0.0 || p >= 1.0 {
        return p..=p;
    }
    let around = sum(n * p, n * p * (1.0 - p));
    // Shares are stored as 32-bit floats.
    let slack = 1e-6;
    around.start() / n - slack..=(around.end() / n).min(1.0) + slack
}

/// Around the correlation of `n` values in random order: its standard deviation is (n − 1)^−½, and
/// it is nearly normal (Kendall and Gibbons, "Rank correlation methods", 1990, section 4.14).
pub(super) fn correlation(mean: f64, n: f64) -> RangeInclusive<f64> {
    let reach = (2.0 * LOG / (n - 1.0).max(1.0)).sqrt();
    mean - reach..=mean + reach
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The exact probability that a binomial count lies outside of the bounds.
    fn outside(n: u32, p: f64) -> f64 {
        let bounds = share(p, f64::from(n));
        let mut mass = f64::from(n) * (-p).ln_1p();
        let mut beyond = 0.0;
        for count in 0..=n {
            if !bounds.contains(&(f64::from(count) / f64::from(n))) {
                beyond += mass.exp();
            }
            mass += (f64::from(n - count) / f64::from(count + 1)).ln() + p.ln() - (-p).ln_1p();
        }
        beyond
    }

    #[test]
    fn a_binomial_share_is_outside_less_than_once_in_a_million() {
        for n in [1, 10, 300, 30_000] {
            for p in [1e-4, 0.01, 0.3, 0.5, 0.9] {
                let beyond = outside(n, p);
                assert!(beyond < 1e-6, "n {n}, p {p}: {beyond}");
            }
        }
    }

    #[test]
    fn the_bounds_are_not_so_wide_that_nothing_could_differ() {
        let bounds = share(0.2, 30_000.0);
        assert!(
            *bounds.start() > 0.187 && *bounds.end() < 0.213,
            "{bounds:?}"
        );
        assert!(!share(0.0, 100.0).contains(&0.01));
    }
}
