//! Writing a file whole or not at all: [`replace`].

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

/// Writes a file beside its place and then renames it, so that whoever reads it finds either the old
/// text or the new one, whatever happens in between.
pub(crate) fn replace(path: &Path, text: &str) -> anyhow::Result<()> {
    let beside = beside(path);
    let written = write(&beside, text).and_then(|()| fs::rename(&beside, path));
    if written.is_err() {
        // The error is the one to tell; that nothing is left of it is a courtesy.
        let _ = fs::remove_file(&beside);
    }
    written.with_context(|| format!("failed to write {}", path.display()))
}

fn write(path: &Path, text: &str) -> std::io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

/// A name in the same folder that no other process of ours uses and that no file of the project has.
fn beside(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.{}", std::process::id()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_replaced_and_nothing_lies_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("q.plan");
        replace(&path, "one\n").unwrap();
        replace(&path, "two\n").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "two\n");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_cannot_be_replaced_stays_and_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("q.plan");
        // A folder in the file's place cannot be renamed over.
        fs::create_dir(&path).unwrap();
        let error = replace(&path, "one\n").unwrap_err();
        assert!(format!("{error:#}").contains("failed to write"));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
