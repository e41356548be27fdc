//! The comment lines under a query's name: [`read_header`].

use dbproof_model::ParameterSource;

use super::Reader;
use crate::sql::source::{nearest, parse_source};
use crate::sql::token::{Token, TokenKind};

/// The settings that a query can have.
const SETTINGS: &[&str] = &["param", "threshold_ms", "weight"];

/// What the comment lines under a query's name say.
#[derive(Debug, Default)]
pub(super) struct Header<'a> {
    pub(super) description: Vec<&'a str>,
    pub(super) threshold_ms: Option<f64>,
    pub(super) weight: Option<f64>,
    pub(super) parameters: Vec<Declared>,
    /// Where the statement begins; the end of the section where there is none.
    pub(super) statement_offset: usize,
}

/// A `-- param` line.
#[derive(Debug)]
pub(super) struct Declared {
    pub(super) name: String,
    /// `None` where it could not be read, which has been reported.
    pub(super) source: Option<ParameterSource>,
    pub(super) offset: usize,
}

/// The name in `-- name: …`, without the markers that sqlc (`:one`) and aiosql (`^`) put after it.
pub(super) fn query_name(comment: &str) -> Option<&str> {
    let text = comment.trim_start_matches('-').trim();
    let (key, value) = text.split_once(':')?;
    if !key.trim_end().eq_ignore_ascii_case("name") {
        return None;
    }
    let value = value.trim();
    let value = match value.rsplit_once(char::is_whitespace) {
        Some((name, marker)) if marker.starts_with(':') => name.trim_end(),
        _ => value,
    };
    Some(
        value
            .trim_end_matches(['^', '!', '<', '*', '#', '$'])
            .trim_end(),
    )
}

/// Reads the comment lines of a section. Settings are read wherever they stand, because one that
/// is silently ignored below the statement is worse than one that looks odd there; descriptions
/// only above it.
pub(super) fn read_header<'a>(reader: &mut Reader<'a>, tokens: &[Token<'a>]) -> Header<'a> {
    let statement = tokens.iter().find(|t| t.is_significant());
    let mut header = Header {
        statement_offset: statement
            .map_or_else(|| tokens.last().map_or(0, Token::end), |token| token.offset),
        ..Header::default()
    };
    for token in tokens.iter().filter(|t| t.kind == TokenKind::LineComment) {
        if reader.lines.is_first_on_line(token.offset) {
            read_line(reader, &mut header, token);
        }
    }
    header
}

fn read_line<'a>(reader: &mut Reader<'a>, header: &mut Header<'a>, token: &Token<'a>) {
    let text = token.text.trim_start_matches('-').trim();
    let is_above = token.offset < header.statement_offset;
    match Line::of(text) {
        Line::Threshold(value) => {
            let example = "milliseconds as a number above 0, such as `-- threshold_ms: 5`";
            let slot = &mut header.threshold_ms;
            number(reader, slot, token.offset, value, ("threshold", example));
        }
        Line::Weight(value) => {
            let example = "a number above 0, such as `-- weight: 3`";
            let slot = &mut header.weight;
            number(reader, slot, token.offset, value, ("weight", example));
        }
        Line::Parameter(name, source) => parameter(reader, header, token.offset, name, source),
        Line::Unknown(key) if is_above => {
            let known = nearest(key, SETTINGS);
            reader.fail(
                token.offset,
                format!("there is no setting `{key}`"),
                Some(match known {
                    Some(known) => format!("did you mean `{known}`?"),
                    None => "the settings of a query are `param`, `threshold_ms` and `weight`; \
                             a description that begins like a setting has to begin with a capital"
                        .to_owned(),
                }),
            );
        }
        Line::Text if is_above && !text.is_empty() => header.description.push(text),
        Line::Unknown(_) | Line::Text => {}
    }
}

/// What a comment line is.
#[derive(Debug, PartialEq)]
enum Line<'a> {
    Threshold(&'a str),
    Weight(&'a str),
    Parameter(&'a str, &'a str),
    Unknown(&'a str),
    Text,
}

impl<'a> Line<'a> {
    fn of(text: &'a str) -> Self {
        let Some((key, value)) = text.split_once(':') else {
            return match text.split_whitespace().next() {
                // A source without its colon is a slip, not prose.
                Some("param") => Line::Parameter(text["param".len()..].trim(), ""),
                _ => Line::Text,
            };
        };
        let key = key.trim();
        let words: Vec<&str> = key.split_whitespace().collect();
        match words.as_slice() {
            ["threshold_ms"] => Line::Threshold(value.trim()),
            ["weight"] => Line::Weight(value.trim()),
            ["param"] => Line::Parameter("", value.trim()),
            ["param", name] => Line::Parameter(name, value.trim()),
            [word] if is_setting_like(word, value) => Line::Unknown(word),
            [word, _] if is_key(word) && nearest(word, &["param"]).is_some() => Line::Unknown(word),
            _ => Line::Text,
        }
    }
}

fn is_key(word: &str) -> bool {
    word.chars()
        .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

/// Whether a word and what follows its colon look like a setting rather than prose or an address.
fn is_setting_like(word: &str, value: &str) -> bool {
    let misspelt = nearest(&word.to_lowercase(), SETTINGS).is_some();
    misspelt || (is_key(word) && (value.is_empty() || value.starts_with(char::is_whitespace)))
}

fn number(
    reader: &mut Reader<'_>,
    slot: &mut Option<f64>,
    offset: usize,
    value: &str,
    (name, example): (&str, &str),
) {
    match value.parse::<f64>() {
        Ok(number) if number.is_finite() && number > 0.0 => {
            if slot.replace(number).is_some() {
                reader.fail(offset, format!("the {name} is set twice"), None);
            }
        }
        _ => reader.fail(
            offset,
            format!("`{value}` is no {name}"),
            Some(format!("write {example}")),
        ),
    }
}

fn parameter(
    reader: &mut Reader<'_>,
    header: &mut Header<'_>,
    offset: usize,
    name: &str,
    source: &str,
) {
    let name = name.trim_start_matches([':', '@', '$']);
    let is_name = |c: char| c.is_alphanumeric() || c == '_';
    if name.is_empty() || !name.chars().all(is_name) {
        reader.fail(
            offset,
            "this line names no parameter",
            Some("write `-- param user_id: uniform(1, 1000)`".to_owned()),
        );
        return;
    }
    if header.parameters.iter().any(|p| p.name == name) {
        reader.fail(
            offset,
            format!("the parameter `{name}` has two sources"),
            None,
        );
        return;
    }
    let source = match parse_source(source) {
        Ok(source) => Some(source),
        Err((message, help)) => {
            reader.fail(
                offset,
                format!("the source of `{name}`: {message}"),
                Some(help),
            );
            None
        }
    };
    header.parameters.push(Declared {
        name: name.to_owned(),
        source,
        offset,
    });
}
