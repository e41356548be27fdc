//! What the migrations folder held at a git revision: [`Revision`].

use std::path::{Path, PathBuf};

use super::migrations::{Change, Migration, is_repeatable, is_upward, order_of};
use super::{Project, SourceFile, place};
use crate::error::{InputError, RunError};
use crate::git::{self, GitError};

/// The migrations folder at a revision of its checkout.
struct Revision<'a> {
    /// The revision as the user named it.
    name: &'a str,
    /// The commit that it stands for.
    commit: String,
    /// The folder on disk; file names are relative to it.
    folder: PathBuf,
}

impl Project {
    /// Base and change for `regress --base`: the migrations that the revision has, and those that
    /// are new in the working tree, in their order, as one change.
    ///
    /// An edited repeatable migration (Flyway's `R__`) is part of the change, as the revision had
    /// it before and as it is now after; any other that was edited or removed is an error, because
    /// what a database has applied can no longer change there.
    pub fn change_since(&self, name: &str) -> Result<Change, RunError> {
        let folder = Path::new(&self.config.project.migrations);
        let mut present = self.migrations()?;
        let dump = match &self.config.project.schema {
            Some(file) => Some(self.dump_at(name, file, present.remove(0))?),
            None => None,
        };
        let path = self.folder.join(folder);
        let change = if dump.is_some() && !path.exists() {
            Change::nothing_since(name)
        } else {
            self.migrations_since(name, folder, &present, dump.is_some())?
        };
        Ok(match dump {
            Some(dump) => dump.before(change, present),
            None => change,
        })
    }

    fn migrations_since(
        &self,
        name: &str,
        folder: &Path,
        present: &[Migration],
        may_be_none: bool,
    ) -> Result<Change, RunError> {
        let revision = Revision::open(name, self.folder.join(folder))?;
        let held = revision.files()?;
        if held.is_empty() && !may_be_none {
            return Err(InputError::new(format!(
                "there is no migration in {}/ at {name}",
                folder.display()
            ))
            .with_help(Some(
                "name a revision that has the schema which the change is made to".to_owned(),
            ))
            .into());
        }
        let touched = revision.touched()?;
        let mut change = Change::nothing_since(name);
        let mut refused = Refusals::new(name);
        for migration in present {
            let inside = Path::new(&migration.file.name);
            let inside = inside.strip_prefix(folder).unwrap_or(inside);
            let inside = inside.to_string_lossy();
            if !held.iter().any(|file| *file == inside) {
                change.migrations.push(migration.clone());
                continue;
            }
            let before = if touched.iter().any(|file| *file == inside) {
                revision.migration(&inside, &migration.file.name)?
            } else {
                migration.clone()
            };
            if before.sql != migration.sql {
                if is_repeatable(&migration.file.name) {
                    change.migrations.push(migration.clone());
                } else {
                    refused.edited(&before, migration);
                }
            }
            change.base.push(before);
        }
        for file in &held {
            let path = folder.join(file);
            let gone = |m: &Migration| Path::new(&m.file.name) != path;
            if present.iter().all(gone) && !is_repeatable(file) {
                refused.removed(&path);
            }
        }
        match refused.into_error() {
            Some(error) => Err(error.into()),
            None => Ok(change),
        }
    }
}

/// The schema dump at a revision and in the working tree.
struct Dumps {
    then: Migration,
    now: Migration,
}

impl Dumps {
    /// Puts the dump before the migrations. Where it has changed, `after` is made anew from the dump
    /// and the migrations of today.
    fn before(self, mut change: Change, present: Vec<Migration>) -> Change {
        if self.then.sql != self.now.sql {
            let mut all = vec![self.now];
            all.extend(present);
            change.rebuilt = Some(all);
        }
        change.base.insert(0, self.then);
        change
    }
}

impl Change {
    fn nothing_since(name: &str) -> Self {
        Change {
            name: format!("{name}..working tree"),
            base: Vec::new(),
            migrations: Vec::new(),
            rebuilt: None,
        }
    }
}

impl Project {
    fn dump_at(&self, name: &str, file: &str, now: Migration) -> Result<Dumps, RunError> {
        let revision = Revision::open(name, self.folder.clone())?;
        let text = revision.text(file)?;
        let then = Migration::of_dump(SourceFile {
            name: format!("{name}:{file}"),
            text,
        })?;
        Ok(Dumps { then, now })
    }
}

