//! The record of the last run, which `dbproof accept` takes the plans from.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use dbproof_model::RunRecord;
use dbproof_report::json;
use dbproof_scenarios::project::Project;

use crate::replace::replace;

const FILE: &str = "last-run.json";

/// Where the record is kept: in the folder of `--output`, else in that of `[report] output`.
pub(crate) fn path(project: &Project, output: Option<&Path>) -> PathBuf {
    let folder = match output {
        Some(folder) => folder.to_owned(),
        None => project.folder.join(&project.config.report.output),
    };
    folder.join(FILE)
}

/// Keeps the record of a run that took plans.
///
/// The run is over and reported by then, so that a folder that cannot be written fails nothing; it is
/// told, because `dbproof accept` will not find the run.
pub(crate) fn keep(project: &Project, output: Option<&Path>, record: &RunRecord) {
    let regress = record.scenarios.regress.as_ref();
    if regress.is_none_or(|regress| regress.baselines.is_none()) {
        return;
    }
    let path = path(project, output);
    if let Err(error) = write(&path, record) {
        anstream::eprintln!("warning: the run is not kept for `dbproof accept`: {error:#}");
    }
}

fn write(path: &Path, record: &RunRecord) -> anyhow::Result<()> {
    if let Some(folder) = path.parent().filter(|folder| !folder.exists()) {
        fs::create_dir_all(folder)
            .with_context(|| format!("failed to make the folder {}", folder.display()))?;
        // What a run leaves is no part of the project. A folder that was there already is the user's.
        replace(&folder.join(".gitignore"), "*\n")?;
    }
    replace(path, &json::render(record))
}
