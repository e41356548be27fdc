//! The `deadlock` scenario: what does a deadlock cost, and how soon is it over?
//!
//! Each shape is run at each `deadlock_timeout`, always beside its control: the same transactions
//! with their locks in one order. Steps are sequenced by what `pg_blocking_pids` says, never by
//! waiting for some time.

mod bystander;
mod cycle;
mod retry;

use std::time::{Duration, Instant};

use dbproof_analysis::{findings, latency};
use dbproof_model::{
    Bystanders, DeadlockControl, DeadlockRecord, DeadlockShape, DeadlockVictim, Durations, Finding,
    Scenario, Verdict,
};
use dbproof_postgres::{Address, PostgresError, catalog, connect, locks};

use crate::error::RunError;
use crate::observer::{Event, Observer};
use crate::options::RunOptions;
use crate::project::SourceFile;
use crate::project::shapes::{Shape, ShapeSession};
use bystander::Baseline;
use cycle::{Cycle, CycleRun};

/// How long the server may take to report the deadlocks that it has counted.
const COUNTER_LIMIT: Duration = Duration::from_secs(10);

/// Runs every shape at every timeout.
pub(crate) async fn run(
    options: &RunOptions,
    address: &Address,
    shapes: &[(Shape, SourceFile)],
    observer: &dyn Observer,
) -> Result<(DeadlockRecord, Vec<Finding>), RunError> {
    let timeouts = &options.project.config.deadlock.timeouts_ms;
    let total = shapes.len() * timeouts.len();
    let mut records = Vec::new();
    let mut found = Vec::new();
    for (shape, file) in shapes {
        for &timeout_ms in timeouts {
            let name = format!("{} at {timeout_ms} ms", shape.name);
            observer.event(Event::Step {
                scenario: Scenario::Deadlock,
                name: &name,
                done: records.len(),
                total,
            });
            let laboratory = Laboratory {
                options,
                address,
                shape,
                file,
                timeout_ms,
            };
            let record = laboratory.run().await?;
            found.extend(findings_of(&record));
            records.push(record);
        }
    }
    if let Some(finding) = cost(&records) {
        found.push(finding);
    }
    let verdict = Verdict::of_all(records.iter().map(verdict_of));
    Ok((
        DeadlockRecord {
            verdict,
            shapes: records,
            predictions: Vec::new(),
        },
        found,
    ))
}

/// A shape passes when it deadlocked in every run, its control in none, and the server counted as
/// many deadlocks as the clients.
fn verdict_of(record: &DeadlockShape) -> Verdict {
    if record
        .control
        .as_ref()
        .is_some_and(|control| control.deadlocks > 0)
    {
        return Verdict::Fail;
    }
    let counted = record
        .server_deadlocks
        .is_none_or(|counted| counted == record.deadlocks);
    if runs_with_deadlock(record) == record.runs && counted && record.control.is_some() {
        Verdict::Pass
    } else {
        Verdict::Inconclusive
    }
}

/// In how many runs the cycle closed; a retry that deadlocks again counts once more elsewhere.
fn runs_with_deadlock(record: &DeadlockShape) -> u64 {
    record.victims.iter().map(|victim| victim.runs).sum()
}

fn findings_of(record: &DeadlockShape) -> Vec<Finding> {
    let mut found = Vec::new();
    if let Some(control) = &record.control
        && control.deadlocks > 0
    {
        found.push(findings::control_deadlocked::finding(record, control));
    }
    if runs_with_deadlock(record) != record.runs {
        found.push(findings::deadlock_not_reproduced::finding(record));
    }
    if record
        .server_deadlocks
        .is_some_and(|counted| counted != record.deadlocks)
    {
        found.push(findings::deadlock_count_differs::finding(record));
    }
    found
}

/// What the shape costs at the server's usual timeout, that is the longest one that was run.
fn cost(records: &[DeadlockShape]) -> Option<Finding> {
    let longest = records
        .iter()
        .filter(|record| record.deadlocks > 0)
        .max_by(|a, b| a.deadlock_timeout_ms.total_cmp(&b.deadlock_timeout_ms))?;
    Some(findings::deadlock_cost::finding(longest))
}

/// One shape at one timeout.
struct Laboratory<'a> {
    options: &'a RunOptions,
    address: &'a Address,
    shape: &'a Shape,
    file: &'a SourceFile,
    timeout_ms: u32,
}

/// What repeated runs of a pair of transactions saw.
struct Series {
    runs: Vec<CycleRun>,
    /// Every 40P01 that a client saw.
    deadlocks: u64,
    server_deadlocks: Option<u64>,
    wal_bytes: Option<u64>,
    throughput_per_second: f64,
    bystander_ms: Vec<f64>,
}

