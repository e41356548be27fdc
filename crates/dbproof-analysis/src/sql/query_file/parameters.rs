//! `:name`, `@name` and `$1` of a statement: [`rewrite`].

use crate::sql::token::{Token, TokenKind, tokenize};

/// A statement whose parameters are `$1`, `$2`, …
#[derive(Debug, PartialEq)]
pub(super) struct Rewritten {
    pub(super) sql: String,
    /// One for each of `$1`, `$2`, …, in that order.
    pub(super) parameters: Vec<Used>,
}

/// A parameter that a statement uses.
#[derive(Debug, PartialEq)]
pub(super) struct Used {
    /// Its name, or its number.
    pub(super) name: String,
    /// Its first use as written.
    pub(super) written: String,
    /// Where it is first used, in bytes of the statement.
    pub(super) offset: usize,
}

/// Operators that may stand directly before `@name`: together with the `@` they are none of
/// PostgreSQL's own, as `<@` is.
const BEFORE_AT: &[&str] = &[
    "=", "<>", "!=", ">", ">=", "<=", "+", "-", "*", "/", "%", "||", "~", "~*", "!~", "!~*",
];

/// One use of a parameter: the bytes that it covers, and its name.
struct Use<'a> {
    start: usize,
    end: usize,
    name: &'a str,
    numbered: bool,
}

/// Rewrites named parameters to numbered ones. An error is where, what, and what to do.
pub(super) fn rewrite(sql: &str) -> Result<Rewritten, (usize, String, String)> {
    let uses = uses(sql);
    let mixed = uses.iter().find(|u| u.numbered != uses[0].numbered);
    if let Some(mixed) = mixed {
        return Err((
            mixed.start,
            "the statement has parameters by name and by number".to_owned(),
            "write all of them in one way".to_owned(),
        ));
    }
    if uses.first().is_some_and(|first| first.numbered) {
        return numbered(sql, &uses);
    }
    let mut rewritten = Rewritten {
        sql: String::with_capacity(sql.len()),
        parameters: Vec::new(),
    };
    let mut copied = 0;
    for used in &uses {
        let known = rewritten
            .parameters
            .iter()
            .position(|p| p.name == used.name);
        let number = known.unwrap_or_else(|| {
            rewritten.parameters.push(seen(sql, used));
            rewritten.parameters.len() - 1
        });
        rewritten.sql.push_str(&sql[copied..used.start]);
        rewritten.sql.push('$');
        rewritten.sql.push_str(&(number + 1).to_string());
        copied = used.end;
    }
    rewritten.sql.push_str(&sql[copied..]);
    Ok(rewritten)
}

fn seen(sql: &str, used: &Use<'_>) -> Used {
    Used {
        name: used.name.to_owned(),
        written: sql[used.start..used.end].to_owned(),
        offset: used.start,
    }
}

