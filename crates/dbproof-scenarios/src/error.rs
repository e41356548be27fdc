//! What ends a run before it has a verdict: [`RunError`].

use std::fmt;

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};
use dbproof_capture::tee::TeeError;
use dbproof_postgres::{PostgresError, ServerError};
use thiserror::Error;

use crate::watch::masked::without_credentials;

/// What ends a run before it has a verdict.
#[derive(Debug, Error)]
pub enum RunError {
    /// The user's own files or options are at fault.
    #[error(transparent)]
    Input(#[from] Box<InputError>),
    /// The server, the machine or a permission is at fault.
    #[error(transparent)]
    Environment(#[from] PostgresError),
    /// The traffic cannot be captured.
    #[error(transparent)]
    Capture(#[from] TeeError),
    /// A file cannot be read or written.
    #[error("failed to {action}: {source}")]
    File {
        /// What was tried.
        action: String,
        /// Why it failed.
        source: std::io::Error,
    },
}

/// What is wrong with one of the user's files or options, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputError {
    /// What is wrong, in one line.
    pub message: String,
    /// The file, and what of it to show.
    pub place: Option<Place>,
    /// How to mend it.
    pub help: Option<String>,
    /// Further errors of the same kind, so that all can be mended at once.
    pub also: Vec<InputError>,
}

/// A place in a file, with the file's text to quote from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The file as the user knows it.
    pub file: String,
    /// The line, counted from 1.
    pub line: u32,
    /// The column in characters, counted from 1, where it is known.
    pub column: Option<u32>,
    /// The file's whole text; empty where it is not at hand.
    pub text: String,
}

impl InputError {
    /// An error that is about no particular line.
    pub fn new(message: impl Into<String>) -> Box<Self> {
        Box::new(InputError {
            message: message.into(),
            place: None,
            help: None,
            also: Vec::new(),
        })
    }

    /// An error at a place in a file.
    pub fn at(message: impl Into<String>, place: Place) -> Box<Self> {
        Box::new(InputError {
            message: message.into(),
            place: Some(place),
            help: None,
            also: Vec::new(),
        })
    }

    /// Adds how to mend it.
    #[must_use]
    pub fn with_help(mut self: Box<Self>, help: Option<String>) -> Box<Self> {
        self.help = help;
        self
    }

    /// The same without the passwords of URLs, also in what is quoted of the file.
    #[must_use]
    pub(crate) fn without_credentials(mut self: Box<Self>) -> Box<Self> {
        self.message = without_credentials(&self.message);
        if let Some(place) = &mut self.place {
            place.text = without_credentials(&place.text);
        }
        self
    }

    /// The server's error about a statement that begins on `line` of a file.
    #[must_use]
    pub fn from_server(
        what: &str,
        error: &ServerError,
        file: &str,
        text: &str,
        line: u32,
        sql: &str,
    ) -> Box<Self> {
        let (line, column) = match error.position {
            Some(position) => locate(sql, position, line, text),
            None => (line, None),
        };
        let place = Place {
            file: file.to_owned(),
            line,
            column,
            text: text.to_owned(),
        };
        let mut help = error.detail.clone();
        if let Some(hint) = &error.hint {
            help = Some(help.map_or_else(|| hint.clone(), |detail| format!("{detail}\n{hint}")));
        }
        Self::at(format!("{what}: {error}"), place).with_help(help)
    }
}

/// Line and column in the file for a position in a statement.
///
/// The statement may have been rewritten (`:name` became `$1`), so the column is that of the same
/// word in the file's own line.
fn locate(sql: &str, position: u32, first_line: u32, text: &str) -> (u32, Option<u32>) {
    let characters: Vec<char> = sql.chars().collect();
    let at = (position as usize).saturating_sub(1).min(characters.len());
    let line_start = characters[..at]
        .iter()
        .rposition(|c| *c == '\n')
        .map_or(0, |i| i + 1);
    let newlines = characters[..at].iter().filter(|c| **c == '\n').count();
    let line = first_line + u32::try_from(newlines).unwrap_or(0);
    let column = at - line_start;
    let word: String = characters[at..]
        .iter()
        .take_while(|c| c.is_alphanumeric() || **c == '_')
        .collect();
    let original = text.lines().nth(line as usize - 1).unwrap_or_default();
    let nearest = original
        .match_indices(&word)
        .map(|(byte, _)| original[..byte].chars().count())
        .filter(|_| !word.is_empty())
        .min_by_key(|found| found.abs_diff(column));
    (line, u32::try_from(nearest.unwrap_or(column) + 1).ok())
}

impl fmt::Display for InputError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write_alone(f)?;
        self.also
            .iter()
            .try_for_each(|error| write!(f, "\nerror: {error}"))
    }
}

