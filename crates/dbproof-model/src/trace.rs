//! What sessions executed, with which values, and what came back: [`Trace`].

use serde::{Deserialize, Serialize};

/// The ordered executions of captured sessions.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Trace {
    /// In the order in which the statements were sent.
    pub executions: Vec<Execution>,
    /// Events that were seen but could not be kept. Anything above 0 makes the trace incomplete.
    pub dropped: u64,
    /// Why the capture is incomplete, if it is.
    pub incomplete: Option<String>,
}

/// One statement executed by one session.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Execution {
    /// The session (connection) that sent it.
    pub session: u32,
    /// What belongs to one request: a trace or test tag, where the application sets one.
    pub unit: Option<String>,
    /// Numbers the transactions of a session; `None` outside of an explicit transaction.
    pub transaction: Option<u32>,
    /// When it was sent, in microseconds from the start of the trace.
    pub sent_us: u64,
    /// When its last answer arrived, in microseconds from the start of the trace.
    pub finished_us: u64,
    /// The statement as it was sent, comments included.
    pub sql: String,
    /// The bound parameters in text form, `$1` first; `None` is NULL.
    pub parameters: Vec<Option<String>>,
    /// What came back.
    pub result: ResultSet,
    /// Whether the server answered with an error.
    pub failed: bool,
}

/// What came back for one statement.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ResultSet {
    /// The result's columns; empty where the statement returns none.
    pub columns: Vec<ResultColumn>,
    /// The number of rows returned, or affected by a writing statement.
    pub row_count: u64,
    /// The rows that were kept (there may be fewer than `row_count`), values in text form, in the
    /// order of `columns`; `None` is NULL.
    pub rows: Vec<Vec<Option<String>>>,
}

/// A column of a result, as RowDescription tells it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResultColumn {
    /// The column's name in the result.
    pub name: String,
    /// The OID of its type.
    pub type_oid: u32,
    /// The OID of the relation that it comes from, where it is a plain column.
    pub relation_oid: Option<u32>,
    /// Its attribute number in that relation.
    pub attribute: Option<i16>,
}
