//! Reading a trace: [`TraceReader`].

use std::io::{ErrorKind, Read};
use std::sync::Arc;

use dbproof_analysis::traffic::{
    Executed, HashKey, ResultHashes, ResultShape, Statement, Statements, Tags,
};
use dbproof_model::Schema;

use super::record::{ExecutionRecord, Record, values};
use super::{HEAD, LONGEST_RECORD, TraceError};

/// What a trace tells next.
#[derive(Debug)]
pub enum TraceItem {
    /// The version of the server.
    Server(String),
    /// A database, numbered from 0 as they come.
    Database(String),
    /// The catalog of a database.
    Schema(u32, Schema),
    /// Executions, in the order in which they were captured.
    Executions(Vec<Executed>),
    /// The database of this number was empty when the capture began.
    BornEmpty(u32),
    /// Why the trace is not complete.
    Incomplete(String),
}

/// Reads a trace, record by record.
#[derive(Debug)]
pub struct TraceReader<R: Read> {
    from: R,
    at: u64,
    bytes: Vec<u8>,
    parser: Statements,
    statements: Vec<Arc<Statement>>,
    shapes: Vec<Arc<ResultShape>>,
    tags: Vec<Arc<Tags>>,
    /// The series of the executions that come next, where they were told.
    series: Vec<u32>,
    executions: u64,
    ended: bool,
}

impl<R: Read> TraceReader<R> {
    /// Begins to read; wants a buffered reader.
    pub fn new(mut from: R) -> Result<Self, TraceError> {
        let mut head = [0; HEAD.len()];
        match from.read_exact(&mut head) {
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => Err(TraceError::NoTrace),
            other => Ok(other?),
        }?;
        if head != HEAD {
            let name = HEAD.len() - 2;
            return Err(if head[..name] == HEAD[..name] {
                let version = String::from_utf8_lossy(&head[name..]);
                TraceError::Version(version.trim_end().to_owned())
            } else {
                TraceError::NoTrace
            });
        }
        Ok(Self {
            from,
            at: HEAD.len() as u64,
            bytes: Vec::new(),
            // Values are hashes already; nothing will be hashed with this.
            parser: Statements::new(HashKey(0, 0)),
            statements: Vec::new(),
            shapes: Vec::new(),
            tags: Vec::new(),
            series: Vec::new(),
            executions: 0,
            ended: false,
        })
    }

    /// What comes next; `None` at the end. A file that was cut off says so once, as
    /// [`TraceItem::Incomplete`].
    pub fn next_item(&mut self) -> Result<Option<TraceItem>, TraceError> {
        while !self.ended {
            if !self.fill()? {
                self.ended = true;
                let reason = format!(
                    "the trace ends at byte {} without its last record: it was cut off, or the watch \
                     that wrote it did not end; what it holds until there was read",
                    self.at
                );
                return Ok(Some(TraceItem::Incomplete(reason)));
            }
            let bytes = std::mem::take(&mut self.bytes);
            let item = self.item(&bytes);
            self.at += 4 + bytes.len() as u64;
            self.bytes = bytes;
            if let Some(item) = item? {
                return Ok(Some(item));
            }
        }
        Ok(None)
    }

    /// Reads the bytes of a record; whether there was a whole one.
    fn fill(&mut self) -> Result<bool, TraceError> {
        let mut length = [0; 4];
        if !whole(self.from.read_exact(&mut length))? {
            return Ok(false);
        }
        let length = u32::from_le_bytes(length) as usize;
        if length > LONGEST_RECORD {
            return Err(self.damaged(format!("a record of {length} bytes")));
        }
        self.bytes.resize(length, 0);
        Ok(whole(self.from.read_exact(&mut self.bytes))?)
    }

    fn item(&mut self, bytes: &[u8]) -> Result<Option<TraceItem>, TraceError> {
        let record = postcard::from_bytes(bytes).map_err(|e| self.damaged(e.to_string()))?;
        match record {
            Record::Database(name) => Ok(Some(TraceItem::Database(name.into_owned()))),
            Record::Server(version) => Ok(Some(TraceItem::Server(version.into_owned()))),
            Record::Schema { database, schema } => Ok(Some(TraceItem::Schema(database, schema))),
            Record::Incomplete(reason) => Ok(Some(TraceItem::Incomplete(reason.into_owned()))),
            Record::Executions(records) => {
                let series = std::mem::take(&mut self.series);
                let before = self.executions;
                self.executions += records.len() as u64;
                let alone =
                    (before..self.executions).map(|at| u32::try_from(at).unwrap_or(u32::MAX));
                let series: Vec<u32> = if series.len() == records.len() {
                    series
                } else {
                    alone.collect()
                };
                let executed = records.into_iter().zip(series);
                let executed = executed.map(|(record, series)| self.executed(record, series));
                let executed: Option<Vec<_>> = executed.collect();
                let executed = executed
                    .ok_or_else(|| self.damaged("an execution of something that was not told"))?;
                Ok(Some(TraceItem::Executions(executed)))
            }
            Record::Statement(sql) => {
                self.statements.push(self.parser.read(&sql).statement);
                Ok(None)
            }
            Record::Shape(shape) => {
                let shape = shape.shape();
                let shape = shape.ok_or_else(|| self.damaged("a column that is none"))?;
                self.shapes.push(Arc::new(shape));
                Ok(None)
            }
            Record::Tags(pairs) => {
                self.tags.push(Arc::new(Tags { pairs }));
                Ok(None)
            }
            Record::Forget => {
                self.statements.clear();
                self.shapes.clear();
                self.tags.clear();
                Ok(None)
            }
            Record::BornEmpty(database) => Ok(Some(TraceItem::BornEmpty(database))),
            Record::Series(series) => {
                self.series = series;
                Ok(None)
            }
            Record::End { executions } if executions == self.executions => {
                self.ended = true;
                Ok(None)
            }
            Record::End { executions } => Err(self.damaged(format!(
                "it holds {} executions and should hold {executions}",
                self.executions
            ))),
        }
    }

    fn executed(&self, record: ExecutionRecord<'_>, series: u32) -> Option<Executed> {
        let statement = Arc::clone(self.statements.get(record.statement as usize)?);
        let told = values(record.values);
        if told.len() != statement.positions() {
            return None;
        }
        let result = match record.result {
            Some(result) => Some(Box::new(ResultHashes {
                shape: Arc::clone(self.shapes.get(result.shape as usize)?),
                values: values(result.values),
                rows: result.rows,
            })),
            None => None,
        };
        let tags = match record.tags {
            Some(tags) => Some(Arc::clone(self.tags.get(tags as usize)?)),
            None => None,
        };
        Some(Executed {
            session: record.session,
            database: record.database,
            transaction: record.transaction,
            series,
            sent_us: record.sent_us,
            finished_us: record.sent_us.saturating_add(record.duration_us),
            statement,
            tags,
            values: told,
            rows: record.rows,
            failed: record.failed,
            result,
            sent: record.sent.map(|sent| Box::new(sent.into())),
        })
    }

    fn damaged(&self, reason: impl Into<String>) -> TraceError {
        TraceError::Damaged {
            at: self.at,
            reason: reason.into(),
        }
    }
}

/// Whether all was there; its end is no error.
fn whole(read: std::io::Result<()>) -> std::io::Result<bool> {
    match read {
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(false),
        other => other.map(|()| true),
    }
}
