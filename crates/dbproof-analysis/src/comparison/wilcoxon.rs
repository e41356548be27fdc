//! Wilcoxon's signed-rank test: [`p_greater`].

use statrs::distribution::{ContinuousCDF, Normal};

/// With fewer differences the normal approximation of the tail is not to be trusted.
const LEAST: usize = 20;

/// The one-sided p-value for "the differences are centred above 0"; 1 with fewer than 20 of them
/// that are not 0.
///
/// Wilcoxon, "Individual Comparisons by Ranking Methods" (1945), in the normal approximation with
/// mid-ranks, the correction of the variance for ties, and the correction for continuity: the sum
/// of positive ranks has the mean n(n+1)/4 and the variance n(n+1)(2n+1)/24 − Σ(t³−t)/48, t being
/// the size of each group of ties (Hollander, Wolfe and Chicken, "Nonparametric Statistical
/// Methods", section 3.1).
pub(super) fn p_greater(differences: impl Iterator<Item = f64>) -> f64 {
    let mut ordered: Vec<f64> = differences
        .filter(|difference| *difference != 0.0)
        .collect();
    if ordered.len() < LEAST {
        return 1.0;
    }
    ordered.sort_by(|a, b| a.abs().total_cmp(&b.abs()));
    let (mut positive_ranks, mut ties) = (0.0, 0.0);
    let mut first = 0.0;
    for group in ordered.chunk_by(|a, b| a.abs().total_cmp(&b.abs()).is_eq()) {
        let size = group.len() as f64;
        let middle_rank = first + f64::midpoint(1.0, size);
        let positive = group.iter().filter(|difference| **difference > 0.0).count() as f64;
        positive_ranks += positive * middle_rank;
        ties += size.powi(3) - size;
        first += size;
    }
    let n = ordered.len() as f64;
    let mean = n * (n + 1.0) / 4.0;
    let variance = n * (n + 1.0) * (2.0 * n + 1.0) / 24.0 - ties / 48.0;
    let z = (positive_ranks - mean - 0.5) / variance.sqrt();
    Normal::standard().sf(z)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(differences: &[f64], expected: f64) {
        let p = p_greater(differences.iter().copied());
        assert!((p - expected).abs() < 0.002 * expected, "{p}");
    }

    #[test]
    fn values_agree_with_the_formula_by_hand() {
        // 25 positive differences without ties: W = 325, mean 162.5, variance 1381.25.
        let rising: Vec<f64> = (1..=25).map(f64::from).collect();
        check(&rising, 6.535e-6);
        // Signs in turn: the positive ones have the odd ranks, 1 + 3 + … + 25 = 169.
        let turning: Vec<f64> = (1..=25)
            .map(|i| {
                if i % 2 == 1 {
                    f64::from(i)
                } else {
                    f64::from(-i)
                }
            })
            .collect();
        check(&turning, 0.4359);
    }

    #[test]
    fn ties_share_their_ranks() {
        // 20 equal differences, 15 of them positive: W = 15 × 10.5, variance 717.5 − 7980/48.
        let mut tied = vec![1.0; 15];
        tied.extend([-1.0; 5]);
        check(&tied, 0.01339);
    }

    #[test]
    fn few_differences_or_none_prove_nothing() {
        check(&[1.0; 19], 1.0);
        check(&[0.0; 500], 1.0);
        check(&[], 1.0);
    }
}
