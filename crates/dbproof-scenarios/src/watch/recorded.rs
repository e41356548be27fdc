//! Traffic that was recorded before: [`judge`].

use std::collections::{BTreeMap, HashSet};
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::time::Duration;

use dbproof_analysis::nplusone::Detector;
use dbproof_analysis::traffic::{Executed, HashKey, Totals};
use dbproof_capture::capture::CaptureSummary;
use dbproof_capture::log::{LogError, LogReader};
use dbproof_capture::trace::{TraceError, TraceItem, TraceReader};
use dbproof_model::{RunRecord, Server, TrafficSource, WatchEnd, WatchedDatabase};
use rand::RngExt as _;

use super::analyst::Seen;
use super::idle::IdleTransactions;
use super::record::{Circumstances, Limits, parts};
use super::{detector, slow_us};
use crate::error::{InputError, RunError};
use crate::observer::{Event, Observer};
use crate::options::Threshold;
use crate::project::Project;
use crate::run::Beginning;

/// What of recorded traffic is to be judged.
#[derive(Debug, Clone)]
pub struct RecordedOptions {
    /// The project, where there is one.
    pub project: Option<Project>,
    /// Where the traffic is.
    pub source: RecordedSource,
    /// From where on a statement is slow.
    pub threshold: Threshold,
    /// The seed that the record names.
    pub seed: u64,
    /// Show texts of slow statements with their values, where the trace has them.
    pub keep_values: bool,
}

/// Where recorded traffic is.
#[derive(Debug, Clone)]
pub enum RecordedSource {
    /// A trace of `watch --save-trace`.
    Trace(PathBuf),
    /// Logs of one server, the oldest first.
    Logs(Vec<PathBuf>),
}

/// Judges traffic that was recorded before.
///
/// # Errors
///
/// [`RunError::Input`] where a file cannot be read or is something else.
pub fn judge(options: &RecordedOptions, observer: &dyn Observer) -> Result<RunRecord, RunError> {
    let beginning = Beginning::now();
    observer.event(Event::Judging);
    let mut reading = Reading {
        detector: detector(options.project.as_ref()),
        totals: Totals::new(slow_us(options.threshold)),
        databases: Vec::new(),
        summary: CaptureSummary::default(),
        server: String::new(),
        first_us: u64::MAX,
        last_us: 0,
    };
    let (source, files) = match &options.source {
        RecordedSource::Trace(path) => {
            reading.trace(path)?;
            (TrafficSource::Trace, vec![shown(path)])
        }
        RecordedSource::Logs(paths) => {
            reading.logs(paths)?;
            let files = paths.iter().map(|path| shown(path)).collect();
            (TrafficSource::Log, files)
        }
    };
    let circumstances = Circumstances {
        source,
        files,
        command: Vec::new(),
        exit: None,
        ended: WatchEnd::Source,
        server: String::new(),
        listened: String::new(),
        pointed: Vec::new(),
        duration_ms: reading.last_us.saturating_sub(reading.first_us) as f64 / 1e3,
    };
    let server = Server {
        engine: "postgresql".to_owned(),
        version: std::mem::take(&mut reading.server),
        settings: BTreeMap::new(),
        ephemeral: false,
    };
    let limits = Limits {
        threshold: options.threshold,
        idle: Duration::MAX,
        keep_values: options.keep_values,
    };
    let (summary, seen) = reading.finish();
    let (scenarios, findings) = parts(&limits, circumstances, &summary, seen);
    let project = options.project.as_ref().and_then(Project::name);
    let folder = options.project.as_ref().map(|p| p.folder.clone());
    let folder = folder.unwrap_or_else(|| PathBuf::from("."));
    Ok(beginning.record(project, &folder, options.seed, server, scenarios, findings))
}

