//! Transactions that do the same, and how their database came to be: [`Transactions`].

use std::sync::Arc;

use crate::sql::StatementKind;
use crate::traffic::{SentText, Tags};

/// What was seen of an application's transactions.
#[derive(Debug, Clone, Default)]
pub struct Transactions {
    /// The classes, in the order in which their exemplars began.
    pub classes: Vec<TransactionClass>,
    /// For each database, by its number: what was done to it, in the order of time.
    pub histories: Vec<History>,
    /// What was not kept, for the reader: "more than 400 kinds of transactions".
    pub lost: Vec<String>,
}

/// Transactions of one sequence of statements, whose values have the same pattern: which of them
/// are equal, and which of two is the greater.
#[derive(Debug, Clone)]
pub struct TransactionClass {
    /// What it is called: the route or the like from its tags, else its first writing statement's
    /// verb and relation, with a number where that is not unique.
    pub name: String,
    /// The database, by its number.
    pub database: u32,
    /// The statements of one of them, its exemplar, without BEGIN and COMMIT; savepoints included.
    pub statements: Vec<TransactionStatement>,
    /// How often it was seen.
    pub occurrences: u64,
    /// How many sessions it was seen in; no more than a thousand are counted.
    pub sessions: u64,
    /// Whether the exemplar ran in a savepoint of a transaction that was rolled back in the end, as
    /// tests do it.
    pub in_test_transaction: bool,
    /// Whether it was rolled back every time that it was seen: by the application, or because a
    /// statement failed. Its locks were real all the same.
    pub is_rolled_back: bool,
    /// What began it, where that says more than `BEGIN`: an isolation level.
    pub begin: Option<String>,
    /// What the session had set before that matters to its statements and how they wait: the search
    /// path, the role, `lock_timeout`. To be sent before it begins.
    pub settings: Vec<SentText>,
    /// Where it is no transaction of the application's: what of a migration it is.
    pub migration: Option<MigrationStep>,
}

/// A transaction of a migration, which is run once and by one session alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MigrationStep {
    /// The migration's file.
    pub file: String,
    /// Which transaction of the migration it is, counted from 0. Those before it are committed when it
    /// begins.
    pub number: usize,
    /// Whether it is a statement that runs outside of a transaction block: `CREATE INDEX CONCURRENTLY`.
    pub outside: bool,
}

/// A statement of a transaction.
#[derive(Debug, Clone)]
pub struct TransactionStatement {
    /// Its shape.
    pub shape: Arc<str>,
    /// What it does.
    pub kind: StatementKind,
    /// The text and parameters.
    pub sent: SentText,
    /// The tags of its comments.
    pub tags: Option<Arc<Tags>>,
    /// The rows that it returned or changed.
    pub rows: u64,
    /// The SQLSTATE that it failed with.
    pub failed: Option<String>,
}

/// What was done to a database, in the order of time, as far as it may have changed something.
#[derive(Debug, Clone, Default)]
pub struct History {
    /// The database's name.
    pub database: String,
    /// Whether the database was made while it was watched, so that the history tells all of it.
    pub from_the_beginning: bool,
    /// What was executed.
    pub entries: Vec<HistoryEntry>,
    /// What is missing, for the reader: the rows of a COPY.
    pub missing: Vec<String>,
}

/// One statement of a history.
#[derive(Debug, Clone)]
pub struct HistoryEntry {
    /// The session that sent it.
    pub session: u32,
    /// Which transaction of the session, `None` where it stood alone.
    pub transaction: Option<u32>,
    /// The class whose exemplar it belongs to, as an index into [`Transactions::classes`].
    pub exemplar_of: Option<usize>,
    /// What it does.
    pub kind: StatementKind,
    /// The text and parameters.
    pub sent: SentText,
    /// Whether it failed.
    pub failed: bool,
}
