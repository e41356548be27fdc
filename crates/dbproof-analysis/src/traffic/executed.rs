//! One statement executed by one session: [`Executed`].

use std::sync::Arc;

use dbproof_model::{ResultColumn, ResultSet};

use super::{Statement, Tags, ValueHash, ValueHasher, is_key_like};

/// One statement executed by one session.
#[derive(Debug, Clone)]
pub struct Executed {
    /// The session (connection) that sent it, counted from 1.
    pub session: u32,
    /// The database that the session is connected to: its number in the order of first use.
    pub database: u32,
    /// Numbers the explicit transactions of a session from 1; `None` outside of one.
    pub transaction: Option<u32>,
    /// Counts the answers (ReadyForQuery) that the session had before this one. Outside of an explicit
    /// transaction, statements of one series are one transaction to the server: those of a text that
    /// holds several, and those that are sent before one Sync.
    pub series: u32,
    /// When it was sent, in microseconds from the start of the capture.
    pub sent_us: u64,
    /// When the last of its answer arrived, in microseconds from the start of the capture. Of a
    /// portal or a cursor that is fetched in parts, the first part: its rows are used from then on.
    pub finished_us: u64,
    /// What was executed.
    pub statement: Arc<Statement>,
    /// The tags of its comments.
    pub tags: Option<Arc<Tags>>,
    /// The values at the statement's positions (each `?` of its shape), literals and parameters
    /// alike; of a list, one hash over all elements. `None` is NULL, or a value that is not known.
    pub values: Box<[Option<ValueHash>]>,
    /// The number of rows returned, or affected by a writing statement.
    pub rows: u64,
    /// The error that the server answered with, if it did.
    pub failed: Option<SqlState>,
    /// What came back, where the statement returns rows.
    pub result: Option<Box<ResultHashes>>,
    /// The text and the parameters as they were sent, where the capture keeps them.
    pub sent: Option<Box<SentText>>,
}

/// The five characters of an SQLSTATE.
pub type SqlState = [u8; 5];

/// The rows of one result, as hashes.
#[derive(Debug, Clone)]
pub struct ResultHashes {
    /// The result's columns.
    pub shape: Arc<ResultShape>,
    /// The values of the columns of [`ResultShape::hashed`], row after row. Rows beyond a limit are
    /// not kept: [`ResultHashes::kept_rows`]. `None` is NULL, or a value too long for a key.
    pub values: Box<[Option<ValueHash>]>,
    /// A hash over every byte of every row, kept or not.
    pub rows: u64,
}

/// The columns of a result, as RowDescription tells them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ResultShape {
    /// All columns.
    pub columns: Vec<ResultColumn>,
    /// Which of them are hashed: those whose type can be a key's, as indices into `columns`.
    pub hashed: Vec<u16>,
}

impl ResultShape {
    /// The columns of a result; those whose type can be a key's are hashed.
    #[must_use]
    pub fn of(columns: Vec<ResultColumn>) -> Self {
        let hashed = (0..)
            .zip(&columns)
            .filter(|(_, column)| is_key_like(column.type_oid));
        Self {
            hashed: hashed.map(|(at, _)| at).collect(),
            columns,
        }
    }
}

impl ResultHashes {
    /// The hashes of a result in text form.
    #[must_use]
    pub fn of(result: &ResultSet, hasher: &ValueHasher) -> Self {
        let shape = ResultShape::of(result.columns.clone());
        let values = result.rows.iter().flat_map(|row| {
            shape.hashed.iter().map(|column| {
                let column = usize::from(*column);
                let value = row.get(column)?.as_ref()?;
                hasher.typed_text(shape.columns[column].type_oid, value.as_bytes())
            })
        });
        let values = values.collect();
        let all = result.rows.iter().flatten();
        let all = all.map(|value| Some(hasher.raw(value.as_ref()?.as_bytes())));
        Self {
            values,
            rows: hasher.list(all).0.get(),
            shape: Arc::new(shape),
        }
    }

    /// How many rows were kept; the first ones of the result.
    #[must_use]
    pub fn kept_rows(&self) -> usize {
        self.values
            .len()
            .checked_div(self.shape.hashed.len())
            .unwrap_or(0)
    }
}

/// What an application sent, with its values. Only kept in memory, and only where it is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SentText {
    /// The statement's text.
    pub sql: Arc<str>,
    /// The bound parameters, `$1` first.
    pub parameters: Vec<SentParameter>,
}

/// A bound parameter as it was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SentParameter {
    /// The OID of its type; 0 where the application left it to the server.
    pub type_oid: u32,
    /// Whether the value is in binary form.
    pub binary: bool,
    /// The value; `None` is NULL.
    pub value: Option<Vec<u8>>,
}
