//! Transactions sequenced so that their locks meet: [`Play`] holds the sessions, and each
//! [`Play::run`] plays their script once.
//!
//! A step is sent once its session's earlier steps are done, and the step before it in the schedule
//! is done or seen to be blocked by the process that the schedule names. `settle` looks at the
//! server, `running` sends, `answers` takes what comes back, `outcome` tells what a run came to.

mod answers;
mod outcome;
mod running;
mod settle;

use std::time::{Duration, Instant};

use dbproof_model::{DeadlockExpectation, DeadlockTimeline};
use dbproof_postgres::locks::Watcher;
use dbproof_postgres::{Address, PostgresError, Session, connect};
use rand_chacha::ChaCha12Rng;

use super::retry::Policy;
use crate::error::RunError;
use crate::project::shapes::{Script, Shape, Sql};
use running::Running;

/// How long a step may be blocked by somebody else than the schedule says.
const BLOCKED_LIMIT: Duration = Duration::from_secs(5);

/// How long a step may run without being done or blocked.
const RUNNING_LIMIT: Duration = Duration::from_secs(60);

/// How long ending the sessions of a run that has failed may take.
const ENDING_LIMIT: Duration = Duration::from_secs(10);

/// The sessions of a script.
pub(super) struct Play<'a> {
    shape: &'a Shape,
    script: &'a Script,
    expected: DeadlockExpectation,
    parties: Vec<Party>,
    watcher: Watcher,
    /// A bystander that queues on an object of the cycle once it is closed.
    queued: Option<(Session, &'a Sql)>,
    policy: Policy,
    /// Keep the victim's ROLLBACK back until somebody else goes on.
    holds_rollback: bool,
}

/// A session of the script.
struct Party {
    session: Session,
    pid: i32,
    /// Its own `deadlock_timeout`, in milliseconds.
    timeout_ms: f64,
}

/// How a script is to be played.
#[derive(Debug, Clone, Copy)]
pub(super) struct PlayOptions {
    /// The `deadlock_timeout` of the sessions; `None` to leave it as it is.
    pub(super) timeout_ms: Option<u32>,
    pub(super) expected: DeadlockExpectation,
    pub(super) policy: Policy,
    pub(super) holds_rollback: bool,
    /// Whether the queued bystander takes part.
    pub(super) with_queued: bool,
}

/// What one run saw; times in milliseconds as in the run record.
#[derive(Debug, Default)]
pub(super) struct PlayedRun {
    /// How it ended.
    pub(super) observed: Observed,
    /// The deadlock, if there was one.
    pub(super) deadlock: Option<Deadlock>,
    /// Every 40P01 that a client saw.
    pub(super) errors: u64,
    /// Transactions whose work was given up.
    pub(super) lost: u64,
    /// How long a soft or invisible deadlock kept everyone.
    pub(super) stalled_ms: Option<f64>,
    /// Everything over, from the first request that had to wait, or from the first one of all.
    pub(super) over_ms: f64,
    /// The same, from the request that closed the cycle.
    pub(super) outage_ms: Option<f64>,
    /// What the queued bystander waited, from the moment at which the cycle was closed.
    pub(super) queued_ms: Option<f64>,
    /// Retries from a savepoint: tried, and come through.
    pub(super) savepoint: (u64, u64),
    /// Whether somebody went on before the victim sent its ROLLBACK, where that was held back.
    pub(super) released_before_rollback: Option<bool>,
    /// The sessions' processes.
    pub(super) pids: Vec<i32>,
    /// Who waited for whom, when the cycle was closed.
    pub(super) waits: Vec<SeenWait>,
    /// Statements that were sent over all sessions, on a line of time.
    pub(super) timeline: DeadlockTimeline,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Observed {
    /// Nobody was kept.
    #[default]
    Nothing,
    /// Somebody got 40P01.
    Error,
    /// A queue was reordered.
    Soft,
    /// The server saw nothing, though it had the time to.
    Invisible,
}

/// One deadlock; times in milliseconds as in the run record.
#[derive(Debug, Default)]
pub(super) struct Deadlock {
    pub(super) victim: usize,
    pub(super) predicted: Option<usize>,
    pub(super) detect_ms: f64,
    pub(super) victim_wait_ms: f64,
    pub(super) abort_ms: Option<f64>,
    pub(super) release_ms: Option<f64>,
    pub(super) recover_ms: Option<f64>,
    pub(super) outage_ms: Option<f64>,
    pub(super) attempts: u32,
    pub(super) wasted_work_ms: f64,
}

/// A session that was seen waiting for others.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct SeenWait {
    pub(super) waiter: usize,
    pub(super) blockers: Vec<usize>,
    pub(super) step: usize,
    pub(super) lock: Option<String>,
    pub(super) since_ms: Option<f64>,
    pub(super) sent: Instant,
}

impl Observed {
    /// Whether this is what was expected.
    pub(super) fn is(self, expected: DeadlockExpectation) -> bool {
        match expected {
            DeadlockExpectation::Deadlock | DeadlockExpectation::Immediate => {
                self == Observed::Error
            }
            DeadlockExpectation::Soft => self == Observed::Soft,
            DeadlockExpectation::Invisible => self == Observed::Invisible,
            DeadlockExpectation::None => self == Observed::Nothing,
            DeadlockExpectation::Any => true,
        }
    }
}

