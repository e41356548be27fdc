//! What a trace is made of: [`Record`].

use std::borrow::Cow;
use std::num::NonZeroU64;

use dbproof_analysis::traffic::{ResultShape, SentParameter, SentText, ValueHash};
use dbproof_model::{ResultColumn, Schema};
use serde::{Deserialize, Serialize};

/// One record of a trace. Variants are only ever added at the end.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Record<'a> {
    /// A database, by its name.
    Database(Cow<'a, str>),
    /// A statement, as a text of it; without values, unless they are kept.
    Statement(Cow<'a, str>),
    /// The columns of a result.
    Shape(ShapeRecord),
    /// Tags, key and value.
    Tags(Vec<(String, String)>),
    /// The catalog of a database as it was read.
    Schema {
        /// The database's number.
        database: u32,
        /// Its relations.
        schema: Schema,
    },
    /// Executions, in the order in which they were captured.
    #[serde(borrow)]
    Executions(Vec<ExecutionRecord<'a>>),
    /// Statements, shapes and tags are numbered from 0 again.
    Forget,
    /// Why the trace is not complete.
    Incomplete(Cow<'a, str>),
    /// The end, and how many executions there were.
    End { executions: u64 },
    /// The version of the server.
    Server(Cow<'a, str>),
    /// The series of each of the executions of the next [`Record::Executions`]. Where it is missing,
    /// each is a series of its own.
    Series(Vec<u32>),
    /// The database of this number was empty when the capture began.
    BornEmpty(u32),
}

/// The columns of a result.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct ShapeRecord {
    columns: Vec<ResultColumn>,
    hashed: Vec<u16>,
}

/// One execution.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct ExecutionRecord<'a> {
    pub(super) session: u32,
    pub(super) database: u32,
    pub(super) transaction: Option<u32>,
    pub(super) sent_us: u64,
    pub(super) duration_us: u64,
    pub(super) statement: u32,
    pub(super) tags: Option<u32>,
    /// Eight bytes a value, little endian; 0 is NULL.
    pub(super) values: &'a [u8],
    pub(super) rows: u64,
    pub(super) failed: Option<[u8; 5]>,
    #[serde(borrow)]
    pub(super) result: Option<ResultRecord<'a>>,
    pub(super) sent: Option<SentRecord>,
}

/// What came back.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct ResultRecord<'a> {
    pub(super) shape: u32,
    pub(super) values: &'a [u8],
    pub(super) rows: u64,
}

/// What was sent, with its values.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct SentRecord {
    sql: String,
    parameters: Vec<(u32, bool, Option<Vec<u8>>)>,
}

impl From<&ResultShape> for ShapeRecord {
    fn from(shape: &ResultShape) -> Self {
        Self {
            columns: shape.columns.clone(),
            hashed: shape.hashed.clone(),
        }
    }
}

impl ShapeRecord {
    /// The shape, where its indices are right.
    pub(super) fn shape(self) -> Option<ResultShape> {
        let known = |at: &u16| usize::from(*at) < self.columns.len();
        self.hashed.iter().all(known).then_some(ResultShape {
            columns: self.columns,
            hashed: self.hashed,
        })
    }
}

impl From<&SentText> for SentRecord {
    fn from(sent: &SentText) -> Self {
        let parameters = sent.parameters.iter();
        Self {
            sql: sent.sql.to_string(),
            parameters: parameters
                .map(|p| (p.type_oid, p.binary, p.value.clone()))
                .collect(),
        }
    }
}

impl From<SentRecord> for SentText {
    fn from(sent: SentRecord) -> Self {
        let parameters = sent.parameters.into_iter();
        Self {
            sql: sent.sql.into(),
            parameters: parameters
                .map(|(type_oid, binary, value)| SentParameter {
                    type_oid,
                    binary,
                    value,
                })
                .collect(),
        }
    }
}

/// Appends values in their fixed form.
pub(super) fn put(bytes: &mut Vec<u8>, values: &[Option<ValueHash>]) {
    for value in values {
        let value = value.map_or(0, |value| value.0.get());
        bytes.extend_from_slice(&value.to_le_bytes());
    }
}

/// Reads values from their fixed form.
pub(super) fn values(bytes: &[u8]) -> Box<[Option<ValueHash>]> {
    let (whole, _) = bytes.as_chunks::<8>();
    let values = whole.iter().map(|bytes| u64::from_le_bytes(*bytes));
    values.map(|v| NonZeroU64::new(v).map(ValueHash)).collect()
}
