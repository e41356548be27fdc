//! `dbproof watch`: an application's traffic with its database, captured and judged.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use dbproof_model::{RunRecord, ThresholdSource, WatchEnd};
use dbproof_scenarios::project::Project;
use dbproof_scenarios::watch::{VariableRequest, WatchOptions, WatchedServer};
use dbproof_scenarios::{ServerChoice, Threshold, watch};

use crate::arguments::{FailOn, WatchArguments};
use crate::commands::scenarios;
use crate::exit::{Outcome, UsageError, outcome};
use crate::progress::ProgressLine;

/// From where on a statement is slow where nobody says, in milliseconds.
const DEFAULT_THRESHOLD_MS: f64 = 100.0;
pub(super) const DEFAULT_CONFIG: &str = "dbproof.toml";

pub(crate) fn run(arguments: WatchArguments) -> anyhow::Result<Outcome> {
    let outputs = arguments.output.open()?;
    let (quiet, fail_on) = (arguments.output.quiet, arguments.fail_on);
    let options = options(arguments)?;
    let progress = ProgressLine::new(quiet);
    let record = watched(&options, &progress);
    progress.finish();
    let Some(record) = record? else {
        return Ok(Outcome::Interrupted);
    };
    outputs.write(&record)?;
    Ok(of_command(&record).unwrap_or_else(|| of_verdict(&record, fail_on)))
}

fn watched(options: &WatchOptions, progress: &ProgressLine) -> anyhow::Result<Option<RunRecord>> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("failed to start")?;
    let record = runtime.block_on(watch::watch(options, progress));
    runtime.shutdown_background();
    Ok(record?)
}

/// The code of a command that failed; 128 and the signal where one ended it.
pub(super) fn of_command(record: &RunRecord) -> Option<Outcome> {
    let watch = record.scenarios.watch.as_ref()?;
    let exit = watch.exit?;
    if watch.ended == WatchEnd::Duration {
        // It was dbproof that ended it.
        return None;
    }
    let code = exit.code.or_else(|| Some(128 + exit.signal?))?;
    let code = u8::try_from(code).unwrap_or(u8::MAX);
    (code != 0).then_some(Outcome::Command(code))
}

fn of_verdict(record: &RunRecord, fail_on: FailOn) -> Outcome {
    outcome(record, fail_on)
}

fn options(arguments: WatchArguments) -> anyhow::Result<WatchOptions> {
    if arguments.command.is_empty() && arguments.listen.is_none() {
        let message = "nothing to watch\nhelp: name a command, as in `dbproof watch -- pytest`, or \
                       an address to listen at for an application that is started elsewhere, as in \
                       `dbproof watch --listen 6543 --database-url postgres://…`";
        return Err(UsageError(message.to_owned()).into());
    }
    let project = project(arguments.config.as_deref())?;
    // What is no text can be no address.
    let environment: Vec<(String, String)> = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect();
    let server = server(
        arguments.database_url,
        &environment,
        arguments.binaries.pg_bin,
    );
    let is_throw_away = matches!(
        server,
        WatchedServer::Choice(ServerChoice::Ephemeral { .. })
    );
    if arguments.command.is_empty() && is_throw_away {
        let message = "no server to watch\nhelp: name the one that the application uses with \
                       --database-url postgres://USER:PASSWORD@HOST:PORT/DATABASE (or DATABASE_URL)";
        return Err(UsageError(message.to_owned()).into());
    }
    let mut variables = configured_variables(project.as_ref())?;
    variables.extend(arguments.env);
    let configured = project.as_ref().is_none_or(|p| p.config.deadlock.predict);
    Ok(WatchOptions {
        predict: (configured || arguments.migration.is_some()) && !arguments.no_predict,
        cleaner: Some(scenarios::cleaner()?),
        threshold: threshold(arguments.slow_threshold, project.as_ref())?,
        project,
        server,
        command: arguments.command,
        environment,
        variables,
        listen: arguments.listen,
        duration: arguments.duration,
        save_trace: arguments.save_trace,
        migration: arguments.migration,
        prove: arguments.prove,
        seed: arguments.measure.seed,
        keep_values: arguments.measure.keep_values,
    })
}

/// The project: the one that was named, else the one of this folder, if it is one.
pub(super) fn project(named: Option<&Path>) -> anyhow::Result<Option<Project>> {
    let file = named.unwrap_or(Path::new(DEFAULT_CONFIG));
    if named.is_none() && !file.exists() {
        return Ok(None);
    }
    Ok(Some(Project::open(file)?))
}

fn server(
    url: Option<String>,
    environment: &[(String, String)],
    binaries: Option<PathBuf>,
) -> WatchedServer {
    let is_set = |name: &str| {
        environment
            .iter()
            .any(|(n, value)| n == name && !value.is_empty())
    };
    match url.filter(|url| !url.trim().is_empty()) {
        Some(url) => WatchedServer::Choice(ServerChoice::Url(url)),
        None if ["PGHOST", "PGHOSTADDR", "PGPORT"].into_iter().any(is_set) => {
            WatchedServer::Variables
        }
        None => WatchedServer::Choice(ServerChoice::Ephemeral { binaries }),
    }
}

/// `[watch] env` of the project.
fn configured_variables(project: Option<&Project>) -> anyhow::Result<Vec<VariableRequest>> {
    let names = project.map_or(&[][..], |project| &project.config.watch.env);
    let requests = names.iter().map(|name| {
        name.parse().map_err(|error| {
            let message = format!("`[watch] env` of dbproof.toml: {error}");
            anyhow::Error::from(UsageError(message))
        })
    });
    requests.collect()
}

/// Flag, environment, `[watch] slow_ms`, `[slow] threshold_ms`, default.
pub(super) fn threshold(flag: Option<f64>, project: Option<&Project>) -> anyhow::Result<Threshold> {
    let of = |milliseconds, source| Threshold {
        milliseconds,
        source,
    };
    if let Some(ms) = flag {
        return Ok(of(ms, ThresholdSource::Argument));
    }
    if let Some(threshold) = scenarios::threshold()? {
        return Ok(threshold);
    }
    let config = project.map(|project| &project.config);
    let configured = config.and_then(|c| c.watch.slow_ms.or(c.slow.threshold_ms));
    Ok(match configured {
        Some(ms) => of(ms, ThresholdSource::Configuration),
        None => of(DEFAULT_THRESHOLD_MS, ThresholdSource::Default),
    })
}
