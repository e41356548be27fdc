//! What the sessions of one capture share, and what they hand on: [`Collector`].

use std::collections::HashMap;
use std::hash::Hasher as _;
use std::sync::Arc;

use dbproof_analysis::traffic::{Executed, HashKey, ResultShape, Statements, ValueHasher};
use siphasher::sip::SipHasher13;

use super::columns::{Columns, read_columns};
use super::event::SessionEvent;

/// Described results that are remembered by the bytes that described them.
const MOST_SHAPES: usize = 10_000;

/// How a capture reads sessions.
#[derive(Debug, Clone)]
pub struct ReadingOptions {
    /// The secret that values are hashed with.
    pub key: HashKey,
    /// Whether texts and parameters are kept as they were sent.
    pub keep_sent: bool,
    /// For how long a transaction may be idle, in microseconds, before that is told.
    pub idle_transaction_us: u64,
}

/// What the sessions of one capture share, and what they hand on.
#[derive(Debug)]
pub struct Collector {
    options: ReadingOptions,
    /// The statements that all sessions use.
    pub(super) statements: Statements,
    pub(super) no_columns: Arc<ResultShape>,
    shapes: HashMap<u64, Columns>,
    databases: Vec<String>,
    /// What was executed and not yet taken, in the order in which it finished.
    pub executed: Vec<Executed>,
    /// What else happened and was not yet taken, in order.
    pub events: Vec<SessionEvent>,
    /// How many values these have.
    values: usize,
    /// What was seen since the beginning.
    pub totals: Totals,
}

/// What was seen since the beginning.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Totals {
    /// Statements executed, failed ones among them.
    pub executions: u64,
    /// Calls of functions by the protocol's own FunctionCall, which are no statements.
    pub function_calls: u64,
    /// Results that belong to no statement of the text that was read: the text was too long to be
    /// held, or was split in another way than by the server.
    pub unassigned: u64,
    /// Statements whose parameters were not held, because too much was in flight.
    pub without_parameters: u64,
}

impl Collector {
    /// Nothing seen yet.
    #[must_use]
    pub fn new(options: ReadingOptions) -> Self {
        Self {
            statements: Statements::new(options.key),
            no_columns: Arc::default(),
            shapes: HashMap::new(),
            databases: Vec::new(),
            executed: Vec::new(),
            events: Vec::new(),
            values: 0,
            totals: Totals::default(),
            options,
        }
    }

    /// The databases that sessions were opened on; [`Executed::database`] counts from 0 here.
    #[must_use]
    pub fn databases(&self) -> &[String] {
        &self.databases
    }

    pub(super) fn keeps_sent(&self) -> bool {
        self.options.keep_sent
    }

    pub(super) fn idle_transaction_us(&self) -> u64 {
        self.options.idle_transaction_us
    }

    pub(super) fn hasher(&mut self) -> &mut ValueHasher {
        self.statements.hasher()
    }

    /// A hash that bytes are written to.
    pub(super) fn new_hash(&self) -> SipHasher13 {
        SipHasher13::new_with_keys(self.options.key.0, self.options.key.1)
    }

    /// The number of a database.
    pub(super) fn database(&mut self, name: &str) -> u32 {
        let known = self.databases.iter().position(|known| known == name);
        let number = known.unwrap_or_else(|| {
            self.databases.push(name.to_owned());
            self.databases.len() - 1
        });
        u32::try_from(number).unwrap_or(u32::MAX)
    }

    /// The columns that a RowDescription tells of; the same ones again and again, since an
    /// application's simple queries are described each time.
    pub(super) fn columns(&mut self, body: &[u8]) -> Option<Columns> {
        let mut hash = self.new_hash();
        hash.write(body);
        if let Some(known) = self.shapes.get(&hash.finish()) {
            return Some(known.clone());
        }
        let columns = read_columns(body)?;
        if self.shapes.len() >= MOST_SHAPES {
            self.shapes.clear();
        }
        self.shapes.insert(hash.finish(), columns.clone());
        Some(columns)
    }

    /// How many hashes of values there are in what was executed and not yet taken.
    #[must_use]
    pub fn values(&self) -> usize {
        self.values
    }

    /// Takes what there is.
    pub fn take(&mut self) -> (Vec<Executed>, Vec<SessionEvent>) {
        self.values = 0;
        let as_many = Vec::with_capacity(self.executed.len());
        (
            std::mem::replace(&mut self.executed, as_many),
            std::mem::take(&mut self.events),
        )
    }

    pub(super) fn push(&mut self, executed: Executed) {
        let result = executed.result.as_ref().map_or(0, |r| r.values.len());
        self.values += executed.values.len() + result;
        self.totals.executions += 1;
        self.executed.push(executed);
    }
}