impl Laboratory<'_> {
    async fn run(&self) -> Result<DeadlockShape, RunError> {
        let baseline = match &self.shape.bystander {
            Some(bystander) => bystander::baseline(self.address, &bystander.sql).await?,
            None => Baseline::default(),
        };
        let inverted = self.series(&self.shape.sessions, baseline.interval).await?;
        let control = match &self.shape.control {
            Some(control) => Some(self.series(&control.sessions, baseline.interval).await?),
            None => None,
        };
        let durations = |of: fn(&CycleRun) -> Option<f64>| {
            latency::durations(&inverted.runs.iter().filter_map(of).collect::<Vec<_>>())
        };
        let victims = victims(&self.shape.sessions, &inverted.runs);
        Ok(DeadlockShape {
            name: self.shape.name.clone(),
            runs: inverted.runs.len() as u64,
            deadlocks: inverted.deadlocks,
            server_deadlocks: inverted.server_deadlocks,
            deadlock_timeout_ms: f64::from(self.timeout_ms),
            victim: victims
                .iter()
                .filter(|victim| victim.runs > 0)
                .max_by_key(|victim| victim.runs)
                .map(|victim| victim.session.clone()),
            victims,
            detect_ms: durations(|run| run.deadlock.as_ref().map(|d| d.detect_ms)),
            abort_ms: durations(|run| run.deadlock.as_ref().map(|d| d.abort_ms)),
            release_ms: durations(|run| run.deadlock.as_ref().map(|d| d.release_ms)),
            recover_ms: durations(|run| run.deadlock.as_ref().map(|d| d.recover_ms)),
            outage_ms: durations(|run| run.deadlock.as_ref().map(|d| d.outage_ms)),
            attempts: durations(|run| run.deadlock.as_ref().map(|d| f64::from(d.attempts))),
            wasted_work_ms: durations(|run| run.deadlock.as_ref().map(|d| d.wasted_work_ms)),
            wal_bytes: inverted.wal_bytes,
            throughput_per_second: inverted.throughput_per_second,
            bystanders: Bystanders {
                baseline_ms: latency::durations(&baseline.latencies_ms),
                same_table_ms: latency::durations(&inverted.bystander_ms),
                queued_ms: Durations::default(),
            },
            control: control.map(|series| DeadlockControl {
                runs: series.runs.len() as u64,
                deadlocks: series.deadlocks,
                server_deadlocks: series.server_deadlocks,
                both_committed_ms: latency::durations(
                    &series
                        .runs
                        .iter()
                        .map(|run| run.both_committed_ms)
                        .collect::<Vec<_>>(),
                ),
                throughput_per_second: series.throughput_per_second,
            }),
        })
    }

    /// Runs a pair of transactions again and again, with a bystander beside them.
    async fn series(
        &self,
        sessions: &[ShapeSession],
        interval: Duration,
    ) -> Result<Series, RunError> {
        let observer = connect(self.address).await?;
        let deadlocks_before = locks::deadlock_count(&observer).await?;
        let wal_before = catalog::wal_position(&observer).await;
        let mut cycle = Cycle::open(self.address, sessions, self.file, self.timeout_ms).await?;
        let began = Instant::now();
        let work = async {
            let mut runs = Vec::new();
            for run in 0..self.options.project.config.deadlock.runs {
                // Every run has a backoff of its own, and the same seed the same ones.
                runs.push(
                    cycle
                        .run(self.options.seed.wrapping_add(2 * u64::from(run)))
                        .await?,
                );
            }
            Ok::<_, RunError>(runs)
        };
        let (runs, bystander_ms) = match &self.shape.bystander {
            Some(bystander) => {
                bystander::beside(self.address, &bystander.sql, interval, work).await?
            }
            None => (work.await?, Vec::new()),
        };
        let seconds = began.elapsed().as_secs_f64();
        let wal_after = catalog::wal_position(&observer).await;
        // A backend reports its counts at the latest when it ends.
        cycle.close().await;
        let deadlocks = runs.iter().map(|run| run.errors).sum();
        let server_deadlocks = self.counted(&observer, deadlocks_before, deadlocks).await?;
        observer.close().await;
        Ok(Series {
            throughput_per_second: (runs.len() * 2) as f64 / seconds,
            deadlocks,
            server_deadlocks,
            wal_bytes: wal_before
                .zip(wal_after)
                .map(|(from, to)| to.saturating_sub(from)),
            bystander_ms,
            runs,
        })
    }

    async fn counted(
        &self,
        observer: &dbproof_postgres::Session,
        before: u64,
        expected: u64,
    ) -> Result<Option<u64>, PostgresError> {
        locks::wait_for_deadlock_count(observer, before, expected, COUNTER_LIMIT)
            .await
            .map(Some)
    }
}

fn victims(sessions: &[ShapeSession], runs: &[CycleRun]) -> Vec<DeadlockVictim> {
    sessions
        .iter()
        .enumerate()
        .map(|(index, session)| DeadlockVictim {
            session: session.name.clone(),
            runs: runs
                .iter()
                .filter(|run| run.deadlock.as_ref().is_some_and(|d| d.victim == index))
                .count() as u64,
        })
        .collect()
}
