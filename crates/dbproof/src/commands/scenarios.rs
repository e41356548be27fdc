//! `dbproof run | slow | regress | nplusone`, and what every scenario's command has in common.

use std::path::PathBuf;

use dbproof_model::{Scenario, ThresholdSource};
use dbproof_postgres::Address;
use dbproof_scenarios::project::Project;
use dbproof_scenarios::{
    ChangeChoice, Cleaner, DeadlockChoice, GivenDatabases, RunError, RunOptions, ServerChoice,
    Threshold,
};

use crate::arguments::{
    ChangeArguments, DROP_DATABASES, RegressArguments, RunArguments, ScenarioArguments,
};
use crate::commands::runner;
use crate::exit::{Outcome, UsageError, outcome};
use crate::exports::Exports;
use crate::last_run;
use crate::progress::ProgressLine;

const THRESHOLD_VARIABLE: &str = "SLOW_QUERY_THRESHOLD_MS";

pub(crate) fn all(arguments: RunArguments) -> anyhow::Result<Outcome> {
    let RunArguments { change, export } = arguments;
    let project = Project::open(&change.scenario.config)?;
    let exports = Exports::of(&project, &export, None)?;
    let asked = Asked {
        scenarios: Vec::new(),
        deadlock: DeadlockChoice::default(),
        change: chosen(change.migration, change.base),
        trace: None,
    };
    execute_and_export(change.scenario, project, asked, &exports)
}

pub(crate) fn slow(arguments: ScenarioArguments) -> anyhow::Result<Outcome> {
    let project = Project::open(&arguments.config)?;
    execute_project(arguments, project, vec![Scenario::Slow], None)
}

pub(crate) fn regress(arguments: RegressArguments) -> anyhow::Result<Outcome> {
    let mut change = arguments.change;
    let (Some(before), Some(after)) = (arguments.before, arguments.after) else {
        return execute_change(change, arguments.with_traffic, arguments.trace);
    };
    let databases = ChangeChoice::Databases(Box::new(GivenDatabases {
        before: Address::parse(&before).map_err(RunError::from)?,
        after: Address::parse(&after).map_err(RunError::from)?,
    }));
    change.scenario.database_url = Some(after);
    let project = Project::open(&change.scenario.config)?;
    execute_project(
        change.scenario,
        project,
        vec![Scenario::Regress],
        Some(databases),
    )
}

pub(crate) fn nplusone(arguments: ScenarioArguments) -> anyhow::Result<Outcome> {
    let project = Project::open(&arguments.config)?;
    execute_project(arguments, project, vec![Scenario::NPlusOne], None)
}

/// What a command asks the scenarios to do.
pub(crate) struct Asked {
    pub(crate) scenarios: Vec<Scenario>,
    pub(crate) deadlock: DeadlockChoice,
    pub(crate) change: Option<ChangeChoice>,
    /// A trace that the change is held against.
    pub(crate) trace: Option<PathBuf>,
}

fn execute_change(
    arguments: ChangeArguments,
    with_traffic: bool,
    trace: Option<PathBuf>,
) -> anyhow::Result<Outcome> {
    let change = chosen(arguments.migration, arguments.base);
    let mut project = Project::open(&arguments.scenario.config)?;
    project.config.regress.with_traffic |= with_traffic;
    let asked = Asked {
        scenarios: vec![Scenario::Regress],
        deadlock: DeadlockChoice::default(),
        change,
        trace,
    };
    execute(arguments.scenario, project, asked)
}

fn chosen(migration: Option<PathBuf>, base: Option<String>) -> Option<ChangeChoice> {
    match (migration, base) {
        (Some(file), _) => Some(ChangeChoice::Migration(file)),
        (None, Some(revision)) => Some(ChangeChoice::Since(revision)),
        (None, None) => None,
    }
}

fn execute_project(
    arguments: ScenarioArguments,
    project: Project,
    scenarios: Vec<Scenario>,
    change: Option<ChangeChoice>,
) -> anyhow::Result<Outcome> {
    let asked = Asked {
        scenarios,
        deadlock: DeadlockChoice::default(),
        change,
        trace: None,
    };
    execute(arguments, project, asked)
}

/// Runs scenarios, writes the reports and tells the outcome.
pub(crate) fn execute(
    arguments: ScenarioArguments,
    project: Project,
    asked: Asked,
) -> anyhow::Result<Outcome> {
    execute_and_export(arguments, project, asked, &Exports::default())
}

/// The same, and sends the figures elsewhere.
fn execute_and_export(
    arguments: ScenarioArguments,
    project: Project,
    asked: Asked,
    exports: &Exports,
) -> anyhow::Result<Outcome> {
    let outputs = arguments.output.open()?;
    let output = arguments.output.output.clone();
    let server = match arguments.database_url {
        Some(url) => ServerChoice::Url(url),
        None => ServerChoice::Ephemeral {
            binaries: arguments.binaries.pg_bin,
        },
    };
    let options = RunOptions {
        project,
        scenarios: asked.scenarios,
        server,
        in_place: arguments.in_place,
        seed: arguments.measure.seed,
        keep_values: arguments.measure.keep_values,
        threshold: threshold()?,
        change: asked.change,
        deadlock: asked.deadlock,
        trace: asked.trace,
        cleaner: Some(cleaner()?),
    };
    let progress = ProgressLine::new(arguments.output.quiet);
    let record = runner::run(&options, &progress);
    progress.finish();
    let Some(record) = record? else {
        return Ok(Outcome::Interrupted);
    };
    outputs.write(&record)?;
    last_run::keep(&options.project, output.as_deref(), &record);
    let outcome = outcome(&record, arguments.fail_on);
    match (exports.send(&record), outcome) {
        (Ok(Outcome::Pass), outcome) => Ok(outcome),
        // The run's own failure matters more than that nobody was told of it.
        (Err(error), Outcome::Fail) => {
            anstream::eprintln!("error: {error:#}");
            Ok(outcome)
        }
        (sent, _) => sent,
    }
}

/// `SLOW_QUERY_THRESHOLD_MS`, where it is set.
pub(crate) fn threshold() -> anyhow::Result<Option<Threshold>> {
    let Some(value) = std::env::var_os(THRESHOLD_VARIABLE) else {
        return Ok(None);
    };
    let text = value.to_string_lossy();
    let milliseconds = text
        .trim()
        .parse::<f64>()
        .ok()
        .filter(|ms| ms.is_finite() && *ms > 0.0);
    match milliseconds {
        Some(milliseconds) => Ok(Some(Threshold {
            milliseconds,
            source: ThresholdSource::Environment,
        })),
        None => Err(UsageError(format!(
            "{THRESHOLD_VARIABLE} is `{text}`, and must be a number of milliseconds above 0"
        ))
        .into()),
    }
}

pub(crate) fn cleaner() -> anyhow::Result<Cleaner> {
    Ok(Cleaner {
        program: std::env::current_exe()?,
        argument: DROP_DATABASES,
    })
}
