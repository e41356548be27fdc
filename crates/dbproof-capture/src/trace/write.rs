//! Writing a trace: [`TraceWriter`].

use std::borrow::Cow;
use std::collections::HashMap;
use std::io::{self, Write};
use std::sync::Arc;

use dbproof_analysis::traffic::{Executed, ResultShape, Statement, Tags};
use dbproof_model::Schema;

use super::HEAD;
use super::record::{ExecutionRecord, Record, ResultRecord, SentRecord, put};

/// Executions that are written as one record.
const BATCH: usize = 256;
/// What was told is forgotten when there is more of it: an application may make up its statements,
/// and has other tags in each request.
const MOST_TOLD: usize = 20_000;

/// Writes a trace as it is captured.
#[derive(Debug)]
pub struct TraceWriter<W: Write> {
    to: W,
    keep_values: bool,
    databases: u32,
    told: Told,
    batch: Vec<Executed>,
    executions: u64,
}

/// What was told already, by its address. Keeping what an address points to keeps the address from being used again.
#[derive(Debug, Default)]
struct Told {
    statements: HashMap<usize, (u32, Arc<Statement>)>,
    shapes: HashMap<usize, (u32, Arc<ResultShape>)>,
    tags: HashMap<usize, (u32, Arc<Tags>)>,
}

impl<W: Write> TraceWriter<W> {
    /// Begins a trace. Values are kept as hashes only, unless `keep_values`.
    pub fn new(mut to: W, keep_values: bool) -> io::Result<Self> {
        to.write_all(HEAD)?;
        Ok(Self {
            to,
            keep_values,
            databases: 0,
            told: Told::default(),
            batch: Vec::with_capacity(BATCH),
            executions: 0,
        })
    }

    /// Tells the version of the server.
    pub fn server(&mut self, version: &str) -> io::Result<()> {
        self.record(&Record::Server(version.into()))
    }

    /// Tells the names of databases that are new; `names` are all of them, by their numbers.
    pub fn databases(&mut self, names: &[String]) -> io::Result<()> {
        for name in names.iter().skip(self.databases as usize) {
            self.record(&Record::Database(name.into()))?;
            self.databases += 1;
        }
        Ok(())
    }

    /// Tells that a database was empty when the capture began.
    pub fn born_empty(&mut self, database: u32) -> io::Result<()> {
        self.record(&Record::BornEmpty(database))
    }

    /// Tells the catalog of a database.
    pub fn schema(&mut self, database: u32, schema: &Schema) -> io::Result<()> {
        self.flush_batch()?;
        let schema = schema.clone();
        self.record(&Record::Schema { database, schema })
    }

    /// Tells why the trace is not complete.
    pub fn incomplete(&mut self, reason: &str) -> io::Result<()> {
        self.record(&Record::Incomplete(reason.into()))
    }

    /// Appends an execution.
    pub fn executed(&mut self, executed: &Executed) -> io::Result<()> {
        self.batch.push(executed.clone());
        if self.batch.len() == BATCH {
            self.flush_batch()?;
        }
        Ok(())
    }

    /// Ends the trace. One that is not ended reads as cut off.
    pub fn finish(mut self) -> io::Result<W> {
        self.flush_batch()?;
        let executions = self.executions;
        self.record(&Record::End { executions })?;
        self.to.flush()?;
        Ok(self.to)
    }

    fn flush_batch(&mut self) -> io::Result<()> {
        let batch = std::mem::take(&mut self.batch);
        if batch.is_empty() {
            return Ok(());
        }
        if self.told.is_much() {
            self.told = Told::default();
            self.record(&Record::Forget)?;
        }
        let mut bytes = Vec::new();
        let mut ranges = Vec::with_capacity(batch.len());
        for executed in &batch {
            let start = bytes.len();
            put(&mut bytes, &executed.values);
            let middle = bytes.len();
            if let Some(result) = &executed.result {
                put(&mut bytes, &result.values);
            }
            ranges.push((start..middle, middle..bytes.len()));
        }
        let mut records = Vec::with_capacity(batch.len());
        for (executed, (values, of_result)) in batch.iter().zip(ranges) {
            let shape = match &executed.result {
                Some(result) => Some(self.shape(&result.shape)?),
                None => None,
            };
            let result = executed.result.as_ref().zip(shape);
            records.push(ExecutionRecord {
                session: executed.session,
                database: executed.database,
                transaction: executed.transaction,
                sent_us: executed.sent_us,
                duration_us: executed.finished_us.saturating_sub(executed.sent_us),
                statement: self.statement(&executed.statement)?,
                tags: self.tags(executed.tags.as_ref())?,
                values: &bytes[values],
                rows: executed.rows,
                failed: executed.failed,
                result: result.map(|(hashes, shape)| ResultRecord {
                    shape,
                    values: &bytes[of_result.clone()],
                    rows: hashes.rows,
                }),
                sent: self.sent(executed),
            });
        }
        self.executions += batch.len() as u64;
        let series = batch.iter().map(|executed| executed.series);
        self.record(&Record::Series(series.collect()))?;
        self.record(&Record::Executions(records))
    }

    fn sent(&self, executed: &Executed) -> Option<SentRecord> {
        let sent = executed.sent.as_deref().filter(|_| self.keep_values)?;
        Some(SentRecord::from(sent))
    }

    fn statement(&mut self, statement: &Arc<Statement>) -> io::Result<u32> {
        if let Some((number, _)) = self.told.statements.get(&address(statement)) {
            return Ok(*number);
        }
        let sql = Cow::Owned(statement.masked_sql());
        self.record(&Record::Statement(sql))?;
        Ok(number(&mut self.told.statements, statement))
    }

    fn shape(&mut self, shape: &Arc<ResultShape>) -> io::Result<u32> {
        if let Some((number, _)) = self.told.shapes.get(&address(shape)) {
            return Ok(*number);
        }
        self.record(&Record::Shape(shape.as_ref().into()))?;
        Ok(number(&mut self.told.shapes, shape))
    }

    fn tags(&mut self, tags: Option<&Arc<Tags>>) -> io::Result<Option<u32>> {
        let Some(tags) = tags else {
            return Ok(None);
        };
        if let Some((number, _)) = self.told.tags.get(&address(tags)) {
            return Ok(Some(*number));
        }
        self.record(&Record::Tags(tags.pairs.clone()))?;
        Ok(Some(number(&mut self.told.tags, tags)))
    }

    fn record(&mut self, record: &Record<'_>) -> io::Result<()> {
        let bytes = postcard::to_allocvec(record).map_err(io::Error::other)?;
        let length = u32::try_from(bytes.len()).map_err(io::Error::other)?;
        self.to.write_all(&length.to_le_bytes())?;
        self.to.write_all(&bytes)
    }
}

/// The number of what was just told.
fn number<T>(told: &mut HashMap<usize, (u32, Arc<T>)>, item: &Arc<T>) -> u32 {
    // Far fewer are told before all is forgotten.
    let number = u32::try_from(told.len()).unwrap_or(u32::MAX);
    told.insert(address(item), (number, Arc::clone(item)));
    number
}

fn address<T>(item: &Arc<T>) -> usize {
    Arc::as_ptr(item).addr()
}

impl Told {
    fn is_much(&self) -> bool {
        self.statements.len() + self.shapes.len() + self.tags.len() > MOST_TOLD
    }
}
