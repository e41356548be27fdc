//! `dbproof accept`: takes the plans of the last run as the ones to keep.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::Context as _;
use dbproof_analysis::baseline;
use dbproof_analysis::regression::Tolerances;
use dbproof_model::{BaselineQuery, RunRecord};
use dbproof_scenarios::project::Project;
use dbproof_scenarios::project::baselines::AcceptedPlans;

use crate::arguments::AcceptArguments;
use crate::commands::record;
use crate::exit::{Outcome, UsageError};
use crate::last_run;
use crate::output::to_standard_output;
use crate::replace::replace;

/// What is to become of one file.
struct Step {
    /// The file, relative to the project's folder.
    file: String,
    old: Option<String>,
    /// `None` where the file is to go.
    new: Option<String>,
}

/// Everything that accepting the run does, before any of it is done.
#[derive(Default)]
struct Steps {
    files: Vec<Step>,
    kept: usize,
    /// What was left alone, and why.
    left_alone: Vec<String>,
}

pub(crate) fn run(arguments: &AcceptArguments) -> anyhow::Result<Outcome> {
    let project = Project::open(&arguments.config).map_err(anyhow::Error::from)?;
    let record = read(arguments, &project)?;
    let accepted = project.accepted_plans().map_err(anyhow::Error::from)?;
    let steps = Steps::plan(arguments, &project, &record, &accepted)?;
    let text = if arguments.dry_run {
        steps.diff()
    } else {
        steps.take(&project)?;
        steps.summary()
    };
    for left in &steps.left_alone {
        anstream::eprintln!("note: {left}");
    }
    to_standard_output(&text)?;
    Ok(Outcome::Pass)
}

/// The record that was named, or that of the last run.
fn read(arguments: &AcceptArguments, project: &Project) -> anyhow::Result<RunRecord> {
    let path = match &arguments.record {
        Some(path) => path.clone(),
        None => last_run::path(project, arguments.output.as_deref()),
    };
    if arguments.record.is_none() && !path.exists() {
        let message = format!(
            "there is no last run in {}; run `dbproof regress` first",
            path.display()
        );
        return Err(UsageError(message).into());
    }
    record::read(&path)
}

impl Steps {
    fn plan(
        arguments: &AcceptArguments,
        project: &Project,
        record: &RunRecord,
        accepted: &AcceptedPlans,
    ) -> anyhow::Result<Self> {
        let regress = record.scenarios.regress.as_ref();
        let Some(seen) = regress.and_then(|regress| regress.baselines.as_ref()) else {
            let message = "that run took no plans; run `dbproof regress` first";
            return Err(UsageError(message.to_owned()).into());
        };
        let today = statements(project)?;
        refuse_unknown(&arguments.query, &seen.queries)?;
        refuse_alike(seen.queries.iter().map(|query| query.name.as_str()))?;
        let asked = |name: &str| {
            arguments.query.is_empty() || arguments.query.iter().any(|query| query == name)
        };
        let tolerances = tolerances(project);
        let mut steps = Steps::default();
        for query in seen.queries.iter().filter(|query| asked(&query.name)) {
            steps.add(query, &today, accepted, &tolerances);
        }
        let unused = accepted.unused(today.keys().map(String::as_str));
        for file in unused {
            if arguments.prune {
                steps.files.push(Step {
                    file: file.name.clone(),
                    old: Some(file.text.clone()),
                    new: None,
                });
            } else {
                let name = &file.name;
                steps.left_alone.push(format!(
                    "{name} is the baseline of no query; `dbproof accept --prune` removes it"
                ));
            }
        }
        Ok(steps)
    }

