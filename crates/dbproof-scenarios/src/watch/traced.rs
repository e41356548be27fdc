//! The transactions of a trace, for the prediction of deadlocks: [`predict_from_trace`].

use std::io::BufReader;
use std::path::{Path, PathBuf};

use dbproof_analysis::transactions::{Collector, Transactions};
use dbproof_capture::trace::{TraceError, TraceItem, TraceReader};
use dbproof_model::{
    DeadlockRecord, NotChecked, PredictionCoverage, RunRecord, Scenarios, Verdict,
};

use super::recorded::{input, open};
use crate::environment::Environment;
use crate::error::{InputError, RunError};
use crate::observer::{Event, Observer};
use crate::options::{Cleaner, ServerChoice};
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
    let scenarios = Scenarios {
        deadlock: Some(predicted(&traced.transactions, &traced.incomplete)),
        ..Scenarios::default()
    };
    let project = options.project.as_ref().and_then(Project::name);
    let folder = options.project.as_ref().map(|p| p.folder.clone());
    let folder = folder.unwrap_or_else(|| PathBuf::from("."));
    let server = environment.server();
    Ok(beginning.record(
        project,
        &folder,
        options.seed,
        server,
        scenarios,
        Vec::new(),
    ))
}

/// What is told of transactions from which nothing was predicted: what they are, and that none of
/// them was checked.
fn predicted(transactions: &Transactions, incomplete: &[String]) -> DeadlockRecord {
    let not_checked = |what: &str, why: &str| NotChecked {
        what: what.to_owned(),
        why: why.to_owned(),
    };
    let classes = transactions.classes.iter();
    let mut reasons: Vec<NotChecked> = classes
        .map(|class| not_checked(&class.name, "its locks were not read"))
        .collect();
    reasons.extend(
        transactions
            .lost
            .iter()
            .map(|why| not_checked("transactions", why)),
    );
    reasons.extend(incomplete.iter().map(|why| not_checked("trace", why)));
    for history in &transactions.histories {
        let missing = history.missing.iter();
        reasons.extend(missing.map(|missing| {
            not_checked(&history.database, &format!("its history lacks {missing}"))
        }));
    }
    let occurrences = transactions.classes.iter().map(|class| class.occurrences);
    DeadlockRecord {
        verdict: Verdict::Inconclusive,
        shapes: Vec::new(),
        predictions: Vec::new(),
        prediction: Some(PredictionCoverage {
            transactions: occurrences.sum(),
            classes: transactions.classes.len() as u64,
            not_checked: reasons,
            ..PredictionCoverage::default()
        }),
        storms: Vec::new(),
    }
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