/// What was read up to now.
struct Reading {
    detector: Detector,
    totals: Totals,
    databases: Vec<WatchedDatabase>,
    summary: CaptureSummary,
    /// The version of the server, where the source tells.
    server: String,
    first_us: u64,
    last_us: u64,
}

impl Reading {
    fn trace(&mut self, path: &Path) -> Result<(), RunError> {
        let failed = |error: TraceError| input(path, &error);
        let mut reader = TraceReader::new(BufReader::new(open(path)?)).map_err(failed)?;
        let mut sessions = HashSet::new();
        while let Some(item) = reader.next_item().map_err(failed)? {
            match item {
                TraceItem::Server(version) => self.server = version,
                TraceItem::Database(name) => self.databases.push(database(name)),
                TraceItem::Schema(number, schema) => {
                    if let Some(database) = self.databases.get_mut(number as usize) {
                        database.catalog_read = true;
                    }
                    self.detector.schema(number, schema);
                }
                TraceItem::Executions(executed) => {
                    for executed in executed {
                        if sessions.insert(executed.session)
                            && let Some(d) = self.databases.get_mut(executed.database as usize)
                        {
                            d.sessions += 1;
                        }
                        self.executed(executed);
                    }
                }
                TraceItem::BornEmpty(_) => {}
                TraceItem::Incomplete(reason) => self.summary.incomplete.push(reason),
            }
        }
        self.summary.sessions = u32::try_from(sessions.len()).unwrap_or(u32::MAX);
        Ok(())
    }

    fn logs(&mut self, paths: &[PathBuf]) -> Result<(), RunError> {
        let mut random = rand::rng();
        let mut reader = LogReader::new(HashKey(random.random(), random.random()));
        let mut take = |batch: Vec<Executed>| {
            for executed in batch {
                self.executed(executed);
            }
        };
        for path in paths {
            let failed = |error: LogError| input(path, &error);
            let from = BufReader::new(open(path)?);
            reader.read(from, &mut take).map_err(failed)?;
        }
        let summary = reader.finish(&mut take);
        if summary.executions == 0 {
            return Err(InputError::new(format!(
                "no statement in {}",
                shown(paths.last().map_or(Path::new(""), PathBuf::as_path))
            ))
            .with_help(Some(
                "the server logs statements with log_min_duration_statement = 0, or with \
                 log_statement = 'all'; messages are read in English (lc_messages = 'C')"
                    .to_owned(),
            ))
            .into());
        }
        self.summary.sessions = u32::try_from(summary.sessions).unwrap_or(u32::MAX);
        self.summary.incomplete = summary.incomplete;
        Ok(())
    }

    fn executed(&mut self, executed: Executed) {
        self.summary.executions += 1;
        self.first_us = self.first_us.min(executed.sent_us);
        self.last_us = self.last_us.max(executed.finished_us);
        if let Some(database) = self.databases.get_mut(executed.database as usize) {
            database.executions += 1;
        }
        self.totals.push(&executed);
        self.detector.push(executed);
    }

    fn finish(mut self) -> (CaptureSummary, Seen) {
        for reason in &self.summary.incomplete {
            self.detector.incomplete(reason.clone());
        }
        let seen = Seen {
            detection: self.detector.finish(),
            totals: self.totals,
            idle: IdleTransactions::default(),
            databases: self.databases,
            transactions: None,
            not_saved: None,
            refused: BTreeMap::new(),
        };
        (self.summary, seen)
    }
}

fn database(name: String) -> WatchedDatabase {
    WatchedDatabase {
        name,
        sessions: 0,
        executions: 0,
        catalog_read: false,
        catalog_error: None,
    }
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

pub(super) fn open(path: &Path) -> Result<File, RunError> {
    File::open(path).map_err(|error| {
        InputError::new(format!("failed to read {}: {error}", path.display())).into()
    })
}

pub(super) fn input(path: &Path, error: &dyn std::fmt::Display) -> RunError {
    InputError::new(format!("{}: {error}", path.display())).into()
}
