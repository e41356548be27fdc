//! Reading stored records.

use std::path::{Path, PathBuf};

use dbproof_model::{RunRecord, SeedRecord};
use dbproof_report::json::RecordError;
use dbproof_report::{json, seed};

use crate::exit::UsageError;

/// A record of one kind or another.
pub(crate) enum Record {
    Run(Box<RunRecord>),
    Seed(Box<SeedRecord>),
}

/// Reads a run record from a file.
pub(crate) fn read(path: &Path) -> anyhow::Result<RunRecord> {
    let text = text(path)?;
    json::parse(&text).map_err(|error| refused(path, &error))
}

/// Reads a record of a run or of a seed.
pub(crate) fn read_any(path: &Path) -> anyhow::Result<Record> {
    let text = text(path)?;
    if let Some(read) = seed::parse(&text) {
        let seed = read.map_err(|error| refused(path, &error))?;
        return Ok(Record::Seed(Box::new(seed)));
    }
    let run = json::parse(&text).map_err(|error| refused(path, &error))?;
    Ok(Record::Run(Box::new(run)))
}

/// The run record of a file, or those in a folder. In a folder, which others write to as well, what is
/// no run record is passed over; a broken one is told.
pub(crate) fn read_runs(path: &Path) -> anyhow::Result<Vec<RunRecord>> {
    if !path.is_dir() {
        return Ok(vec![read(path)?]);
    }
    let cannot =
        |error: std::io::Error| UsageError(format!("failed to read {}: {error}", path.display()));
    let mut files: Vec<PathBuf> = Vec::new();
    for entry in std::fs::read_dir(path).map_err(cannot)? {
        let file = entry.map_err(cannot)?.path();
        if file
            .extension()
            .is_some_and(|extension| extension == "json")
            && file.is_file()
        {
            files.push(file);
        }
    }
    files.sort_unstable();
    let mut runs = Vec::new();
    for file in files {
        match json::parse(&text(&file)?) {
            Ok(run) => runs.push(run),
            Err(RecordError::NotARecord | RecordError::Schema { .. }) => {}
            Err(error) => {
                anstream::eprintln!("warning: {} is left out: {error}", file.display());
            }
        }
    }
    Ok(runs)
}

fn text(path: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(path)
        .map_err(|error| UsageError(format!("failed to read {}: {error}", path.display())).into())
}

fn refused(path: &Path, error: &RecordError) -> anyhow::Error {
    UsageError(format!("failed to read {}: {error}", path.display())).into()
}
