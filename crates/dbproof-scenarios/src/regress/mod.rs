//! The `regress` scenario: what does a schema change do to the monitored queries?
//!
//! Two clones of one database differ by the change alone. Plans, blocks and rows are compared
//! first, because they are the same in every run; time is taken on its own samples, in sessions
//! that alternate between the two sides.

mod pairs;
mod statements;
mod timing;

use dbproof_analysis::regression::{self, Tolerances};
use dbproof_analysis::{findings, plan};
use dbproof_model::{
    Finding, MigrationRecord, MigrationStatement, PlanNames, PlanSummary, Ratios, RegressQuery,
    RegressRecord, RegressVerdict, RunTiming, Scenario, Severity, TimingOutcome, Verdict,
};
use dbproof_postgres::explain::{Mode, explain};
use dbproof_postgres::{Address, PostgresError, ServerError, Session, catalog, connect, rows};
use serde_json::Value;

use crate::environment::Environment;
use crate::error::RunError;
use crate::observer::{Event, Observer};
use crate::options::RunOptions;
use crate::parameters::{ParameterValues, ValueSet};
use crate::project::MonitoredQuery;
use crate::project::migrations::{Change, Migration};
use crate::slow::{failed, unusable};
use crate::stage;
use timing::{Sides, TimedOutcome, TimedQuery};

/// EXPLAIN runs of each side; the last counts, because the first reads the catalog as well.
const EXPLAIN_RUNS: usize = 3;

/// Two databases that differ by the change alone, and one that does not differ from the first.
struct Twins {
    before: Address,
    after: Address,
    control: Address,
}

/// A session on each twin.
struct Sessions {
    before: Session,
    after: Session,
    /// What the names of indexes and partitions stand for on each side.
    names: (PlanNames, PlanNames),
}

/// What is known of a query after its plans were compared.
struct Compared<'a> {
    record: RegressQuery,
    findings: Vec<Finding>,
    /// What to time; nothing where one side cannot execute the query.
    timed: Option<TimedQuery<'a>>,
}

/// Compares every monitored query before and after the change.
pub(crate) async fn run(
    options: &RunOptions,
    environment: &Environment,
    queries: &[MonitoredQuery],
    change: &Change,
    observer: &dyn Observer,
) -> Result<(RegressRecord, Vec<Finding>), RunError> {
    if change.migrations.is_empty() {
        return Ok(nothing_new(change));
    }
    observer.event(Event::Preparing {
        what: "twin databases",
    });
    let (twins, migration) = make_twins(options, environment, change).await?;
    let (before, after) = (connect(&twins.before).await?, connect(&twins.after).await?);
    let sessions = Sessions {
        names: (
            catalog::plan_names(&before).await?,
            catalog::plan_names(&after).await?,
        ),
        before,
        after,
    };
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
        compared.push(compare(options, &sessions, monitored).await?);
    }
    sessions.before.close().await;
    sessions.after.close().await;
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
        migration: Some(migration),
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

impl Compared<'_> {
    fn add_time(&mut self, timed: TimedOutcome, gates: bool) {
        let outcome = timed.timing.outcome;
        let record = &mut self.record;
        record.ratio.time = timed.ratio;
        record.timing = Some(timed.timing);
        if !gates {
            return;
        }
        let verdict = regression::with_time(record.verdict, outcome);
        if let (TimingOutcome::Slower | TimingOutcome::Faster, Some(ratio)) =
            (outcome, record.ratio.time)
        {
            record
                .reasons
                .push(format!("time ×{:.2}, {}", ratio.estimate, outcome.as_str()));
        }
        record.verdict = verdict;
        if outcome != TimingOutcome::Slower {
            return;
        }
        // What says that it improved would contradict what was measured.
        self.findings
            .retain(|finding| finding.code != findings::plan_improved::KIND.code);
        // An error about the plan tells why already; the time stands beside it.
        if !self
            .findings
            .iter()
            .any(|finding| finding.severity == Severity::Error)
        {
            self.findings.push(findings::slower::finding(record));
        }
    }
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

/// Clones one seeded database, applies the change to one of the clones, analyses them all.
async fn make_twins(
    options: &RunOptions,
    environment: &Environment,
    change: &Change,
) -> Result<(Twins, MigrationRecord), RunError> {
    let databases = environment.databases();
    let base = stage::prepare(
        environment,
        &options.project,
        &change.base,
        options.seed,
        "base",
    )
    .await?;
    let before = databases.clone(&base, "before").await?;
    let after = databases.clone(&base, "after").await?;
    let control = databases.clone(&base, "control").await?;
    let session = connect(&after).await?;
    let migration = apply_change(&session, &change.migrations).await?;
    session.close().await;
    for twin in [&before, &after, &control] {
        let session = connect(twin).await?;
        session.run("VACUUM (ANALYZE)").await?;
        session.close().await;
    }
    Ok((
        Twins {
            before,
            after,
            control,
        },
        migration,
    ))
}

