//! Two transactions, sequenced so that their locks meet: [`Cycle`].
//!
//! Each takes its first lock; the first one asks for its second and is seen to be blocked by the
//! other; then the other one asks for its second, which closes the cycle. Where the locks are
//! taken in one order (the control), the second transaction is blocked at its first step and goes
//! on when the first one commits.

use std::time::{Duration, Instant};

use dbproof_postgres::locks::{Blocked, wait_until_blocked};
use dbproof_postgres::{Address, PostgresError, Session, connect};
use rand::SeedableRng as _;
use rand_chacha::ChaCha12Rng;
use tokio::sync::Notify;

use super::retry;
use crate::error::{InputError, RunError};
use crate::project::shapes::ShapeSession;
use crate::project::{SourceFile, place};

/// How long a step may take to become blocked before the shape is called wrong.
const BLOCKING_LIMIT: Duration = Duration::from_secs(10);

/// A session and its transaction.
struct Party<'a> {
    session: Session,
    pid: i32,
    shape: &'a ShapeSession,
}

/// The two sessions of a shape, and one to watch them.
pub(super) struct Cycle<'a> {
    parties: [Party<'a>; 2],
    observer: Session,
    file: &'a SourceFile,
}

/// What one run saw.
#[derive(Debug)]
pub(super) struct CycleRun {
    /// The deadlock, if there was one.
    pub(super) deadlock: Option<Deadlock>,
    /// Every 40P01 that a client saw; more than one where a retry deadlocked again.
    pub(super) errors: u64,
    /// Both transactions committed, from the second one's first request for a lock.
    pub(super) both_committed_ms: f64,
}

/// One deadlock; times in milliseconds as in the run record.
#[derive(Debug)]
pub(super) struct Deadlock {
    pub(super) victim: usize,
    pub(super) detect_ms: f64,
    pub(super) abort_ms: f64,
    pub(super) release_ms: f64,
    pub(super) recover_ms: f64,
    pub(super) outage_ms: f64,
    pub(super) attempts: u32,
    pub(super) wasted_work_ms: f64,
}

/// How a statement that had to wait ended, and when.
struct Outcome {
    ended: Instant,
    result: Result<(), PostgresError>,
}

/// How a transaction came to its end.
struct End {
    /// The statement that had to wait came through, or failed.
    waited: Instant,
    /// What happened in between where it failed.
    aborted: Option<Aborted>,
    committed: Instant,
}

/// A transaction that was the victim of a deadlock.
struct Aborted {
    rolled_back: Instant,
    retries: u32,
    /// Every 40P01 that this transaction saw.
    deadlocks: u32,
}

impl Outcome {
    fn is_deadlock(&self) -> bool {
        let error = self
            .result
            .as_ref()
            .err()
            .and_then(PostgresError::server_error);
        error.is_some_and(dbproof_postgres::ServerError::is_deadlock)
    }
}

impl<'a> Cycle<'a> {
    pub(super) async fn open(
        address: &Address,
        shapes: &'a [ShapeSession],
        file: &'a SourceFile,
        timeout_ms: u32,
    ) -> Result<Self, RunError> {
        let open = async |shape: &'a ShapeSession| -> Result<Party<'a>, PostgresError> {
            let session = connect(address).await?;
            session
                .run(&format!("SET deadlock_timeout = {timeout_ms}"))
                .await?;
            let pid = session.backend_pid().await?;
            Ok(Party {
                session,
                pid,
                shape,
            })
        };
        let parties = [open(&shapes[0]).await?, open(&shapes[1]).await?];
        Ok(Cycle {
            parties,
            observer: connect(address).await?,
            file,
        })
    }

    pub(super) async fn close(self) {
        for party in self.parties {
            party.session.close().await;
        }
        self.observer.close().await;
    }

    /// Runs both transactions to their commit, however many attempts that takes.
    pub(super) async fn run(&mut self, seed: u64) -> Result<CycleRun, RunError> {
        let [first, second] = &self.parties;
        let began = Instant::now();
        first.session.run("BEGIN").await?;
        second.session.run("BEGIN").await?;
        self.step(first, 0).await?;
        let asked = Instant::now();
        let (deadlock, errors, both_committed) = if self.second_takes_its_lock().await? {
            self.close_the_cycle(began, seed).await?
        } else {
            (None, 0, Instant::now())
        };
        Ok(CycleRun {
            deadlock,
            errors,
            both_committed_ms: milliseconds(both_committed.duration_since(asked)),
        })
    }

    /// Lets the second transaction ask for its first lock. Where the first transaction holds it,
    /// as in a control, both are brought to their commit and the answer is `false`.
    async fn second_takes_its_lock(&self) -> Result<bool, RunError> {
        let [first, second] = &self.parties;
        let mut step = std::pin::pin!(second.session.run(&second.shape.steps[0]));
        let blocked = wait_until_blocked(&self.observer, second.pid, first.pid, BLOCKING_LIMIT);
        tokio::select! {
            biased;
            done = &mut step => {
                done.map_err(|error| self.in_step(second, 0, error))?;
                Ok(true)
            }
            seen = blocked => {
                self.expect_blocked(seen?, second, first)?;
                self.step(first, 1).await?;
                first.session.run("COMMIT").await?;
                step.await.map_err(|error| self.in_step(second, 0, error))?;
                self.step(second, 1).await?;
                second.session.run("COMMIT").await?;
                Ok(false)
            }
        }
    }

