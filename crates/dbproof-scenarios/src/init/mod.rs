//! `dbproof init`: a first `dbproof.toml`, queries and rows for a project that has none: [`init`].
//!
//! * `look`: what is in the folder: migrations, queries, tests, CI, a server.
//! * `tables`: what the migrations make, seen on a server of our own or on the user's.
//! * `proposal`: queries worth a first look; `counted`: those that a server has counted.
//! * `configuration`: the text of `dbproof.toml`; `ci`: the CI job.
//! * `files`: what is written; never over a file that is there.

mod ci;
mod configuration;
mod counted;
mod files;
mod look;
mod proposal;
mod tables;

use std::path::{Path, PathBuf};

use dbproof_data::TableShape;

use self::files::Plan;
use self::look::Found;
use crate::error::{InputError, RunError};
use crate::observer::Observer;
use crate::options::{Cleaner, ServerChoice};

/// What `dbproof init` is asked to do.
#[derive(Debug, Clone)]
pub struct InitOptions {
    /// The project's folder.
    pub folder: PathBuf,
    /// Where the migrations are tried. A URL names a database that is there: its tables are read, and
    /// nothing is made.
    pub server: ServerChoice,
    /// Propose what `pg_stat_statements` of that database has counted, instead of first queries.
    pub from_statistics: bool,
    /// The CI job for GitHub and that for GitLab.
    pub jobs: CiJobs,
    /// Who removes what is made on a server that is not ours.
    pub cleaner: Option<Cleaner>,
}

/// The CI jobs that can be written, as files. They run `dbproof run` for the branch `main`.
#[derive(Debug, Clone, Copy)]
pub struct CiJobs {
    /// `.github/workflows/dbproof.yml`.
    pub github: &'static str,
    /// `dbproof.gitlab-ci.yml`.
    pub gitlab: &'static str,
}

/// What was found and written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Initialised {
    /// What was found, a sentence each.
    pub found: Vec<String>,
    /// The files that were written, relative to the folder.
    pub written: Vec<PathBuf>,
    /// Files that were there already and were left alone.
    pub kept: Vec<PathBuf>,
    /// What is left to the reader, a sentence each.
    pub notes: Vec<String>,
    /// The commands to go on with, and what each tells; the most telling one first.
    pub next: Vec<Next>,
}

/// A command to go on with, and what it tells.
pub type Next = (String, String);

/// Looks at a project and writes what dbproof needs to run in it.
///
/// # Errors
///
/// [`RunError::Input`] where the project has a `dbproof.toml` already, with nothing written.
pub async fn init(options: &InitOptions, observer: &dyn Observer) -> Result<Initialised, RunError> {
    let folder = &options.folder;
    let configuration = folder.join("dbproof.toml");
    if configuration.exists() {
        return Err(files::already_there(&configuration).into());
    }
    let found = look::at(folder)?;
    let mut done = Initialised {
        found: found.told(),
        ..Initialised::default()
    };
    let tables = tables::read(options, &found, observer).await;
    let tables = match tables {
        Ok(tables) => tables,
        Err(error @ RunError::Input(_)) if options.from_statistics => return Err(error),
        Err(error) => {
            done.notes.push(format!(
                "the tables could not be looked at, so that no rows are proposed: {error}"
            ));
            tables::Tables::default()
        }
    };
    done.notes.extend(tables.notes.iter().cloned());
    let mut plan = Plan::new(folder);
    plan.add(
        "dbproof.toml",
        configuration::text(&found, &name_of(folder)),
    );
    let queries = if options.from_statistics {
        let proposed = counted::propose(options, &tables.shapes).await?;
        done.notes.extend(proposed.left_out);
        proposed.queries
    } else if found.queries.is_some() {
        Vec::new()
    } else {
        proposal::queries(&tables.shapes)
    };
    let has_queries = found.queries.is_some() || !queries.is_empty();
    for query in queries {
        plan.add(&format!("queries/{}.sql", query.name), query.text);
    }
    if !has_queries {
        plan.add("queries/README.md", proposal::EXPLANATION.to_owned());
    }
    if !found.has_data {
        for table in &tables.rows {
            plan.add(&format!("data/{}", table.file), table.text.clone());
        }
    }
    done.next = next(&found, &tables.shapes, has_queries, &options.server);
    let job = ci::job(folder, &found, &done.next, options.jobs);
    if let Some((name, text)) = job.file {
        plan.add(name, text);
    }
    done.notes.extend(job.note);
    (done.written, done.kept) = plan.write()?;
    Ok(done)
}

/// What to run next.
fn next(
    found: &Found,
    shapes: &[TableShape],
    has_queries: bool,
    server: &ServerChoice,
) -> Vec<Next> {
    let mut next = Vec::new();
    let has_schema = found.migrations.is_some() || found.schema.is_some();
    if has_queries && has_schema && !shapes.is_empty() {
        let what = "the queries under their thresholds, and what the last migration does to them";
        next.push(("dbproof run".to_owned(), what.to_owned()));
    } else if has_queries && matches!(server, ServerChoice::Url(_)) {
        let what = "the queries under their thresholds, on the database as it is";
        next.push((
            "dbproof slow --in-place --database-url \"$DATABASE_URL\"".to_owned(),
            what.to_owned(),
        ));
    }
    if let Some(tests) = &found.tests {
        let what = "N+1 queries, deadlocks and slow statements in what your own tests do";
        next.push((format!("dbproof watch -- {tests}"), what.to_owned()));
    }
    if next.is_empty() {
        let what = "what the traffic of your application tells; COMMAND runs it or its tests";
        next.push(("dbproof watch -- COMMAND".to_owned(), what.to_owned()));
    }
    next
}

/// The project's name: that of its folder.
fn name_of(folder: &Path) -> String {
    let whole = folder.canonicalize();
    let whole = whole.as_deref().unwrap_or(folder);
    let name = whole.file_name().map(|name| name.to_string_lossy());
    name.map_or_else(|| "project".to_owned(), std::borrow::Cow::into_owned)
}

/// The server of a URL that has to be named.
pub(crate) fn url(server: &ServerChoice) -> Result<&str, Box<InputError>> {
    match server {
        ServerChoice::Url(url) => Ok(url),
        ServerChoice::Ephemeral { .. } => Err(InputError::new(
            "no database to read pg_stat_statements of",
        )
        .with_help(Some(
            "name it with --database-url postgres://USER:PASSWORD@HOST:PORT/DATABASE (or \
             DATABASE_URL); it is only read"
                .to_owned(),
        ))),
    }
}
