//! Entries of a jsonlog: [`JsonEntries`].

use std::io::BufRead;

use serde::Deserialize;

use super::LogError;
use super::entry::{Entry, time_us};

/// Reads entries one by one.
pub(super) struct JsonEntries<R> {
    from: R,
    line: u64,
    text: String,
}

/// The keys that matter ("Using JSON-Format Log Output"); the server leaves out those without value.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Keys {
    timestamp: String,
    dbname: String,
    session_id: String,
    error_severity: String,
    state_code: String,
    message: String,
    detail: String,
    statement: String,
}

impl<R: BufRead> JsonEntries<R> {
    pub(super) fn new(from: R) -> Self {
        Self {
            from,
            line: 0,
            text: String::new(),
        }
    }

    /// The next entry and its line; `None` at the end.
    pub(super) fn next(&mut self) -> Result<Option<(u64, Entry)>, LogError> {
        loop {
            self.line += 1;
            self.text.clear();
            if self.from.read_line(&mut self.text)? == 0 {
                return Ok(None);
            }
            if !self.text.trim().is_empty() {
                break;
            }
        }
        let format = |reason: String| LogError::Format {
            line: self.line,
            reason,
        };
        let keys: Keys =
            serde_json::from_str(&self.text).map_err(|error| format(error.to_string()))?;
        let at_us = time_us(&keys.timestamp).ok_or_else(|| format("no timestamp".to_owned()))?;
        let entry = Entry {
            at_us,
            database: keys.dbname,
            session: keys.session_id,
            severity: keys.error_severity,
            sql_state: keys.state_code,
            message: keys.message,
            detail: keys.detail,
            query: keys.statement,
        };
        Ok(Some((self.line, entry)))
    }
}
