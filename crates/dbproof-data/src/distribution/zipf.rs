//! The bounded Zipf distribution: [`Zipf`].

use rand::{Rng, RngExt};

use crate::skew::Frequencies;

/// The bounded Zipf distribution: P(k) ∝ k^−s for k in 1..=n.
///
/// Sampled by rejection-inversion (Wolfgang Hörmann and Gerhard Derflinger, "Rejection-inversion to
/// generate variates from monotone discrete distributions", ACM TOMACS 6(3), 1996): exact, without
/// tables, in constant time for any n. Their H is ∫ x^−s dx; it and its inverse are written with
/// `exp_m1` and `ln_1p`, so that exponents near 1 lose no digits.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Zipf {
    n: u64,
    exponent: f64,
    /// H(3/2) − h(1): the upper end of the inverted interval.
    upper: f64,
    /// H(n + 1/2): its lower end in probability, upper end in x.
    lower: f64,
    /// Below this distance from k, x is accepted without a further look.
    squeeze: f64,
}

/// Why there is no such Zipf distribution.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ZipfError {
    /// There is nothing to choose from.
    #[error("a Zipf distribution needs at least one element")]
    Empty,
    /// The exponent is negative, infinite or not a number.
    #[error("the exponent of a Zipf distribution must be a number of at least 0")]
    Exponent,
}

impl Zipf {
    /// A distribution over 1..=n with P(k) ∝ k^−exponent; exponent 0 is the uniform distribution.
    pub fn new(n: u64, exponent: f64) -> Result<Self, ZipfError> {
        if n == 0 {
            return Err(ZipfError::Empty);
        }
        if !exponent.is_finite() || exponent < 0.0 {
            return Err(ZipfError::Exponent);
        }
        Ok(Zipf {
            n,
            exponent,
            upper: integral(1.5, exponent) - 1.0,
            lower: integral(n as f64 + 0.5, exponent),
            squeeze: 2.0
                - integral_inverse(integral(2.5, exponent) - density(2.0, exponent), exponent),
        })
    }

    /// The probabilities of its values.
    pub(crate) fn frequencies(&self) -> Frequencies {
        Frequencies::Zipf {
            n: self.n,
            exponent: self.exponent,
        }
    }

    /// Draws a value of 1..=n.
    pub fn sample(&self, random: &mut (impl Rng + ?Sized)) -> u64 {
        loop {
            let u = self.lower + random.random::<f64>() * (self.upper - self.lower);
            let x = integral_inverse(u, self.exponent);
            let k = self.nearest(x);
            let rank = k as f64;
            if rank - x <= self.squeeze
                || u >= integral(rank + 0.5, self.exponent) - density(rank, self.exponent)
            {
                return k;
            }
        }
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the float is clamped to 1..=n before; `as` saturates where n rounds up"
    )]
    fn nearest(&self, x: f64) -> u64 {
        ((x + 0.5).clamp(1.0, self.n as f64) as u64).min(self.n)
    }
}

/// h(x) = x^−s.
fn density(x: f64, exponent: f64) -> f64 {
    (-exponent * x.ln()).exp()
}

/// H(x) = (x^(1−s) − 1) / (1 − s), or ln x where s = 1.
fn integral(x: f64, exponent: f64) -> f64 {
    let log = x.ln();
    let t = (1.0 - exponent) * log;
    // (e^t − 1) / t is 1 in the limit; the series keeps its digits near it.
    let ratio = if t.abs() > 1e-8 {
        t.exp_m1() / t
    } else {
        1.0 + t / 2.0
    };
    ratio * log
}

/// The inverse of H.
fn integral_inverse(u: f64, exponent: f64) -> f64 {
    // Rounding may take u just out of H's range, where the logarithm has no value.
    let t = ((1.0 - exponent) * u).max(-1.0);
    let ratio = if t.abs() > 1e-8 {
        t.ln_1p() / t
    } else {
        1.0 - t / 2.0
    };
    (ratio * u).exp()
}

