//! Taking values out of EXPLAIN's JSON before it is kept: [`mask_values`].
//!
//! A literal becomes `?`; casts, identifiers and parameter numbers stay, so that two masked plans
//! of one query with different parameters are alike.

use serde_json::Value;

/// Keys whose strings are names, types or prose of the server's own and never hold a literal.
/// Everything else that is a string may be an expression: new versions add keys, and a value left
/// in is worse than a name masked.
const NAMES: &[&str] = &[
    "Node Type",
    "Parent Relationship",
    "Subplan Name",
    "Parent Subplan Name",
    "Strategy",
    "Partial Mode",
    "Join Type",
    "Operation",
    "Command",
    "Schema",
    "Relation Name",
    "Alias",
    "Index Name",
    "CTE Name",
    "Function Name",
    "Tuplestore Name",
    "Table Function Name",
    "Scan Direction",
    "Sort Method",
    "Sort Space Type",
    "Sort Methods Used",
    "Group Mode",
    "Cache Mode",
    "Custom Plan Provider",
    "Conflict Resolution",
    "Conflict Arbiter Indexes",
    "Trigger Name",
    "Constraint Name",
    "Relation",
    "Storage",
    "Name",
    "Query Identifier",
    "Sampling Method",
];

/// Objects whose strings are not expressions of the statement.
const UNTOUCHED: &[&str] = &["Settings", "JIT", "Planning", "Serialization"];

