//! One shape at one `deadlock_timeout`: [`Laboratory`] runs it again and again.

use std::time::{Duration, Instant};

use dbproof_analysis::{latency, sql};
use dbproof_model::{
    DeadlockControl, DeadlockExpectation, DeadlockShape, DeadlockTimeline, DeadlockVictim,
    RetryPolicyCost, SavepointRetries,
};
use dbproof_postgres::{Address, catalog, connect, locks};
use rand::SeedableRng as _;
use rand_chacha::ChaCha12Rng;

use super::bystander::{Baseline, During};
use super::participants;
use super::play::{Deadlock, Play, PlayOptions, PlayedRun};
use super::retry::Policy;
use super::server_log::ServerLog;
use super::wasted;
use crate::error::RunError;
use crate::project::shapes::{Script, Shape};

/// How long the server may take to report the deadlocks that it has counted.
const COUNTER_LIMIT: Duration = Duration::from_secs(10);

/// One shape at one timeout.
pub(super) struct Laboratory<'a> {
    pub(super) address: &'a Address,
    pub(super) shape: &'a Shape,
    pub(super) baseline: &'a Baseline<'a>,
    /// The sessions' `deadlock_timeout`; `None` to leave it as it is.
    pub(super) timeout_ms: Option<u32>,
    pub(super) runs: u32,
    pub(super) seed: u64,
    pub(super) keep_values: bool,
    /// Whether ways to try again are compared here, at the shortest timeout only.
    pub(super) compares_policies: bool,
    pub(super) log: &'a ServerLog<'a>,
}

/// What repeated runs of a script saw.
struct Series {
    runs: Vec<PlayedRun>,
    /// Every 40P01 that a client saw.
    deadlocks: u64,
    server_deadlocks: Option<u64>,
    wal_bytes: Option<u64>,
    throughput_per_second: f64,
    during: During,
}

impl<'a> Laboratory<'a> {
    pub(super) async fn run(&self) -> Result<DeadlockShape, RunError> {
        let shape = self.shape;
        let logged = self.log.mark().await;
        let main = self
            .series(&shape.script, self.main_options(), true)
            .await?;
        let mut record = self.figures(&main);
        record.control = self.version(shape.control.as_ref()).await?;
        record.mended = self.version(shape.mended.as_ref()).await?;
        // Where a wait was too short to be seen in one run, another one may have seen it.
        let most = main.runs.iter().map(|run| run.waits.len()).max();
        let fullest = main.runs.iter().find(|run| Some(run.waits.len()) == most);
        if let Some(first) = fullest.filter(|run| !run.waits.is_empty()) {
            let statements = self.log.statements_since(&logged).await;
            record.participants = participants::of(self.address, shape, first, &statements).await?;
            for participant in &mut record.participants {
                self.mask(&mut participant.statement);
                participant
                    .logged_statement
                    .iter_mut()
                    .for_each(|s| self.mask(s));
                participant
                    .held_by_statement
                    .iter_mut()
                    .for_each(|s| self.mask(s));
            }
        }
        let as_expected = main
            .runs
            .iter()
            .position(|run| run.observed.is(shape.expected));
        record.timeline = as_expected.map(|index| self.timeline(index, &main.runs[index]));
        if shape.expected.is_error() && !shape.verbatim {
            let victim = main.runs.iter().find_map(|run| run.deadlock.as_ref());
            if let Some(deadlock) = victim {
                let wasted = wasted::of(self.address, shape, deadlock.victim).await?;
                record.wasted_wal_bytes = wasted.wal_bytes;
                record.wasted_dead_tuples = wasted.dead_tuples;
            }
            if self.compares_policies {
                record.released_before_rollback = self.released_before_rollback().await?;
                for policy in [Policy::None, Policy::Immediate, Policy::Jittered] {
                    record.policies.push(self.policy(policy).await?);
                }
            }
        }
        Ok(record)
    }

    fn main_options(&self) -> PlayOptions {
        PlayOptions {
            timeout_ms: self.timeout_ms,
            expected: self.shape.expected,
            policy: Policy::JitteredAfterOthers,
            holds_rollback: false,
            with_queued: true,
        }
    }

