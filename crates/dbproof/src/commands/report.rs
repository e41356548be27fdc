//! `dbproof report RECORD`: draws a stored record again.

use dbproof_model::{RunRecord, SeedRecord};
use dbproof_report::formats::Document as _;
use dbproof_report::history::History;

use crate::arguments::{FormatTarget, ReportArguments, names};
use crate::commands::record::{self, Record};
use crate::exit::{Outcome, UsageError};
use crate::output::Outputs;

pub(crate) fn run(arguments: &ReportArguments) -> anyhow::Result<Outcome> {
    let output = &arguments.output;
    match record::read_any(&arguments.record)? {
        Record::Run(run) => {
            let history = history(arguments, &run)?;
            let outputs = Outputs::open(&output.formats, output.output.as_deref(), output.color)?;
            outputs.write_with(&run, history.as_ref())?;
        }
        Record::Seed(seed) => {
            if !arguments.history.is_empty() {
                let message = "--history is for records of runs, and this is one of `dbproof seed`";
                return Err(UsageError(message.to_owned()).into());
            }
            let targets = of_seed(&output.formats)?;
            let outputs = Outputs::open(&targets, output.output.as_deref(), output.color)?;
            outputs.write(&*seed)?;
        }
    }
    Ok(Outcome::Pass)
}

fn history(arguments: &ReportArguments, run: &RunRecord) -> anyhow::Result<Option<History>> {
    if arguments.history.is_empty() {
        return Ok(None);
    }
    let mut earlier = Vec::new();
    for path in &arguments.history {
        earlier.extend(record::read_runs(path)?);
    }
    Ok(Some(History::of(run, &earlier)))
}

/// The same formats of a seed's record, which has fewer.
fn of_seed(targets: &[FormatTarget<RunRecord>]) -> anyhow::Result<Vec<FormatTarget<SeedRecord>>> {
    let of_seed = |target: &FormatTarget<RunRecord>| {
        let name = target.format.name;
        let format = SeedRecord::format(name).ok_or_else(|| {
            let known = names::<SeedRecord>();
            UsageError(format!(
                "the record of `dbproof seed` cannot be drawn as {name}; it can as {known}"
            ))
        })?;
        Ok(FormatTarget {
            format,
            path: target.path.clone(),
        })
    };
    targets.iter().map(of_seed).collect()
}
