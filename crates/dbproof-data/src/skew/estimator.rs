//! What the planner's own estimate of distinct values comes to: [`estimated_distinct`].
//!
//! ANALYZE does not count distinct values; it estimates them with n·d / (n − f₁ + f₁·n/N), the "Duj1"
//! of Haas and Stokes (IBM Research Report RJ 10025, 1996), from the `d` distinct values of a sample
//! of `n` out of `N` rows, `f₁` of them seen once. On skewed data that is far below the truth, and
//! rightly so for us: compared is what it says with what it would say if the data were as asked.

use std::ops::RangeInclusive;

use super::bounds;
use super::expectation::Values;

/// The estimate and the room that the sample leaves, for `sampled` of `rows` rows that are not NULL;
/// `None` where the values are not known.
pub(super) fn estimated_distinct(
    values: &Values,
    sampled: f64,
    rows: f64,
) -> Option<(f64, RangeInclusive<f64>)> {
    let (seen, once) = match values {
        Values::Unique => return Some((rows, rows..=rows)),
        Values::Unknown(_) => return None,
        Values::Drawn(frequencies) => {
            let seen = |p: f64| -(sampled * (-p).ln_1p()).exp_m1();
            let once = |p: f64| sampled * p * ((sampled - 1.0).max(0.0) * (-p).ln_1p()).exp();
            (
                indicators(|f| frequencies.sum(f), seen),
                indicators(|f| frequencies.sum(f), once),
            )
        }
        Values::Counted { counts, children } => {
            // A child is in the sample with this probability.
            let f = (sampled / *children as f64).min(1.0);
            let seen = |c: f64| 1.0 - (1.0 - f).powf(c);
            let once = |c: f64| c * f * (1.0 - f).powf(c - 1.0);
            let sum = |g: &dyn Fn(f64) -> f64| {
                let parents = counts.iter().filter(|(count, _)| **count > 0);
                parents
                    .map(|(count, parents)| *parents as f64 * g(*count as f64))
                    .sum::<f64>()
            };
            (indicators(|g| sum(&g), seen), indicators(|g| sum(&g), once))
        }
    };
    let least = duj1(*seen.1.start(), *once.1.start(), sampled, rows);
    let most = duj1(
        *seen.1.end(),
        once.1.end().min(*seen.1.end()),
        sampled,
        rows,
    );
    // The server rounds to a whole number, and stores a 32-bit float.
    let room = (least - 0.5).min(least * 0.999)..=(most + 0.5).max(most * 1.001);
    Some((duj1(seen.0, once.0, sampled, rows), room))
}

/// Mean and bounds of a sum of indicators with these probabilities.
fn indicators<'f>(
    sum: impl Fn(Box<dyn Fn(f64) -> f64 + 'f>) -> f64,
    probability: impl Fn(f64) -> f64 + Copy + 'f,
) -> (f64, RangeInclusive<f64>) {
    let mean = sum(Box::new(probability));
    let variance = sum(Box::new(move |x| probability(x) * (1.0 - probability(x))));
    (mean, bounds::sum(mean, variance))
}

fn duj1(seen: f64, once: f64, sampled: f64, rows: f64) -> f64 {
    let estimate = sampled * seen / (sampled - once + once * sampled / rows);
    estimate.clamp(seen.min(rows), rows.max(seen))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use rand::RngExt;

    use super::*;
    use crate::distribution::Zipf;
    use crate::random::CellRandom;
    use crate::skew::Frequencies;

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
        let (_, of_zipf) = estimated_distinct(&zipf, 3_000.0, 100_000.0).unwrap();
        let (_, of_even) = estimated_distinct(&even, 3_000.0, 100_000.0).unwrap();
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
        let (estimate, room) = estimated_distinct(&values, 110.0, 110.0).unwrap();
        assert!(
            (estimate - 30.0).abs() < 1e-9 && *room.end() < 31.1,
            "{estimate} {room:?}"
        );
    }
}
