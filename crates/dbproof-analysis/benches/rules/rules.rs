//! Rules that others use, or could. For the bench alone: none of them is in the library.

use dbproof_analysis::comparison::Outcome;
use rand::SeedableRng as _;
use rand::seq::SliceRandom as _;
use rand_chacha::ChaCha8Rng;
use statrs::distribution::{ContinuousCDF as _, Normal};

use crate::noise::Session;

/// A rule and its name in the table.
pub(crate) struct Rule {
    pub(crate) name: &'static str,
    /// `Slower` or `Faster` where the rule calls a difference, else `Inconclusive`.
    pub(crate) judge: fn(&[Session]) -> Outcome,
}

/// All of them.
pub(crate) const ALL: &[Rule] = &[
    Rule {
        name: "mean more than 10 % up",
        judge: |sessions| {
            let (before, after) = sides(sessions);
            direction(mean(&after) / mean(&before), 0.10)
        },
    },
    Rule {
        name: "Mann-Whitney p < 0.01",
        judge: |sessions| {
            let (before, after) = sides(sessions);
            differs(&before, &after, 0.0)
        },
    },
    Rule {
        name: "Mann-Whitney and median > 5 %",
        judge: |sessions| {
            let (before, after) = sides(sessions);
            differs(&before, &after, 0.05)
        },
    },
    Rule {
        name: "permutation threshold on medians, floor 5 %",
        judge: permutation,
    },
    Rule {
        name: "Wilcoxon on log ratios, H0: effect ≤ 5 %, p < 0.001",
        judge: |sessions| {
            let floor = 1.05_f64.ln();
            let ratios: Vec<f64> = sessions
                .iter()
                .flatten()
                .map(|(b, a)| (a / b).ln())
                .collect();
            if signed_rank_p(ratios.iter().map(|r| r - floor)) < 0.001 {
                Outcome::Slower
            } else if signed_rank_p(ratios.iter().map(|r| -r - floor)) < 0.001 {
                Outcome::Faster
            } else {
                Outcome::Inconclusive
            }
        },
    },
    Rule {
        name: "at least 80 % of block medians > 5 %",
        judge: blocks,
    },
];

fn sides(sessions: &[Session]) -> (Vec<f64>, Vec<f64>) {
    sessions.iter().flatten().copied().unzip()
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn median(values: &[f64]) -> f64 {
    let mut ordered = values.to_vec();
    ordered.sort_by(f64::total_cmp);
    let middle = ordered.len() / 2;
    if ordered.len() % 2 == 1 {
        ordered[middle]
    } else {
        f64::midpoint(ordered[middle - 1], ordered[middle])
    }
}

fn direction(ratio: f64, floor: f64) -> Outcome {
    if ratio > 1.0 + floor {
        Outcome::Slower
    } else if ratio < 1.0 / (1.0 + floor) {
        Outcome::Faster
    } else {
        Outcome::Inconclusive
    }
}

/// Mann and Whitney's U (1947), two-sided, in the normal approximation, with a floor for the medians.
fn differs(before: &[f64], after: &[f64], floor: f64) -> Outcome {
    let mut all: Vec<(f64, bool)> = before.iter().map(|time| (*time, false)).collect();
    all.extend(after.iter().map(|time| (*time, true)));
    all.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (before_count, after_count) = (before.len() as f64, after.len() as f64);
    let (mut ranks_after, mut first, mut ties) = (0.0, 0.0, 0.0);
    for group in all.chunk_by(|a, b| a.0.total_cmp(&b.0).is_eq()) {
        let size = group.len() as f64;
        let middle = first + f64::midpoint(1.0, size);
        ranks_after += middle * group.iter().filter(|(_, is_after)| *is_after).count() as f64;
        ties += size.powi(3) - size;
        first += size;
    }
    let u = ranks_after - after_count * (after_count + 1.0) / 2.0;
    let total = before_count + after_count;
    let variance =
        before_count * after_count / 12.0 * (total + 1.0 - ties / (total * (total - 1.0)));
    let z = (u - before_count * after_count / 2.0) / variance.sqrt();
    let p = 2.0 * Normal::standard().sf(z.abs());
    if p >= 0.01 {
        return Outcome::Inconclusive;
    }
    match floor {
        0.0 if z > 0.0 => Outcome::Slower,
        0.0 => Outcome::Faster,
        floor => direction(median(after) / median(before), floor),
    }
}

/// The ratio of medians against the 99th percentile of those of 500 random exchanges of the labels.
fn permutation(sessions: &[Session]) -> Outcome {
    let (before, after) = sides(sessions);
    let observed = median(&after) / median(&before);
    let mut random = ChaCha8Rng::seed_from_u64(7);
    let mut pool = [before, after].concat();
    let half = pool.len() / 2;
    let mut by_chance: Vec<f64> = (0..500)
        .map(|_| {
            pool.shuffle(&mut random);
            (median(&pool[half..]) / median(&pool[..half])).ln().abs()
        })
        .collect();
    by_chance.sort_by(f64::total_cmp);
    let threshold = by_chance[by_chance.len() * 99 / 100].max(1.05_f64.ln());
    direction(observed, threshold.exp() - 1.0)
}

/// Blocks of 20 pairs; on one connection they are only called blocks.
fn blocks(sessions: &[Session]) -> Outcome {
    let medians: Vec<f64> = sessions
        .iter()
        .flat_map(|session| session.chunks(20))
        .map(|block| {
            let ratios: Vec<f64> = block
                .iter()
                .map(|(before, after)| (after / before).ln())
                .collect();
            median(&ratios)
        })
        .collect();
    let beyond = |sign: f64| {
        let count = medians
            .iter()
            .filter(|m| sign * **m > 1.05_f64.ln())
            .count();
        count as f64 >= 0.8 * medians.len() as f64
    };
    match (beyond(1.0), beyond(-1.0)) {
        (true, _) => Outcome::Slower,
        (_, true) => Outcome::Faster,
        _ => Outcome::Inconclusive,
    }
}

/// Wilcoxon's signed-rank test, one-sided, in the normal approximation.
fn signed_rank_p(differences: impl Iterator<Item = f64>) -> f64 {
    let mut ordered: Vec<f64> = differences.filter(|d| *d != 0.0).collect();
    ordered.sort_by(|a, b| a.abs().total_cmp(&b.abs()));
    let n = ordered.len() as f64;
    let positive: f64 = ordered
        .iter()
        .zip(1_u32..)
        .filter(|(difference, _)| **difference > 0.0)
        .map(|(_, rank)| f64::from(rank))
        .sum();
    let variance = n * (n + 1.0) * (2.0 * n + 1.0) / 24.0;
    Normal::standard().sf((positive - n * (n + 1.0) / 4.0 - 0.5) / variance.sqrt())
}