    fn figures(&self, main: &Series) -> DeadlockShape {
        let runs = &main.runs;
        let durations = |of: &dyn Fn(&PlayedRun) -> Option<f64>| {
            latency::durations(&runs.iter().filter_map(of).collect::<Vec<_>>())
        };
        let of_deadlock = |of: fn(&Deadlock) -> Option<f64>| {
            durations(&|run: &PlayedRun| run.deadlock.as_ref().and_then(of))
        };
        let victims = self.victims(runs);
        let predicted = runs.iter().filter_map(|run| run.deadlock.as_ref());
        let predicted = predicted.filter(|d| d.predicted == Some(d.victim)).count() as u64;
        let queued: Vec<f64> = runs.iter().filter_map(|run| run.queued_ms).collect();
        let tried: u64 = runs.iter().map(|run| run.savepoint.0).sum();
        DeadlockShape {
            name: self.shape.name.clone(),
            summary: self.shape.summary.clone(),
            expected: self.shape.expected,
            as_expected: Some(as_expected(runs, self.shape.expected)),
            runs: runs.len() as u64,
            deadlocks: main.deadlocks,
            server_deadlocks: main.server_deadlocks,
            deadlock_timeout_ms: self.timeout_ms.map_or(0.0, f64::from),
            victim: victims
                .iter()
                .filter(|victim| victim.runs > 0)
                .max_by_key(|victim| victim.runs)
                .map(|victim| victim.session.clone()),
            victims,
            victims_as_predicted: (!self.shape.verbatim).then_some(predicted),
            detect_ms: of_deadlock(|d| Some(d.detect_ms)),
            victim_wait_ms: of_deadlock(|d| Some(d.victim_wait_ms)),
            stalled_ms: durations(&|run| run.stalled_ms),
            abort_ms: of_deadlock(|d| d.abort_ms),
            release_ms: of_deadlock(|d| d.release_ms),
            recover_ms: of_deadlock(|d| d.recover_ms),
            outage_ms: of_deadlock(|d| d.outage_ms),
            attempts: of_deadlock(|d| Some(f64::from(d.attempts))),
            wasted_work_ms: of_deadlock(|d| Some(d.wasted_work_ms)),
            wal_bytes: main.wal_bytes,
            throughput_per_second: main.throughput_per_second,
            savepoint: (tried > 0).then(|| SavepointRetries {
                tried,
                rescued: runs.iter().map(|run| run.savepoint.1).sum(),
            }),
            bystanders: self.baseline.record(&main.during, &queued),
            ..DeadlockShape::default()
        }
    }

    fn victims(&self, runs: &[PlayedRun]) -> Vec<DeadlockVictim> {
        let sessions = self.shape.script.sessions.iter().enumerate();
        let count = |index: usize| {
            let is_victim =
                |run: &&PlayedRun| run.deadlock.as_ref().is_some_and(|d| d.victim == index);
            runs.iter().filter(is_victim).count() as u64
        };
        sessions
            .map(|(index, session)| DeadlockVictim {
                session: session.name.clone(),
                runs: count(index),
            })
            .collect()
    }

    fn timeline(&self, index: usize, run: &PlayedRun) -> DeadlockTimeline {
        let mut timeline = run.timeline.clone();
        timeline.run = index as u64 + 1;
        let spans = timeline
            .sessions
            .iter_mut()
            .flat_map(|session| &mut session.spans);
        spans.for_each(|span| self.mask(&mut span.statement));
        timeline
    }

    /// Takes the literals out of a statement, unless they are to be kept.
    fn mask(&self, statement: &mut String) {
        if self.keep_values {
            *statement = statement.split_whitespace().collect::<Vec<_>>().join(" ");
        } else {
            *statement = sql::mask_literals(statement);
        }
    }

