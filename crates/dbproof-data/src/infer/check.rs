//! What CHECK constraints allow: [`Limits`].

/// What the constraints on a column allow, as far as they are understood.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Limits {
    pub(super) min: Option<f64>,
    pub(super) max: Option<f64>,
    /// The values that are listed.
    pub(super) values: Vec<String>,
    /// Characters.
    pub(super) length: Option<usize>,
    pub(super) shortest: Option<usize>,
    pub(super) longest: Option<usize>,
    /// The column that it must not come before.
    pub(super) after: Option<String>,
}

/// Is told a column and what to do to its limits; `false` where there is no such column.
type Limiter<'l> = dyn FnMut(&str, &dyn Fn(&mut Limits)) -> bool + 'l;

/// Reads a constraint as `pg_get_constraintdef` writes it; tells each of its conditions to `limit`,
/// which finds the column's limits. `false` where a part of it is not understood.
pub(super) fn read(check: &str, limit: &mut Limiter<'_>) -> bool {
    let plain = plain(check);
    if plain.contains(" OR ") || plain.contains(" NOT ") || plain.contains(" CASE ") {
        return false;
    }
    let mut understood = true;
    for condition in plain.split(" AND ") {
        understood &= read_condition(condition.trim(), limit);
    }
    understood
}

fn read_condition(condition: &str, limit: &mut Limiter<'_>) -> bool {
    if let Some((column, list)) = condition.split_once(" = ANY ") {
        let Some(values) = listed(list) else {
            return false;
        };
        return limit(column.trim(), &|limits| limits.values.clone_from(&values));
    }
    let words: Vec<&str> = condition.split_whitespace().collect();
    match words[..] {
        [_, "IS", "NOT", "NULL"] => true,
        [
            "length" | "char_length" | "octet_length",
            column,
            operator,
            number,
        ] => {
            let Ok(number) = number.parse::<usize>() else {
                return false;
            };
            match operator {
                "=" => limit(column, &|limits| limits.length = Some(number)),
                ">=" => limit(column, &|limits| limits.shortest = Some(number)),
                ">" => limit(column, &|limits| limits.shortest = Some(number + 1)),
                "<=" => limit(column, &|limits| limits.longest = Some(number)),
                "<" => limit(column, &|limits| {
                    limits.longest = Some(number.saturating_sub(1));
                }),
                _ => false,
            }
        }
        [left, operator, right] => compared(left, operator, right, limit),
        _ => false,
    }
}

fn compared(left: &str, operator: &str, right: &str, limit: &mut Limiter<'_>) -> bool {
    if let Ok(number) = right.trim_matches('\'').parse::<f64>() {
        return match operator {
            ">=" => limit(left, &|limits| limits.min = Some(number)),
            // The next whole number, and for what is no whole number far enough.
            ">" => limit(left, &|limits| limits.min = Some(number.floor() + 1.0)),
            "<=" => limit(left, &|limits| limits.max = Some(number)),
            "<" => limit(left, &|limits| limits.max = Some(number.ceil() - 1.0)),
            "=" => limit(left, &|limits| {
                (limits.min, limits.max) = (Some(number), Some(number));
            }),
            _ => false,
        };
    }
    let is_name = |word: &str| {
        word.chars()
            .all(|c| c.is_alphanumeric() || c == '_' || c == '"')
    };
    if !is_name(left) || !is_name(right) {
        return false;
    }
    let (later, earlier) = match operator {
        ">=" | ">" => (left, right),
        "<=" | "<" => (right, left),
        _ => return false,
    };
    let earlier = earlier.trim_matches('"').to_owned();
    limit(later, &|limits| limits.after = Some(earlier.clone()))
}

/// `ARRAY['a', 'b']`, or `'{a,b}'`.
fn listed(list: &str) -> Option<Vec<String>> {
    let inside = list.trim().strip_prefix("ARRAY[")?.split_once(']')?.0;
    let mut values = Vec::new();
    let mut rest = inside.trim();
    while !rest.is_empty() {
        let (value, after) = match rest.strip_prefix('\'') {
            Some(quoted) => {
                let end = quoted.find('\'')?;
                // A quote within a value is doubled; such values are left to the reader.
                if quoted[end + 1..].starts_with('\'') {
                    return None;
                }
                (&quoted[..end], &quoted[end + 1..])
            }
            None => rest.split_at(rest.find(',').unwrap_or(rest.len())),
        };
        values.push(value.trim().to_owned());
        rest = after.trim_start().trim_start_matches(',').trim_start();
    }
    Some(values)
}