/// Replaces every literal in the expressions of EXPLAIN's JSON by `?`, in place.
pub fn mask_values(explain: &mut Value) {
    match explain {
        Value::Array(items) => items.iter_mut().for_each(mask_values),
        Value::Object(object) => {
            for (key, value) in object.iter_mut() {
                if !UNTOUCHED.contains(&key.as_str()) && !NAMES.contains(&key.as_str()) {
                    mask_values(value);
                }
            }
        }
        Value::String(expression) => *expression = mask_expression(expression),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// An expression as EXPLAIN prints it, with `?` in the place of each literal.
#[must_use]
pub fn mask_expression(expression: &str) -> String {
    let mut masked = String::with_capacity(expression.len());
    let mut rest = expression;
    while let Some(first) = rest.chars().next() {
        let token = token_length(rest, first, &masked);
        let (text, after) = rest.split_at(token.length);
        masked.push_str(if token.literal { "?" } else { text });
        rest = after;
    }
    masked
}

struct Token {
    length: usize,
    literal: bool,
}

fn token_length(rest: &str, first: char, before: &str) -> Token {
    let kept = |length| Token {
        length,
        literal: false,
    };
    let literal = |length| Token {
        length,
        literal: true,
    };
    match first {
        '\'' => literal(quoted(rest, '\'', false)),
        '"' => kept(quoted(rest, '"', false)),
        ':' if rest.starts_with("::") => kept(2 + type_name(&rest[2..])),
        '$' => kept(1 + run(&rest[1..], |c| c.is_ascii_digit())),
        '-' if is_negative_number(rest, before) => literal(1 + number(&rest[1..])),
        '0'..='9' => literal(number(rest)),
        '.' if rest[1..].starts_with(|c: char| c.is_ascii_digit()) => literal(number(rest)),
        c if c.is_alphabetic() || c == '_' => {
            let word = run(rest, is_identifier);
            match (&rest[..word], &rest[word..]) {
                ("E" | "e", after) if after.starts_with('\'') => {
                    literal(word + quoted(after, '\'', true))
                }
                ("B" | "b" | "X" | "x" | "N" | "n", after) if after.starts_with('\'') => {
                    literal(word + quoted(after, '\'', false))
                }
                ("true" | "false", _) => literal(word),
                _ => kept(word),
            }
        }
        other => kept(other.len_utf8()),
    }
}

/// A quoted string's length, both quotes included; to the end where it is never closed.
fn quoted(text: &str, quote: char, escapes: bool) -> usize {
    let mut characters = text.char_indices().skip(1).peekable();
    while let Some((at, character)) = characters.next() {
        if escapes && character == '\\' {
            characters.next();
        } else if character == quote {
            match characters.peek() {
                Some((_, next)) if *next == quote => {
                    characters.next();
                }
                _ => return at + quote.len_utf8(),
            }
        }
    }
    text.len()
}

/// The length of a type after `::`, with its modifiers: `numeric(10,2)`, `character varying(20)`,
/// `"char"`, `timestamp(3) with time zone`, `public.status[]`.
fn type_name(text: &str) -> usize {
    const SECOND_WORDS: &[&str] = &[
        " precision",
        " varying",
        " without time zone",
        " with time zone",
        " year to month",
        " day to second",
        " day to hour",
        " day to minute",
        " hour to minute",
        " hour to second",
        " minute to second",
        " year",
        " month",
        " day",
        " hour",
        " minute",
        " second",
    ];
    let mut length = 0;
    loop {
        let rest = &text[length..];
        let step = match rest.chars().next() {
            Some('"') => quoted(rest, '"', false),
            Some('.') if length > 0 => 1,
            Some('(') if length > 0 => modifier(rest),
            Some('[') if length > 0 => run(rest, |c| matches!(c, '[' | ']') || c.is_ascii_digit()),
            Some(' ') => SECOND_WORDS
                .iter()
                .find(|words| {
                    rest.strip_prefix(**words)
                        .is_some_and(|after| !after.starts_with(is_identifier))
                })
                .map_or(0, |words| words.len()),
            Some(c) if is_identifier(c) => run(rest, is_identifier),
            _ => 0,
        };
        if step == 0 {
            return length;
        }
        length += step;
    }
}

/// The length of `(10,2)`; 0 where the parenthesis holds anything but numbers.
fn modifier(text: &str) -> usize {
    let inside = run(&text[1..], |c| {
        c.is_ascii_digit() || matches!(c, ',' | ' ' | '-')
    });
    if text[1 + inside..].starts_with(')') {
        inside + 2
    } else {
        0
    }
}

/// `1`, `1.5`, `.5`, `1e-07`, `0x1F`.
fn number(text: &str) -> usize {
    let mut length = run(text, |c| c.is_ascii_alphanumeric() || c == '.');
    let exponent = text[..length].ends_with(['e', 'E']) && !text.starts_with("0x");
    if exponent && text[length..].starts_with(['-', '+']) {
        length += 1;
        length += run(&text[length..], |c| c.is_ascii_digit());
    }
    length
}

/// Whether a minus belongs to a number, and is no subtraction: nothing that it could be taken from
/// stands before it.
fn is_negative_number(rest: &str, before: &str) -> bool {
    let number_follows = rest[1..].starts_with(|c: char| c.is_ascii_digit() || c == '.');
    let operand_before = before
        .trim_end()
        .ends_with(|c: char| is_identifier(c) || matches!(c, ')' | ']' | '"' | '?'));
    number_follows && !operand_before
}

fn run(text: &str, of: impl Fn(char) -> bool) -> usize {
    text.find(|c| !of(c)).unwrap_or(text.len())
}

fn is_identifier(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '$')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(expression: &str, expected: &str) {
        assert_eq!(mask_expression(expression), expected);
        assert_eq!(
            mask_expression(expected),
            expected,
            "masking again changes nothing"
        );
    }

    #[test]
    fn literals_go_and_casts_stay() {
        check("(orders.user_id = 42)", "(orders.user_id = ?)");
        check(
            "((status)::text = 'o''pen'::text)",
            "((status)::text = ?::text)",
        );
        check("(a = '-5'::integer)", "(a = ?::integer)");
        check("(a > -5)", "(a > ?)");
        check("(a - 5 > b)", "(a - ? > b)");
        check("(name = E'it\\'s'::text)", "(name = ?::text)");
        check("(bits = B'1010'::\"bit\")", "(bits = ?::\"bit\")");
        check("(a = ANY ('{1,2,3}'::bigint[]))", "(a = ANY (?::bigint[]))");
        check(
            "(x = 1e-07) AND (y = 1.5) AND (z = .5)",
            "(x = ?) AND (y = ?) AND (z = ?)",
        );
        check("(paid = true)", "(paid = ?)");
    }

    #[test]
    fn identifiers_and_parameters_stay() {
        check("(idx2 = $1)", "(idx2 = $1)");
        check("(\"Col 7\" = 7)", "(\"Col 7\" = ?)");
        check("(\"a\"\"1\".x1 = $12)", "(\"a\"\"1\".x1 = $12)");
        check("(größe2 = 3)", "(größe2 = ?)");
        check("(hashed SubPlan 1)", "(hashed SubPlan ?)");
    }

    #[test]
    fn types_keep_their_modifiers() {
        check(
            "(total)::numeric(10,2) = 5.00",
            "(total)::numeric(10,2) = ?",
        );
        check("'x'::character varying(20)", "?::character varying(20)");
        check(
            "'2026-01-01'::timestamp(3) without time zone",
            "?::timestamp(3) without time zone",
        );
        check("x::numeric(10,2)[]", "x::numeric(10,2)[]");
        check("'a'::shop.status", "?::shop.status");
        check("(1)::bigint", "(?)::bigint");
        check("'1 day'::interval day", "?::interval day");
    }

    #[test]
    fn an_unclosed_string_is_masked_to_the_end() {
        check("(a = 'secret", "(a = ?");
    }
}
