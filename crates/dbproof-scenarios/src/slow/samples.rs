//! What the executions of one query came to: [`Samples`].

use std::time::Duration;

use dbproof_analysis::latency::Distribution;
use dbproof_postgres::{PostgresError, ServerError};

/// What the executions of one query came to.
#[derive(Debug)]
pub(super) struct Samples {
    pub(super) latencies: Distribution,
    /// The slowest sample, and which of the drawn executions it was.
    pub(super) slowest: Option<(Duration, usize)>,
    /// The server's first error, and how many there were.
    pub(super) error: Option<ServerError>,
    pub(super) errors: u64,
}

impl Samples {
    /// Room for so many samples, or for any number.
    pub(super) fn with_room_for(samples: Option<u64>) -> Self {
        Samples {
            latencies: Distribution::with_room_for(samples),
            slowest: None,
            error: None,
            errors: 0,
        }
    }

    /// Adds an execution. An error of the server's is part of what was seen; any other ends the
    /// measurement.
    pub(super) fn add(
        &mut self,
        latency: Duration,
        drawn: usize,
        outcome: Result<u64, PostgresError>,
    ) -> Result<(), PostgresError> {
        match outcome {
            Ok(_) => {
                self.latencies.record(latency);
                if self.slowest.is_none_or(|(most, _)| latency > most) {
                    self.slowest = Some((latency, drawn));
                }
            }
            Err(PostgresError::Server(error)) => {
                self.errors += 1;
                self.error.get_or_insert(error);
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }

    pub(super) fn merge(&mut self, other: Samples) {
        self.latencies.merge(&other.latencies);
        self.errors += other.errors;
        if let Some(error) = other.error {
            self.error.get_or_insert(error);
        }
        self.slowest = self.slowest.max(other.slowest);
    }

    /// Executions, with those that the server answered with an error.
    pub(super) fn executions(&self) -> u64 {
        self.latencies.len() + self.errors
    }
}
