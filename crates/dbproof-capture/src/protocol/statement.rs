//! Texts as the statements that a session runs: [`Prepared`], and [`Query`], the
//! text of several.

use std::borrow::Cow;

use std::sync::{Arc, OnceLock};

use dbproof_analysis::sql::{Token, split_statements, tokenize};
use dbproof_analysis::traffic::{ResultShape, StatementText};

use super::collector::Collector;
use super::command::{Argument, Command};
use super::names::Name;

/// The server cuts identifiers off after this many bytes (`NAMEDATALEN - 1`), those of SQL alone.
const LONGEST_IDENTIFIER: usize = 63;

/// A statement that is ready to be executed.
#[derive(Debug)]
pub(super) struct Prepared {
    /// What was sent; of `DECLARE`, what the cursor is for.
    pub(super) text: StatementText,
    pub(super) acts: Option<Acts>,
    /// The OIDs of the types of the parameters as Parse told them; 0 is left to the server.
    types: Vec<u32>,
    /// The same as the server told them, once it was asked.
    pub(super) described_types: OnceLock<Vec<u32>>,
    /// The columns of its result, once they were described. They never change: the server would
    /// rather fail.
    pub(super) shape: OnceLock<Arc<ResultShape>>,
    /// The text as it was sent, where it is kept.
    pub(super) sql: Option<Arc<str>>,
}

/// What a statement does to the names of its session.
#[derive(Debug)]
pub(super) enum Acts {
    Prepare {
        name: Name,
        query: Arc<Prepared>,
    },
    Execute {
        name: Name,
        arguments: Vec<Argument>,
    },
    Deallocate {
        name: Name,
    },
    Declare {
        name: Name,
        hold: bool,
    },
    Fetch {
        name: Name,
    },
    Close {
        name: Option<Name>,
    },
    RollbackTo,
    Chain,
}

impl Prepared {
    /// Reads the text of one statement. One that is not whole is not kept.
    pub(super) fn read(sql: &str, whole: bool, types: Vec<u32>, collector: &mut Collector) -> Self {
        let mut prepared = Self::of(sql, types, collector);
        prepared.sql = prepared.sql.filter(|_| whole);
        prepared
    }

    fn of(sql: &str, types: Vec<u32>, collector: &mut Collector) -> Self {
        let command = Command::of(sql);
        let Some(Command::Declare { query, .. }) = command else {
            let acts = command.map(|command| Acts::of(command, collector));
            return Self::plain(sql, acts, types, collector);
        };
        let acts = command.map(|command| Acts::of(command, collector));
        let mut prepared = Self::plain(query, acts, types, collector);
        if prepared.text.tags.is_none() {
            prepared.text.tags = collector.statements.read(sql).tags;
        }
        prepared
    }

    /// The OIDs of the types of the parameters, as far as they are known.
    pub(super) fn types(&self) -> &[u32] {
        self.described_types.get().unwrap_or(&self.types)
    }

    fn plain(sql: &str, acts: Option<Acts>, types: Vec<u32>, collector: &mut Collector) -> Self {
        Self {
            text: collector.statements.read(sql),
            acts,
            types,
            described_types: OnceLock::new(),
            shape: OnceLock::new(),
            sql: collector.keeps_sent().then(|| sql.into()),
        }
    }
}

impl Acts {
    fn of(command: Command<'_>, collector: &mut Collector) -> Self {
        let name = |name: &str, collector: &mut Collector| {
            let mut end = name.len().min(LONGEST_IDENTIFIER);
            while !name.is_char_boundary(end) {
                end -= 1;
            }
            Name::of(&name.as_bytes()[..end], collector.statements.hasher())
        };
        match command {
            Command::Prepare { name: of, query } => Self::Prepare {
                name: name(&of, collector),
                query: Arc::new(Prepared::plain(query, None, Vec::new(), collector)),
            },
            Command::Execute {
                name: of,
                arguments,
            } => Self::Execute {
                name: name(&of, collector),
                arguments,
            },
            Command::Deallocate { name: of } => Self::Deallocate {
                name: name(&of, collector),
            },
            Command::Declare { name: of, hold, .. } => Self::Declare {
                name: name(&of, collector),
                hold,
            },
            Command::Fetch { name: of } => Self::Fetch {
                name: name(&of, collector),
            },
            Command::Close { name: of } => Self::Close {
                name: of.map(|of| name(&of, collector)),
            },
            Command::RollbackTo => Self::RollbackTo,
            Command::Chain => Self::Chain,
        }
    }
}

/// The text of a simple query, statement by statement.
#[derive(Debug)]
pub(super) struct Query {
    pub(super) statements: Vec<Arc<Prepared>>,
    /// Which of them the server is at.
    pub(super) at: usize,
    pub(super) sent_us: u64,
}

impl Query {
    /// Reads the text of a simple query.
    pub(super) fn read(sql: &str, whole: bool, sent_us: u64, collector: &mut Collector) -> Self {
        let prepared = |sql: &str, collector: &mut Collector| {
            Arc::new(Prepared::read(sql, whole, Vec::new(), collector))
        };
        let one = sql.trim_end_matches(|c: char| c == ';' || c.is_ascii_whitespace());
        let statements = if one.contains(';') {
            let texts = texts_of(sql);
            texts.iter().map(|sql| prepared(sql, collector)).collect()
        } else {
            vec![prepared(one, collector)]
        };
        Self {
            statements,
            at: 0,
            sent_us,
        }
    }
}

/// The statements of a text with the comments around them; what follows the last semicolon belongs to
/// the last statement.
fn texts_of(sql: &str) -> Vec<Cow<'_, str>> {
    let statements = split_statements(sql);
    let mut texts: Vec<Cow<'_, str>> = Vec::with_capacity(statements.len());
    let mut begin = 0;
    let mut gap_from = 0;
    for number in 0..=statements.len() {
        let next = statements.get(number);
        let gap_to = next.map_or(sql.len(), |next| next.offset);
        let semicolons = semicolons(sql, gap_from, gap_to);
        let [first, last] = semicolons.unwrap_or([gap_to, gap_to]);
        if number > 0 {
            let mut text = Cow::Borrowed(&sql[begin..first]);
            if next.is_none() && semicolons.is_some() && !sql[first + 1..].trim().is_empty() {
                text.to_mut().push(' ');
                text.to_mut().push_str(&sql[first + 1..].replace(';', " "));
            }
            texts.push(text);
        }
        begin = semicolons.map_or(gap_from, |_| last + 1);
        gap_from = next.map_or(sql.len(), |next| next.offset + next.sql.len());
    }
    texts
}

/// The first and the last semicolon between two statements.
fn semicolons(sql: &str, from: usize, to: usize) -> Option<[usize; 2]> {
    let tokens = tokenize(&sql[from..to]);
    let at = |token: &Token<'_>| from + token.offset;
    let first = tokens.iter().find(|token| token.is_symbol(";"))?;
    let last = tokens.iter().rfind(|token| token.is_symbol(";"))?;
    Some([at(first), at(last)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(sql: &str, expected: &[&str]) {
        assert_eq!(texts_of(sql), expected, "{sql}");
    }

    #[test]
    fn comments_stay_with_their_statements() {
        check("a;b", &["a", "b"]);
        check(
            "/*1*/ a /*2*/; /*3*/ b -- 4",
            &["/*1*/ a /*2*/", " /*3*/ b -- 4"],
        );
        check(";; a;; ;b;", &[" a", "b"]);
        check("a; /*t='1'*/ ;", &["a  /*t='1'*/  "]);
        check("; -- none", &[]);
    }
}