async fn apply_change(
    session: &Session,
    migrations: &[Migration],
) -> Result<MigrationRecord, RunError> {
    let wal_before = catalog::wal_position(session).await;
    let mut statements = Vec::new();
    for migration in migrations {
        let applied = stage::apply(session, migration).await?;
        statements.extend(
            applied
                .into_iter()
                .map(|(sql, applied)| MigrationStatement {
                    file: Some(migration.file.name.clone()),
                    sql,
                    duration_ms: applied.duration_ms,
                    locks: applied.locks,
                }),
        );
    }
    let wal_after = catalog::wal_position(session).await;
    Ok(MigrationRecord {
        duration_ms: statements.iter().map(|s| s.duration_ms).sum(),
        wal_bytes: wal_before
            .zip(wal_after)
            .map(|(from, to)| to.saturating_sub(from)),
        statements,
    })
}

/// One query with one set of values on both sides.
struct Comparison {
    before: PlanSummary,
    after: PlanSummary,
    judgement: regression::Judgement,
}

async fn compare<'a>(
    options: &RunOptions,
    sessions: &Sessions,
    monitored: &'a MonitoredQuery,
) -> Result<Compared<'a>, RunError> {
    let query = &monitored.query;
    let prepared = (
        prepare(&sessions.before, &query.sql).await?,
        prepare(&sessions.after, &query.sql).await?,
    );
    match prepared {
        (Ok(()), Ok(())) => {}
        (Err(error), Err(_)) => return Err(unusable(monitored, &error).into()),
        (Ok(()), Err(error)) => return Ok(broken_by_the_change(monitored, &error)),
        (Err(error), Ok(())) => return Ok(new_with_the_change(monitored, &error)),
    }
    let config = &options.project.config.regress;
    let mut values = ParameterValues::prepare(&sessions.before, monitored, options.seed).await?;
    let count = if query.parameters.is_empty() {
        1
    } else {
        config.parameter_sets
    };
    let sets: Vec<ValueSet> = (0..count).map(|_| values.draw()).collect();
    let mut comparisons = Vec::new();
    for set in &sets {
        match compare_once(options, sessions, monitored, set).await {
            Ok(comparison) => comparisons.push(comparison),
            Err(RunError::Environment(PostgresError::Server(error))) => {
                return Ok(broken_by_the_change(monitored, &error));
            }
            Err(error) => return Err(error),
        }
    }
    let (record, findings) = summarise(monitored, comparisons);
    Ok(Compared {
        record,
        findings,
        timed: Some(TimedQuery {
            sql: &query.sql,
            values,
        }),
    })
}

/// Whether a side can prepare the statement; anything but the server's refusal is an error.
async fn prepare(session: &Session, sql: &str) -> Result<Result<(), ServerError>, PostgresError> {
    match session
        .prepare(sql)
        .await
        .map_err(|error| session.error(&error))
    {
        Ok(_) => Ok(Ok(())),
        Err(PostgresError::Server(error)) => Ok(Err(error)),
        Err(error) => Err(error),
    }
}

async fn compare_once(
    options: &RunOptions,
    sessions: &Sessions,
    monitored: &MonitoredQuery,
    values: &ValueSet,
) -> Result<Comparison, RunError> {
    let query = &monitored.query;
    let mut explained = (Value::Null, Value::Null);
    for _ in 0..EXPLAIN_RUNS {
        explained.0 = explain(&sessions.before, &query.sql, values, Mode::Analyze).await?;
        explained.1 = explain(&sessions.after, &query.sql, values, Mode::Analyze).await?;
    }
    let (before, after) = (
        parse(&sessions.before, &explained.0)?,
        parse(&sessions.after, &explained.1)?,
    );
    let digests = digests(sessions, &query.sql, values).await?;
    let statements = statements::work(sessions, &query.sql, values, (&before, &after)).await?;
    let (names_before, names_after) = &sessions.names;
    let sides = (
        statements::side(&before, names_before, digests.0, statements.0),
        statements::side(&after, names_after, digests.1, statements.1),
    );
    let config = &options.project.config.regress;
    let tolerances = Tolerances {
        blocks_percent: config.blocks_percent,
        blocks_min: config.blocks_min,
    };
    let judgement = regression::judge(
        &query.name,
        Some(query.location.clone()),
        &sides.0,
        &sides.1,
        &tolerances,
    );
    if !options.keep_values {
        plan::mask_values(&mut explained.0);
        plan::mask_values(&mut explained.1);
    }
    Ok(Comparison {
        before: plan::summarise(&before, explained.0),
        after: plan::summarise(&after, explained.1),
        judgement,
    })
}

