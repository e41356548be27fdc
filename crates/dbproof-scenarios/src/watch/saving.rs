//! Traffic that is kept as a file: [`SavedTrace`].

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};

use dbproof_analysis::traffic::Executed;
use dbproof_capture::trace::TraceWriter;
use dbproof_model::Schema;

use crate::error::{InputError, RunError};

/// A trace that is being written. A disk that is full ends the trace and not the watch.
#[derive(Debug)]
pub(super) struct SavedTrace {
    path: PathBuf,
    writer: Option<TraceWriter<BufWriter<File>>>,
    names: Vec<String>,
    error: Option<io::Error>,
}

impl SavedTrace {
    /// Begins a trace; what cannot be written is known before anything is watched. Values are part of
    /// it where `keep_values`, and then nobody else may read it.
    pub(super) fn create(path: &Path, keep_values: bool) -> Result<Self, RunError> {
        let writer =
            open(path).and_then(|file| TraceWriter::new(BufWriter::new(file), keep_values));
        let writer = writer.map_err(|error| {
            InputError::new(format!("failed to write {}: {error}", path.display()))
        })?;
        Ok(SavedTrace {
            path: path.to_owned(),
            writer: Some(writer),
            names: Vec::new(),
            error: None,
        })
    }

    /// Tells which server is watched.
    pub(super) fn server(&mut self, version: &str) {
        self.write(|writer, _| writer.server(version));
    }

    /// Tells the name of a database.
    pub(super) fn database(&mut self, number: usize, name: &str) {
        if self.names.len() <= number {
            self.names.resize(number + 1, String::new());
        }
        name.clone_into(&mut self.names[number]);
    }

    /// Tells that a database was empty when the watch began.
    pub(super) fn born_empty(&mut self, number: u32) {
        self.write(|writer, names| {
            writer.databases(names)?;
            writer.born_empty(number)
        });
    }

    /// Tells the catalog of a database.
    pub(super) fn schema(&mut self, number: u32, schema: &Schema) {
        self.write(|writer, names| {
            writer.databases(names)?;
            writer.schema(number, schema)
        });
    }

    /// Keeps an execution.
    pub(super) fn executed(&mut self, executed: &Executed) {
        self.write(|writer, names| {
            writer.databases(names)?;
            writer.executed(executed)
        });
    }

    /// Ends the trace; what kept it from being whole is told.
    pub(super) fn finish(mut self, incomplete: &[String]) -> Option<String> {
        for reason in incomplete {
            self.write(|writer, _| writer.incomplete(reason));
        }
        if let Some(writer) = self.writer.take()
            && let Err(error) = writer.finish()
        {
            self.error = Some(error);
        }
        let error = self.error?;
        Some(format!(
            "{} is not whole, because writing it failed: {error}",
            self.path.display()
        ))
    }

    fn write(
        &mut self,
        write: impl FnOnce(&mut TraceWriter<BufWriter<File>>, &[String]) -> io::Result<()>,
    ) {
        if let Some(writer) = &mut self.writer
            && let Err(error) = write(writer, &self.names)
        {
            self.error = Some(error);
            self.writer = None;
        }
    }
}

/// Traces tell which statements run, so they are for their owner alone.
fn open(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt as _;
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
}
