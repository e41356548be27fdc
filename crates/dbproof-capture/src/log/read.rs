//! Reading a log: [`LogReader`].

use std::io::BufRead;

use dbproof_analysis::traffic::{Executed, HashKey, Statements};

use super::LogError;
use super::csv::CsvEntries;
use super::entry::Entry;
use super::json::JsonEntries;
use super::sessions::Sessions;

/// Executions that are handed on at once.
const BATCH: usize = 512;

/// Reads logs of one server, one after the other.
pub struct LogReader {
    sessions: Sessions,
    entries: u64,
    executions: u64,
    incomplete: Vec<String>,
}

/// What was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogSummary {
    /// Entries of the logs.
    pub entries: u64,
    /// Executions among them.
    pub executions: u64,
    /// Sessions among them.
    pub sessions: u64,
    /// The names of the databases, by their numbers.
    pub databases: Vec<String>,
    /// Why there may have been more.
    pub incomplete: Vec<String>,
}

impl std::fmt::Debug for LogReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LogReader")
            .field("entries", &self.entries)
            .field("executions", &self.executions)
            .finish_non_exhaustive()
    }
}

impl LogReader {
    /// Reads nothing yet; values will be hashed with this secret.
    #[must_use]
    pub fn new(key: HashKey) -> Self {
        Self {
            sessions: Sessions::new(Statements::new(key)),
            entries: 0,
            executions: 0,
            incomplete: Vec::new(),
        }
    }

    /// Reads one file and hands on what was executed. A last entry that was cut off makes the log
    /// incomplete; any other that cannot be read is an error.
    ///
    /// # Errors
    ///
    /// [`LogError::Format`] with the line where the file is no csvlog and no jsonlog.
    pub fn read(
        &mut self,
        mut from: impl BufRead,
        mut executed: impl FnMut(Vec<Executed>),
    ) -> Result<(), LogError> {
        let first = from.fill_buf()?.iter().find(|b| !b.is_ascii_whitespace());
        let is_json = first == Some(&b'{');
        let mut entries = if is_json {
            Entries::Json(JsonEntries::new(from))
        } else {
            Entries::Csv(CsvEntries::new(from))
        };
        let mut batch = Vec::with_capacity(BATCH);
        let mut read = 0;
        let outcome = loop {
            match entries.next() {
                Ok(Some((_, entry))) => {
                    read += 1;
                    self.sessions.take(&entry, &mut batch);
                }
                Ok(None) => break Ok(()),
                Err(error) => break Err(error),
            }
            if batch.len() >= BATCH {
                self.executions += batch.len() as u64;
                executed(std::mem::take(&mut batch));
            }
        };
        self.entries += read;
        self.executions += batch.len() as u64;
        executed(batch);
        match outcome {
            // Whatever follows the entry that cannot be read, the file is not at its end.
            Err(LogError::Format { line, .. })
                if read > 0 && matches!(entries.next(), Ok(None)) =>
            {
                self.incomplete.push(format!(
                    "the last entry, at line {line}, was cut off: the log was still being written"
                ));
                Ok(())
            }
            other => other,
        }
    }

    /// Ends reading: hands on what has begun and did not end in the log.
    pub fn finish(mut self, mut executed: impl FnMut(Vec<Executed>)) -> LogSummary {
        let mut rest = Vec::new();
        self.sessions.finish(&mut rest);
        self.executions += rest.len() as u64;
        executed(rest);
        LogSummary {
            entries: self.entries,
            executions: self.executions,
            sessions: self.sessions.count() as u64,
            databases: self.sessions.databases().to_vec(),
            incomplete: self.incomplete,
        }
    }
}

enum Entries<R> {
    Csv(CsvEntries<R>),
    Json(JsonEntries<R>),
}

impl<R: BufRead> Entries<R> {
    fn next(&mut self) -> Result<Option<(u64, Entry)>, LogError> {
        match self {
            Entries::Csv(entries) => entries.next(),
            Entries::Json(entries) => entries.next(),
        }
    }
}
