//! What looks at the traffic while it passes: [`Analyst`].

use std::collections::{BTreeMap, HashMap};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::thread::JoinHandle;
use std::time::Duration;

use dbproof_analysis::nplusone::{Detection, Detector};
use dbproof_analysis::sql::StatementKind;
use dbproof_analysis::traffic::{Executed, SqlState, Totals};
use dbproof_analysis::transactions::{Collector, Transactions};
use dbproof_capture::capture::{Batch, CaptureSummary};
use dbproof_capture::protocol::{SessionEvent, SessionNews};
use dbproof_model::WatchedDatabase;
use dbproof_postgres::Address;

use super::catalogs::Catalogs;
use super::idle::IdleTransactions;
use super::saving::SavedTrace;

/// How often catalogs are looked after where nothing passes.
const TURN: Duration = Duration::from_millis(50);

/// Looks at the traffic on a thread of its own, in memory that does not grow with it.
#[derive(Debug)]
pub(super) struct Analyst {
    detector: Detector,
    totals: Totals,
    idle: IdleTransactions,
    catalogs: Catalogs,
    saved: Option<SavedTrace>,
    /// Collects transactions, where deadlocks are to be predicted from them.
    transactions: Option<Collector>,
    /// The database that was empty when the watch began.
    born_empty: Option<String>,
    /// Whether the detector is to have what was sent.
    keep_sent: bool,
    /// Sessions and executions, by the number of the database.
    counts: Vec<(u64, u64)>,
    /// Errors that belong to no statement, and how often they came.
    refused: BTreeMap<SqlState, u64>,
    /// The wait that a session came out of last, until it does something else.
    waits: HashMap<u32, Wait>,
}

/// A transaction that waited.
#[derive(Debug)]
struct Wait {
    until_us: u64,
    for_us: u64,
    after: Option<Box<str>>,
}

/// What was seen of the traffic.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) detection: Detection,
    pub(super) totals: Totals,
    pub(super) idle: IdleTransactions,
    pub(super) databases: Vec<WatchedDatabase>,
    /// The transactions, where deadlocks are to be predicted from them.
    pub(super) transactions: Option<Transactions>,
    /// Why the trace that was asked for is not whole.
    pub(super) not_saved: Option<String>,
    /// Errors that belong to no statement, and how often they came.
    pub(super) refused: BTreeMap<SqlState, u64>,
}

impl Analyst {
    /// Nothing seen yet; what takes at least `slow_us` microseconds is slow.
    pub(super) fn new(
        detector: Detector,
        slow_us: u64,
        server: &Address,
        saved: Option<SavedTrace>,
    ) -> Self {
        Analyst {
            detector,
            totals: Totals::new(slow_us),
            idle: IdleTransactions::default(),
            catalogs: Catalogs::new(server),
            saved,
            transactions: None,
            born_empty: None,
            keep_sent: true,
            counts: Vec::new(),
            refused: BTreeMap::new(),
            waits: HashMap::new(),
        }
    }

    /// Collects transactions too; what was sent is then let go, unless the detector is to have it.
    /// `keep_readers`: those that only read, too.
    pub(super) fn collecting(mut self, keep_sent: bool, keep_readers: bool) -> Self {
        self.transactions = Some(Collector::new().keeping_readers(keep_readers));
        self.keep_sent = keep_sent;
        self
    }

    /// The database that is empty as yet, where there is one.
    pub(super) fn born_empty(mut self, database: Option<String>) -> Self {
        self.born_empty = database;
        self
    }

    /// Takes batches until the capture ends.
    pub(super) fn start(mut self, batches: Receiver<Batch>) -> std::io::Result<JoinHandle<Self>> {
        let thread = std::thread::Builder::new().name("analysis".to_owned());
        thread.spawn(move || {
            loop {
                match batches.recv_timeout(TURN) {
                    Ok(batch) => self.batch(batch),
                    Err(RecvTimeoutError::Timeout) => {}
                    Err(RecvTimeoutError::Disconnected) => return self,
                }
                let wanted = self.detector.wants_schema();
                self.catalogs.turn(&wanted, |number, schema| {
                    if let Some(saved) = &mut self.saved {
                        saved.schema(number, &schema);
                    }
                    self.detector.schema(number, schema);
                });
            }
        })
    }