#[cfg(test)]
mod tests {
    use super::{Zipf, ZipfError};
    use crate::random::CellRandom;

    /// Pearson's chi-square of `draws` samples against the exact probabilities, as a z value by the
    /// approximation of Wilson and Hilferty (1931). Ranks expected fewer than 5 times are pooled.
    fn deviation(n: u64, exponent: f64, draws: u32) -> f64 {
        let zipf = Zipf::new(n, exponent).unwrap();
        let mut random = CellRandom::new(42, n);
        let mut counts = vec![0_u32; usize::try_from(n).unwrap()];
        for _ in 0..draws {
            counts[usize::try_from(zipf.sample(&mut random)).unwrap() - 1] += 1;
        }
        let weight = |rank: usize| ((rank + 1) as f64).powf(-exponent);
        let whole: f64 = (0..counts.len()).map(weight).sum();
        let (mut statistic, mut cells) = (0.0, 0_u32);
        let (mut expected, mut observed) = (0.0, 0.0);
        for (rank, count) in counts.iter().enumerate() {
            expected += f64::from(draws) * weight(rank) / whole;
            observed += f64::from(*count);
            if expected >= 5.0 {
                statistic += (observed - expected) * (observed - expected) / expected;
                cells += 1;
                (expected, observed) = (0.0, 0.0);
            }
        }
        let freedom = f64::from(cells - 1);
        let variance = 2.0 / (9.0 * freedom);
        ((statistic / freedom).cbrt() - (1.0 - variance)) / variance.sqrt()
    }

    #[test]
    fn samples_follow_the_exact_probabilities() {
        for n in [2, 3, 10, 100, 2000] {
            for exponent in [0.0, 0.3, 0.6, 0.99, 1.0, 1.000_001, 1.1, 2.0] {
                let z = deviation(n, exponent, 100_000);
                // Both tails: too good a fit is as suspect as too bad a one. P(|z| > 3.5) < 0.05 %.
                assert!(z.abs() < 3.5, "n {n}, exponent {exponent}: z {z}");
            }
        }
    }

    #[test]
    fn the_test_itself_tells_a_wrong_exponent() {
        let zipf = Zipf::new(100, 1.05).unwrap();
        let mut random = CellRandom::new(42, 0);
        let ones = (0..100_000)
            .filter(|_| zipf.sample(&mut random) == 1)
            .count();
        // P(1) is 1/5.187 = 19.3 % for exponent 1, 21.1 % for 1.05.
        assert!((20_700..21_600).contains(&ones), "{ones}");
    }

    #[test]
    fn every_size_stays_within_its_bounds() {
        for n in [1, 2, 7, 1_000_000, 1_000_000_000, u64::MAX] {
            for exponent in [0.0, 0.5, 1.0, 1.5, 30.0, 1e6] {
                let zipf = Zipf::new(n, exponent).unwrap();
                let mut random = CellRandom::new(1, n);
                for _ in 0..2000 {
                    let k = zipf.sample(&mut random);
                    assert!((1..=n).contains(&k), "n {n}, exponent {exponent}: {k}");
                }
            }
        }
    }

    #[test]
    fn a_billion_elements_have_the_right_head() {
        let zipf = Zipf::new(1_000_000_000, 1.0).unwrap();
        let mut random = CellRandom::new(9, 9);
        let ones = (0..100_000)
            .filter(|_| zipf.sample(&mut random) == 1)
            .count();
        // 1 / H(10^9) = 1 / 21.3005 = 4.695 %; five standard deviations are 0.33 %.
        assert!((4_360..5_030).contains(&ones), "{ones}");
    }

    #[test]
    fn impossible_distributions_are_refused() {
        assert_eq!(Zipf::new(0, 1.0), Err(ZipfError::Empty));
        for exponent in [-0.1, f64::NAN, f64::INFINITY] {
            assert_eq!(Zipf::new(10, exponent), Err(ZipfError::Exponent));
        }
    }
}