impl<'a> Play<'a> {
    /// Opens the sessions.
    pub(super) async fn open(
        address: &Address,
        shape: &'a Shape,
        script: &'a Script,
        options: PlayOptions,
    ) -> Result<Self, RunError> {
        let mut parties = Vec::new();
        for _ in &script.sessions {
            let session = connect(address).await?;
            if let Some(timeout_ms) = options.timeout_ms {
                let set = format!("SET deadlock_timeout = {timeout_ms}");
                session.run(&set).await.map_err(may_not_set)?;
            }
            parties.push(Party {
                pid: session.backend_pid().await?,
                session,
                timeout_ms: 0.0,
            });
        }
        let queued = match &shape.bystanders.queued {
            Some(sql) if options.with_queued => Some((connect(address).await?, sql)),
            _ => None,
        };
        let mut play = Play {
            shape,
            script,
            expected: options.expected,
            parties,
            watcher: Watcher::new(connect(address).await?).await?,
            queued,
            policy: options.policy,
            holds_rollback: options.holds_rollback,
        };
        play.ask_timeouts().await?;
        Ok(play)
    }

    /// What `deadlock_timeout` each session has once its transaction has begun.
    async fn ask_timeouts(&mut self) -> Result<(), RunError> {
        let sql = "SELECT setting FROM pg_settings WHERE name = 'deadlock_timeout'";
        for (party, shape) in self.parties.iter_mut().zip(&self.script.sessions) {
            let sets = shape.begin.text.contains("deadlock_timeout") && !self.shape.verbatim;
            if sets {
                let begun = party.session.run(&shape.begin.text).await;
                begun.map_err(|error| in_sql(self.shape, &shape.name, &shape.begin, error))?;
            }
            let setting = party.session.text(sql).await?;
            party.timeout_ms = setting.and_then(|s| s.parse().ok()).unwrap_or(1000.0);
            if sets {
                party.session.run("ROLLBACK").await?;
            }
        }
        Ok(())
    }

    /// Plays the script once, to everybody's commit. Where it fails, the sessions are ended with
    /// whatever they hold.
    pub(super) async fn run(&mut self, random: &mut ChaCha12Rng) -> Result<PlayedRun, RunError> {
        self.prepare().await?;
        let played = Box::pin(Running::new(self, random).play()).await;
        if played.is_err() {
            let pids: Vec<i32> = self.parties.iter().map(|party| party.pid).collect();
            self.watcher.terminate(&pids, ENDING_LIMIT).await.ok();
        }
        let run = played?;
        if self.shape.verbatim {
            self.end_verbatim().await?;
        }
        Ok(run)
    }

    /// What comes before every run.
    async fn prepare(&self) -> Result<(), RunError> {
        let each_run = if self.shape.verbatim {
            &self.shape.setup
        } else {
            &self.shape.reset
        };
        run_all(self.watcher.session(), self.shape, each_run, "setup").await?;
        for (party, shape) in self.parties.iter().zip(&self.script.sessions) {
            let begun = party.session.run(&shape.begin.text).await;
            begun.map_err(|error| in_sql(self.shape, &shape.name, &shape.begin, error))?;
        }
        Ok(())
    }

    /// What the isolation tester runs at the end of a permutation. Like there, what fails in a
    /// session's teardown (such as an aborted transaction) is of no account.
    async fn end_verbatim(&self) -> Result<(), RunError> {
        for (party, shape) in self.parties.iter().zip(&self.script.sessions) {
            if let Some(teardown) = &shape.teardown {
                party.session.run(&teardown.text).await.ok();
            }
            party.session.run("ROLLBACK").await?;
            party.session.run("DISCARD ALL").await?;
        }
        run_all(
            self.watcher.session(),
            self.shape,
            &self.shape.teardown,
            "teardown",
        )
        .await
    }

    /// Closes the sessions; a backend reports its counts at the latest when it ends.
    pub(super) async fn close(self) {
        for party in self.parties {
            party.session.close().await;
        }
        if let Some((session, _)) = self.queued {
            session.close().await;
        }
        self.watcher.close().await;
    }
}

/// Runs statements of a shape one after the other.
pub(super) async fn run_all(
    session: &Session,
    shape: &Shape,
    statements: &[Sql],
    what: &str,
) -> Result<(), RunError> {
    for sql in statements {
        let ran = session.run(&sql.text).await;
        ran.map_err(|error| in_sql(shape, what, sql, error))?;
    }
    Ok(())
}

/// The server's error about SQL of a shape, shown in its file.
pub(super) fn in_sql(shape: &Shape, what: &str, sql: &Sql, error: PostgresError) -> RunError {
    match error {
        PostgresError::Server(error) => {
            shape.server_error(&format!("`{what}`"), &error, sql).into()
        }
        error => error.into(),
    }
}

/// Says how to get the permission that is missing.
fn may_not_set(error: PostgresError) -> PostgresError {
    match error {
        PostgresError::Server(mut error) if error.sqlstate == "42501" => {
            error.message.push_str(
                "; grant it with `GRANT SET ON PARAMETER deadlock_timeout TO …` (PostgreSQL 15 and \
                 newer), or leave --database-url away to use a throw-away server",
            );
            PostgresError::Server(error)
        }
        error => error,
    }
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}
