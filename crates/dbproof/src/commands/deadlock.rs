//! `dbproof deadlock`: shapes of the project's and of the catalogue, and the storm.

use std::fmt::Write as _;
use std::path::Path;

use dbproof_model::Scenario;
use dbproof_scenarios::DeadlockChoice;
use dbproof_scenarios::project::Project;
use dbproof_scenarios::project::shapes::{Shape, catalogue};

use crate::arguments::DeadlockArguments;
use crate::commands::scenarios;
use crate::exit::Outcome;
use crate::output::to_standard_output;

pub(crate) fn run(arguments: DeadlockArguments) -> anyhow::Result<Outcome> {
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
        },
    )
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
