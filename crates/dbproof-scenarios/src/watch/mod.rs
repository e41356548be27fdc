//! `dbproof watch`: an application runs, and its traffic with the database is looked at.
//!
//! * `target`: the server under watch; `connection_string`: how applications name it.
//! * `pointing`: leads the command to dbproof; `command`: runs it.
//! * `analyst`: looks at the traffic while it passes; `catalogs`: asks what the columns are.
//! * `proving`: runs loops and their batched statements side by side.
//! * `record`: what is told of it all; `saving`: what is kept of it as a trace.
//! * `deadlocks`: what the transactions may come to when they meet.
//! * `migrating`: a migration that stands among the transactions.
//! * `traced`: the transactions of a trace, for the prediction of deadlocks.
//! * `recorded`: traces and logs, which are judged in the same way; `counters`: what the server counts.

mod analyst;
mod catalogs;
mod command;
mod connection_string;
mod counters;
mod deadlocks;
mod idle;
pub(crate) mod masked;
mod migrating;
mod options;
mod percent;
mod pointing;
mod proving;
mod record;
mod recorded;
mod saving;
mod target;
mod traced;

use std::ffi::OsString;
use std::net::SocketAddr;
use std::sync::mpsc::Receiver;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use dbproof_analysis::nplusone::{Detector, IgnoreRule, Thresholds};
use dbproof_analysis::transactions::Transactions;
use dbproof_capture::capture::{Batch, Capture, CaptureOptions, CaptureSummary};
use dbproof_capture::tee::TeeOptions;
use dbproof_model::{CommandExit, DeadlockRecord, RunRecord, TrafficSource, WatchEnd};
use nix::sys::signal::Signal;

use self::analyst::Analyst;
use self::command::{Running, Signals, exit, terminal_reaches_the_command};
pub use self::counters::{CountedOptions, count};
use self::deadlocks::Sandboxed;
use self::masked::masked;
use self::migrating::Joined;
pub use self::options::{WatchOptions, WatchedServer};
use self::pointing::Pointing;
pub use self::pointing::VariableRequest;
use self::record::{Circumstances, Limits, parts};
pub use self::recorded::{RecordedOptions, RecordedSource, judge};
use self::saving::SavedTrace;
use self::target::Target;
pub(crate) use self::traced::{Traced, migrations_against_trace};
pub use self::traced::{TracedOptions, predict_from_trace};
use crate::error::{InputError, RunError};
use crate::observer::{Event, Observer};
use crate::options::Threshold;
use crate::prediction::PredictOptions;
use crate::project::Project;
use crate::project::config::NPlusOneConfig;
use crate::run::Beginning;

/// How long open sessions may take to come to their end once the watch is over.
const PATIENCE: Duration = Duration::from_millis(250);
/// How long a command may take to end after the time of `--for`.
const LAST_TIME: Duration = Duration::from_secs(10);

