//! Tells the program which commit it was built of, as `DBPROOF_VERSION`: `0.1.0 (92e8dc3 2026-11-24)`.
//!
//! Nothing here fails the build: sources without git, or without a git that may read them, are built as `0.1.0`. Of a
//! package, cargo's own note tells the commit, and no date.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where this crate lies in its repository. Anywhere else, the repository around is somebody else's.
const PLACE: &str = "crates/dbproof/";

/// What cargo writes into a package.
const NOTE: &str = ".cargo_vcs_info.json";

fn main() {
    // What is named here alone is looked at: the sources are not.
    println!("cargo::rerun-if-changed=build.rs");
    let folder = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it"));
    let version = env::var("CARGO_PKG_VERSION").expect("cargo sets it");
    let commit = of_package(&folder).or_else(|| of_repository(&folder));
    let version = commit.map_or(version.clone(), |commit| format!("{version} ({commit})"));
    println!("cargo::rustc-env=DBPROOF_VERSION={version}");
}

/// The commit that a package was made of.
fn of_package(folder: &Path) -> Option<String> {
    let note = folder.join(NOTE);
    let text = fs::read_to_string(&note).ok()?;
    println!("cargo::rerun-if-changed={NOTE}");
    // One key of a small file does not make up for a parser that has to be built first.
    let (_, value) = text.split_once("\"sha1\"")?;
    let commit = value.split('"').nth(1)?;
    let is_commit = commit.len() >= 7 && commit.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_commit.then(|| commit[..7].to_owned())
}

/// The commit that is checked out, and its date.
fn of_repository(folder: &Path) -> Option<String> {
    if git(folder, &["rev-parse", "--show-prefix"])? != PLACE {
        return None;
    }
    watch_head(folder);
    git(folder, &["ls-files", "--error-unmatch", "build.rs"])?;
    let format = ["--format=%h %cd", "--date=short", "--abbrev=7"];
    git(folder, &[&["log", "-1"][..], &format].concat())
}

/// Has this run again when another commit is checked out: the log of HEAD is written to whenever it moves. Only what is
/// there is named, because cargo takes what is not for changed at every build.
fn watch_head(folder: &Path) {
    let branch = git(folder, &["symbolic-ref", "--quiet", "HEAD"]);
    let names = [Some("HEAD"), Some("logs/HEAD"), branch.as_deref()];
    for name in names.into_iter().flatten() {
        let path = git(folder, &["rev-parse", "--git-path", name]);
        let path = path.map(|path| folder.join(path));
        if let Some(path) = path.filter(|path| path.exists()) {
            println!("cargo::rerun-if-changed={}", path.display());
        }
    }
}

/// What git says, without the end of its line; nothing where there is no git or it fails.
fn git(folder: &Path, arguments: &[&str]) -> Option<String> {
    let mut command = Command::new("git");
    command.arg("-C").arg(folder).args(arguments);
    // A build that a hook starts inherits which repository the hook is of.
    for variable in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"] {
        command.env_remove(variable);
    }
    let output = command.output().ok().filter(|o| o.status.success())?;
    let text = String::from_utf8(output.stdout).ok()?;
    Some(text.trim_end().to_owned())
}
