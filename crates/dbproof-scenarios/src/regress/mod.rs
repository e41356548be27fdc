//! The `regress` scenario: what does a schema change do to the monitored queries?
//!
//! Two clones of one database differ by the change alone. Plans, blocks and rows are compared
//! first, because they are the same in every run; time is taken on its own samples, in sessions
//! that alternate between the two sides.

mod applied;
mod baselines;
mod compare;
mod given;
mod outcome;
mod pairs;
mod parameter_sets;
mod row_security;
mod settled;
mod standing;
mod statements;
mod timing;
mod traffic;
mod twins;
mod wavering;

use dbproof_analysis::findings;
use dbproof_analysis::regression::Tolerances;
use dbproof_model::{
    BaselineComparison, BaselineVerdict, BaselinesRecord, Finding, RegressRecord, RegressVerdict,
    RunTiming, Scenario, Severity, Verdict,
};
use dbproof_postgres::catalog;

use crate::environment::Environment;
use crate::error::RunError;
use crate::observer::{Event, Observer};
use crate::options::{GivenDatabases, RunOptions};
use crate::project::MonitoredQuery;
use crate::project::baselines::AcceptedPlans;
use crate::project::migrations::Change;
use baselines::{Base, Bases};
use outcome::Compared;
use timing::Sides;
use twins::{Sessions, Twins};

/// The name of the database before the change, which nobody is connected to once it is cloned.
pub(crate) const BASE: &str = "base";

/// What is compared.
#[derive(Debug)]
pub(crate) enum Subject {
    /// A change, on databases that are made for it.
    Change(Change),
    /// Two databases of the user's.
    Databases(Box<GivenDatabases>),
}

impl Subject {
    fn name(&self) -> String {
        match self {
            Subject::Change(change) => change.name.clone(),
            Subject::Databases(given) => format!("{}..{}", given.before, given.after),
        }
    }
}

