//! How a victim tries again: [`Policy`].

use std::time::{Duration, Instant};

use dbproof_postgres::{PostgresError, ServerError, Session};
use rand::RngExt as _;
use rand_chacha::ChaCha12Rng;

/// The longest pause before the first retry; it doubles with each further one ("full jitter":
/// a uniform share of the longest pause, so that two victims do not meet again).
const FIRST_PAUSE: Duration = Duration::from_millis(10);

/// After this many retries the transaction is given up.
pub(super) const RETRIES: u32 = 8;

/// What an application does with a transaction that was the victim of a deadlock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Policy {
    /// Nothing: the work is lost.
    None,
    /// It tries again at once.
    Immediate,
    /// It tries again after a pause.
    Jittered,
    /// The same, once every other transaction is through the statement that had to wait. A victim
    /// that is back before the survivor has woken up takes the row away from it, and deadlocks
    /// again; without that, a run has one deadlock, and its figures are those of one.
    JitteredAfterOthers,
}

impl Policy {
    /// Its name in the record.
    pub(super) fn name(self) -> &'static str {
        match self {
            Policy::None => "none",
            Policy::Immediate => "immediate",
            Policy::Jittered | Policy::JitteredAfterOthers => "jittered",
        }
    }

    /// The pause before this retry, counted from 0.
    pub(super) async fn pause(self, retry: u32, random: &mut ChaCha12Rng) {
        match self {
            Policy::None | Policy::Immediate => {}
            Policy::Jittered | Policy::JitteredAfterOthers => {
                let longest = FIRST_PAUSE * 2_u32.pow(retry.min(RETRIES));
                pause(longest.mul_f64(random.random::<f64>())).await;
            }
        }
    }
}

/// How trying again ended.
#[derive(Debug)]
pub(super) struct Retried {
    /// When it was committed; `None` where it was given up.
    pub(super) committed: Option<Instant>,
    pub(super) retries: u32,
    /// Further deadlocks on the way.
    pub(super) deadlocks: u32,
}

/// Runs a transaction until it commits; only a deadlock or a serialization failure is retried. The
/// error is that of the statement of this index, where it is not meant to be tried again.
pub(super) async fn until_committed(
    session: &Session,
    statements: &[&str],
    policy: Policy,
    mut random: ChaCha12Rng,
) -> Result<Retried, (usize, PostgresError)> {
    let mut retried = Retried {
        committed: None,
        retries: 0,
        deadlocks: 0,
    };
    while retried.retries < RETRIES {
        policy.pause(retried.retries, &mut random).await;
        retried.retries += 1;
        let Err((step, error)) = attempt(session, statements).await else {
            retried.committed = Some(Instant::now());
            break;
        };
        session.run("ROLLBACK").await.map_err(|e| (step, e))?;
        if !is_transient(&error) {
            return Err((step, error));
        }
        retried.deadlocks += u32::from(is_deadlock(&error));
    }
    Ok(retried)
}

#[expect(
    clippy::disallowed_methods,
    reason = "the pause is what is measured: the backoff of an application's retry"
)]
async fn pause(duration: Duration) {
    tokio::time::sleep(duration).await;
}

async fn attempt(session: &Session, statements: &[&str]) -> Result<(), (usize, PostgresError)> {
    for (index, sql) in statements.iter().enumerate() {
        session.run(sql).await.map_err(|error| (index, error))?;
    }
    let committed = session.run("COMMIT").await;
    committed.map_err(|error| (statements.len().saturating_sub(1), error))
}

/// Whether the server has chosen this statement's transaction as the victim of a deadlock.
pub(super) fn is_deadlock(error: &PostgresError) -> bool {
    error.server_error().is_some_and(ServerError::is_deadlock)
}

/// `deadlock_detected` and `serialization_failure` are meant to be tried again.
pub(super) fn is_transient(error: &PostgresError) -> bool {
    let state = error.server_error().map(|error| error.sqlstate.as_str());
    matches!(state, Some("40P01" | "40001"))
}
