//! What is written, and never over a file that is there: [`Plan`].

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use crate::error::{InputError, RunError};

/// Files to write, in order.
#[derive(Debug)]
pub(super) struct Plan {
    folder: PathBuf,
    files: Vec<(PathBuf, String)>,
}

impl Plan {
    /// Nothing to write yet, into this folder.
    pub(super) fn new(folder: &Path) -> Self {
        Plan {
            folder: folder.to_owned(),
            files: Vec::new(),
        }
    }

    /// Adds a file by its name relative to the folder.
    pub(super) fn add(&mut self, name: &str, text: String) {
        self.files.push((PathBuf::from(name), text));
    }

    /// Writes all files; those that were there already are returned second and left as they are.
    pub(super) fn write(self) -> Result<(Vec<PathBuf>, Vec<PathBuf>), RunError> {
        let (mut written, mut kept) = (Vec::new(), Vec::new());
        for (name, text) in self.files {
            let path = self.folder.join(&name);
            let failed = |source| RunError::File {
                action: format!("write {}", path.display()),
                source,
            };
            if let Some(folder) = path.parent() {
                fs::create_dir_all(folder).map_err(failed)?;
            }
            let file = OpenOptions::new().write(true).create_new(true).open(&path);
            match file {
                Ok(mut file) => file.write_all(text.as_bytes()).map_err(failed)?,
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                    kept.push(name);
                    continue;
                }
                Err(error) => return Err(failed(error)),
            }
            written.push(name);
        }
        Ok((written, kept))
    }
}

/// The project has been through this before.
pub(super) fn already_there(path: &Path) -> Box<InputError> {
    InputError::new(format!("{} is there already", path.display())).with_help(Some(
        "nothing was written; `dbproof run` uses it, and `dbproof init --folder DIR` begins elsewhere"
            .to_owned(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_there_is_left_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("a"), "mine").unwrap();
        let mut plan = Plan::new(folder.path());
        plan.add("a", "theirs".to_owned());
        plan.add("b/c", "new".to_owned());
        let (written, kept) = plan.write().unwrap();
        assert_eq!((written, kept), (vec!["b/c".into()], vec!["a".into()]));
        assert_eq!(fs::read_to_string(folder.path().join("a")).unwrap(), "mine");
        assert_eq!(
            fs::read_to_string(folder.path().join("b/c")).unwrap(),
            "new"
        );
    }
}