    fn add(
        &mut self,
        query: &BaselineQuery,
        today: &BTreeMap<String, String>,
        accepted: &AcceptedPlans,
        tolerances: &Tolerances,
    ) {
        let name = &query.name;
        let Some(now) = &query.now else {
            self.left_alone.push(format!(
                "{name} has no plan to accept: it failed in that run"
            ));
            return;
        };
        match today.get(name) {
            None => {
                self.left_alone
                    .push(format!("{name} is no query of the project any more"));
                return;
            }
            Some(statement) if *statement != now.statement => {
                self.left_alone.push(format!(
                    "{name} was edited since that run; run `dbproof regress` again to accept it"
                ));
                return;
            }
            Some(_) => {}
        }
        let old = accepted.of(name);
        let settled = baseline::settle(old.map(|old| &old.baseline), now, tolerances);
        if old.is_some_and(|old| old.baseline == settled) {
            self.kept += 1;
            return;
        }
        self.files.push(Step {
            file: accepted.file_of(name),
            old: old.map(|old| old.file.text.clone()),
            new: Some(baseline::render(&settled)),
        });
    }

    /// What would change, as a unified diff; nothing where nothing would.
    fn diff(&self) -> String {
        let diff =
            |step: &Step| baseline::unified(&step.file, step.old.as_deref(), step.new.as_deref());
        self.files.iter().map(diff).collect()
    }

    fn take(&self, project: &Project) -> anyhow::Result<()> {
        for step in &self.files {
            let path = project.folder.join(&step.file);
            match &step.new {
                Some(text) => {
                    make_folder(path.parent())?;
                    replace(&path, text)?;
                }
                None => fs::remove_file(&path)
                    .with_context(|| format!("failed to remove {}", path.display()))?,
            }
        }
        Ok(())
    }

    /// One line a file, and then the figures.
    fn summary(&self) -> String {
        let mut text = String::new();
        let mut counts = [0_usize; 3];
        for step in &self.files {
            let (index, word) = match (&step.old, &step.new) {
                (None, _) => (0, "new"),
                (Some(_), Some(_)) => (1, "changed"),
                (Some(_), None) => (2, "removed"),
            };
            counts[index] += 1;
            let _ = writeln!(text, "{word:>8} {}", step.file);
        }
        let [new, changed, removed] = counts;
        let kept = self.kept;
        let _ = writeln!(
            text,
            "{new} new, {changed} changed, {removed} removed, {kept} as they were"
        );
        text
    }
}

fn make_folder(folder: Option<&Path>) -> anyhow::Result<()> {
    let Some(folder) = folder else {
        return Ok(());
    };
    fs::create_dir_all(folder)
        .with_context(|| format!("failed to make the folder {}", folder.display()))
}

/// The statements of today's queries, by name: a plan is accepted for the statement that had it.
fn statements(project: &Project) -> anyhow::Result<BTreeMap<String, String>> {
    let queries = project.queries().map_err(anyhow::Error::from)?;
    let statements = queries.iter().map(|monitored| {
        let query = &monitored.query;
        (query.name.clone(), baseline::statement(query))
    });
    Ok(statements.collect())
}

fn tolerances(project: &Project) -> Tolerances {
    let config = &project.config.regress;
    Tolerances {
        blocks_percent: config.blocks_percent,
        blocks_min: config.blocks_min,
    }
}

fn refuse_unknown(asked: &[String], seen: &[BaselineQuery]) -> Result<(), UsageError> {
    match asked
        .iter()
        .find(|name| seen.iter().all(|query| query.name != **name))
    {
        None => Ok(()),
        Some(name) => Err(UsageError(format!("that run has no query `{name}`"))),
    }
}

/// Two names that differ by case alone would be one file on some systems.
fn refuse_alike<'a>(names: impl Iterator<Item = &'a str>) -> Result<(), UsageError> {
    let mut seen: BTreeMap<String, &str> = BTreeMap::new();
    for name in names {
        if let Some(other) = seen.insert(name.to_lowercase(), name) {
            return Err(UsageError(format!(
                "the queries `{other}` and `{name}` differ by case alone, and so would their \
                 files, which some systems take for one; rename one of them"
            )));
        }
    }
    Ok(())
}