    /// The control, or the mended version, which must not deadlock.
    async fn version(&self, script: Option<&Script>) -> Result<Option<DeadlockControl>, RunError> {
        let Some(script) = script else {
            return Ok(None);
        };
        let options = PlayOptions {
            expected: DeadlockExpectation::None,
            with_queued: false,
            ..self.main_options()
        };
        let series = self.series(script, options, true).await?;
        let over: Vec<f64> = series.runs.iter().map(|run| run.over_ms).collect();
        Ok(Some(DeadlockControl {
            runs: series.runs.len() as u64,
            deadlocks: series.deadlocks,
            server_deadlocks: series.server_deadlocks,
            both_committed_ms: latency::durations(&over),
            throughput_per_second: series.throughput_per_second,
        }))
    }

    /// What a way to try again costs.
    async fn policy(&self, policy: Policy) -> Result<RetryPolicyCost, RunError> {
        let options = PlayOptions {
            policy,
            with_queued: false,
            ..self.main_options()
        };
        let series = self.series(&self.shape.script, options, false).await?;
        let deadlocks = series.runs.iter().filter_map(|run| run.deadlock.as_ref());
        let attempts: Vec<f64> = deadlocks.map(|d| f64::from(d.attempts)).collect();
        let outages: Vec<f64> = series.runs.iter().filter_map(|run| run.outage_ms).collect();
        Ok(RetryPolicyCost {
            policy: policy.name().to_owned(),
            runs: series.runs.len() as u64,
            deadlocks: series.deadlocks,
            lost: series.runs.iter().map(|run| run.lost).sum(),
            attempts: latency::durations(&attempts),
            outage_ms: latency::durations(&outages),
        })
    }

    /// Whether a survivor goes on while the victim's ROLLBACK is held back.
    async fn released_before_rollback(&self) -> Result<Option<bool>, RunError> {
        let options = PlayOptions {
            holds_rollback: true,
            with_queued: false,
            ..self.main_options()
        };
        let mut play = Play::open(self.address, self.shape, &self.shape.script, options).await?;
        let run = play.run(&mut ChaCha12Rng::seed_from_u64(self.seed)).await?;
        play.close().await;
        Ok(run.released_before_rollback)
    }

    /// Runs a script again and again, with the bystanders beside it where they are wanted.
    async fn series(
        &self,
        script: &'a Script,
        options: PlayOptions,
        with_bystanders: bool,
    ) -> Result<Series, RunError> {
        let observer = connect(self.address).await?;
        let deadlocks_before = locks::deadlock_count(&observer).await?;
        let wal_before = catalog::wal_position(&observer).await;
        let mut play = Play::open(self.address, self.shape, script, options).await?;
        let began = Instant::now();
        let work = async {
            let mut runs = Vec::new();
            for run in 0..self.runs {
                // Every run has a backoff of its own, and the same seed the same ones.
                let seed = self.seed.wrapping_add(u64::from(run));
                runs.push(play.run(&mut ChaCha12Rng::seed_from_u64(seed)).await?);
            }
            Ok::<_, RunError>(runs)
        };
        let (runs, during) = if with_bystanders {
            self.baseline.beside(self.address, work).await?
        } else {
            (work.await?, During::default())
        };
        let seconds = began.elapsed().as_secs_f64();
        let wal_after = catalog::wal_position(&observer).await;
        play.close().await;
        let deadlocks = runs.iter().map(|run| run.errors).sum();
        let counted =
            locks::wait_for_deadlock_count(&observer, deadlocks_before, deadlocks, COUNTER_LIMIT)
                .await?;
        observer.close().await;
        let lost: u64 = runs.iter().map(|run| run.lost).sum();
        let committed = (runs.len() * script.sessions.len()) as u64 - lost;
        Ok(Series {
            throughput_per_second: committed as f64 / seconds,
            deadlocks,
            server_deadlocks: Some(counted),
            wal_bytes: wal_before
                .zip(wal_after)
                .map(|(from, to)| to.saturating_sub(from)),
            during,
            runs,
        })
    }
}

/// In how many runs the shape did what is expected of it. Where nothing is expected, all runs must
/// have ended alike.
fn as_expected(runs: &[PlayedRun], expected: DeadlockExpectation) -> u64 {
    let first = runs.first().map(|run| run.observed);
    let alike = |run: &&PlayedRun| match expected {
        DeadlockExpectation::Any => Some(run.observed) == first,
        expected => run.observed.is(expected),
    };
    runs.iter().filter(alike).count() as u64
}
