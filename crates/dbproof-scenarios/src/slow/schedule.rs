//! When the executions of an open loop are to begin: [`Schedule`].

use std::time::{Duration, Instant};

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha12Rng;

/// How long before an intended start the thread stops sleeping and watches the clock instead. The
/// system wakes a thread some 100 µs late, which is as long as a whole primary-key lookup; it would be
/// counted as the query's. The price is up to this much processor time an execution (docs/benchmarks.md).
const WATCHED: Duration = Duration::from_micros(150);

/// Intended starts, from the beginning of the measurement.
///
/// They are a Poisson process, as arrivals of many independent users are: the gaps are exponentially
/// distributed, so that requests also come close together and queue as they do in production. Evenly
/// spaced ones would flatter a server that is just fast enough for the mean.
#[derive(Debug)]
pub(crate) struct Schedule {
    starts: Vec<Duration>,
    span: Duration,
}

impl Schedule {
    /// So many starts, or those of so long a time.
    pub(crate) fn draw(rate: f64, count: u64, length: Option<Duration>, seed: u64) -> Self {
        let mut random = ChaCha12Rng::seed_from_u64(seed);
        let mut seconds = 0.0;
        let mut starts = Vec::new();
        loop {
            let uniform: f64 = random.random();
            seconds += -(1.0 - uniform).ln() / rate;
            let start = Duration::from_secs_f64(seconds);
            let over = match length {
                Some(length) => start >= length,
                None => starts.len() as u64 == count,
            };
            if over {
                break;
            }
            starts.push(start);
        }
        let span = length.or(starts.last().copied()).unwrap_or_default();
        Schedule { starts, span }
    }

    pub(super) fn len(&self) -> usize {
        self.starts.len()
    }

    /// The intended start of this execution.
    pub(crate) fn start(&self, index: usize) -> Option<Duration> {
        self.starts.get(index).copied()
    }

    /// The rate of the starts as they were drawn.
    pub(super) fn offered_per_s(&self) -> f64 {
        self.starts.len() as f64 / self.span.as_secs_f64()
    }

    /// The rate at which executions began, if the last of them did so at this time.
    pub(super) fn reached_per_s(&self, last_start: Duration) -> f64 {
        let late = last_start.saturating_sub(self.starts.last().copied().unwrap_or_default());
        self.starts.len() as f64 / (self.span + late).as_secs_f64()
    }
}

/// Waits for a time; returns whether it had come before.
pub(crate) fn wait_until(time: Instant) -> bool {
    let left = time.saturating_duration_since(Instant::now());
    if left.is_zero() {
        return true;
    }
    if let Some(asleep) = left.checked_sub(WATCHED) {
        #[expect(
            clippy::disallowed_methods,
            reason = "what is waited for is a time: the intended start of an execution"
        )]
        std::thread::sleep(asleep);
    }
    while Instant::now() < time {
        std::hint::spin_loop();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_are_exponential_and_the_same_for_a_seed() {
        let schedule = Schedule::draw(1000.0, 20_000, None, 7);
        assert_eq!(schedule.len(), 20_000);
        let gaps: Vec<f64> = schedule
            .starts
            .windows(2)
            .map(|pair| pair[1].as_secs_f64() - pair[0].as_secs_f64())
            .collect();
        let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
        let squares: f64 = gaps.iter().map(|gap| (gap - mean).powi(2)).sum();
        let deviation = (squares / gaps.len() as f64).sqrt();
        // Of an exponential distribution, mean and deviation are the same.
        assert!((mean - 0.001).abs() < 3e-5 && (deviation - 0.001).abs() < 5e-5);
        assert_eq!(
            schedule.starts,
            Schedule::draw(1000.0, 20_000, None, 7).starts
        );
        assert_ne!(
            schedule.starts,
            Schedule::draw(1000.0, 20_000, None, 8).starts
        );
    }

    #[test]
    fn a_length_ends_the_schedule() {
        let second = Duration::from_secs(1);
        let schedule = Schedule::draw(500.0, 3, Some(second), 1);
        assert!((400..600).contains(&schedule.len()));
        assert!(schedule.starts.iter().all(|start| *start < second));
    }

    #[test]
    fn the_rate_is_reached_unless_the_last_execution_began_late() {
        let second = Duration::from_secs(1);
        let schedule = Schedule::draw(500.0, 3, Some(second), 1);
        let last = *schedule.starts.last().unwrap();
        let offered = schedule.offered_per_s();
        assert!((schedule.reached_per_s(last) - offered).abs() < 1e-9);
        assert!((schedule.reached_per_s(last + second) - offered / 2.0).abs() < 1e-9);
    }

    #[test]
    fn a_wait_is_never_too_short_and_tells_what_is_over() {
        let soon = Instant::now() + Duration::from_millis(2);
        assert!(!wait_until(soon));
        assert!(Instant::now() >= soon);
        assert!(wait_until(soon));
    }
}
