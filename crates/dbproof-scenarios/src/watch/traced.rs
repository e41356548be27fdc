//! The transactions of a trace, for the prediction of deadlocks: [`predict_from_trace`].

use std::io::BufReader;
use std::path::{Path, PathBuf};

use dbproof_analysis::transactions::{Collector, Transactions};
use dbproof_capture::trace::{TraceError, TraceItem, TraceReader};
use dbproof_model::{NotChecked, RunRecord, Scenarios};

use super::deadlocks;
use super::recorded::{input, open};
use crate::environment::Environment;
use crate::error::{InputError, RunError};
use crate::observer::{Event, Observer};
use crate::options::{Cleaner, ServerChoice};
use crate::prediction::{PredictOptions, predict};
use crate::project::Project;
use crate::run::Beginning;

/// From what deadlocks are to be predicted, and where transactions may be run again.
#[derive(Debug, Clone)]
pub struct TracedOptions {
    /// The project, where there is one.
    pub project: Option<Project>,
    /// The trace.
    pub trace: PathBuf,
    /// The server that databases are made on.
    pub server: ServerChoice,
    /// How databases on a server of the user's are dropped in the end.
    pub cleaner: Option<Cleaner>,
    /// The seed that the record names.
    pub seed: u64,
    /// Keep values in what is told.
    pub keep_values: bool,
}

/// Predicts deadlocks from the transactions of a trace.
///
/// # Errors
///
/// [`RunError::Input`] where the trace cannot be read or has no values; any other where the server is
/// at fault.
pub async fn predict_from_trace(
    options: &TracedOptions,
    observer: &dyn Observer,
) -> Result<RunRecord, RunError> {
    let beginning = Beginning::now();
    let traced = Traced::read(&options.trace)?;
    let cleaner = options.cleaner.as_ref();
    let environment =
        Environment::reach(&options.server, cleaner, &beginning.run_id, observer).await?;
    observer.event(Event::Judging);
    let predict_options = PredictOptions {
        keep_values: options.keep_values,
        ..PredictOptions::default()
    };
    let mut predicted = Box::pin(predict(
        environment.databases(),
        environment.address(),
        &traced.transactions,
        predict_options,
        observer,
    ))
    .await;
    let incomplete = traced.incomplete.into_iter().map(|why| NotChecked {
        what: "the trace".to_owned(),
        why,
    });
    predicted.coverage.not_checked.extend(incomplete);
    let record = deadlocks::record(predicted);
    let findings = deadlocks::findings(&record);
    let scenarios = Scenarios {
        deadlock: Some(record),
        ..Scenarios::default()
    };
    Ok(beginning.record(
        options.project.as_ref(),
        options.seed,
        environment.server(),
        scenarios,
        findings,
    ))
}

/// What a trace holds.
#[derive(Debug)]
struct Traced {
    transactions: Transactions,
    /// Why the trace is not whole.
    incomplete: Vec<String>,
}

impl Traced {
    fn read(path: &Path) -> Result<Self, RunError> {
        let failed = |error: TraceError| input(path, &error);
        let mut reader = TraceReader::new(BufReader::new(open(path)?)).map_err(failed)?;
        let mut collector = Collector::new();
        let mut incomplete = Vec::new();
        let (mut databases, mut executions, mut with_values) = (0, 0_u64, 0_u64);
        while let Some(item) = reader.next_item().map_err(failed)? {
            match item {
                TraceItem::Database(name) => {
                    collector.database(databases, &name);
                    databases += 1;
                }
                TraceItem::Executions(executed) => {
                    for executed in executed {
                        executions += 1;
                        with_values += u64::from(executed.sent.is_some());
                        collector.push(&executed);
                    }
                }
                TraceItem::BornEmpty(database) => collector.is_born_empty(database),
                TraceItem::Incomplete(reason) => incomplete.push(reason),
                TraceItem::Server(_) | TraceItem::Schema(..) => {}
            }
        }
        if executions > 0 && with_values == 0 {
            return Err(without_values(path));
        }
        Ok(Self {
            transactions: collector.finish(),
            incomplete,
        })
    }
}

fn without_values(path: &Path) -> RunError {
    let message = format!(
        "{} holds statements without their values, so its transactions cannot be run again",
        path.display()
    );
    let help = format!(
        "record it again with values: dbproof watch --save-trace {} --keep-values -- COMMAND",
        path.display()
    );
    InputError::new(message).with_help(Some(help)).into()
}
