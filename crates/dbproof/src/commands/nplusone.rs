//! `dbproof nplusone`: the project's pages, or traffic that was recorded before.

use std::path::Path;

use anyhow::Context as _;
use dbproof_model::RunRecord;
use dbproof_postgres::Address;
use dbproof_scenarios::RunError;
use dbproof_scenarios::watch::{CountedOptions, RecordedOptions, RecordedSource, count, judge};

use crate::arguments::NPlusOneArguments;
use crate::commands::{scenarios, watch};
use crate::exit::{Outcome, UsageError, outcome};
use crate::output::Outputs;
use crate::progress::ProgressLine;

pub(crate) fn run(arguments: NPlusOneArguments) -> anyhow::Result<Outcome> {
    let source = match (&arguments.trace, arguments.from_log.as_slice()) {
        (Some(trace), _) => Some(RecordedSource::Trace(trace.clone())),
        (None, []) => None,
        (None, logs) => Some(RecordedSource::Logs(logs.to_vec())),
    };
    if source.is_none() && !arguments.from_pg_stat_statements {
        return scenarios::nplusone(arguments.scenario);
    }
    let outputs = Outputs::open(&arguments.scenario.output)?;
    let fail_on = arguments.scenario.fail_on;
    let progress = ProgressLine::new(arguments.scenario.output.quiet);
    let record = match source {
        Some(source) => recorded(&arguments, source, &progress),
        None => counted(&arguments, &progress),
    };
    progress.finish();
    let record = record?;
    outputs.write(&record)?;
    Ok(watch::of_command(&record).unwrap_or_else(|| outcome(&record, fail_on)))
}

fn recorded(
    arguments: &NPlusOneArguments,
    source: RecordedSource,
    progress: &ProgressLine,
) -> anyhow::Result<RunRecord> {
    let project = watch::project(named(&arguments.scenario.config))?;
    let options = RecordedOptions {
        threshold: watch::threshold(None, project.as_ref())?,
        project,
        source,
        seed: arguments.scenario.measure.seed,
        keep_values: arguments.scenario.measure.keep_values,
    };
    Ok(judge(&options, progress)?)
}

fn counted(arguments: &NPlusOneArguments, progress: &ProgressLine) -> anyhow::Result<RunRecord> {
    if arguments.command.is_empty() && arguments.duration.is_none() {
        let message = "nothing to count\nhelp: name a command, as in `-- pytest`, or a time, as in \
                       `--for 60s`";
        return Err(UsageError(message.to_owned()).into());
    }
    let url = arguments
        .scenario
        .database_url
        .as_deref()
        .unwrap_or_default();
    let project = watch::project(named(&arguments.scenario.config))?;
    let options = CountedOptions {
        threshold: watch::threshold(None, project.as_ref())?,
        project,
        address: Address::parse(url).map_err(RunError::from)?,
        command: arguments.command.clone(),
        duration: arguments.duration,
        seed: arguments.scenario.measure.seed,
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("failed to start")?;
    Ok(runtime.block_on(count(&options, progress))?)
}

/// The configuration, where another one than the usual is asked for: traffic needs no project.
pub(super) fn named(config: &Path) -> Option<&Path> {
    (config != Path::new(watch::DEFAULT_CONFIG)).then_some(config)
}
