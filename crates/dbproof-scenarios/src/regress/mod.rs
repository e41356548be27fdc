//! The `regress` scenario: what does a schema change do to the monitored queries?
//!
//! Two clones of one database differ by the change alone. Plans, blocks and rows are compared
//! first, because they are the same in every run; time is taken on its own samples, in sessions
//! that alternate between the two sides.

mod compare;
mod outcome;
mod pairs;
mod parameter_sets;
mod row_security;
mod statements;
mod timing;
mod twins;
mod wavering;

use dbproof_analysis::findings;
use dbproof_model::{
    Finding, RegressQuery, RegressRecord, RegressVerdict, RunTiming, Scenario, Severity, Verdict,
};
use dbproof_postgres::catalog;

use crate::environment::Environment;
use crate::error::RunError;
use crate::observer::{Event, Observer};
use crate::options::RunOptions;
use crate::project::MonitoredQuery;
use crate::project::migrations::Change;
use outcome::Compared;
use timing::Sides;
use twins::{Sessions, Twins};

/// Compares every monitored query before and after the change.
pub(crate) async fn run(
    options: &RunOptions,
    environment: &Environment,
    queries: &[MonitoredQuery],
    change: &Change,
    observer: &dyn Observer,
) -> Result<(RegressRecord, Vec<Finding>), RunError> {
    if change.is_none() {
        return Ok(nothing_new(change));
    }
    observer.event(Event::Preparing {
        what: "twin databases",
    });
    let (twins, migration) = Twins::make(options, environment, change).await?;
    let sessions = Sessions::open(&twins).await?;
    let mut compared = Vec::new();
    let mut found: Vec<Finding> = catalog::never_analysed(&sessions.after)
        .await?
        .iter()
        .map(|relation| findings::never_analysed::finding(relation))
        .collect();
    for (done, monitored) in queries.iter().enumerate() {
        observer.event(Event::Step {
            scenario: Scenario::Regress,
            name: &monitored.query.name,
            done,
            total: queries.len(),
        });
        compared.push(compare::compare(options, &sessions, true, monitored).await?);
    }
    sessions.close().await;
    observer.event(Event::Step {
        scenario: Scenario::Regress,
        name: "timing in pairs",
        done: queries.len().saturating_sub(1),
        total: queries.len(),
    });
    let timing = add_times(options, environment, &twins, &mut compared).await?;
    if !timing.gates {
        found.push(findings::clock_unsteady::finding(&timing));
    }
    let mut records = Vec::with_capacity(compared.len());
    for Compared {
        record, findings, ..
    } in compared
    {
        records.push(record);
        found.extend(findings);
    }
    let record = RegressRecord {
        verdict: verdict(&records, &found),
        change: change.name.clone(),
        migration,
        queries: records,
        timing: Some(timing),
    };
    Ok((record, found))
}

/// Times every query that both sides can execute, and lets the times add to its verdict.
async fn add_times(
    options: &RunOptions,
    environment: &Environment,
    twins: &Twins,
    compared: &mut [Compared<'_>],
) -> Result<RunTiming, RunError> {
    let mut queries = Vec::new();
    let mut timed = Vec::new();
    for compared in compared {
        if let Some(query) = compared.timed.take() {
            queries.push(query);
            timed.push(compared);
        }
    }
    let sides = Sides {
        before: &twins.before,
        after: &twins.after,
        control: &twins.control,
    };
    let config = &options.project.config.regress;
    let local = environment.is_ours();
    let (run, outcomes) =
        timing::measure(config, &sides, &mut queries, local, options.seed).await?;
    for (compared, outcome) in timed.into_iter().zip(outcomes) {
        compared.add_time(outcome, run.gates);
    }
    Ok(run)
}

/// Nothing was compared, which is no pass.
fn nothing_new(change: &Change) -> (RegressRecord, Vec<Finding>) {
    let record = RegressRecord {
        verdict: Verdict::Inconclusive,
        change: change.name.clone(),
        migration: None,
        queries: Vec::new(),
        timing: None,
    };
    (
        record,
        vec![findings::no_new_migration::finding(&change.name)],
    )
}

fn verdict(records: &[RegressQuery], found: &[Finding]) -> Verdict {
    let of_query = |query: &RegressQuery| match query.verdict {
        RegressVerdict::Regressed => Verdict::Fail,
        RegressVerdict::Inconclusive => Verdict::Inconclusive,
        RegressVerdict::Improved | RegressVerdict::Changed | RegressVerdict::Unchanged => {
            Verdict::Pass
        }
    };
    let errors = found
        .iter()
        .filter(|f| f.severity == Severity::Error)
        .map(|_| Verdict::Fail);
    Verdict::of_all(records.iter().map(of_query).chain(errors))
}