/// Watches an application; `None` where it was interrupted before it began.
///
/// # Errors
///
/// [`RunError::Input`] where the options are at fault; any other where the server is, or the place to
/// listen at. Once the application runs, the watch ends with a record.
pub async fn watch(
    options: &WatchOptions,
    observer: &dyn Observer,
) -> Result<Option<RunRecord>, RunError> {
    let beginning = Beginning::now();
    let project = options.project.as_ref();
    let migration = options.migration.as_deref();
    let migration = migration
        .map(|file| migrating::plan(project, file))
        .transpose()?;
    let mut signals = Signals::listen()?;
    let target = tokio::select! {
        target = Target::open(options, &beginning.run_id, observer) => target?,
        _ = signals.next() => return Ok(None),
    };
    let saved = match &options.save_trace {
        Some(path) => {
            let mut saved = SavedTrace::create(path, options.keep_values)?;
            saved.server(&target.server.version);
            Some(saved)
        }
        None => None,
    };
    let (capture, batches) = Capture::start(&capture_options(options, &target))?;
    let listened = capture
        .address()
        .ok_or_else(|| InputError::new("nowhere to listen"))?;
    let reached = pointing::reachable(listened);
    let analyst = analysing(options, &target, saved, batches)?;
    let pointing = if options.command.is_empty() {
        Pointing::default()
    } else {
        point(options, &target, reached)?
    };
    let began = Instant::now();
    observer.event(Event::Watching {
        listened,
        server: &target.address.to_string(),
        has_command: !options.command.is_empty(),
    });
    let (exit, ended) = run(&options.command, options.duration, &pointing, &mut signals).await?;
    let duration_ms = began.elapsed().as_secs_f64() * 1e3;
    observer.event(Event::Judging);
    let summary = stop(capture).await;
    let analyst = analyst.join().map_err(|_| no_analysis())?;
    let mut seen = analyst.finish(&summary);
    if options.prove {
        let proving = proving::prove(&mut seen, &target.address, options.keep_values);
        tokio::select! {
            () = proving => {}
            _ = signals.next() => {}
        }
    }
    let deadlock = match seen.transactions.take() {
        Some(mut transactions) => {
            let at = Sandboxed {
                server: &target.address,
                cleaner: options.cleaner.as_ref().filter(|_| !target.is_ours()),
                run_id: &beginning.run_id,
            };
            let joined = migration.map(|plan| migrating::join(&plan, &mut transactions));
            let of = (&transactions, joined);
            predicted(at, of, options.keep_values, &mut signals, observer).await
        }
        None => None,
    };
    let passwords = passwords(options, &target);
    let shown = options.command.iter();
    let limits = Limits {
        threshold: options.threshold,
        idle: options.idle_limit(),
        keep_values: options.keep_values,
    };
    let circumstances = Circumstances {
        source: TrafficSource::Wire,
        files: Vec::new(),
        command: shown
            .map(|a| masked(&a.to_string_lossy(), &passwords))
            .collect(),
        exit,
        ended,
        server: target.string.place().to_string(),
        listened: reached.to_string(),
        pointed: pointing.told,
        duration_ms,
    };
    let (mut scenarios, mut findings) = parts(&limits, circumstances, &summary, seen);
    if let Some(record) = deadlock {
        findings.extend(deadlocks::findings(&record));
        scenarios.deadlock = Some(record);
    }
    Ok(Some(beginning.record(
        options.project.as_ref(),
        options.seed,
        target.server.clone(),
        scenarios,
        findings,
    )))
}

/// What looks at the traffic, at work.
fn analysing(
    options: &WatchOptions,
    target: &Target,
    saved: Option<SavedTrace>,
    batches: Receiver<Batch>,
) -> Result<JoinHandle<Analyst>, RunError> {
    let detector = detector(options.project.as_ref());
    let slow_us = slow_us(options.threshold);
    let mut analyst = Analyst::new(detector, slow_us, &target.address, saved)
        .born_empty(target.born_empty.clone());
    if options.predict {
        let keep_sent = options.prove || options.keep_values;
        analyst = analyst.collecting(keep_sent, options.migration.is_some());
    }
    analyst.start(batches).map_err(|source| RunError::File {
        action: "start the analysis".to_owned(),
        source,
    })
}

fn no_analysis() -> RunError {
    RunError::File {
        action: "analyse the traffic".to_owned(),
        source: std::io::Error::other("the analysis ended without a result"),
    }
}

/// What was predicted; `None` where that was interrupted.
async fn predicted(
    at: Sandboxed<'_>,
    (transactions, joined): (&Transactions, Option<Joined>),
    keep_values: bool,
    signals: &mut Signals,
    observer: &dyn Observer,
) -> Option<DeadlockRecord> {
    let options = PredictOptions {
        keep_values,
        ..PredictOptions::default()
    };
    tokio::select! {
        record = deadlocks::deadlocks(at, transactions, options, observer) => {
            Some(migrating::told(record, joined))
        }
        _ = signals.next() => None,
    }
}

/// The passwords that are known, none of which is to be shown.
fn passwords(options: &WatchOptions, target: &Target) -> Vec<String> {
    let of_variable = options.variable("PGPASSWORD").map(str::to_owned);
    target
        .string
        .password()
        .into_iter()
        .chain(of_variable)
        .collect()
}

