//! How the pieces of a shape are spelled: [`spelling`], [`collapsed`].

use crate::sql::scope::closing;
use crate::sql::token::{Token, TokenKind};

/// Keywords after which a parenthesis stands apart, and which keep the quotes of an identifier
/// spelled like them.
pub(super) const KEYWORDS: &[&str] = &[
    "all",
    "and",
    "any",
    "array",
    "as",
    "asc",
    "between",
    "by",
    "case",
    "cast",
    "check",
    "column",
    "conflict",
    "constraint",
    "create",
    "cross",
    "default",
    "delete",
    "desc",
    "distinct",
    "do",
    "else",
    "end",
    "except",
    "exists",
    "false",
    "fetch",
    "filter",
    "for",
    "foreign",
    "from",
    "full",
    "group",
    "having",
    "ilike",
    "in",
    "inner",
    "insert",
    "intersect",
    "into",
    "is",
    "join",
    "lateral",
    "left",
    "like",
    "limit",
    "natural",
    "not",
    "null",
    "offset",
    "on",
    "only",
    "or",
    "order",
    "outer",
    "over",
    "primary",
    "references",
    "returning",
    "right",
    "select",
    "set",
    "some",
    "table",
    "then",
    "to",
    "true",
    "union",
    "unique",
    "update",
    "user",
    "using",
    "values",
    "when",
    "where",
    "window",
    "with",
];

/// A token that is no value, as it is written in a shape.
pub(super) fn spelling(token: &Token<'_>) -> String {
    match token.kind {
        TokenKind::Word => token.text.to_lowercase(),
        TokenKind::QuotedIdentifier => {
            let name = token.identifier().unwrap_or_default();
            let folds = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
            let is_plain = name.chars().all(folds)
                && !name.starts_with(|c: char| c.is_ascii_digit())
                && !name.is_empty()
                && !KEYWORDS.contains(&name.as_str());
            if is_plain {
                name
            } else {
                token.text.to_owned()
            }
        }
        _ => token.text.to_owned(),
    }
}

/// Pieces as one list: alike ones as one and `...`.
pub(super) fn collapsed(pieces: &[String], single_too: bool) -> String {
    let alike = pieces.windows(2).all(|pair| pair[0] == pair[1]);
    let has_value = pieces.first().is_some_and(|piece| piece.contains('?'));
    match pieces.first() {
        Some(first) if alike && has_value && (single_too || pieces.len() > 1) => {
            format!("{first}, ...")
        }
        _ => pieces.join(", "),
    }
}

/// The column list of `INSERT INTO t (a, b)`.
pub(super) fn insert_columns(tokens: &[Token<'_>]) -> Vec<String> {
    let Some(into) = tokens.iter().position(|t| t.is_word("into")) else {
        return Vec::new();
    };
    let open = tokens
        .iter()
        .skip(into)
        .position(|t| t.is_symbol("("))
        .map(|at| into + at);
    let Some(open) = open else { return Vec::new() };
    if tokens[into..open]
        .iter()
        .any(|t| t.is_word("values") || t.is_word("select"))
    {
        return Vec::new();
    }
    tokens[open..closing(tokens, open)]
        .iter()
        .filter_map(Token::identifier)
        .collect()
}
