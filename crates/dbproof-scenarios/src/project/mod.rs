//! The user's project on disk: [`Project`] reads `dbproof.toml` and the folders that it names.

pub mod baselines;
pub mod config;
pub mod migrations;
pub mod pages;
mod revision;
mod schema_dump;
pub mod shapes;

use std::path::{Path, PathBuf};

use dbproof_analysis::sql;
use dbproof_data::{Specification, TableSpecification};
use dbproof_model::Query;

use crate::error::{InputError, Place, RunError};
use config::Config;

/// A project: its folder and its configuration. The other files are read when they are needed.
#[derive(Debug, Clone)]
pub struct Project {
    /// The folder of `dbproof.toml`, which all other paths are relative to.
    pub folder: PathBuf,
    /// The name of the configuration's file in that folder; absent where none was read.
    pub file: Option<String>,
    /// The configuration.
    pub config: Config,
}

/// A text file of the project, named as the user knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceFile {
    /// The path relative to the project's folder where it lies below it.
    pub name: String,
    /// Its text.
    pub text: String,
}

/// A monitored query with the file that it stands in.
#[derive(Debug, Clone)]
pub struct MonitoredQuery {
    /// The query.
    pub query: Query,
    /// Its file, to quote from in errors.
    pub file: SourceFile,
}

impl Project {
    /// Reads `dbproof.toml`.
    pub fn open(config_file: &Path) -> Result<Self, RunError> {
        let text = std::fs::read_to_string(config_file).map_err(|error| {
            InputError::new(format!("failed to read {}: {error}", config_file.display())).with_help(
                Some(
                    "name the project's dbproof.toml with --config, or try `dbproof demo`"
                        .to_owned(),
                ),
            )
        })?;
        let config = Config::parse(&config_file.display().to_string(), &text)?;
        let folder = config_file.parent().filter(|p| !p.as_os_str().is_empty());
        Ok(Project {
            folder: folder.unwrap_or(Path::new(".")).to_owned(),
            file: config_file
                .file_name()
                .map(|name| name.to_string_lossy().into_owned()),
            config,
        })
    }

    /// A project of which nothing is said: the defaults.
    #[must_use]
    pub fn without_configuration(folder: &Path) -> Self {
        Project {
            folder: folder.to_owned(),
            file: None,
            config: Config::default(),
        }
    }

    /// The project's name.
    #[must_use]
    pub fn name(&self) -> Option<String> {
        self.config.project.name.clone()
    }

    /// The monitored queries, in the order of their files' names.
    pub fn queries(&self) -> Result<Vec<MonitoredQuery>, RunError> {
        let folder = &self.config.project.queries;
        let files = self.files(folder, "sql")?;
        let mut queries: Vec<MonitoredQuery> = Vec::new();
        for file in files {
            let parsed = sql::parse_query_file(&file.name, &file.text)
                .map_err(|errors| from_query_file(errors, &file))?;
            for query in parsed {
                if let Some(first) = queries.iter().find(|q| q.query.name == query.name) {
                    let place = place(&file, query.location.line, None);
                    let first = &first.query.location;
                    return Err(InputError::at(
                        format!("a second query is named `{}`", query.name),
                        place,
                    )
                    .with_help(Some(format!(
                        "the first one is at {}:{}; give one of them another name",
                        first.file, first.line
                    )))
                    .into());
                }
                queries.push(MonitoredQuery {
                    query,
                    file: file.clone(),
                });
            }
        }
        if queries.is_empty() {
            return Err(InputError::new(format!("there is no query in {folder}/"))
                .with_help(Some(format!(
                    "write one as {folder}/NAME.sql, headed by `-- name: NAME`, \
                     or set [project] queries"
                )))
                .into());
        }
        Ok(queries)
    }