impl<'a> Revision<'a> {
    fn open(name: &'a str, folder: PathBuf) -> Result<Self, Box<InputError>> {
        let unknown = || {
            InputError::new(format!("git knows no revision `{name}`")).with_help(Some(
                "a shallow checkout lacks what it was not asked to fetch: in CI, fetch the branch \
                 that the change goes to, or with its whole history"
                    .to_owned(),
            ))
        };
        if let Err(error) = git::output(&folder, &["rev-parse", "--show-toplevel"]) {
            return Err(failure(
                "--base needs the project to be a git checkout",
                &error,
            ));
        }
        if name.starts_with('-') {
            return Err(unknown());
        }
        let commit = format!("{name}^{{commit}}");
        match git::output(&folder, &["rev-parse", "--verify", "--quiet", &commit]) {
            Ok(commit) => Ok(Revision {
                name,
                commit: commit.trim().to_owned(),
                folder,
            }),
            Err(GitError::Refused(_)) => Err(unknown()),
            Err(error) => Err(failure("--base", &error)),
        }
    }

    /// The migrations of the revision, in the order in which they are applied.
    fn files(&self) -> Result<Vec<String>, Box<InputError>> {
        let mut files = self.names(&["ls-tree", "-r", "-z", "--name-only", &self.commit])?;
        files.retain(|file| {
            let nested = file.contains('/');
            let read = match file.split_once('/') {
                Some((_, below)) => below == "migration.sql",
                None => Path::new(file).extension().is_some_and(|e| e == "sql"),
            };
            read && (nested || is_upward(file))
        });
        files.sort_by_cached_key(|file| order_of(file));
        Ok(files)
    }

    /// The files that may differ from the revision.
    fn touched(&self) -> Result<Vec<String>, Box<InputError>> {
        self.names(&[
            "diff",
            "--name-only",
            "-z",
            "--no-renames",
            "--relative",
            &self.commit,
            "--",
            ".",
        ])
    }

    fn names(&self, arguments: &[&str]) -> Result<Vec<String>, Box<InputError>> {
        let text = git::output(&self.folder, arguments)
            .map_err(|error| failure(&format!("failed to list {}", self.name), &error))?;
        Ok(text
            .split('\0')
            .filter(|name| !name.is_empty())
            .map(str::to_owned)
            .collect())
    }

    /// A migration as the revision has it, with the line ends that a checkout would give it.
    fn migration(&self, file: &str, shown_as: &str) -> Result<Migration, Box<InputError>> {
        Ok(Migration::new(SourceFile {
            name: shown_as.to_owned(),
            text: self.text(file)?,
        }))
    }

    fn text(&self, file: &str) -> Result<String, Box<InputError>> {
        let object = format!("{}:./{file}", self.commit);
        git::output(&self.folder, &["cat-file", "--filters", &object])
            .map_err(|error| failure(&format!("failed to read {file} at {}", self.name), &error))
    }
}

fn failure(what: &str, error: &GitError) -> Box<InputError> {
    InputError::new(format!("{what}: {error}"))
}

/// Migrations that were changed although databases may have applied them.
struct Refusals<'a> {
    revision: &'a str,
    errors: Vec<InputError>,
}

impl<'a> Refusals<'a> {
    fn new(revision: &'a str) -> Self {
        Refusals {
            revision,
            errors: Vec::new(),
        }
    }

    fn edited(&mut self, before: &Migration, now: &Migration) {
        let line = first_difference(&before.sql, &now.sql);
        let message = format!("this migration was edited since {}", self.revision);
        let error = InputError::at(message, place(&now.file, line, None)).with_help(Some(
            "databases that have applied it keep what it was: take the edit back, and write it as \
             a migration of its own"
                .to_owned(),
        ));
        self.errors.push(*error);
    }

    fn removed(&mut self, path: &Path) {
        let message = format!(
            "the migration {} is there at {}, and not in the working tree",
            path.display(),
            self.revision
        );
        let error = InputError::new(message).with_help(Some(
            "databases that have applied it keep what it did: put the file back under its name"
                .to_owned(),
        ));
        self.errors.push(*error);
    }

    fn into_error(self) -> Option<Box<InputError>> {
        let mut errors = self.errors.into_iter();
        let mut first = Box::new(errors.next()?);
        first.also = errors.collect();
        Some(first)
    }
}

/// The line of the later text at which two texts begin to differ, within that text.
fn first_difference(before: &str, now: &str) -> u32 {
    let same = before
        .lines()
        .zip(now.lines())
        .take_while(|(before, now)| before == now)
        .count();
    let last = now.lines().count().max(1);
    u32::try_from((same + 1).min(last)).unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::first_difference;

    #[test]
    fn the_first_line_that_differs_is_one_of_the_file() {
        assert_eq!(first_difference("a\nb\n", "a\nc\n"), 2);
        assert_eq!(first_difference("a\nb\n", "a\n"), 1);
        assert_eq!(first_difference("a\n", "a\nb\n"), 2);
        assert_eq!(first_difference("a\n", ""), 1);
    }
}