fn capture_options(options: &WatchOptions, target: &Target) -> CaptureOptions {
    let mut tee = TeeOptions::new(target.address.clone());
    if options.listen.is_some() {
        tee.listen = options.listen;
    }
    CaptureOptions {
        keep_sent: options.prove || options.keep_values || options.predict,
        idle_transaction: options.idle_limit(),
        ..CaptureOptions::new(tee)
    }
}

fn thresholds(project: Option<&Project>) -> Thresholds {
    let default = NPlusOneConfig::default();
    let config = project.map_or(&default, |p| &p.config.nplusone);
    Thresholds {
        proven_children: config.proven_children,
        likely_values: config.likely_values,
        duplicate_repeats: config.duplicate_repeats,
        coverage: config.coverage,
        burst_gap_ms: config.burst_gap_ms,
    }
}

fn detector(project: Option<&Project>) -> Detector {
    let default = NPlusOneConfig::default();
    let config = project.map_or(&default, |p| &p.config.nplusone);
    let rules = config.ignore.iter().filter_map(|entry| {
        let reason = &entry.reason;
        if let Some(template) = &entry.template {
            return Some(IgnoreRule::template(template, reason));
        }
        let (key, value) = entry.tag.as_ref()?.split_once('=')?;
        Some(IgnoreRule::tag(key.trim(), value.trim(), reason))
    });
    Detector::new(thresholds(project)).ignoring(rules.collect())
}

fn slow_us(threshold: Threshold) -> u64 {
    let threshold = Duration::try_from_secs_f64(threshold.milliseconds / 1e3);
    let micros = threshold.map(|t| u64::try_from(t.as_micros()).unwrap_or(u64::MAX));
    micros.unwrap_or(u64::MAX)
}

fn point(
    options: &WatchOptions,
    target: &Target,
    reached: SocketAddr,
) -> Result<Pointing, RunError> {
    let pointed = pointing::point(
        &options.environment,
        &target.string,
        reached,
        &options.variables,
    );
    pointed.map_err(|message| InputError::new(message).into())
}

/// Runs the command to its end, or waits; what ended it is told.
async fn run(
    command: &[OsString],
    duration: Option<Duration>,
    pointing: &Pointing,
    signals: &mut Signals,
) -> Result<(Option<CommandExit>, WatchEnd), RunError> {
    let deadline = duration.map(|duration| tokio::time::Instant::now() + duration);
    let over = async |deadline: Option<tokio::time::Instant>| match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    };
    if command.is_empty() {
        return tokio::select! {
            _ = signals.next() => Ok((None, WatchEnd::Interrupt)),
            () = over(deadline) => Ok((None, WatchEnd::Duration)),
        };
    }
    let mut running = Running::start(command, pointing)?;
    let mut deadline = deadline;
    let mut ended = WatchEnd::Command;
    loop {
        tokio::select! {
            status = running.ended() => return Ok((Some(exit(status?)), ended)),
            signal = signals.next() => {
                match (ended, signal) {
                    // Whoever asks twice does not want to wait.
                    (WatchEnd::Interrupt, _) => running.send(Signal::SIGKILL),
                    (_, Signal::SIGINT) if terminal_reaches_the_command() => {}
                    (_, signal) => running.send(signal),
                }
                ended = WatchEnd::Interrupt;
            }
            () = over(deadline) => {
                let last = ended == WatchEnd::Duration;
                running.send(if last { Signal::SIGKILL } else { Signal::SIGTERM });
                if ended == WatchEnd::Command {
                    ended = WatchEnd::Duration;
                }
                deadline = Some(tokio::time::Instant::now() + LAST_TIME);
            }
        }
    }
}

/// Ends the capture, on a thread that may wait.
async fn stop(capture: Capture) -> CaptureSummary {
    let stopped = tokio::task::spawn_blocking(move || capture.stop(PATIENCE));
    stopped.await.unwrap_or_else(|_| CaptureSummary {
        incomplete: vec!["the capture ended without a result".to_owned()],
        ..CaptureSummary::default()
    })
}
