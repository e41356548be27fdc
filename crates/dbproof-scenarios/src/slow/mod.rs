//! The `slow` scenario: are the monitored queries under their thresholds?
//!
//! * `load`: what is executed, drawn ahead: one query or a mix, a number or for a time.
//! * `schedule`: when each execution of an open loop is to begin.
//! * `crew`: the connections that execute it, in a closed or in an open loop.
//! * `samples`: what the executions of a query came to; `server_time`: the server's share of it.
//! * `judge`: figures, verdict and findings.

mod crew;
mod judge;
mod load;
mod samples;
pub(crate) mod schedule;
mod server_time;
mod threshold;

use std::sync::Arc;

use dbproof_analysis::findings;
use dbproof_model::{Finding, OpenLoop, Scenario, SlowMix, SlowQuery, SlowRecord, Verdict};
use dbproof_postgres::{Address, PostgresError, ServerError, Session, connect};

use crate::error::{InputError, RunError};
use crate::observer::{Event, Observer};
use crate::options::RunOptions;
use crate::project::MonitoredQuery;
use crew::{Crew, Outcome};
use load::Load;
use server_time::ServerTime;

/// An open loop whose executions begin at a smaller share of the offered rate has not kept up.
const KEPT_UP: f64 = 0.95;

/// The database to measure, and where to ask about it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Target<'a> {
    /// The database that is measured.
    pub(crate) address: &'a Address,
    /// Another database of the server.
    pub(crate) elsewhere: &'a Address,
}

/// What one measurement, of a query or of a mix, came to.
#[derive(Debug)]
struct Measured {
    load: Arc<Load>,
    outcome: Outcome,
    /// Mean time that the server worked on an execution, in milliseconds.
    server_ms: Option<f64>,
    open_loop: Option<OpenLoop>,
}

/// Measures every monitored query.
pub(crate) async fn run(
    options: &RunOptions,
    target: Target<'_>,
    queries: &[MonitoredQuery],
    observer: &dyn Observer,
) -> Result<(SlowRecord, Vec<Finding>), RunError> {
    let session = connect(target.address).await?;
    let step = |name: &str, done| {
        observer.event(Event::Step {
            scenario: Scenario::Slow,
            name,
            done,
            total: queries.len(),
        });
    };
    let mut seen = Seen::default();
    if options.project.config.slow.mix {
        for monitored in queries {
            check_statement(&session, monitored).await?;
        }
        step("the mix", 0);
        let all: Vec<&MonitoredQuery> = queries.iter().collect();
        seen.mix(options, target, &session, &all).await?;
    } else {
        for (done, monitored) in queries.iter().enumerate() {
            step(&monitored.query.name, done);
            check_statement(&session, monitored).await?;
            seen.query(options, target, &session, monitored).await?;
        }
    }
    session.close().await;
    let verdict = Verdict::of_all(seen.queries.iter().map(|r| r.verdict));
    let record = SlowRecord {
        verdict,
        queries: seen.queries,
        mix: seen.mix,
    };
    Ok((record, seen.findings))
}

/// The record and the findings so far.
#[derive(Debug, Default)]
struct Seen {
    queries: Vec<SlowQuery>,
    mix: Option<SlowMix>,
    findings: Vec<Finding>,
}

impl Seen {
    /// Measures a query by itself.
    async fn query(
        &mut self,
        options: &RunOptions,
        target: Target<'_>,
        session: &Session,
        monitored: &MonitoredQuery,
    ) -> Result<(), RunError> {
        let measured = measure(options, target, session, &[monitored]).await?;
        if let Some(open_loop) = measured.open_loop.filter(|o| !o.kept_up) {
            let query = &monitored.query;
            let finding = findings::rate_not_reached::finding(&query.name, &open_loop)
                .at(Some(query.location.clone()));
            self.findings.push(finding);
        }
        let (record, found) = judge::judge(options, session, monitored, &measured, 0).await?;
        self.queries.push(SlowQuery {
            server_ms: measured.server_ms,
            open_loop: measured.open_loop,
            ..record
        });
        self.findings.extend(found);
        Ok(())
    }

