//! The migrations of a project, in the layouts of the usual tools: [`Migration`].
//!
//! Read are `NNN_name.sql` and `NNN_name.up.sql` (sqlx, golang-migrate), `VNNN__name.sql` (Flyway,
//! refinery), `-- migrate:up` sections (dbmate) and `NNN_name/migration.sql` (Prisma). Down and
//! undo migrations are passed over. Nothing is ever edited.

use std::path::Path;

use super::{Project, SourceFile, place, schema_dump};
use crate::error::{InputError, RunError};

/// A migration: a file, and the part of it that migrates upwards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Migration {
    /// The file.
    pub file: SourceFile,
    /// Its text with everything but the upward part blanked, so that lines keep their numbers.
    pub sql: String,
    /// Whether it is a schema dump, which changes settings of the session that reads it.
    pub dump: bool,
}

/// What is applied to both sides, and the change that is applied to `after` alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// What the change is called in reports: its file, or `REV..working tree`.
    pub name: String,
    /// The migrations before the change.
    pub base: Vec<Migration>,
    /// The change under test; none where a revision has all of the folder's already, or where
    /// nothing stands before the only one.
    pub migrations: Vec<Migration>,
    /// Everything that `after` is made from, where the schema dump itself has changed, so that the
    /// change cannot be applied to what is there before it.
    pub rebuilt: Option<Vec<Migration>>,
}

impl Change {
    fn of(base: Vec<Migration>, change: Migration) -> Self {
        Change {
            name: change.file.name.clone(),
            base,
            migrations: vec![change],
            rebuilt: None,
        }
    }

    /// Whether before and after are the same.
    #[must_use]
    pub fn is_none(&self) -> bool {
        self.migrations.is_empty() && self.rebuilt.is_none()
    }

    /// A project's only migration: there is nothing before it, and so no change.
    fn none(only: Migration) -> Self {
        Change {
            name: format!("{} alone", only.file.name),
            base: vec![only],
            migrations: Vec::new(),
            rebuilt: None,
        }
    }
}

impl Project {
    /// A migration that is to be held against traffic, and those of the project that stand before it: none
    /// where the project has none, or all where the file is not one of them.
    pub fn migration_and_base(&self, path: &Path) -> Result<(Migration, Vec<Migration>), RunError> {
        let file = self.file(path)?;
        let config = &self.config.project;
        let has_any = config.schema.is_some() || self.folder.join(&config.migrations).exists();
        let mut base = if has_any {
            self.migrations()?
        } else {
            Vec::new()
        };
        if let Some(index) = base.iter().position(|m| m.file == file) {
            base.truncate(index);
        }
        Ok((Migration::new(file), base))
    }
}

impl Migration {
    /// Takes the upward part of a file.
    #[must_use]
    pub fn new(file: SourceFile) -> Self {
        let sql = upward_part(&file.text);
        Migration {
            file,
            sql,
            dump: false,
        }
    }

    /// Whether the file asks its tool to run it outside of a transaction: `-- no-transaction` (sqlx),
    /// `-- migrate:up transaction:false` (dbmate).
    #[must_use]
    pub fn declines_transaction(&self) -> bool {
        self.file.text.lines().any(|line| {
            let Some(comment) = line.trim().strip_prefix("--").map(str::trim_start) else {
                return false;
            };
            comment.starts_with("no-transaction")
                || comment.starts_with("migrate:up") && comment.contains("transaction:false")
        })
    }

    /// Takes a schema dump.
    pub(super) fn of_dump(file: SourceFile) -> Result<Self, Box<InputError>> {
        let sql = schema_dump::readable(&file.text).map_err(|error| {
            InputError::at(error.message, place(&file, error.line, None))
                .with_help(Some(error.help))
        })?;
        Ok(Migration {
            file,
            sql,
            dump: true,
        })
    }
}

impl Project {
    /// The schema dump, where the project has one, and every migration in the order in which the
    /// tools would apply them.
    pub fn migrations(&self) -> Result<Vec<Migration>, RunError> {
        let mut all = Vec::new();
        if let Some(dump) = &self.config.project.schema {
            let file = self.file(&self.folder.join(dump))?;
            all.push(Migration::of_dump(file)?);
        }
        let folder = &self.config.project.migrations;
        let path = self.folder.join(folder);
        if !path.exists() && !all.is_empty() {
            return Ok(all);
        }
        if !path.exists() {
            return Err(
                InputError::new(format!("there is no folder {}", path.display()))
                    .with_help(Some(
                        "set [project] migrations in dbproof.toml, or [project] schema to a dump \
                         made with `pg_dump --schema-only`"
                            .to_owned(),
                    ))
                    .into(),
            );
        }
        let mut files = self.files(folder, "sql")?;
        files.extend(self.prisma_files(&path)?);
        files.retain(|file| is_upward(&file.name));
        files.sort_by_cached_key(|file| order_of(&file.name));
        all.extend(files.into_iter().map(Migration::new));
        Ok(all)
    }