fn numbered(sql: &str, uses: &[Use<'_>]) -> Result<Rewritten, (usize, String, String)> {
    let mut by_number: Vec<(u32, &Use<'_>)> = Vec::new();
    for used in uses {
        // PostgreSQL counts parameters in 16 bits.
        let number = used
            .name
            .parse::<u32>()
            .ok()
            .filter(|n| (1..=65_535).contains(n));
        let Some(number) = number else {
            return Err((
                used.start,
                format!("`${}` is no parameter", used.name),
                "parameters are `$1` to `$65535`".to_owned(),
            ));
        };
        if !by_number.iter().any(|(known, _)| *known == number) {
            by_number.push((number, used));
        }
    }
    by_number.sort_by_key(|(number, _)| *number);
    let gap = (1..)
        .zip(&by_number)
        .find(|(wanted, (number, _))| wanted != number);
    if let Some((wanted, (number, used))) = gap {
        return Err((
            used.start,
            format!("`${number}` is used, but `${wanted}` is not"),
            "number the parameters from 1 on, without gaps".to_owned(),
        ));
    }
    let parameters = by_number
        .iter()
        .map(|(number, used)| Used {
            name: number.to_string(),
            ..seen(sql, used)
        })
        .collect();
    Ok(Rewritten {
        sql: sql.to_owned(),
        parameters,
    })
}

fn uses(sql: &str) -> Vec<Use<'_>> {
    let tokens = tokenize(sql);
    let mut uses = Vec::new();
    let mut brackets = 0_usize;
    for (at, token) in tokens.iter().enumerate() {
        let name = tokens
            .get(at + 1)
            .filter(|next| next.kind == TokenKind::Word);
        match (token.text, token.kind, name) {
            ("[", ..) => brackets += 1,
            ("]", ..) => brackets = brackets.saturating_sub(1),
            (text, TokenKind::Positional, _) => uses.push(Use {
                start: token.offset,
                end: token.end(),
                name: &text[1..],
                numbered: true,
            }),
            (":", TokenKind::Punctuation, Some(name))
                if brackets == 0 || begins_a_value(&tokens[..at]) =>
            {
                uses.push(named(token.offset, name));
            }
            (text, TokenKind::Operator, Some(name)) if ends_in_parameter_sign(text) => {
                uses.push(named(token.end() - 1, name));
            }
            _ => {}
        }
    }
    uses
}

fn named<'a>(start: usize, name: &Token<'a>) -> Use<'a> {
    Use {
        start,
        end: name.end(),
        name: name.text,
        numbered: false,
    }
}

/// Whether a value can begin after these tokens. Within brackets it cannot after another value:
/// there the colon is a slice, as in `a[1:n]`.
fn begins_a_value(before: &[Token<'_>]) -> bool {
    before
        .iter()
        .rev()
        .find(|t| t.is_significant())
        .is_some_and(|last| {
            matches!(last.text, "[" | "," | ":" | "(") || last.kind == TokenKind::Operator
        })
}

fn ends_in_parameter_sign(operator: &str) -> bool {
    operator
        .strip_suffix('@')
        .is_some_and(|before| before.is_empty() || BEFORE_AT.contains(&before))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(sql: &str, expected: &str, names: &[&str]) {
        let rewritten = rewrite(sql).unwrap();
        assert_eq!(rewritten.sql, expected);
        let seen: Vec<_> = rewritten
            .parameters
            .iter()
            .map(|p| p.name.as_str())
            .collect();
        assert_eq!(seen, names, "{sql}");
    }

    #[test]
    fn parameters_are_numbered_by_first_use() {
        check(
            "a = :x and b = @y or c = :x",
            "a = $1 and b = $2 or c = $1",
            &["x", "y"],
        );
        check(
            "a=:x and b=@y and c>=@z",
            "a=$1 and b=$2 and c>=$3",
            &["x", "y", "z"],
        );
        check(
            "a = $2 and b = $1 and c = $2",
            "a = $2 and b = $1 and c = $2",
            &["1", "2"],
        );
        check("limit :limit", "limit $1", &["limit"]);
        check("a = :x::int", "a = $1::int", &["x"]);
        check("a[:i]", "a[$1]", &["i"]);
        check("a[1: :i]", "a[1: $1]", &["i"]);
        check("a[f(:i)]", "a[f($1)]", &["i"]);
    }

    #[test]
    fn what_only_looks_like_a_parameter_is_left() {
        for sql in [
            "':x' || E'\\':x' || $$ :x @y $1 $$",
            "a -- :x\n /* @y $1 */",
            "a::int, '1'::text",
            "a @> b and c <@d and e @@ f and a @?b",
            "a[1:2] || a[lo:hi] || a[f(1):n]",
            "f(a := 1, b => 2)",
            "\":x\" = 1",
            "a : b",
        ] {
            check(sql, sql, &[]);
        }
    }

    #[test]
    fn numbers_need_to_be_whole() {
        let message = |sql: &str| rewrite(sql).unwrap_err().1;
        assert_eq!(
            message("$1 + :x"),
            "the statement has parameters by name and by number"
        );
        assert_eq!(message("$1 + $3"), "`$3` is used, but `$2` is not");
        assert_eq!(message("$0"), "`$0` is no parameter");
        assert_eq!(message("$99999999999"), "`$99999999999` is no parameter");
    }
}
