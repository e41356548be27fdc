//! What an application does after a deadlock: run the transaction again, after a jittered pause.

use std::time::{Duration, Instant};

use dbproof_postgres::{PostgresError, Session};
use rand::RngExt as _;
use rand_chacha::ChaCha12Rng;

/// The longest pause before the first retry; it doubles with each further one ("full jitter":
/// a uniform share of the longest pause, so that two victims do not meet again).
const FIRST_PAUSE: Duration = Duration::from_millis(10);

/// After this many retries the transaction is given up.
const RETRIES: u32 = 8;

/// A transaction that was committed after all.
pub(super) struct Recovered {
    pub(super) committed: Instant,
    pub(super) retries: u32,
    /// Further deadlocks on the way.
    pub(super) deadlocks: u32,
}

/// Runs a transaction until it commits; only a deadlock or a serialization failure is retried.
pub(super) async fn until_committed(
    session: &Session,
    steps: &[String],
    random: &mut ChaCha12Rng,
) -> Result<Recovered, PostgresError> {
    let mut retries = 0;
    let mut deadlocks = 0;
    loop {
        let longest = FIRST_PAUSE * 2_u32.pow(retries.min(RETRIES));
        pause(longest.mul_f64(random.random::<f64>())).await;
        retries += 1;
        match attempt(session, steps).await {
            Ok(()) => {
                return Ok(Recovered {
                    committed: Instant::now(),
                    retries,
                    deadlocks,
                });
            }
            Err(error) if retries < RETRIES && is_transient(&error) => {
                deadlocks += u32::from(is_deadlock(&error));
                session.run("ROLLBACK").await?;
            }
            Err(error) => {
                session.run("ROLLBACK").await.ok();
                return Err(error);
            }
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the pause is what is measured: the backoff of an application's retry"
)]
async fn pause(duration: Duration) {
    tokio::time::sleep(duration).await;
}

async fn attempt(session: &Session, steps: &[String]) -> Result<(), PostgresError> {
    session.run("BEGIN").await?;
    for step in steps {
        session.run(step).await?;
    }
    session.run("COMMIT").await
}

fn is_deadlock(error: &PostgresError) -> bool {
    error
        .server_error()
        .is_some_and(dbproof_postgres::ServerError::is_deadlock)
}

/// `deadlock_detected` and `serialization_failure` are meant to be tried again.
fn is_transient(error: &PostgresError) -> bool {
    error
        .server_error()
        .is_some_and(|e| matches!(e.sqlstate.as_str(), "40P01" | "40001"))
}
