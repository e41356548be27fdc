//! Deadlocks that the watched transactions may come to: [`deadlocks`].

use dbproof_analysis::findings::{
    deadlock_possible, deadlock_predicted, migration_deadlock_predicted,
};
use dbproof_analysis::transactions::Transactions;
use dbproof_model::{DeadlockRecord, Finding, NotChecked, PredictionCoverage, Verdict};
use dbproof_postgres::{Address, Databases, Janitor, PostgresError};

use crate::observer::Observer;
use crate::options::Cleaner;
use crate::prediction::{CONFIRMED, PredictOptions, Predicted, predict};

/// The server that sandboxes are made on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sandboxed<'a> {
    /// The server.
    pub(super) server: &'a Address,
    /// Who removes what is made there, where the server is the user's.
    pub(super) cleaner: Option<&'a Cleaner>,
    /// Names what is made there.
    pub(super) run_id: &'a str,
}

/// Predicts deadlocks among the transactions. Everything that is made on the server is gone afterwards.
///
pub(super) async fn deadlocks(
    at: Sandboxed<'_>,
    transactions: &Transactions,
    options: PredictOptions,
    observer: &dyn Observer,
) -> DeadlockRecord {
    let janitor = at.cleaner.map(|cleaner| {
        let url = at.server.url_with_password();
        Janitor::start(&cleaner.program, cleaner.argument, &url, at.run_id)
    });
    let janitor = match janitor.transpose() {
        Ok(janitor) => janitor,
        Err(error) => return not_made(transactions, &error),
    };
    let databases = Databases::new(at.server, at.run_id);
    let predicted = Box::pin(predict(
        &databases,
        at.server,
        transactions,
        options,
        observer,
    ))
    .await;
    drop(janitor);
    record(predicted)
}

/// Nothing is made where nobody can be found who cleans up whatever happens.
fn not_made(transactions: &Transactions, error: &PostgresError) -> DeadlockRecord {
    let classes = transactions.classes.len() as u64;
    let not_checked = NotChecked {
        what: "all transactions".to_owned(),
        why: error.to_string(),
    };
    record(Predicted {
        predictions: Vec::new(),
        coverage: PredictionCoverage {
            classes,
            not_checked: vec![not_checked],
            ..PredictionCoverage::default()
        },
        cut_short: false,
    })
}

/// The findings about what was predicted.
pub(super) fn findings(record: &DeadlockRecord) -> Vec<Finding> {
    record
        .predictions
        .iter()
        .map(|prediction| {
            let has_migration = prediction.members.iter().any(|m| m.migration.is_some());
            match prediction.verdict.as_str() {
                CONFIRMED if has_migration => migration_deadlock_predicted::finding(prediction),
                CONFIRMED => deadlock_predicted::finding(prediction),
                _ => deadlock_possible::finding(prediction),
            }
        })
        .collect()
}

/// What was predicted, as a part of the record.
pub(super) fn record(predicted: Predicted) -> DeadlockRecord {
    DeadlockRecord {
        verdict: verdict(&predicted),
        shapes: Vec::new(),
        predictions: predicted.predictions,
        prediction: Some(predicted.coverage),
        storms: Vec::new(),
    }
}

/// A deadlock that was confirmed fails. Where no transaction could be run at all, or a migration not to
/// its end, or the search for contradicting orders did not come to its end, that is no pass.
fn verdict(predicted: &Predicted) -> Verdict {
    let coverage = &predicted.coverage;
    let migrations = &coverage.migrations;
    let unread = migrations.iter().any(|m| m.replayed < m.transactions);
    let unmet = !migrations.is_empty() && coverage.replayed == 0;
    if coverage.confirmed > 0 {
        Verdict::Fail
    } else if predicted.cut_short
        || unread
        || unmet
        || coverage.classes > 0 && coverage.replayed == 0
    {
        Verdict::Inconclusive
    } else {
        Verdict::Pass
    }
}