    /// Reads what is still to be read of the catalogs, and judges.
    pub(super) fn finish(mut self, summary: &CaptureSummary) -> Seen {
        let wanted = self.detector.wants_schema();
        self.catalogs.finish(&wanted, |number, schema| {
            if let Some(saved) = &mut self.saved {
                saved.schema(number, &schema);
            }
            self.detector.schema(number, schema);
        });
        let saved = self.saved.take();
        let not_saved = saved.and_then(|saved| saved.finish(&summary.incomplete));
        for wait in std::mem::take(&mut self.waits).into_values() {
            self.idle.push(wait.after.as_deref(), wait.for_us, false);
        }
        for reason in &summary.incomplete {
            self.detector.incomplete(reason.clone());
        }
        let counts = self.counts.iter().copied().chain(std::iter::repeat((0, 0)));
        let databases = self.catalogs.databases().iter().zip(counts);
        let databases = databases
            .map(|(database, (sessions, executions))| WatchedDatabase {
                name: database.name.clone(),
                sessions,
                executions,
                catalog_read: database.is_read,
                catalog_error: database.error.clone(),
            })
            .collect();
        Seen {
            detection: self.detector.finish(),
            totals: self.totals,
            idle: self.idle,
            databases,
            transactions: self.transactions.map(Collector::finish),
            not_saved,
            refused: self.refused,
        }
    }

    fn batch(&mut self, batch: Batch) {
        let mut over = Vec::new();
        for event in batch.events {
            if let SessionNews::Over { .. } | SessionNews::NotRead { .. } = event.what {
                over.push(event.session);
            }
            self.event(event);
        }
        for executed in batch.executed {
            self.executed(executed);
        }
        // What a session did last can be in the batch that tells of its end.
        if let Some(transactions) = &mut self.transactions {
            for session in over {
                transactions.session_over(session);
            }
        }
    }

    fn executed(&mut self, mut executed: Executed) {
        self.count(executed.database).1 += 1;
        if let Some(saved) = &mut self.saved {
            saved.executed(&executed);
        }
        if let Some(transactions) = &mut self.transactions {
            transactions.push(&executed);
            if !self.keep_sent {
                executed.sent = None;
            }
        }
        self.totals.push(&executed);
        if executed.statement.kind() == StatementKind::Other && executed.failed.is_none() {
            let number = executed.database as usize;
            self.catalogs
                .executed(number, executed.statement.shape(), executed.finished_us);
        }
        self.detector.push(executed);
    }

    fn event(&mut self, event: SessionEvent) {
        match event.what {
            SessionNews::Opened(opened) => {
                self.count(opened.database).0 += 1;
                let number = opened.database as usize;
                let is_new = self
                    .born_empty
                    .take_if(|name| *name == opened.database_name);
                let is_new = is_new.is_some();
                if let Some(saved) = &mut self.saved {
                    saved.database(number, &opened.database_name);
                    if is_new {
                        saved.born_empty(opened.database);
                    }
                }
                if let Some(transactions) = &mut self.transactions {
                    transactions.database(opened.database, &opened.database_name);
                    if is_new {
                        transactions.is_born_empty(opened.database);
                    }
                }
                self.catalogs
                    .opened(number, &opened.database_name, event.at_us);
            }
            SessionNews::Idle(idle) => {
                let wait = Wait {
                    until_us: event.at_us,
                    for_us: idle.for_us,
                    after: idle.last.map(|statement| statement.shape().into()),
                };
                // Only what comes next tells whether the session has ended the wait or itself.
                if let Some(before) = self.waits.insert(event.session, wait) {
                    self.idle
                        .push(before.after.as_deref(), before.for_us, false);
                }
            }
            SessionNews::Over { .. } => {
                if let Some(wait) = self.waits.remove(&event.session) {
                    let abandoned = wait.until_us == event.at_us;
                    self.idle
                        .push(wait.after.as_deref(), wait.for_us, abandoned);
                }
            }
            SessionNews::Failed(state) => *self.refused.entry(state).or_default() += 1,
            SessionNews::NotRead { .. } => {}
        }
    }

    /// Sessions and executions of a database.
    fn count(&mut self, database: u32) -> &mut (u64, u64) {
        let database = database as usize;
        if self.counts.len() <= database {
            self.counts.resize(database + 1, (0, 0));
        }
        &mut self.counts[database]
    }
}
