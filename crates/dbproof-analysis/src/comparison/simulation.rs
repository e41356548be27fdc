//! The procedure on made-up times: a bias for each session's life, and noise on each pair.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, Normal};

use super::*;

/// How many of `runs` comparisons came out as `wanted`, 10 sessions of 20 pairs each. `bias` and
/// `noise` are standard deviations of the log ratio, of a session and of a pair.
fn count(wanted: Outcome, runs: u64, effect: f64, bias: f64, noise: f64) -> usize {
    let bias = Normal::new(0.0, bias).unwrap();
    let noise = Normal::new(0.0, noise).unwrap();
    (0..runs)
        .filter(|run| {
            let mut random = ChaCha8Rng::seed_from_u64(*run);
            let sessions: Vec<Vec<(f64, f64)>> = (0..10)
                .map(|_| {
                    let shift = effect + bias.sample(&mut random);
                    (0..20)
                        .map(|_| {
                            let before = (noise.sample(&mut random) / 2.0_f64.sqrt()).exp();
                            let after = (shift + noise.sample(&mut random) / 2.0_f64.sqrt()).exp();
                            (before, after)
                        })
                        .collect()
                })
                .collect();
            judge(&[sessions], &Rules::default())[0].outcome == wanted
        })
        .count()
}

#[test]
fn equal_sides_raise_no_alarm_though_sessions_are_biased() {
    let alarms = count(Outcome::Slower, 1000, 0.0, 0.10, 0.15);
    assert!(alarms <= 3, "{alarms} of 1000");
}

#[test]
fn on_one_processor_equal_sides_are_proved_the_same() {
    assert_eq!(count(Outcome::Slower, 300, 0.0, 0.01, 0.05), 0);
    let same = count(Outcome::Same, 300, 0.0, 0.01, 0.05);
    assert!(same >= 290, "{same} of 300");
}

#[test]
fn on_one_processor_an_effect_of_fifteen_percent_is_found() {
    let found = count(Outcome::Slower, 300, 1.15_f64.ln(), 0.02, 0.10);
    assert!(found >= 297, "{found} of 300");
    let faster = count(Outcome::Faster, 300, -(1.15_f64.ln()), 0.02, 0.10);
    assert!(faster >= 297, "{faster} of 300");
}

#[test]
fn an_effect_of_the_floor_is_not_called_one() {
    let alarms = count(Outcome::Slower, 500, 1.05_f64.ln(), 0.02, 0.10);
    assert!(alarms <= 2, "{alarms} of 500");
}
