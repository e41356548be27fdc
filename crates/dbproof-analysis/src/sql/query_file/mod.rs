//! `queries/*.sql` as named queries: [`parse_query_file`].

mod header;
mod parameters;
#[cfg(test)]
mod tests;

use std::collections::HashMap;

use dbproof_model::{Location, Parameter, Query};

use self::header::{Header, query_name, read_header};
use self::parameters::{Rewritten, rewrite};
use super::place::Lines;
use super::split::{Statement, split_statements};
use super::token::{Token, TokenKind, tokenize};

/// What is wrong with a query file, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}: {message}")]
pub struct QueryFileError {
    /// The file as it was given.
    pub file: String,
    /// The line, counted from 1.
    pub line: u32,
    /// The column, in characters, counted from 1.
    pub column: Option<u32>,
    /// What is wrong.
    pub message: String,
    /// What to write instead.
    pub help: Option<String>,
}

/// The queries of a file, or everything that is wrong with it, in the order of its lines.
///
/// A file is a row of statements, each headed by `-- name: …`, a description, and settings:
/// `-- threshold_ms: 5`, `-- weight: 3` and `-- param user_id: uniform(1, 1000)`. Parameters are written `:name`,
/// `@name` or `$1`, and become `$1`, `$2`, … in the order of their first use.
pub fn parse_query_file(file: &str, text: &str) -> Result<Vec<Query>, Vec<QueryFileError>> {
    let mut reader = Reader {
        file,
        text,
        lines: Lines::of(text),
        errors: Vec::new(),
    };
    let tokens = tokenize(text);
    let starts: Vec<usize> = (0..tokens.len())
        .filter(|at| reader.name_of(&tokens[*at]).is_some())
        .collect();
    reader.before_first_name(&tokens[..starts.first().copied().unwrap_or(tokens.len())]);
    let mut seen = HashMap::new();
    let mut queries = Vec::new();
    for (nth, start) in starts.iter().enumerate() {
        let end = starts.get(nth + 1).copied().unwrap_or(tokens.len());
        queries.extend(reader.query(&tokens[*start..end], &mut seen));
    }
    if reader.errors.is_empty() {
        Ok(queries)
    } else {
        reader
            .errors
            .sort_by_key(|error| (error.line, error.column));
        Err(reader.errors)
    }
}

/// Reads one file and remembers what is wrong with it.
struct Reader<'a> {
    file: &'a str,
    text: &'a str,
    lines: Lines<'a>,
    errors: Vec<QueryFileError>,
}

impl<'a> Reader<'a> {
    fn fail(&mut self, offset: usize, message: impl Into<String>, help: Option<String>) {
        self.errors.push(QueryFileError {
            file: self.file.to_owned(),
            line: self.lines.line(offset),
            column: Some(self.lines.column(offset)),
            message: message.into(),
            help,
        });
    }

    fn location(&self, offset: usize) -> Location {
        Location {
            file: self.file.to_owned(),
            line: self.lines.line(offset),
        }
    }