    /// Measures all queries together.
    async fn mix(
        &mut self,
        options: &RunOptions,
        target: Target<'_>,
        session: &Session,
        queries: &[&MonitoredQuery],
    ) -> Result<(), RunError> {
        let measured = measure(options, target, session, queries).await?;
        if let Some(open_loop) = measured.open_loop.filter(|o| !o.kept_up) {
            self.findings
                .push(findings::rate_not_reached::finding("the mix", &open_loop));
        }
        for (index, monitored) in queries.iter().enumerate() {
            let (record, found) =
                judge::judge(options, session, monitored, &measured, index).await?;
            self.queries.push(SlowQuery {
                weight: Some(monitored.query.weight),
                ..record
            });
            self.findings.extend(found);
        }
        let executions = measured.outcome.executions();
        self.mix = Some(SlowMix {
            executions,
            throughput_per_s: measured.outcome.per_second(executions),
            server_ms: measured.server_ms,
            open_loop: measured.open_loop,
        });
        Ok(())
    }
}

async fn measure(
    options: &RunOptions,
    target: Target<'_>,
    session: &Session,
    queries: &[&MonitoredQuery],
) -> Result<Measured, RunError> {
    let config = &options.project.config.slow;
    let load = Arc::new(Load::draw(session, queries, config, options.seed).await?);
    let crew = Crew::assemble(target.address, Arc::clone(&load), options.in_place).await?;
    let server = if crew.counted {
        Some(ServerTime::of(target.address, target.elsewhere).await?)
    } else {
        None
    };
    let before = milliseconds(server.as_ref()).await?;
    let outcome = crew.measure().await?;
    let after = milliseconds(server.as_ref()).await?;
    if let Some(server) = server {
        server.close().await;
    }
    let server_ms = match (before, after, outcome.executions()) {
        (Some(before), Some(after), executions @ 1..) if after > before => {
            Some((after - before) / executions as f64)
        }
        _ => None,
    };
    let open_loop = config
        .rate
        .zip(load.schedule.as_ref())
        .map(|(rate, drawn)| {
            let offered_per_s = drawn.offered_per_s();
            let reached_per_s = drawn.reached_per_s(outcome.last_start);
            OpenLoop {
                asked_per_s: rate,
                offered_per_s,
                reached_per_s,
                delayed: outcome.delayed,
                kept_up: reached_per_s >= KEPT_UP * offered_per_s,
            }
        });
    Ok(Measured {
        load,
        outcome,
        server_ms,
        open_loop,
    })
}

async fn milliseconds(server: Option<&ServerTime>) -> Result<Option<f64>, PostgresError> {
    match server {
        Some(server) => server.milliseconds().await,
        None => Ok(None),
    }
}

/// A statement that the server cannot even prepare is the user's mistake, not a slow query.
pub(crate) async fn check_statement(
    session: &Session,
    monitored: &MonitoredQuery,
) -> Result<(), RunError> {
    let query = &monitored.query;
    match session
        .prepare(&query.sql)
        .await
        .map_err(|error| session.error(&error))
    {
        Ok(_) => Ok(()),
        Err(PostgresError::Server(error)) => Err(unusable(monitored, &error).into()),
        Err(error) => Err(error.into()),
    }
}

/// The server's error about a query's statement, shown in the user's file.
pub(crate) fn unusable(monitored: &MonitoredQuery, error: &ServerError) -> Box<InputError> {
    let (query, file) = (&monitored.query, &monitored.file);
    let what = format!("the server refuses query `{}`", query.name);
    InputError::from_server(
        &what,
        error,
        &file.name,
        &file.text,
        query.sql_line,
        &query.sql,
    )
}

/// The finding for a query that the server answered with an error.
pub(crate) fn failed(monitored: &MonitoredQuery, error: &ServerError, errors: u64) -> Finding {
    let query = &monitored.query;
    findings::query_failed::finding(&findings::query_failed::Failure {
        query: &query.name,
        location: Some(query.location.clone()),
        sqlstate: &error.sqlstate,
        message: &error.message,
        hint: error.hint.as_deref(),
        errors,
    })
}
