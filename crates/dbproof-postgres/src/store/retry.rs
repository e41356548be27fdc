//! What is worth another attempt, and for how long: [`Retry`].

use std::time::{Duration, Instant};

use rand::RngExt as _;

use super::StoreError;
use crate::PostgresError;

const FIRST: Duration = Duration::from_millis(50);
const LONGEST: Duration = Duration::from_secs(2);

/// Attempts at an export. Trying again is safe, since a run is stored once.
#[derive(Debug)]
pub(super) struct Retry {
    began: Instant,
    patience: Duration,
    attempts: u32,
}

impl Retry {
    pub(super) fn new(patience: Duration) -> Self {
        Retry {
            began: Instant::now(),
            patience,
            attempts: 1,
        }
    }

    /// The attempts so far, the current one included.
    pub(super) fn attempts(&self) -> u32 {
        self.attempts
    }

    /// Waits for the time of the next attempt; gives the error back where none is worth it.
    ///
    /// The waits are drawn from a range that doubles ("full jitter"), so that runners which were
    /// refused together do not come back together.
    pub(super) async fn again_after(&mut self, error: StoreError) -> Result<(), StoreError> {
        let StoreError::Postgres(last) = error else {
            return Err(error);
        };
        if !passes(&last) {
            return Err(last.into());
        }
        let range = FIRST
            .saturating_mul(1 << self.attempts.min(10))
            .min(LONGEST);
        let wait = range.mul_f64(rand::rng().random::<f64>());
        let waited = self.began.elapsed();
        if waited + wait > self.patience {
            return Err(StoreError::Busy {
                attempts: self.attempts,
                waited,
                last,
            });
        }
        self.attempts += 1;
        #[expect(
            clippy::disallowed_methods,
            reason = "a server tells nobody whom it refused when it has a place again"
        )]
        tokio::time::sleep(wait).await;
        Ok(())
    }
}

/// Whether the reason passes by itself: no place for a connection, or others in the way
/// (`serialization_failure`, `deadlock_detected`).
fn passes(error: &PostgresError) -> bool {
    match error {
        PostgresError::NoPlace { .. } => true,
        PostgresError::Server(error) => matches!(error.sqlstate.as_str(), "40001" | "40P01"),
        _ => false,
    }
}