    /// The text after `-- name:`, if the token is such a line.
    fn name_of(&self, token: &Token<'a>) -> Option<&'a str> {
        let is_comment =
            token.kind == TokenKind::LineComment && self.lines.is_first_on_line(token.offset);
        if is_comment {
            query_name(token.text)
        } else {
            None
        }
    }

    fn before_first_name(&mut self, tokens: &[Token<'a>]) {
        if let Some(token) = tokens.iter().find(|t| t.is_significant()) {
            self.fail(
                token.offset,
                "a statement stands before the first `-- name:`",
                Some("write `-- name: some_name` above it".to_owned()),
            );
        }
    }

    /// The query whose tokens these are; the first is its `-- name:` line.
    fn query(&mut self, tokens: &[Token<'a>], seen: &mut HashMap<&'a str, u32>) -> Option<Query> {
        let start = tokens.first()?;
        let name = self.checked_name(start, seen);
        let header = read_header(self, &tokens[1..]);
        let statement = self.statement(tokens, name)?;
        let rewritten = self.rewritten(&statement)?;
        let parameters = self.sources(&rewritten, &header, name)?;
        Some(Query {
            name: name.to_owned(),
            description: header.description.join(" "),
            sql: rewritten.sql,
            parameters,
            threshold_ms: header.threshold_ms,
            weight: header.weight.unwrap_or(1.0),
            location: self.location(start.offset),
            sql_line: statement.line,
        })
    }

    fn checked_name(&mut self, token: &Token<'a>, seen: &mut HashMap<&'a str, u32>) -> &'a str {
        let name = self.name_of(token).unwrap_or_default();
        let is_plain = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.');
        if name.is_empty() {
            self.fail(token.offset, "`-- name:` names nothing", None);
        } else if !name.chars().all(is_plain) {
            self.fail(
                token.offset,
                format!("`{name}` is no name for a query"),
                Some("use letters, digits, `_`, `-` and `.`".to_owned()),
            );
        } else if let Some(line) = seen.insert(name, self.lines.line(token.offset)) {
            self.fail(
                token.offset,
                format!("the name `{name}` is already taken on line {line}"),
                Some("give each query a name of its own".to_owned()),
            );
        }
        name
    }

    /// The one statement below a name.
    fn statement(&mut self, tokens: &[Token<'a>], name: &str) -> Option<Statement> {
        let start = tokens.first()?.offset;
        let end = tokens.last()?.end();
        if let Some(open) = tokens.iter().find(|token| !token.terminated) {
            self.fail(open.offset, "this is never closed", None);
            return None;
        }
        let mut statements = split_statements(&self.text[start..end]);
        if let [_, second, ..] = statements.as_slice() {
            self.fail(
                start + second.offset,
                format!("a second statement stands under the name `{name}`"),
                Some("write `-- name: some_name` above it".to_owned()),
            );
            return None;
        }
        let Some(mut statement) = statements.pop() else {
            self.fail(
                start,
                format!("no statement follows the name `{name}`"),
                None,
            );
            return None;
        };
        statement.offset += start;
        statement.line = self.lines.line(statement.offset);
        Some(statement)
    }

    fn rewritten(&mut self, statement: &Statement) -> Option<Rewritten> {
        match rewrite(&statement.sql) {
            Ok(rewritten) => Some(rewritten),
            Err((at, message, help)) => {
                self.fail(statement.offset + at, message, Some(help));
                None
            }
        }
    }

    /// Each parameter with its source; fails where one is missing or one is too many.
    fn sources(
        &mut self,
        rewritten: &Rewritten,
        header: &Header<'_>,
        name: &str,
    ) -> Option<Vec<Parameter>> {
        let mut parameters = Vec::new();
        for used in &rewritten.parameters {
            let declared = header.parameters.iter().find(|p| p.name == used.name);
            match declared {
                Some(declared) => {
                    parameters.extend(declared.source.clone().map(|source| Parameter {
                        name: used.name.clone(),
                        source,
                        location: self.location(declared.offset),
                    }));
                }
                None => self.fail(
                    header.statement_offset + used.offset,
                    format!("the parameter `{}` of `{name}` has no source", used.written),
                    Some(format!(
                        "write where its values come from under the name, such as \
                         `-- param {}: uniform(1, 1000)`",
                        used.name
                    )),
                ),
            }
        }
        for declared in &header.parameters {
            if !rewritten
                .parameters
                .iter()
                .any(|used| used.name == declared.name)
            {
                self.fail(
                    declared.offset,
                    format!(
                        "the parameter `{}` is declared but `{name}` never uses it",
                        declared.name
                    ),
                    Some(format!(
                        "use `:{}` in the statement, or take this line out",
                        declared.name
                    )),
                );
            }
        }
        (parameters.len() == rewritten.parameters.len()).then_some(parameters)
    }
}
