//! What `pg_stat_statements` counted while an application ran: [`count`].
//!
//! Nothing stands between application and server, so this works where traffic cannot be led
//! elsewhere. Counters know neither values nor order: what they suggest is a warning, and that they
//! suggest nothing is no pass.

use std::ffi::OsString;
use std::time::{Duration, Instant};

use dbproof_analysis::findings::lookups_per_row;
use dbproof_analysis::nplusone::{Counted, counted};
use dbproof_analysis::sql::template;
use dbproof_model::{
    Finding, NPlusOneRecord, OtherTemplates, RunRecord, Scenarios, TemplateTotal, TrafficSource,
    Verdict, WatchRecord, WatchedDatabase,
};
use dbproof_postgres::statement_statistics::{
    StatementCounter, StatementStatistics, statement_statistics,
};
use dbproof_postgres::{Address, Session, catalog, connect};

use super::command::Signals;
use super::pointing::Pointing;
use super::target::reach;
use super::{run, thresholds};
use crate::error::{InputError, RunError};
use crate::observer::{Event, Observer};
use crate::options::Threshold;
use crate::project::Project;
use crate::run::Beginning;

/// Statements that the record names.
const MOST_TEMPLATES: usize = 50;
/// Why counters are never enough for a pass.
const NOT_TOLD: &str = "counters tell neither values nor order: loops over many values, duplicates and \
                        writes row by row were not looked for; `dbproof watch` does";

/// What is to be counted.
#[derive(Debug, Clone)]
pub struct CountedOptions {
    /// The project, where there is one.
    pub project: Option<Project>,
    /// The database whose counters are read.
    pub address: Address,
    /// The command to run meanwhile; empty where the application runs elsewhere.
    pub command: Vec<OsString>,
    /// How long to count; until the command ends, or Ctrl-C, where nothing is said.
    pub duration: Option<Duration>,
    /// What the record says of slow statements, which counters cannot tell.
    pub threshold: Threshold,
    /// The seed that the record names.
    pub seed: u64,
}

/// Counts what is executed while a command runs, or for a time.
///
/// # Errors
///
/// [`RunError::Input`] where there is no `pg_stat_statements`; any other where the server is at fault.
pub async fn count(
    options: &CountedOptions,
    observer: &dyn Observer,
) -> Result<RunRecord, RunError> {
    let beginning = Beginning::now();
    let mut signals = Signals::listen()?;
    let server = reach(&options.address).await?;
    observer.event(Event::ServerReady {
        version: &server.version,
        ephemeral: false,
    });
    let session = connect(&options.address).await?;
    let before = counters(&session).await?;
    let began = Instant::now();
    let pointing = Pointing::default();
    let ran = run(&options.command, options.duration, &pointing, &mut signals).await;
    let (exit, ended) = ran?;
    let duration_ms = began.elapsed().as_secs_f64() * 1e3;
    observer.event(Event::Judging);
    let after = counters(&session).await?;
    let schema = catalog::schema(&session).await?;
    session.close().await;

    let more = after.since(&before);
    let all: Vec<Counted<'_>> = more.iter().map(as_counted).collect();
    let mut findings = counted(&all, &schema, &thresholds(options.project.as_ref()));
    findings.sort_by_key(executions);
    let reasons: Vec<String> = after.lost_since(&before).into_iter().collect();
    let executions = more.iter().map(|counter| counter.calls).sum();
    let (templates, others) = templates(&more);
    let complete = reasons.is_empty();
    let watch = WatchRecord {
        verdict: if complete && executions > 0 {
            Verdict::Pass
        } else {
            Verdict::Inconclusive
        },
        source: TrafficSource::PgStatStatements,
        files: Vec::new(),
        command: options
            .command
            .iter()
            .map(|word| word.to_string_lossy().into_owned())
            .collect(),
        exit,
        ended,
        server: options.address.to_string(),
        listened: String::new(),
        pointed: Vec::new(),
        duration_ms,
        sessions: 0,
        executions,
        complete,
        dropped: 0,
        reasons: reasons.clone(),
        notes: Vec::new(),
        databases: vec![WatchedDatabase {
            name: options.address.database().to_owned(),
            sessions: 0,
            executions,
            catalog_read: true,
            catalog_error: None,
        }],
        templates,
        others,
        threshold_ms: options.threshold.milliseconds,
        threshold_source: options.threshold.source,
        slow: Vec::new(),
        failed: Vec::new(),
        idle_limit_ms: 0.0,
        idle: Vec::new(),
    };
    let nplusone = NPlusOneRecord {
        verdict: Verdict::Inconclusive,
        sessions: 0,
        executions,
        complete,
        dropped: 0,
        reasons: reasons.into_iter().chain([NOT_TOLD.to_owned()]).collect(),
        groups: Vec::new(),
        pages: Vec::new(),
    };
    let scenarios = Scenarios {
        nplusone: Some(nplusone),
        watch: Some(watch),
        ..Scenarios::default()
    };
    let project = options.project.as_ref();
    Ok(beginning.record(project, options.seed, server, scenarios, findings))
}

async fn counters(session: &Session) -> Result<StatementStatistics, RunError> {
    let read = statement_statistics(session).await?;
    read.map_err(|missing| InputError::new(missing.to_string()).into())
}

fn as_counted(counter: &StatementCounter) -> Counted<'_> {
    Counted {
        sql: &counter.query,
        calls: counter.calls,
        rows: counter.rows,
        total_ms: counter.total_ms,
    }
}

/// The most executions first.
fn executions(finding: &Finding) -> std::cmp::Reverse<u64> {
    debug_assert_eq!(finding.code, lookups_per_row::KIND.code);
    let count = finding.evidence.get("executions");
    std::cmp::Reverse(count.and_then(serde_json::Value::as_u64).unwrap_or(0))
}

fn templates(more: &[StatementCounter]) -> (Vec<TemplateTotal>, OtherTemplates) {
    let all_ms: f64 = more.iter().map(|counter| counter.total_ms).sum();
    let total = |counter: &StatementCounter| {
        let avg_ms = counter.total_ms / counter.calls as f64;
        TemplateTotal {
            template: template(&counter.query, &[]).shape,
            executions: counter.calls,
            rows: counter.rows,
            total_ms: counter.total_ms,
            avg_ms,
            p95_ms: None,
            max_ms: None,
            share: if all_ms > 0.0 {
                counter.total_ms / all_ms
            } else {
                0.0
            },
        }
    };
    let rest = more.get(MOST_TEMPLATES..).unwrap_or_default();
    let others = OtherTemplates {
        templates: rest.len() as u64,
        executions: rest.iter().map(|counter| counter.calls).sum(),
        total_ms: rest.iter().map(|counter| counter.total_ms).sum(),
    };
    (
        more.iter().take(MOST_TEMPLATES).map(total).collect(),
        others,
    )
}
