//! The transactions of a deadlock, in whatever file they stand: [`Shape`].
//!
//! * `toml_file`: our own format, in `deadlocks/*.toml` and in the catalogue.
//! * `schedule`: the lines that say in which order the steps are launched, and who waits for whom.
//! * `spec`: the files of PostgreSQL's isolation tester, read as they are.
//! * `catalogue`: the shapes that dbproof carries.

pub mod catalogue;
mod schedule;
mod spec;
mod toml_file;

use dbproof_analysis::sql;
use dbproof_model::DeadlockExpectation;

use super::{Project, SourceFile};
use crate::error::{InputError, RunError};

/// Transactions that lock against each other, and the same work without that.
#[derive(Debug, Clone, PartialEq)]
pub struct Shape {
    /// The shape's name.
    pub name: String,
    /// What happens, in a sentence.
    pub summary: String,
    /// How each run is expected to end.
    pub expected: DeadlockExpectation,
    /// Run once, before the first run.
    pub setup: Vec<Sql>,
    /// Run before every run.
    pub reset: Vec<Sql>,
    /// Run once, after the last run.
    pub teardown: Vec<Sql>,
    /// The transactions as they are.
    pub script: Script,
    /// The same work with its locks in one order.
    pub control: Option<Script>,
    /// The transactions as they should be written.
    pub mended: Option<Script>,
    /// What sessions outside of the cycle do meanwhile.
    pub bystanders: BystanderStatements,
    /// Whether the sessions begin and commit by themselves, as in the isolation tester: nothing is
    /// added to them, no setting is made and nothing is tried again.
    pub verbatim: bool,
    /// Whether it is one of dbproof's own, which need nothing of the project.
    pub is_ours: bool,
    /// The file that it stands in.
    pub file: SourceFile,
}

/// A statement, or several, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sql {
    /// The text.
    pub text: String,
    /// The line of its beginning in the file, counted from 1.
    pub line: u32,
}

/// Sessions, and the order of their steps.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Script {
    /// What is different here, in a sentence.
    pub note: String,
    /// The sessions.
    pub sessions: Vec<ShapeSession>,
    /// What happens, one after the other.
    pub entries: Vec<Entry>,
}

/// One session and its transaction.
#[derive(Debug, Clone, PartialEq)]
pub struct ShapeSession {
    /// Its name.
    pub name: String,
    /// What begins its transaction.
    pub begin: Sql,
    /// Its statements.
    pub steps: Vec<Step>,
    /// What it runs at the very end; only in files of the isolation tester.
    pub teardown: Option<Sql>,
    /// After a deadlock it goes back to this savepoint first, and tries the statement again.
    pub savepoint: Option<String>,
}

/// One statement of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Its name: its number, or what the isolation tester's file calls it.
    pub name: String,
    /// The statement.
    pub sql: Sql,
}

/// A line of the schedule.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// Its line in the file.
    pub line: u32,
    /// The session that acts.
    pub session: usize,
    /// What it does.
    pub action: Action,
}

/// What a session does.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// It sends its step of this index.
    Step {
        /// Index of the step.
        step: usize,
        /// Whether it then waits.
        wait: Wait,
        /// When it counts as done.
        markers: Vec<Marker>,
    },
    /// The step that it has sent already now waits for this session.
    StillWaits(usize),
    /// It commits.
    Commit,
    /// Its client does nothing until the step of that session is done; the server sees nothing
    /// of this.
    Awaits(usize),
}

/// Whether a step waits for a lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wait {
    /// It must come through.
    No,
    /// It must wait, and for this session.
    For(usize),
    /// It may wait for any session of the shape.
    Perhaps,
}

/// The isolation tester's markers on a step: when it counts as done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Marker {
    /// `(*)`: it counts as waiting as soon as it is sent.
    Asterisk,
    /// `(other)`: not before that step of that session is done.
    After {
        /// The session.
        session: usize,
        /// Its step.
        step: usize,
    },
    /// `(other notices N)`: not before that step's session has received so many notices.
    Notices {
        /// The session.
        session: usize,
        /// How many since this step was sent.
        count: u64,
    },
}

/// What bystanders run, again and again.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BystanderStatements {
    /// On another table.
    pub uninvolved: Option<Sql>,
    /// On the same table, other rows.
    pub same_table: Option<Sql>,
    /// On an object of the cycle; once a run, when the cycle is closed.
    pub queued: Option<Sql>,
}

impl Shape {
    /// The server's error about SQL of this shape, shown in its file.
    pub(crate) fn server_error(
        &self,
        what: &str,
        error: &dbproof_postgres::ServerError,
        sql: &Sql,
    ) -> Box<InputError> {
        let file = &self.file;
        InputError::from_server(what, error, &file.name, &file.text, sql.line, &sql.text)
    }

    /// An error about a line of this shape's file.
    pub(crate) fn error_at(&self, line: u32, message: impl Into<String>) -> Box<InputError> {
        InputError::at(message, super::place(&self.file, line, None))
    }
}

impl Script {
    /// The entry that closes the cycle: the last one that sends something, up to the last one
    /// that waits. `None` where nobody is said to wait.
    pub(crate) fn closing_entry(&self) -> Option<usize> {
        let waits = |entry: &Entry| match entry.action {
            Action::Step { wait, .. } => wait != Wait::No,
            Action::StillWaits(_) | Action::Awaits(_) => true,
            Action::Commit => false,
        };
        let last = self.entries.iter().rposition(waits)?;
        let acts = |entry: &Entry| !matches!(entry.action, Action::StillWaits(_));
        self.entries[..=last].iter().rposition(acts)
    }
}

impl Project {
    /// Every shape of the project, in the order of the files' names; none where there is no such
    /// folder.
    pub fn shapes(&self) -> Result<Vec<Shape>, RunError> {
        let folder = &self.config.deadlock.shapes;
        let mut shapes = Vec::new();
        for file in self.files_if_any(folder, "toml")? {
            shapes.push(toml_file::parse(&file)?);
        }
        for file in self.files_if_any(folder, "spec")? {
            shapes.extend(spec::parse(&file)?);
        }
        for (index, shape) in shapes.iter().enumerate() {
            if let Some(first) = shapes[..index].iter().find(|s| s.name == shape.name) {
                let message = format!("a second shape is named `{}`", shape.name);
                return Err(shape
                    .error_at(1, message)
                    .with_help(Some(format!("the first one is in {}", first.file.name)))
                    .into());
            }
        }
        Ok(shapes)
    }
}

/// The statements of a text that begins on `line`.
pub(crate) fn statements(text: &str, line: u32) -> Vec<Sql> {
    let statements = sql::split_statements(text).into_iter();
    statements
        .map(|statement| Sql {
            line: line + statement.line - 1,
            text: statement.sql,
        })
        .collect()
}
