//! Reading a stored run record.

use std::path::Path;

use dbproof_model::RunRecord;
use dbproof_report::json;

use crate::exit::UsageError;

/// Reads a run record from a file.
pub(crate) fn read(path: &Path) -> anyhow::Result<RunRecord> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| UsageError(format!("failed to read {}: {error}", path.display())))?;
    json::parse(&text)
        .map_err(|error| UsageError(format!("failed to read {}: {error}", path.display())).into())
}
