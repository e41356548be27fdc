//! The `deadlock` scenario: what does a deadlock cost, and how soon is it over?
//!
//! Each shape is run at each `deadlock_timeout`, always beside its control: the same transactions
//! with their locks in one order. Steps are sequenced by what `pg_blocking_pids` says, never by
//! waiting for some time.
//!
//! * `plan`: which shapes are run; `laboratory`: one shape at one timeout, again and again.
//! * `play`: one run of a script; `retry`: how a victim tries again.
//! * `bystander`: sessions outside of the cycle; `wasted`: what a victim wrote for nothing.
//! * `participants` and `server_log`: the statements on both sides of a wait.
//! * `storm`: many clients on few rows.

mod bystander;
mod judge;
mod laboratory;
mod participants;
mod plan;
mod play;
mod retry;
mod server_log;
mod storm;
mod wasted;

use dbproof_model::{DeadlockRecord, Finding, Scenario, Verdict};
use dbproof_postgres::{Address, Session, connect};

use crate::environment::Environment;
use crate::error::RunError;
use crate::observer::{Event, Observer};
use crate::options::RunOptions;
use crate::project::shapes::Shape;
use bystander::Baseline;
use laboratory::Laboratory;
pub(crate) use plan::Plan;
use play::run_all;
use server_log::ServerLog;

/// The database of shapes that need nothing of the project.
const OWN_DATABASE: &str = "deadlock";

/// Runs every shape at every timeout, and the storm where it is asked for. `stage` is a database
/// with the project's schema and rows, where anything needs them.
pub(crate) async fn run(
    options: &RunOptions,
    environment: &Environment,
    stage: &Address,
    plan: &Plan,
    observer: &dyn Observer,
) -> Result<(DeadlockRecord, Vec<Finding>), RunError> {
    let own = if plan.needs_own_database() {
        environment.databases().create(OWN_DATABASE).await?
    } else {
        stage.clone()
    };
    let room = Room {
        options,
        environment,
        stage,
        own: &own,
    };
    let mut shapes = Vec::new();
    let mut found = Vec::new();
    for (index, shape) in plan.shapes.iter().enumerate() {
        let records = room
            .shape(shape, (index, plan.shapes.len()), observer)
            .await?;
        found.extend(judge::findings(&records));
        shapes.extend(records);
    }
    let storms = match &plan.storm {
        Some(storm) => {
            observer.event(Event::Step {
                scenario: Scenario::Deadlock,
                name: "storm",
                done: plan.shapes.len(),
                total: plan.shapes.len() + 1,
            });
            room.storm(storm).await?
        }
        None => Vec::new(),
    };
    found.extend(judge::storm_finding(&storms));
    let verdicts = shapes.iter().map(judge::verdict_of);
    let verdict = Verdict::of_all(verdicts.chain(storms.iter().map(judge::verdict_of_storm)));
    Ok((
        DeadlockRecord {
            verdict,
            shapes,
            predictions: Vec::new(),
            prediction: None,
            storms,
        },
        found,
    ))
}

/// Where everything is run.
struct Room<'a> {
    options: &'a RunOptions,
    environment: &'a Environment,
    stage: &'a Address,
    own: &'a Address,
}

impl Room<'_> {
    fn runs(&self) -> u32 {
        let config = &self.options.project.config.deadlock;
        self.options.deadlock.runs.unwrap_or(config.runs)
    }

    /// One shape at every timeout.
    async fn shape(
        &self,
        shape: &Shape,
        (done, total): (usize, usize),
        observer: &dyn Observer,
    ) -> Result<Vec<dbproof_model::DeadlockShape>, RunError> {
        let address = if shape.is_ours { self.own } else { self.stage };
        let session = connect(address).await?;
        if !shape.verbatim {
            run_all(&session, shape, &shape.setup, "setup").await?;
            run_all(&session, shape, &shape.reset, "reset").await?;
        }
        let baseline = Baseline::take(address, shape).await?;
        let configured = &self.options.project.config.deadlock.timeouts_ms;
        let shortest = configured.iter().min().copied();
        let timeouts: Vec<Option<u32>> = if shape.verbatim {
            vec![None]
        } else {
            configured.iter().copied().map(Some).collect()
        };
        let mut records = Vec::new();
        for timeout_ms in timeouts {
            let shown_ms = match timeout_ms {
                Some(timeout) => f64::from(timeout),
                None => own_timeout(&session).await?,
            };
            let name = format!("{} at {shown_ms} ms", shape.name);
            observer.event(Event::Step {
                scenario: Scenario::Deadlock,
                name: &name,
                done,
                total,
            });
            let laboratory = Laboratory {
                address,
                shape,
                baseline: &baseline,
                timeout_ms,
                runs: self.runs(),
                seed: self.options.seed,
                keep_values: self.options.keep_values,
                compares_policies: timeout_ms.is_some() && timeout_ms == shortest,
                log: &ServerLog::new(self.environment),
            };
            let mut record = Box::pin(laboratory.run()).await?;
            record.deadlock_timeout_ms = shown_ms;
            records.push(record);
        }
        if !shape.verbatim {
            run_all(&session, shape, &shape.teardown, "teardown").await?;
        }
        session.close().await;
        Ok(records)
    }

    async fn storm(
        &self,
        storm: &plan::Storm,
    ) -> Result<Vec<dbproof_model::DeadlockStorm>, RunError> {
        let address = if storm.is_ours { self.own } else { self.stage };
        let timeouts = &self.options.project.config.deadlock.timeouts_ms;
        Box::pin(storm::run(address, storm, timeouts, self.options.seed)).await
    }
}

/// The server's own `deadlock_timeout`, in milliseconds.
async fn own_timeout(session: &Session) -> Result<f64, RunError> {
    let sql = "SELECT setting FROM pg_settings WHERE name = 'deadlock_timeout'";
    let setting = session.text(sql).await?;
    Ok(setting.and_then(|text| text.parse().ok()).unwrap_or(1000.0))
}