    /// The tables to seed, in no particular order; none where there is no such folder.
    pub fn tables(&self) -> Result<Vec<TableSpecification>, RunError> {
        let mut tables = Vec::new();
        for file in self.files_if_any(&self.config.project.data, "toml")? {
            let parsed = Specification::parse(&file.name, &file.text)
                .map_err(|error| self.data_error(&error))?;
            tables.extend(parsed);
        }
        Ok(tables)
    }

    /// A digest of what the seed data's files ask for, without their comments and layout; `None`
    /// where there are none.
    pub fn data_digest(&self) -> Result<Option<String>, RunError> {
        let files = self.files_if_any(&self.config.project.data, "toml")?;
        let texts = files
            .iter()
            .map(|file| match file.text.parse::<toml::Table>() {
                Ok(table) => table.to_string(),
                // Whoever seeds tells what is wrong with it.
                Err(_) => file.text.clone(),
            });
        let text: String = texts.collect();
        Ok((!files.is_empty()).then(|| dbproof_analysis::baseline::digest(&text)))
    }

    /// Turns an error about seed data into ours, with the line quoted.
    #[must_use]
    pub fn data_error(&self, error: &dbproof_data::SpecificationError) -> Box<InputError> {
        let text = std::fs::read_to_string(self.folder.join(&error.file)).unwrap_or_default();
        let file = SourceFile {
            name: error.file.clone(),
            text,
        };
        InputError::at(
            error.message.clone(),
            place(&file, error.line, Some(error.column)),
        )
        .with_help(error.help.clone())
    }

    /// One file, named by the user relative to the folder that dbproof was started in or to the
    /// project's folder.
    pub fn file(&self, path: &Path) -> Result<SourceFile, RunError> {
        let inside = self.folder.join(path);
        let path = if path.is_file() || !inside.is_file() {
            path.to_owned()
        } else {
            inside
        };
        let text = std::fs::read_to_string(&path).map_err(|error| {
            InputError::new(format!("failed to read {}: {error}", path.display()))
        })?;
        Ok(SourceFile {
            name: self.display_name(&path),
            text,
        })
    }

    /// The files of a folder that end in `.extension`, in the order of their names.
    pub(crate) fn files(&self, folder: &str, extension: &str) -> Result<Vec<SourceFile>, RunError> {
        let path = self.folder.join(folder);
        let entries = std::fs::read_dir(&path).map_err(|error| {
            InputError::new(format!(
                "failed to read the folder {}: {error}",
                path.display()
            ))
            .with_help(Some(
                "dbproof.toml says which folders are read, under [project]".into(),
            ))
        })?;
        let mut paths: Vec<PathBuf> = entries
            .flatten()
            .map(|entry| entry.path())
            .filter(|path| path.extension().is_some_and(|e| e == extension) && path.is_file())
            .collect();
        paths.sort();
        paths.iter().map(|path| self.file(path)).collect()
    }

    /// The same, but a folder that does not exist is empty.
    pub(crate) fn files_if_any(
        &self,
        folder: &str,
        extension: &str,
    ) -> Result<Vec<SourceFile>, RunError> {
        if !self.folder.join(folder).exists() {
            return Ok(Vec::new());
        }
        self.files(folder, extension)
    }

    fn display_name(&self, path: &Path) -> String {
        path.strip_prefix(&self.folder)
            .unwrap_or(path)
            .display()
            .to_string()
    }
}

/// A place in a file.
pub(crate) fn place(file: &SourceFile, line: u32, column: Option<u32>) -> Place {
    Place {
        file: file.name.clone(),
        line,
        column,
        text: file.text.clone(),
    }
}

fn from_query_file(errors: Vec<sql::QueryFileError>, file: &SourceFile) -> Box<InputError> {
    let mut errors = errors.into_iter().map(|error| {
        InputError::at(error.message, place(file, error.line, error.column)).with_help(error.help)
    });
    let mut first = errors
        .next()
        .unwrap_or_else(|| InputError::new("unreadable query file"));
    first.also = errors.map(|error| *error).collect();
    first
}