/// The constraint without parentheses and casts, except inside of quotes.
fn plain(check: &str) -> String {
    const TYPES: [&str; 6] = [
        "character varying",
        "double precision",
        "timestamp with time zone",
        "timestamp without time zone",
        "time without time zone",
        "bit varying",
    ];
    let check = check.strip_prefix("CHECK").unwrap_or(check);
    let check = check.strip_suffix("NOT VALID").unwrap_or(check);
    let mut text = String::new();
    let mut rest = check;
    while let Some(c) = rest.chars().next() {
        if c == '\'' || c == '"' {
            let end = rest[1..].find(c).map_or(rest.len(), |end| end + 2);
            text.push_str(&rest[..end]);
            rest = &rest[end..];
        } else if let Some(cast) = rest.strip_prefix("::") {
            let known = TYPES.iter().find(|name| cast.starts_with(**name));
            let length = known.map_or_else(
                || {
                    let end = |c: char| !(c.is_alphanumeric() || "_.\"".contains(c));
                    cast.find(end).unwrap_or(cast.len())
                },
                |name| name.len(),
            );
            rest = cast[length..].trim_start_matches("[]");
            // The modifier of a type is no operand.
            if let Some(modifier) = rest.strip_prefix('(') {
                let end = modifier.find(')').map_or(modifier.len(), |end| end + 1);
                rest = &modifier[end..];
                rest = rest.trim_start_matches("[]");
            }
        } else {
            text.push(if matches!(c, '(' | ')') { ' ' } else { c });
            rest = &rest[c.len_utf8()..];
        }
    }
    format!(
        " {} ",
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The limits that a constraint gives its columns, and whether it is understood as a whole.
    fn of(check: &str) -> (Vec<(String, Limits)>, bool) {
        let mut all = Vec::new();
        let understood = read(check, &mut |column, set| {
            let mut limits = Limits::default();
            set(&mut limits);
            all.push((column.to_owned(), limits));
            true
        });
        (all, understood)
    }

    #[test]
    fn what_the_server_writes_is_read() {
        let none = Limits::default;
        let some = |text: &[&str]| text.iter().map(ToString::to_string).collect();
        let cases = [
            (
                "CHECK ((price >= (0)::numeric))",
                "price",
                Limits {
                    min: Some(0.0),
                    ..none()
                },
            ),
            (
                "CHECK ((length(country) = 2))",
                "country",
                Limits {
                    length: Some(2),
                    ..none()
                },
            ),
            (
                "CHECK ((status = ANY (ARRAY['pending'::text, 'paid, late'::text])))",
                "status",
                Limits {
                    values: some(&["pending", "paid, late"]),
                    ..none()
                },
            ),
            (
                "CHECK (((kind)::text = ANY ((ARRAY['a'::character varying, 'b'::character varying])::text[])))",
                "kind",
                Limits {
                    values: some(&["a", "b"]),
                    ..none()
                },
            ),
            (
                "CHECK ((shipped_at >= created_at))",
                "shipped_at",
                Limits {
                    after: Some("created_at".to_owned()),
                    ..none()
                },
            ),
            (
                "CHECK ((n > 0)) NOT VALID",
                "n",
                Limits {
                    min: Some(1.0),
                    ..none()
                },
            ),
        ];
        for (check, column, limits) in cases {
            assert_eq!(
                of(check),
                (vec![(column.to_owned(), limits)], true),
                "{check}"
            );
        }
        let (both, understood) = of("CHECK (((a >= 1) AND (a <= 5)))");
        assert!(understood && both.len() == 2);
        for opaque in [
            "CHECK ((a > 1) OR (b > 1))",
            "CHECK ((a % 2) = 0)",
            "CHECK (ok(a))",
        ] {
            assert!(!of(opaque).1, "{opaque}");
        }
    }
}
