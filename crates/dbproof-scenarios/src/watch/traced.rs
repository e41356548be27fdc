//! The transactions of a trace, for the prediction of deadlocks: [`predict_from_trace`].

use std::io::BufReader;
use std::path::{Path, PathBuf};

use dbproof_analysis::transactions::{Collector, Transactions};
use dbproof_capture::trace::{TraceError, TraceItem, TraceReader};
use dbproof_model::{DeadlockRecord, Finding, NotChecked, RunRecord, Scenarios};
use dbproof_postgres::Address;

use super::recorded::{input, open};
use super::target::has_schema;
use super::{deadlocks, migrating};
use crate::environment::Environment;
use crate::error::{InputError, RunError};
use crate::observer::{Event, Observer};
use crate::options::{Cleaner, RunOptions, ServerChoice};
use crate::prediction::{MigrationPlan, PredictOptions, predict_beside};
use crate::project::Project;
use crate::project::migrations::Migration;
use crate::run::Beginning;
use crate::stage;

/// From what deadlocks are to be predicted, and where transactions may be run again.
#[derive(Debug, Clone)]
pub struct TracedOptions {
    /// The project, where there is one.
    pub project: Option<Project>,
    /// The trace.
    pub trace: PathBuf,
    /// A migration's file, which stands among the transactions.
    pub migration: Option<PathBuf>,
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
    let project = options.project.as_ref();
    let migration = options.migration.as_deref();
    let migration = migration
        .map(|file| migrating::plan(project, file))
        .transpose()?;
    let mut traced = Traced::read(&options.trace, options.migration.is_some())?;
    let joined = migration
        .as_ref()
        .map(|plan| migrating::join(plan, &mut traced.transactions));
    let cleaner = options.cleaner.as_ref();
    let environment =
        Environment::reach(&options.server, cleaner, &beginning.run_id, observer).await?;
    let stand_in = stand_in(options, &environment, &traced.transactions, observer).await;
    let stand_in = stand_in.map_err(|error| environment.explain_loss(error))?;
    observer.event(Event::Judging);
    let predict_options = PredictOptions {
        keep_values: options.keep_values,
        ..PredictOptions::default()
    };
    let mut predicted = Box::pin(predict_beside(
        environment.databases(),
        environment.address(),
        &traced.transactions,
        (predict_options, stand_in.as_ref()),
        observer,
    ))
    .await;
    let incomplete = traced.incomplete.into_iter().map(|why| NotChecked {
        what: "the trace".to_owned(),
        why,
    });
    predicted.coverage.not_checked.extend(incomplete);
    let record = migrating::told(deadlocks::record(predicted), joined);
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

/// Holds migrations against the transactions of a trace. `base` is a database with the schema before them,
/// for a trace of one that is not there any more.
pub(crate) async fn migrations_against_trace(
    options: &RunOptions,
    (mut traced, migrations): (Traced, &[Migration]),
    environment: &Environment,
    base: &Address,
    observer: &dyn Observer,
) -> (DeadlockRecord, Vec<Finding>) {
    let plan = MigrationPlan::of(migrations, &options.project.config.regress);
    let joined = migrating::join(&plan, &mut traced.transactions);
    let predict_options = PredictOptions {
        keep_values: options.keep_values,
        only_migrations: true,
        ..PredictOptions::default()
    };
    let predicted = Box::pin(predict_beside(
        environment.databases(),
        environment.address(),
        &traced.transactions,
        (predict_options, Some(base)),
        observer,
    ))
    .await;
    let mut record = migrating::told(deadlocks::record(predicted), Some(joined));
    if let Some(coverage) = &mut record.prediction {
        let incomplete = traced.incomplete.into_iter().map(|why| NotChecked {
            what: "the trace".to_owned(),
            why,
        });
        coverage.not_checked.extend(incomplete);
    }
    let findings = deadlocks::findings(&record);
    (record, findings)
}

/// A database with the project's schema and rows, where the trace is of one that was there before it was
/// watched and is not there any more: that of a watch on a throw-away server. With a migration, the schema is
/// the one before it.
async fn stand_in(
    options: &TracedOptions,
    environment: &Environment,
    transactions: &Transactions,
    observer: &dyn Observer,
) -> Result<Option<Address>, RunError> {
    let Some(project) = options.project.as_ref().filter(|p| has_schema(p)) else {
        return Ok(None);
    };
    let mut is_needed = false;
    for (number, history) in (0_u32..).zip(&transactions.histories) {
        let has_classes = transactions.classes.iter().any(|c| c.database == number);
        is_needed |= has_classes
            && !history.from_the_beginning
            && !environment.databases().exists(&history.database).await?;
    }
    if !is_needed {
        return Ok(None);
    }
    observer.event(Event::Preparing {
        what: "schema and seed data",
    });
    let migrations = match &options.migration {
        Some(migration) => project.migration_and_base(migration)?.1,
        None => project.migrations()?,
    };
    let (seed, name) = (options.seed, "project");
    let (address, _) = stage::prepare_base(environment, project, &migrations, seed, name).await?;
    Ok(Some(address))
}

/// What a trace holds.
#[derive(Debug, Clone)]
pub(crate) struct Traced {
    transactions: Transactions,
    /// Why the trace is not whole.
    incomplete: Vec<String>,
}

impl Traced {
    /// Reads a trace, with the transactions that only read where a migration is to be held against them.
    ///
    /// # Errors
    ///
    /// [`RunError::Input`] where it cannot be read or has no values.
    pub(crate) fn read(path: &Path, keep_readers: bool) -> Result<Self, RunError> {
        let failed = |error: TraceError| input(path, &error);
        let mut reader = TraceReader::new(BufReader::new(open(path)?)).map_err(failed)?;
        let mut collector = Collector::new().keeping_readers(keep_readers);
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
