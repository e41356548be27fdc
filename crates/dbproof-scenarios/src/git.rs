//! What git says of the project's checkout.

use std::path::Path;
use std::process::Command;

use dbproof_model::Git;
use thiserror::Error;

/// Why git gave no answer.
#[derive(Debug, Error)]
pub(crate) enum GitError {
    /// The program cannot be run.
    #[error("failed to run git: {0}")]
    Unusable(#[from] std::io::Error),
    /// Git refused, with its own words.
    #[error("{0}")]
    Refused(String),
}

/// The revision that `folder` is at; `None` outside of a checkout or without git.
pub(crate) fn revision(folder: &Path) -> Option<Git> {
    let ask = |arguments: &[&str]| {
        let text = output(folder, arguments).ok()?;
        Some(text.trim().to_owned())
    };
    let commit = ask(&["rev-parse", "HEAD"])?;
    let branch = ask(&["symbolic-ref", "--quiet", "--short", "HEAD"]);
    let status = ask(&["status", "--porcelain", "--untracked-files=no"])?;
    let folder_within = ask(&["rev-parse", "--show-prefix"])?;
    Some(Git {
        commit,
        branch,
        dirty: !status.is_empty(),
        folder: folder_within.trim_end_matches('/').to_owned(),
    })
}

/// What a git command prints when it is run in `folder`.
pub(crate) fn output(folder: &Path, arguments: &[&str]) -> Result<String, GitError> {
    let output = Command::new("git")
        .arg("-C")
        .arg(folder)
        .args(arguments)
        .output()?;
    if !output.status.success() {
        let words = String::from_utf8_lossy(&output.stderr);
        let words = words.trim().trim_start_matches("fatal: ").to_owned();
        return Err(GitError::Refused(words));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