impl InputError {
    fn write_alone(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut group = match &self.place {
            None => {
                f.write_str(&self.message)?;
                if let Some(help) = &self.help {
                    write!(f, "\nhelp: {help}")?;
                }
                return Ok(());
            }
            Some(place) => {
                let line = place
                    .text
                    .lines()
                    .nth(place.line as usize - 1)
                    .unwrap_or_default();
                let start = column_offset(line, place.column);
                let end = word_end(line, start);
                Level::ERROR.primary_title(self.message.as_str()).element(
                    Snippet::source(line.to_owned())
                        .line_start(place.line as usize)
                        .path(place.file.as_str())
                        .annotation(AnnotationKind::Primary.span(start..end)),
                )
            }
        };
        if let Some(help) = &self.help {
            group = group.element(Level::HELP.message(help.as_str()));
        }
        let text = Renderer::plain().render(&[group]);
        f.write_str(text.strip_prefix("error: ").unwrap_or(&text))
    }
}

impl std::error::Error for InputError {}

/// The byte at which the marked word begins: its column, or the line's first word.
fn column_offset(line: &str, column: Option<u32>) -> usize {
    match column {
        Some(column) => line
            .char_indices()
            .nth(column.saturating_sub(1) as usize)
            .map_or(line.len(), |(byte, _)| byte),
        None => line.len() - line.trim_start().len(),
    }
}

fn word_end(line: &str, start: usize) -> usize {
    let rest = &line[start..];
    let word = rest
        .find(|c: char| !(c.is_alphanumeric() || c == '_'))
        .unwrap_or(rest.len());
    let one = rest.chars().next().map_or(0, char::len_utf8);
    start + word.max(one)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_error_is_shown_at_the_users_own_column() {
        let text = "-- name: q\n-- param user_id: uniform(1, 9)\nSELECT id\nFROM orders\nWHERE user_id = :user_id AND colour = 1;\n";
        let sql = "SELECT id\nFROM orders\nWHERE user_id = $1 AND colour = 1";
        let error = ServerError {
            sqlstate: "42703".to_owned(),
            message: "column \"colour\" does not exist".to_owned(),
            detail: None,
            hint: Some("Perhaps you meant \"color\".".to_owned()),
            position: Some(u32::try_from(sql.find("colour").unwrap()).unwrap() + 1),
        };
        let shown =
            InputError::from_server("query `q`", &error, "queries/q.sql", text, 3, sql).to_string();
        insta::assert_snapshot!(shown, @r#"
        query `q`: column "colour" does not exist (SQLSTATE 42703)
         --> queries/q.sql:5:30
          |
        5 | WHERE user_id = :user_id AND colour = 1;
          |                              ^^^^^^
          |
          = help: Perhaps you meant "color".
        "#);
    }

    #[test]
    fn an_error_without_a_place_is_a_sentence() {
        let error = InputError::new("no queries").with_help(Some("write one".to_owned()));
        assert_eq!(error.to_string(), "no queries\nhelp: write one");
    }
}
