//! `dbproof deadlock`: shapes of the project's and of the catalogue, the storm, and the prediction from
//! a trace.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use dbproof_model::Scenario;
use dbproof_scenarios::project::Project;
use dbproof_scenarios::project::shapes::{Shape, catalogue};
use dbproof_scenarios::watch::{TracedOptions, predict_from_trace};
use dbproof_scenarios::{DeadlockChoice, ServerChoice};

use crate::arguments::{DeadlockArguments, ScenarioArguments};
use crate::commands::{nplusone, runner, scenarios, watch};
use crate::exit::{Outcome, outcome};
use crate::output::to_standard_output;
use crate::progress::ProgressLine;

pub(crate) fn run(arguments: DeadlockArguments) -> anyhow::Result<Outcome> {
    if let Some(trace) = arguments.trace {
        return predict(arguments.scenario, trace, arguments.migration);
    }
    let choice = DeadlockChoice {
        shapes: arguments.shapes,
        catalogue: arguments.catalogue,
        runs: arguments.runs,
        storm: arguments.storm,
    };
    let config = &arguments.scenario.config;
    let project = if needs_no_project(config, &choice, arguments.list) {
        Project::without_configuration(Path::new("."))
    } else {
        Project::open(config)?
    };
    if arguments.list {
        to_standard_output(&list(&project.shapes()?))?;
        return Ok(Outcome::Pass);
    }
    scenarios::execute(
        arguments.scenario,
        project,
        scenarios::Asked {
            scenarios: vec![Scenario::Deadlock],
            deadlock: choice,
            change: None,
            trace: None,
        },
    )
}

/// Predicts deadlocks from a trace.
fn predict(
    arguments: ScenarioArguments,
    trace: PathBuf,
    migration: Option<PathBuf>,
) -> anyhow::Result<Outcome> {
    let outputs = arguments.output.open()?;
    let options = TracedOptions {
        project: watch::project(nplusone::named(&arguments.config))?,
        trace,
        migration,
        server: match arguments.database_url {
            Some(url) => ServerChoice::Url(url),
            None => ServerChoice::Ephemeral {
                binaries: arguments.binaries.pg_bin,
            },
        },
        cleaner: Some(scenarios::cleaner()?),
        seed: arguments.measure.seed,
        keep_values: arguments.measure.keep_values,
    };
    let progress = ProgressLine::new(arguments.output.quiet);
    let record = runner::until_interrupted(predict_from_trace(&options, &progress));
    progress.finish();
    let Some(record) = record? else {
        return Ok(Outcome::Interrupted);
    };
    outputs.write(&record)?;
    Ok(outcome(&record, arguments.fail_on))
}

/// What dbproof carries itself needs no project; where there is one, its settings count.
fn needs_no_project(config: &Path, choice: &DeadlockChoice, list: bool) -> bool {
    let ours = |name: &String| catalogue::shapes().iter().any(|shape| &shape.name == name);
    let asked = list || choice.catalogue || choice.storm || !choice.shapes.is_empty();
    let is_default = config == Path::new("dbproof.toml");
    is_default && !config.exists() && asked && choice.shapes.iter().all(ours)
}

/// The shapes with what they are expected to do.
fn list(of_project: &[Shape]) -> String {
    let carried = catalogue::shapes();
    let all = || of_project.iter().chain(&carried);
    let longest = all().map(|shape| shape.name.len()).max().unwrap_or(0);
    let mut text = String::new();
    let mut lines = |shapes: &[Shape]| {
        for shape in shapes {
            writeln!(
                text,
                "{:longest$}  {:9}  {}",
                shape.name,
                shape.expected.as_str(),
                shape.summary
            )
            .expect("a String takes everything");
        }
    };
    lines(of_project);
    lines(&carried);
    text
}
