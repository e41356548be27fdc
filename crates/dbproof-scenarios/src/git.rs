//! The revision of the project's checkout.

use std::path::Path;
use std::process::Command;

use dbproof_model::Git;

/// The revision that `folder` is at; `None` outside of a checkout or without git.
pub(crate) fn revision(folder: &Path) -> Option<Git> {
    let commit = git(folder, &["rev-parse", "HEAD"])?;
    let branch = git(folder, &["symbolic-ref", "--quiet", "--short", "HEAD"]);
    let status = git(folder, &["status", "--porcelain", "--untracked-files=no"])?;
    Some(Git {
        commit,
        branch,
        dirty: !status.is_empty(),
    })
}

fn git(folder: &Path, arguments: &[&str]) -> Option<String> {
    let output = Command::new("git")
        .arg("-C")
        .arg(folder)
        .args(arguments)
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}