fn parse(session: &Session, explained: &Value) -> Result<dbproof_model::Plan, PostgresError> {
    plan::parse(explained).map_err(|error| PostgresError::Protocol {
        server: session.server().to_owned(),
        reason: error.to_string(),
    })
}

/// Row counts of both sides, and digests of their rows where these can be compared: a statement
/// whose rows differ from run to run on the same side (`now()`, `random()`), or that cuts off
/// among equals (LIMIT), proves nothing.
async fn digests(
    sessions: &Sessions,
    sql: &str,
    values: &ValueSet,
) -> Result<((u64, Option<u64>), (u64, Option<u64>)), PostgresError> {
    let first = rows::digest(&sessions.before, sql, values).await?;
    let again = rows::digest(&sessions.before, sql, values).await?;
    let after = rows::digest(&sessions.after, sql, values).await?;
    let cuts_off = dbproof_analysis::sql::tokenize(sql)
        .iter()
        .any(|token| token.is_word("limit") || token.is_word("fetch") || token.is_word("offset"));
    let comparable = first == again && !cuts_off;
    let digest = |d: rows::RowsDigest| (d.count, comparable.then_some(d.digest));
    Ok((digest(first), digest(after)))
}

/// The parameter set that decides is shown: a regression before an improvement before a change.
fn summarise(
    monitored: &MonitoredQuery,
    comparisons: Vec<Comparison>,
) -> (RegressQuery, Vec<Finding>) {
    let rank = |verdict: RegressVerdict| match verdict {
        RegressVerdict::Regressed => 4,
        RegressVerdict::Inconclusive => 3,
        RegressVerdict::Improved => 2,
        RegressVerdict::Changed => 1,
        RegressVerdict::Unchanged => 0,
    };
    let mut findings: Vec<Finding> = Vec::new();
    let mut shown: Option<Comparison> = None;
    for comparison in comparisons {
        for finding in &comparison.judgement.findings {
            let known = |f: &Finding| f.code == finding.code && f.subject == finding.subject;
            if !findings.iter().any(known) {
                findings.push(finding.clone());
            }
        }
        let better = shown
            .as_ref()
            .is_none_or(|s| rank(comparison.judgement.verdict) > rank(s.judgement.verdict));
        if better {
            shown = Some(comparison);
        }
    }
    let shown = shown.expect("at least one parameter set is compared");
    let record = RegressQuery {
        name: monitored.query.name.clone(),
        location: Some(monitored.query.location.clone()),
        before: Some(shown.before),
        after: Some(shown.after),
        changes: shown.judgement.changes,
        ratio: Ratios {
            time: None,
            buffers: shown.judgement.buffers_ratio,
            cost: shown.judgement.cost_ratio,
        },
        verdict: shown.judgement.verdict,
        reasons: shown.judgement.reasons,
        timing: None,
    };
    (record, findings)
}

fn without_plans(
    monitored: &MonitoredQuery,
    verdict: RegressVerdict,
    reason: String,
) -> RegressQuery {
    RegressQuery {
        name: monitored.query.name.clone(),
        location: Some(monitored.query.location.clone()),
        before: None,
        after: None,
        changes: Vec::new(),
        ratio: Ratios::default(),
        verdict,
        reasons: vec![reason],
        timing: None,
    }
}

fn broken_by_the_change<'a>(monitored: &MonitoredQuery, error: &ServerError) -> Compared<'a> {
    let reason = format!("it fails after the change: {error}");
    let mut finding = failed(monitored, error, 1);
    finding.scenario = Scenario::Regress;
    let record = without_plans(monitored, RegressVerdict::Regressed, reason);
    Compared {
        record,
        findings: vec![finding],
        timed: None,
    }
}

fn new_with_the_change<'a>(monitored: &MonitoredQuery, error: &ServerError) -> Compared<'a> {
    let reason = format!("it cannot run before the change, so there is no comparison: {error}");
    let record = without_plans(monitored, RegressVerdict::Inconclusive, reason);
    Compared {
        record,
        findings: Vec::new(),
        timed: None,
    }
}
