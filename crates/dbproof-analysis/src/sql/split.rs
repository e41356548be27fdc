//! A script as its statements: [`split_statements`].

use super::place::Lines;
use super::token::{Token, tokenize};

/// One statement of a script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// The statement, trimmed of blanks, of comments around it, and of its semicolon.
    pub sql: String,
    /// The line of its first token, counted from 1.
    pub line: u32,
    /// Where its first token begins, in bytes.
    pub offset: usize,
}

/// The statements of a script in order, without empty ones and those that are comments alone.
///
/// Semicolons inside of strings, dollar quotes, comments, parentheses and `BEGIN ATOMIC` bodies do
/// not end a statement.
#[must_use]
pub fn split_statements(script: &str) -> Vec<Statement> {
    let lines = Lines::of(script);
    let mut statements = Vec::new();
    let mut current = Current::default();
    for token in tokenize(script).iter().filter(|t| t.is_significant()) {
        if token.is_symbol(";") && current.is_at_top() {
            statements.extend(current.finish(script, &lines));
            current = Current::default();
        } else {
            current.take(token);
        }
    }
    statements.extend(current.finish(script, &lines));
    statements
}

/// The statement that is being read.
#[derive(Debug, Default)]
struct Current {
    span: Option<(usize, usize)>,
    parentheses: usize,
    /// How many `END`s are missing in a `BEGIN ATOMIC` body.
    blocks: usize,
    creates: bool,
    after_begin: bool,
}

impl Current {
    fn is_at_top(&self) -> bool {
        self.parentheses == 0 && self.blocks == 0
    }

    fn take(&mut self, token: &Token<'_>) {
        if let Some((_, end)) = &mut self.span {
            *end = token.end();
        } else {
            self.span = Some((token.offset, token.end()));
            self.creates = token.is_word("create");
        }
        if token.is_symbol("(") {
            self.parentheses += 1;
        } else if token.is_symbol(")") {
            self.parentheses = self.parentheses.saturating_sub(1);
        } else if self.blocks == 0 {
            // Only `CREATE FUNCTION` and `CREATE PROCEDURE` have such bodies; elsewhere the words
            // are identifiers.
            if self.creates && self.after_begin && token.is_word("atomic") {
                self.blocks = 1;
            }
        } else if token.is_word("case") {
            self.blocks += 1;
        } else if token.is_word("end") {
            self.blocks -= 1;
        }
        self.after_begin = token.is_word("begin");
    }

    fn finish(&self, script: &str, lines: &Lines<'_>) -> Option<Statement> {
        let (start, end) = self.span?;
        Some(Statement {
            sql: script[start..end].to_owned(),
            line: lines.line(start),
            offset: start,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(script: &str, expected: &[(u32, &str)]) {
        let statements = split_statements(script);
        let seen: Vec<_> = statements
            .iter()
            .map(|s| (s.line, s.sql.as_str()))
            .collect();
        assert_eq!(seen, expected, "{script}");
        for statement in &statements {
            assert!(script[statement.offset..].starts_with(&statement.sql));
        }
    }

    #[test]
    fn statements_end_at_semicolons_of_their_own() {
        check(
            "select 1;\n\nselect ';' ;",
            &[(1, "select 1"), (3, "select ';'")],
        );
        check(
            "a; -- ; not here\nb /* ; */ c;",
            &[(1, "a"), (2, "b /* ; */ c")],
        );
        check(
            "do $$ begin; end $$; x",
            &[(1, "do $$ begin; end $$"), (1, "x")],
        );
        check(
            "create rule r as on insert to t do (a; b); c",
            &[(1, "create rule r as on insert to t do (a; b)"), (1, "c")],
        );
    }

    #[test]
    fn empty_and_comment_only_statements_are_skipped() {
        check("", &[]);
        check(";;  ; -- nothing\n/* at all */;", &[]);
        check("-- head\nselect 1 -- tail\n", &[(2, "select 1")]);
    }

    #[test]
    fn atomic_bodies_are_one_statement() {
        check(
            "create function f() begin atomic select case when a then 1 end; select 2; end; select 3",
            &[
                (
                    1,
                    "create function f() begin atomic select case when a then 1 end; select 2; end",
                ),
                (1, "select 3"),
            ],
        );
        check(
            "begin; atomic; end;",
            &[(1, "begin"), (1, "atomic"), (1, "end")],
        );
    }

    proptest! {
        #[test]
        fn never_panics(script in r"([a-z ;'()\n]|\$\$|begin atomic|case|end|\PC){0,40}") {
            for statement in split_statements(&script) {
                prop_assert!(!statement.sql.is_empty());
            }
        }
    }
}