    /// Base and change for `regress`: a migration of the folder against those before it, or any
    /// other file against all of the folder's. An only migration is no change.
    pub fn change(&self, chosen: Option<&Path>) -> Result<Change, RunError> {
        let mut base = self.migrations()?;
        let Some(path) = chosen else {
            let Some(change) = base.pop() else {
                return Err(InputError::new(format!(
                    "there is no migration in {}/",
                    self.config.project.migrations
                ))
                .with_help(Some("name one with --migration FILE".to_owned()))
                .into());
            };
            if base.is_empty() {
                return Ok(Change::none(change));
            }
            return Ok(Change::of(base, change));
        };
        let file = self.file(path)?;
        if let Some(index) = base.iter().position(|m| m.file == file) {
            if index == 0 {
                return Err(nothing_before(&file));
            }
            base.truncate(index);
        }
        Ok(Change::of(base, Migration::new(file)))
    }

    fn prisma_files(&self, path: &Path) -> Result<Vec<SourceFile>, RunError> {
        std::fs::read_dir(path)
            .into_iter()
            .flatten()
            .flatten()
            .map(|entry| entry.path().join("migration.sql"))
            .filter(|path| path.is_file())
            .map(|path| self.file(&path))
            .collect()
    }
}

fn nothing_before(file: &SourceFile) -> RunError {
    InputError::new(format!(
        "nothing stands before {} to compare with",
        file.name
    ))
    .with_help(Some("name a later change with --migration FILE".to_owned()))
    .into()
}

/// Whether a file is one of Flyway's that are applied again whenever they change.
pub(super) fn is_repeatable(name: &str) -> bool {
    name.rsplit('/')
        .next()
        .is_some_and(|file| file.starts_with("R__"))
}

/// Whether a file migrates upwards, by its name.
pub(super) fn is_upward(name: &str) -> bool {
    let file = name.rsplit('/').next().unwrap_or(name);
    let undo = file.starts_with('U') && file.contains("__");
    !file.ends_with(".down.sql") && !undo
}

/// What migrations are ordered by: the numbers in front of the name, then the name. Flyway's
/// repeatable migrations (`R__`) come last.
pub(super) fn order_of(name: &str) -> (bool, Vec<u64>, String) {
    let name = name.strip_suffix("/migration.sql").unwrap_or(name);
    let file = name.rsplit('/').next().unwrap_or(name);
    let versioned = file.strip_prefix('V').unwrap_or(file);
    let digits_end = versioned
        .find(|c: char| !(c.is_ascii_digit() || c == '.' || c == '_'))
        .unwrap_or(versioned.len());
    let numbers = versioned[..digits_end]
        .split(['.', '_'])
        .filter_map(|part| part.parse().ok())
        .collect();
    (is_repeatable(file), numbers, file.to_owned())
}

/// Blanks what dbmate marks as `-- migrate:down`.
fn upward_part(text: &str) -> String {
    let mut upward = true;
    let mut sql = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        let marker = line.trim().strip_prefix("--").map(str::trim_start);
        match marker {
            Some(m) if m.starts_with("migrate:down") => upward = false,
            Some(m) if m.starts_with("migrate:up") => upward = true,
            _ => {}
        }
        sql.push_str(if upward { line } else { "\n" });
    }
    sql
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn migrations_are_ordered_as_their_tools_do() {
        let mut names = vec![
            "m/R__views.sql",
            "m/V10__j.sql",
            "m/V2__b.sql",
            "m/V1.1__a.sql",
            "m/V1__a.sql",
        ];
        names.sort_by_cached_key(|n| order_of(n));
        assert_eq!(
            names,
            [
                "m/V1__a.sql",
                "m/V1.1__a.sql",
                "m/V2__b.sql",
                "m/V10__j.sql",
                "m/R__views.sql"
            ]
        );
        let mut prisma = ["m/20240102_b/migration.sql", "m/20231231_a/migration.sql"];
        prisma.sort_by_cached_key(|n| order_of(n));
        assert_eq!(prisma[0], "m/20231231_a/migration.sql");
    }

    #[test]
    fn a_file_can_decline_to_run_in_a_transaction() {
        let declines = |text: &str| {
            Migration::new(SourceFile {
                name: "m/1.sql".to_owned(),
                text: text.to_owned(),
            })
            .declines_transaction()
        };
        assert!(declines("-- no-transaction\nVACUUM t;\n"));
        assert!(declines("-- migrate:up transaction:false\nVACUUM t;\n"));
        assert!(!declines(
            "-- migrate:up\nVACUUM t;\n-- the old way: no-transaction\n"
        ));
    }

    #[test]
    fn down_migrations_are_passed_over() {
        assert!(is_upward("m/001_a.sql"));
        assert!(is_upward("m/001_a.up.sql"));
        assert!(is_upward("m/Users.sql"));
        assert!(!is_upward("m/001_a.down.sql"));
        assert!(!is_upward("m/U1__a.sql"));
    }

    #[test]
    fn the_downward_section_is_blanked_and_lines_keep_their_numbers() {
        let text = "-- migrate:up\nCREATE TABLE t ();\n-- migrate:down\nDROP TABLE t;\n";
        assert_eq!(upward_part(text), "-- migrate:up\nCREATE TABLE t ();\n\n\n");
    }
}
