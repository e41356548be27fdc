//! Which column a value is compared with: [`compared_with`].

use super::{ComparedColumn, Comparison};
use crate::sql::scope::{RelationName, Scopes};
use crate::sql::token::{Token, TokenKind};

/// Words that are no column where an operand stands.
const NO_COLUMNS: &[&str] = &[
    "and",
    "or",
    "not",
    "select",
    "where",
    "null",
    "true",
    "false",
    "on",
    "when",
    "then",
    "else",
    "case",
    "end",
    "in",
    "any",
    "all",
    "some",
    "is",
    "like",
    "ilike",
    "between",
    "having",
    "set",
    "values",
    "default",
    "interval",
    "date",
    "timestamp",
    "array",
    "row",
    "distinct",
    "from",
    "limit",
    "offset",
    "by",
];

/// The column that the operand in `tokens[start..end]` is compared with, if the comparison is
/// between the two alone. The operand is a value with all that [`Operand`] finds around it.
pub(super) fn compared_with(
    tokens: &[Token<'_>],
    scopes: &Scopes,
    start: usize,
    end: usize,
) -> Option<ComparedColumn> {
    if let Some((operator, comparison)) = start
        .checked_sub(1)
        .and_then(|at| comparison_at(tokens, at))
        && !tokens.get(end).is_some_and(is_arithmetic)
    {
        return column_before(tokens, scopes, operator, comparison);
    }
    let (operator, comparison) = comparison_at(tokens, end)?;
    let before = start.checked_sub(1).map(|at| &tokens[at]);
    if before.is_some_and(|t| is_arithmetic(t) || t.kind == TokenKind::Cast) {
        return None;
    }
    column_after(tokens, scopes, operator + 1, comparison)
}

/// The column before the operator (or the word `IN`) at `operator`.
pub(super) fn column_before(
    tokens: &[Token<'_>],
    scopes: &Scopes,
    operator: usize,
    comparison: Comparison,
) -> Option<ComparedColumn> {
    let mut last = operator.checked_sub(1)?;
    // The column in `col::text = ?` is still the column.
    while last >= 2
        && tokens[last].kind == TokenKind::Word
        && tokens[last - 1].kind == TokenKind::Cast
    {
        last -= 2;
    }
    let mut path = vec![column_name(&tokens[last])?];
    let mut first = last;
    while first >= 2 && tokens[first - 1].is_symbol(".") {
        path.insert(0, tokens[first - 2].identifier()?);
        first -= 2;
    }
    let stands_alone = first.checked_sub(1).is_none_or(|before| {
        let before = &tokens[before];
        !is_arithmetic(before) && comparison_of(before).is_none() && before.kind != TokenKind::Cast
    });
    if !stands_alone {
        return None;
    }
    resolved(scopes, last, &path, comparison)
}

/// What these make of a column is no row's own.
const AGGREGATES: &[&str] = &["avg", "count", "max", "min", "sum"];

/// Whether the operand in `tokens[start..]` is compared by `=` with what a function makes of one column, as
/// in `lower(email) = $1`.
pub(super) fn is_compared_with_call(tokens: &[Token<'_>], start: usize) -> bool {
    let before = |back: usize| start.checked_sub(back).map(|at| &tokens[at]);
    let is_equal = before(1).is_some_and(|t| comparison_of(t) == Some(Comparison::Equal));
    if !is_equal || !before(2).is_some_and(|t| t.is_symbol(")")) {
        return false;
    }
    // The name of a column, qualified or not, between the parentheses.
    let Some(mut at) = start.checked_sub(3) else {
        return false;
    };
    while at >= 2 && tokens[at - 1].is_symbol(".") {
        at -= 2;
    }
    let opens = at
        .checked_sub(1)
        .is_some_and(|open| tokens[open].is_symbol("("));
    let called = at
        .checked_sub(2)
        .and_then(|name| column_name(&tokens[name]));
    let called = called.is_some_and(|name| !AGGREGATES.contains(&name.as_str()));
    opens && called && column_name(&tokens[start - 3]).is_some()
}

fn column_after(
    tokens: &[Token<'_>],
    scopes: &Scopes,
    first: usize,
    comparison: Comparison,
) -> Option<ComparedColumn> {
    let mut path = vec![column_name(tokens.get(first)?)?];
    let mut next = first + 1;
    while tokens.get(next).is_some_and(|t| t.is_symbol(".")) {
        path.push(tokens.get(next + 1)?.identifier()?);
        next += 2;
    }
    let next = tokens.get(after_casts(tokens, next));
    if next.is_some_and(|t| is_arithmetic(t) || t.is_symbol("(") || t.is_symbol("[")) {
        return None;
    }
    resolved(scopes, first, &path, comparison)
}

fn resolved(
    scopes: &Scopes,
    at: usize,
    path: &[String],
    comparison: Comparison,
) -> Option<ComparedColumn> {
    let column = path.last()?.clone();
    let (relation, candidates) = match path {
        [_] => match scopes.candidates(at) {
            only if only.len() == 1 => (only.first().cloned(), Vec::new()),
            several => (None, several),
        },
        [qualifier, _] => (scopes.qualified(at, qualifier), Vec::new()),
        [.., schema, name, _] => (
            Some(RelationName {
                schema: Some(schema.clone()),
                name: name.clone(),
            }),
            Vec::new(),
        ),
        [] => return None,
    };
    Some(ComparedColumn {
        relation,
        candidates,
        column,
        comparison,
    })
}

fn column_name(token: &Token<'_>) -> Option<String> {
    if NO_COLUMNS.iter().any(|word| token.is_word(word)) {
        None
    } else {
        token.identifier()
    }
}

/// The comparison operator at `at`, and how it compares.
fn comparison_at(tokens: &[Token<'_>], at: usize) -> Option<(usize, Comparison)> {
    Some((at, comparison_of(tokens.get(at)?)?))
}

fn comparison_of(token: &Token<'_>) -> Option<Comparison> {
    match (token.kind, token.text) {
        (TokenKind::Operator, "=") => Some(Comparison::Equal),
        (TokenKind::Operator, "<" | "<=" | ">" | ">=") => Some(Comparison::Range),
        _ => None,
    }
}

fn is_arithmetic(token: &Token<'_>) -> bool {
    token.kind == TokenKind::Operator && comparison_of(token).is_none()
}

/// Words before a parenthesis that is no call's and no list's: what it holds is the operand itself.
const GROUPING: &[&str] = &[
    "and", "between", "else", "having", "like", "limit", "not", "offset", "on", "or", "select",
    "then", "when", "where",
];

/// A value with the casts and the parentheses around it, as `('1'::int8)` or `CAST($1 AS bigint)`:
/// still the value that the other side is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Operand {
    /// The first token, and the one after the last.
    pub(crate) start: usize,
    pub(crate) end: usize,
    /// How many parentheses there are around the value.
    pub(crate) depth: usize,
    /// The tokens of the type that the value is cast to, where it is cast.
    pub(crate) cast: Option<(usize, usize)>,
    /// Whether there are several casts, one around the other.
    pub(crate) is_cast_twice: bool,
}

impl Operand {
    /// The operand whose value is `tokens[start..end]`, in so many parentheses at the most.
    pub(crate) fn around(
        tokens: &[Token<'_>],
        start: usize,
        end: usize,
        most_depth: usize,
    ) -> Self {
        let mut operand = Self {
            start,
            end,
            depth: 0,
            cast: None,
            is_cast_twice: false,
        };
        loop {
            let cast_end = after_casts(tokens, operand.end);
            if cast_end > operand.end {
                operand.cast_to(operand.end + 1, cast_end);
                let casts = tokens[operand.end..cast_end].iter();
                operand.is_cast_twice |= casts.filter(|t| t.kind == TokenKind::Cast).count() > 1;
                operand.end = cast_end;
            }
            let open = operand.start.checked_sub(1);
            let open = open.filter(|at| operand.depth < most_depth && tokens[*at].is_symbol("("));
            let Some(open) = open else {
                return operand;
            };
            let Some(after) = tokens.get(operand.end) else {
                return operand;
            };
            let before = open.checked_sub(1).map(|at| &tokens[at]);
            if after.is_word("as") && before.is_some_and(|t| t.is_word("cast")) {
                let close = crate::sql::scope::closing(tokens, open);
                if !tokens[close].is_symbol(")") {
                    return operand;
                }
                operand.cast_to(operand.end + 1, close);
                operand.start = open - 1;
                operand.end = close + 1;
            } else if after.is_symbol(")") && before.is_none_or(groups) {
                operand.start = open;
                operand.end += 1;
            } else {
                return operand;
            }
            operand.depth += 1;
        }
    }

    fn cast_to(&mut self, start: usize, end: usize) {
        self.is_cast_twice |= self.cast.is_some();
        self.cast = Some((start, end));
    }
}

/// Whether a parenthesis after this token holds an operand, and is no call's and no list's.
fn groups(before: &Token<'_>) -> bool {
    before.kind == TokenKind::Operator
        || before.is_symbol("(")
        || before.is_symbol(",")
        || GROUPING.iter().any(|word| before.is_word(word))
}

/// The column that stands alone after the operator at `operator`, as tokens.
pub(crate) fn path_after(tokens: &[Token<'_>], operator: usize) -> Option<(usize, usize)> {
    let first = operator + 1;
    column_name(tokens.get(first)?)?;
    let mut next = first + 1;
    while tokens.get(next).is_some_and(|t| t.is_symbol(".")) {
        tokens.get(next + 1)?.identifier()?;
        next += 2;
    }
    Some((first, next))
}

/// Where the casts that follow a value end.
pub(super) fn after_casts(tokens: &[Token<'_>], end: usize) -> usize {
    let mut next = end;
    while tokens.get(next).is_some_and(|t| t.kind == TokenKind::Cast) {
        next += 2;
        if tokens.get(next).is_some_and(|t| t.is_symbol("(")) {
            next = crate::sql::scope::closing(tokens, next) + 1;
        }
        while tokens
            .get(next)
            .is_some_and(|t| t.is_symbol("[") || t.is_symbol("]"))
        {
            next += 1;
        }
    }
    next.min(tokens.len())
}
