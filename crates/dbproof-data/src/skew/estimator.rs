//! What the planner's own estimate of distinct values comes to: [`estimated_distinct`].
//!
//! ANALYZE does not count distinct values; it estimates them with n·d / (n − f₁ + f₁·n/N), the "Duj1"
//! of Haas and Stokes (IBM Research Report RJ 10025, 1996), from the `d` distinct values of a sample
//! of `n` out of `N` rows, `f₁` of them seen once. On skewed data that is far below the truth, and
//! rightly so for us: compared is what it says with what it would say if the data were as asked.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use super::bounds;
use super::expectation::Values;
use super::frequencies::Frequencies;

/// A sample that ANALYZE took of the rows that are not NULL.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sample {
    /// How many of them it has.
    pub(super) sampled: f64,
    /// How many there are.
    pub(super) rows: f64,
    /// The share of the table's pages that it was taken from: pages are drawn first, then rows of
    /// these pages (`acquire_sample_rows`), so that neighbours meet more often.
    pub(super) pages: f64,
}

/// The estimate and the room that the sample leaves; `None` where the values are not known.
pub(super) fn estimated_distinct(
    values: &Values,
    sample: Sample,
) -> Option<(f64, RangeInclusive<f64>)> {
    let Sample { sampled, rows, .. } = sample;
    let (seen, once) = match values {
        Values::Unique => return Some((rows, rows..=rows)),
        Values::Unknown(_) => return None,
        Values::Drawn(frequencies) => drawn(frequencies, sampled),
        Values::Counted { counts, children } => counted(counts, *children, sample),
    };
    let most_seen = seen.1.end().min(sampled);
    let least = duj1(*seen.1.start(), *once.1.start(), sampled, rows);
    let most = duj1(most_seen, once.1.end().min(most_seen), sampled, rows);
    // The server rounds to a whole number, and stores a 32-bit float.
    let room = (least - 0.5).min(least * 0.999)..=(most + 0.5).max(most * 1.001);
    Some((duj1(seen.0, once.0, sampled, rows), room))
}

type Bounded = (f64, RangeInclusive<f64>);

/// How many values are seen, and once, in so many draws. The number of times that a value is drawn
/// is nearly Poisson.
fn drawn(frequencies: &Frequencies, sampled: f64) -> (Bounded, Bounded) {
    let never = |p: f64| (sampled * (-p).ln_1p()).exp();
    let once = |p: f64| sampled * p * ((sampled - 1.0).max(0.0) * (-p).ln_1p()).exp();
    let sum = |f: &dyn Fn(f64) -> f64| frequencies.sum(f);
    (
        occupied(
            sum(&|p| 1.0 - never(p)),
            sum(&|p| never(p) * (1.0 - never(p))),
            sum(&|p| sampled * p * never(p)),
            sampled,
        ),
        occupied(
            sum(&once),
            sum(&|p| once(p) * (1.0 - once(p))),
            sum(&|p| once(p) * (1.0 - sampled * p)),
            sampled,
        ),
    )
}

/// How many parents are seen, and once, where each has its number of children side by side.
fn counted(counts: &BTreeMap<u64, u64>, children: u64, sample: Sample) -> (Bounded, Bounded) {
    // A child on a page of the sample is in the sample with this probability.
    let pages = sample.pages.clamp(f64::MIN_POSITIVE, 1.0);
    let share = (sample.sampled / children as f64 / pages).min(1.0);
    let sum = |f: &dyn Fn(f64) -> f64| -> f64 {
        let parents = counts.iter().filter(|(count, _)| **count > 0);
        parents
            .map(|(count, parents)| *parents as f64 * f(*count as f64))
            .sum()
    };
    let never = |c: f64| 1.0 - pages * (1.0 - (1.0 - share).powf(c));
    let once = |c: f64| pages * c * share * (1.0 - share).powf(c - 1.0);
    let drawn = |c: f64| pages * c * share;
    let spread = sum(&|c| drawn(c) * (1.0 - drawn(c) / c)).max(f64::MIN_POSITIVE);
    (
        occupied(
            sum(&|c| 1.0 - never(c)),
            sum(&|c| never(c) * (1.0 - never(c))),
            sum(&|c| drawn(c) * never(c)),
            spread,
        ),
        occupied(
            sum(&once),
            sum(&|c| once(c) * (1.0 - once(c))),
            sum(&|c| once(c) * (1.0 - drawn(c))),
            spread,
        ),
    )
}

/// Mean and bounds of a number of cells, from the sum of their variances and that of their
/// covariances with the number of draws into them. The number of all draws is given, which takes
/// covariance²/spread from the variance (Hwang and Janson, "Local limit theorems for finite and
/// infinite urn models", Annals of Probability 36(3), 2008).
fn occupied(mean: f64, variance: f64, covariance: f64, spread: f64) -> Bounded {
    let variance = (variance - covariance * covariance / spread).max(0.0);
    (mean, bounds::sum(mean, variance))
}

fn duj1(seen: f64, once: f64, sampled: f64, rows: f64) -> f64 {
    let estimate = sampled * seen / (sampled - once + once * sampled / rows);
    estimate.clamp(seen.min(rows), rows.max(seen))
}

#[cfg(test)]
mod tests {
    use rand::RngExt;

    use super::*;
    use crate::distribution::Zipf;
    use crate::random::CellRandom;

    fn of(sampled: f64, rows: f64) -> Sample {
        Sample {
            sampled,
            rows,
            pages: 1.0,
        }
    }

    /// The estimate out of a simulated sample of draws.
    fn simulated(draw: impl Fn(&mut CellRandom) -> u64, sampled: u32, rows: f64, seed: u64) -> f64 {
        let mut counts: BTreeMap<u64, u32> = BTreeMap::new();
        let mut random = CellRandom::new(seed, 0);
        for _ in 0..sampled {
            *counts.entry(draw(&mut random)).or_default() += 1;
        }
        let once = counts.values().filter(|count| **count == 1).count();
        duj1(counts.len() as f64, once as f64, f64::from(sampled), rows)
    }

    #[test]
    fn simulated_samples_are_within_the_room_and_others_are_not() {
        let zipf = Values::Drawn(Frequencies::Zipf {
            n: 5_000,
            exponent: 0.9,
        });
        let even = Values::Drawn(Frequencies::Even(5_000));
        let (_, of_zipf) = estimated_distinct(&zipf, of(3_000.0, 1e5)).unwrap();
        let (_, of_even) = estimated_distinct(&even, of(3_000.0, 1e5)).unwrap();
        let distribution = Zipf::new(5_000, 0.9).unwrap();
        for seed in 0..200 {
            let skewed = simulated(|random| distribution.sample(random), 3_000, 1e5, seed);
            assert!(of_zipf.contains(&skewed), "{skewed} {of_zipf:?}");
            assert!(!of_even.contains(&skewed), "{skewed} {of_even:?}");
            let flat = simulated(|random| random.random_range(0..5_000), 3_000, 1e5, seed);
            assert!(of_even.contains(&flat), "{flat} {of_even:?}");
        }
    }

    #[test]
    fn a_whole_table_is_counted() {
        let counts = BTreeMap::from([(0, 7), (1, 10), (5, 20)]);
        let values = Values::Counted {
            counts,
            children: 110,
        };
        let (estimate, room) = estimated_distinct(&values, of(110.0, 110.0)).unwrap();
        assert!(
            (estimate - 30.0).abs() < 1e-9 && *room.end() < 31.1,
            "{estimate} {room:?}"
        );
    }
}
