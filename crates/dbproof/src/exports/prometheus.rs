//! A file for `node_exporter`'s textfile collector.

use std::fs::{self, Permissions};
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use anyhow::Context as _;
use dbproof_model::RunRecord;
use dbproof_report::prometheus;

use crate::exit::Outcome;

/// Writes the metrics of a run beside the file and then renames them over it, so that a collector
/// reads either the old ones or the new ones. The collector runs as another user, hence the mode; it
/// reads what ends in `.prom` alone, hence the other file's name.
pub(super) fn write(file: &Path, record: &RunRecord) -> anyhow::Result<Outcome> {
    replace(file, &prometheus::render(record))
        .with_context(|| format!("failed to write {}", file.display()))?;
    anstream::eprintln!("metrics written to {}", file.display());
    Ok(Outcome::Pass)
}

fn replace(file: &Path, text: &str) -> std::io::Result<()> {
    let folder = match file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    fs::create_dir_all(folder)?;
    let mut beside = tempfile::Builder::new()
        .prefix(".dbproof-")
        .suffix(".tmp")
        .tempfile_in(folder)?;
    beside.write_all(text.as_bytes())?;
    beside
        .as_file()
        .set_permissions(Permissions::from_mode(0o644))?;
    beside.as_file().sync_all()?;
    beside.persist(file)?;
    Ok(())
}
