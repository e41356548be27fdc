//! Entries of a csvlog: [`CsvEntries`].

use std::io::Read;

use csv::{ErrorKind, Reader, ReaderBuilder, StringRecord};

use super::LogError;
use super::entry::{Entry, time_us};

/// The columns of PostgreSQL 14 ("Using CSV-Format Log Output"); later versions add some at the end.
const COLUMNS: usize = 26;

/// Reads entries one by one.
pub(super) struct CsvEntries<R> {
    reader: Reader<R>,
    record: StringRecord,
}

impl<R: Read> CsvEntries<R> {
    pub(super) fn new(from: R) -> Self {
        let reader = ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .from_reader(from);
        Self {
            reader,
            record: StringRecord::new(),
        }
    }

    /// The next entry and its line; `None` at the end.
    pub(super) fn next(&mut self) -> Result<Option<(u64, Entry)>, LogError> {
        let line = self.reader.position().line();
        let format = |reason: String| LogError::Format { line, reason };
        match self.reader.read_record(&mut self.record) {
            Ok(true) => {}
            Ok(false) => return Ok(None),
            Err(error) => {
                let reason = error.to_string();
                return Err(match error.into_kind() {
                    ErrorKind::Io(error) => LogError::Io(error),
                    _ => format(reason),
                });
            }
        }
        let record = &self.record;
        let line = record.position().map_or(line, csv::Position::line);
        if record.len() < COLUMNS {
            return Err(LogError::Format {
                line,
                reason: format!("{} columns instead of {COLUMNS}", record.len()),
            });
        }
        let text = |at: usize| record[at].to_owned();
        let entry = Entry {
            at_us: time_us(&record[0]).ok_or_else(|| LogError::Format {
                line,
                reason: "the first column is no time".to_owned(),
            })?,
            database: text(2),
            session: text(5),
            severity: text(11),
            sql_state: text(12),
            message: text(13),
            detail: text(14),
            query: text(19),
        };
        Ok(Some((line, entry)))
    }
}