    /// Both hold their first lock and ask for the other's; the victim then tries again.
    async fn close_the_cycle(
        &self,
        began: Instant,
        seed: u64,
    ) -> Result<(Option<Deadlock>, u64, Instant), RunError> {
        let [first, second] = &self.parties;
        let mut first_waits = std::pin::pin!(outcome(&first.session, &first.shape.steps[1]));
        let blocked = wait_until_blocked(&self.observer, first.pid, second.pid, BLOCKING_LIMIT);
        tokio::select! {
            biased;
            done = &mut first_waits => {
                done.result.map_err(|error| self.in_step(first, 1, error))?;
                self.expect_blocked(Blocked::Never, first, second)?;
            }
            waits = blocked => self.expect_blocked(waits?, first, second)?,
        }
        let closed = Instant::now();
        let mut randoms = [
            ChaCha12Rng::seed_from_u64(seed),
            ChaCha12Rng::seed_from_u64(seed.wrapping_add(1)),
        ];
        let [random_of_first, random_of_second] = &mut randoms;
        let second_waits = outcome(&second.session, &second.shape.steps[1]);
        let through = [Notify::new(), Notify::new()];
        let (first_end, second_end) = tokio::join!(
            self.to_commit(
                first,
                first_waits,
                [&through[0], &through[1]],
                random_of_first
            ),
            self.to_commit(
                second,
                second_waits,
                [&through[1], &through[0]],
                random_of_second
            ),
        );
        let ends = [first_end?, second_end?];
        let both_committed = ends[0].committed.max(ends[1].committed);
        let aborted = ends.iter().map(|end| end.aborted.as_ref());
        let errors = aborted
            .clone()
            .flatten()
            .map(|aborted| u64::from(aborted.deadlocks))
            .sum();
        let first_victim = aborted
            .enumerate()
            .filter_map(|(index, aborted)| Some((index, aborted?)))
            .min_by_key(|(index, _)| ends[*index].waited);
        let Some((victim, aborted)) = first_victim else {
            return Ok((None, 0, both_committed));
        };
        let (error_at, recovered_at) = (ends[victim].waited, ends[victim].committed);
        let released_at = ends[1 - victim].waited;
        let deadlock = Deadlock {
            victim,
            detect_ms: milliseconds(error_at.saturating_duration_since(closed)),
            abort_ms: milliseconds(aborted.rolled_back.duration_since(error_at)),
            release_ms: milliseconds(released_at.saturating_duration_since(error_at)),
            recover_ms: milliseconds(recovered_at.duration_since(error_at)),
            outage_ms: milliseconds(recovered_at.duration_since(closed)),
            attempts: 1 + aborted.retries,
            wasted_work_ms: milliseconds(error_at.duration_since(began)),
        };
        Ok((Some(deadlock), errors, both_committed))
    }

    /// What an application does with a statement that had to wait: commit when it comes through,
    /// and after a deadlock roll back at once and try the whole transaction again.
    ///
    /// The retry waits until the other transaction is through its own statement. A victim that is
    /// back before the survivor has woken up takes the row away from it, and deadlocks again.
    async fn to_commit(
        &self,
        party: &Party<'_>,
        waiting: impl Future<Output = Outcome>,
        [through, other_through]: [&Notify; 2],
        random: &mut ChaCha12Rng,
    ) -> Result<End, RunError> {
        let outcome = waiting.await;
        through.notify_one();
        if !outcome.is_deadlock() {
            outcome
                .result
                .map_err(|error| self.in_step(party, 1, error))?;
            party.session.run("COMMIT").await?;
            return Ok(End {
                waited: outcome.ended,
                aborted: None,
                committed: Instant::now(),
            });
        }
        party.session.run("ROLLBACK").await?;
        let rolled_back = Instant::now();
        other_through.notified().await;
        let recovered = retry::until_committed(&party.session, &party.shape.steps, random)
            .await
            .map_err(|error| self.in_step(party, 0, error))?;
        Ok(End {
            waited: outcome.ended,
            aborted: Some(Aborted {
                rolled_back,
                retries: recovered.retries,
                deadlocks: 1 + recovered.deadlocks,
            }),
            committed: recovered.committed,
        })
    }

    async fn step(&self, party: &Party<'_>, index: usize) -> Result<(), RunError> {
        let ran = party.session.run(&party.shape.steps[index]).await;
        ran.map_err(|error| self.in_step(party, index, error))
    }

    fn expect_blocked(
        &self,
        seen: Blocked,
        waiter: &Party<'_>,
        blocker: &Party<'_>,
    ) -> Result<(), RunError> {
        let what = match seen {
            Blocked::AsExpected => return Ok(()),
            Blocked::Never => "is not blocked at all".to_owned(),
            Blocked::ByOthers(pids) => format!("is blocked by the processes {pids:?} instead"),
        };
        let message = format!(
            "session `{}` should be blocked by `{}`, and {what}",
            waiter.shape.name, blocker.shape.name
        );
        Err(InputError::at(message, place(self.file, 1, None))
            .with_help(Some(
                "each session's second step must ask for a lock that the other one's first step \
                 holds"
                    .to_owned(),
            ))
            .into())
    }

    /// The server's error about a step, shown in the shape's file.
    fn in_step(&self, party: &Party<'_>, index: usize, error: PostgresError) -> RunError {
        match error {
            PostgresError::Server(error) => {
                let sql = &party.shape.steps[index];
                let line = self
                    .file
                    .text
                    .lines()
                    .position(|line| line.contains(sql.as_str()));
                let line = u32::try_from(line.map_or(1, |index| index + 1)).unwrap_or(1);
                let message = format!("step {} of `{}`: {error}", index + 1, party.shape.name);
                let help = error.hint.clone().or_else(|| error.detail.clone());
                InputError::at(message, place(self.file, line, None))
                    .with_help(help)
                    .into()
            }
            error => error.into(),
        }
    }
}

async fn outcome(session: &Session, sql: &str) -> Outcome {
    let result = session.run(sql).await;
    Outcome {
        ended: Instant::now(),
        result,
    }
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}