/// Compares every monitored query before and after the change.
pub(crate) async fn run(
    options: &RunOptions,
    environment: &Environment,
    queries: &[MonitoredQuery],
    (subject, accepted): (&Subject, &AcceptedPlans),
    observer: &dyn Observer,
) -> Result<(RegressRecord, Vec<Finding>), RunError> {
    let (twins, migration) = match subject {
        Subject::Change(change) if change.is_none() => {
            let what = (change, accepted);
            return standing::run(options, environment, queries, what, observer).await;
        }
        Subject::Change(change) => {
            observer.event(Event::Preparing {
                what: "twin databases",
            });
            Twins::make(options, environment, change, queries).await?
        }
        Subject::Databases(given) => (Twins::given(given), None),
    };
    let mut sessions = Sessions::open(&twins.before, &twins.after).await?;
    sessions.same_rows = twins.ours;
    // Before any plan is taken: to see whether one wavers, relations are analysed again.
    let bases = Bases {
        before: Some(Base::ask(options, environment, &sessions.before).await?),
        after: Base::ask(options, environment, &sessions.after).await?,
    };
    let mut compared = Vec::new();
    let mut found: Vec<Finding> = catalog::never_analysed(&sessions.after)
        .await?
        .iter()
        .map(|relation| findings::never_analysed::finding(relation))
        .collect();
    if let Some(migration) = &migration {
        found.extend(dbproof_analysis::migration::judge(migration));
    }
    if !twins.ours {
        found.extend(given::differences(&sessions).await?);
    }
    for (done, monitored) in queries.iter().enumerate() {
        observer.event(Event::Step {
            scenario: Scenario::Regress,
            name: &monitored.query.name,
            done,
            total: queries.len() + 1,
        });
        compared.push(compare::compare(options, &sessions, twins.ours, monitored).await?);
    }
    sessions.close().await;
    observe_new(options, &twins, &mut compared).await?;
    observer.event(Event::Step {
        scenario: Scenario::Regress,
        name: "timing in pairs",
        done: queries.len(),
        total: queries.len() + 1,
    });
    let timing = add_times(options, environment, &twins, &mut compared).await?;
    if !timing.gates {
        found.push(findings::clock_unsteady::finding(&timing));
    }
    let mut baselines = None;
    let mut told = Vec::new();
    // Accepted plans are of databases that dbproof fills, and say nothing of others.
    if twins.ours {
        let tolerances = compare::tolerances(options);
        let (checked, findings) = check(accepted, &bases, &mut compared, &tolerances);
        baselines = Some(checked);
        told = findings;
    }
    let verdict = verdict(&compared, found.iter().chain(&told));
    let mut records = Vec::with_capacity(compared.len());
    for compared in compared {
        records.push(compared.record);
        found.extend(compared.findings);
    }
    found.extend(told);
    let record = RegressRecord {
        verdict,
        change: subject.name(),
        migration,
        queries: records,
        baselines,
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
    let local = environment.is_ours() || pairs::can_pin(&twins.before).await;
    let (run, outcomes) =
        timing::measure(config, &sides, &mut queries, local, options.seed).await?;
    for (compared, outcome) in timed.into_iter().zip(outcomes) {
        compared.add_time(outcome, run.gates);
    }
    Ok(run)
}

/// Observes what cannot run before the change, on the side after it: its plan can be accepted, and
/// held against an accepted one.
async fn observe_new(
    options: &RunOptions,
    twins: &Twins,
    compared: &mut [Compared<'_>],
) -> Result<(), RunError> {
    let mut new: Vec<&mut Compared<'_>> = compared
        .iter_mut()
        .filter(|compared| compared.observed.after.is_empty())
        .collect();
    if new.is_empty() {
        return Ok(());
    }
    let sessions = standing::open(&twins.after).await?;
    for compared in &mut new {
        let monitored = compared.observed.monitored;
        // What fails here too has no plan.
        let observed = standing::observe(options, &sessions, monitored, None).await?;
        if let Ok(observed) = observed {
            compared.observed = observed;
        }
    }
    sessions.close().await;
    Ok(())
}

/// Holds the plans after the change against the accepted ones, and takes as wanted what is among
/// them.
fn check(
    accepted: &AcceptedPlans,
    bases: &Bases,
    compared: &mut [Compared<'_>],
    tolerances: &Tolerances,
) -> (BaselinesRecord, Vec<Finding>) {
    let observed = compared.iter_mut().map(|c| c.observed.take()).collect();
    let record = baselines::check(accepted, bases, observed, tolerances);
    for (compared, query) in compared.iter_mut().zip(&record.queries) {
        let kept = |set: &BaselineComparison| set.verdict == BaselineVerdict::Kept;
        if query.verdict == BaselineVerdict::Kept && query.sets.iter().all(kept) {
            compared.accept(&query.file);
        }
    }
    let (findings, _) = dbproof_analysis::baseline::conclude(&record, true);
    (record, findings)
}

fn verdict<'a>(compared: &'a [Compared<'_>], others: impl Iterator<Item = &'a Finding>) -> Verdict {
    let of_query = |compared: &Compared<'_>| match compared.record.verdict {
        RegressVerdict::Regressed if !compared.accepted => Verdict::Fail,
        RegressVerdict::Inconclusive => Verdict::Inconclusive,
        RegressVerdict::Regressed
        | RegressVerdict::Improved
        | RegressVerdict::Changed
        | RegressVerdict::Unchanged => Verdict::Pass,
    };
    let errors = compared
        .iter()
        .flat_map(|compared| &compared.findings)
        .chain(others)
        .filter(|finding| finding.severity == Severity::Error)
        .map(|_| Verdict::Fail);
    // A query that the change makes possible has no before that it could be worse than. Where there
    // are no others, nothing was compared.
    let has_old = compared.iter().any(|compared| !compared.is_new);
    let counting = compared.iter().filter(|c| !(has_old && c.is_new));
    Verdict::of_all(counting.map(of_query).chain(errors))
}
