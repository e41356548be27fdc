//! The words of an isolation tester's file: [`tokens`].

use super::SpecError;
use crate::project::shapes::Sql;

/// A word of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Word {
    /// A bare word, or a name in double quotes.
    Name { text: String, quoted: bool },
    /// `{ … }`, trimmed.
    Block(Sql),
    /// A number.
    Number(u64),
    /// One of `( ) , *`.
    Symbol(char),
}

/// A word and its line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) word: Word,
    pub(super) line: u32,
}

/// The words of a text, without blanks and comments.
pub(super) fn tokens(text: &str) -> Result<Vec<Token>, SpecError> {
    let mut tokens = Vec::new();
    let mut rest = text;
    let mut line = 1;
    while let Some(first) = rest.chars().next() {
        let (word, length) = match first {
            c if c.is_whitespace() => (None, c.len_utf8()),
            '#' => (None, rest.find('\n').unwrap_or(rest.len())),
            '{' => block(rest, line)?,
            '"' => quoted(rest, line)?,
            '(' | ')' | ',' | '*' => (Some(Word::Symbol(first)), 1),
            '0'..='9' => number(rest, line)?,
            c if c.is_alphabetic() || c == '_' => {
                let end = rest.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '$'));
                let length = end.unwrap_or(rest.len());
                let text = rest[..length].to_owned();
                (
                    Some(Word::Name {
                        text,
                        quoted: false,
                    }),
                    length,
                )
            }
            other => {
                return Err(SpecError {
                    line,
                    message: format!("`{other}` has no meaning here"),
                });
            }
        };
        tokens.extend(word.map(|word| Token { word, line }));
        let lines = rest[..length].matches('\n').count();
        line += u32::try_from(lines).unwrap_or(0);
        rest = &rest[length..];
    }
    Ok(tokens)
}

/// A block of SQL ends at the first closing brace, whatever the SQL is.
fn block(rest: &str, line: u32) -> Result<(Option<Word>, usize), SpecError> {
    let end = rest.find('}').ok_or_else(|| SpecError {
        line,
        message: "this block of SQL is never closed by `}`".to_owned(),
    })?;
    let inner = &rest[1..end];
    let blank = &inner[..inner.len() - inner.trim_start().len()];
    let sql = Sql {
        text: inner.trim().to_owned(),
        line: line + u32::try_from(blank.matches('\n').count()).unwrap_or(0),
    };
    Ok((Some(Word::Block(sql)), end + 1))
}

fn quoted(rest: &str, line: u32) -> Result<(Option<Word>, usize), SpecError> {
    let mut text = String::new();
    let mut at = 1;
    loop {
        let end = rest[at..].find(['"', '\n']).map(|end| at + end);
        let Some(end) = end.filter(|end| rest[*end..].starts_with('"')) else {
            return Err(SpecError {
                line,
                message: "this name is never closed by `\"`".to_owned(),
            });
        };
        text.push_str(&rest[at..end]);
        if !rest[end + 1..].starts_with('"') {
            return Ok((Some(Word::Name { text, quoted: true }), end + 1));
        }
        text.push('"');
        at = end + 2;
    }
}

fn number(rest: &str, line: u32) -> Result<(Option<Word>, usize), SpecError> {
    let length = rest
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(rest.len());
    let number = rest[..length].parse().map_err(|_| SpecError {
        line,
        message: format!("`{}` is too large a number", &rest[..length]),
    })?;
    Ok((Some(Word::Number(number)), length))
}
