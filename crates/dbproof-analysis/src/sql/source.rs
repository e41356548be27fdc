//! Where a parameter's values come from, as written after `-- param name:`: [`parse_source`].

use dbproof_model::{Bound, ParameterSource};

use super::split::split_statements;

/// The notations of a source, for messages.
pub(crate) const NOTATIONS: &str = "uniform(1, 1000), zipf(1, users, 1.1), one_of(1, 2, 3), \
     or select id from users; a bound can be a number or the name of a relation";

/// What is wrong with a source: a message, and what to write instead.
pub(crate) type SourceError = (String, String);

/// Reads a source.
pub(crate) fn parse_source(text: &str) -> Result<ParameterSource, SourceError> {
    let text = text.trim();
    let word_length = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    let (word, rest) = text.split_at(word_length.unwrap_or(text.len()));
    match word.to_ascii_lowercase().as_str() {
        "select" | "with" | "values" => select(text),
        "uniform" => uniform(&arguments(word, rest)?),
        "zipf" => zipf(&arguments(word, rest)?),
        "one_of" => one_of(&arguments(word, rest)?),
        "" => fail("the source is missing"),
        other => Err((
            format!("`{other}` is no source of values"),
            match nearest(other, &["uniform", "zipf", "one_of", "select"]) {
                Some(known) => format!("did you mean `{known}`? A source is {NOTATIONS}"),
                None => format!("a source is {NOTATIONS}"),
            },
        )),
    }
}

/// The known name that `word` is most like, if it is like one at all.
pub(crate) fn nearest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    known
        .iter()
        .map(|name| (strsim::damerau_levenshtein(word, name), *name))
        .filter(|(distance, name)| *distance <= (name.len() / 3).max(2))
        .min()
        .map(|(_, name)| name)
}

fn fail<T>(message: impl Into<String>) -> Result<T, SourceError> {
    Err((message.into(), format!("a source is {NOTATIONS}")))
}

fn select(text: &str) -> Result<ParameterSource, SourceError> {
    match split_statements(text).as_slice() {
        [only] => Ok(ParameterSource::Select(only.sql.clone())),
        _ => fail("the source holds more than one statement"),
    }
}

/// One argument, and whether it was quoted.
struct Argument {
    text: String,
    quoted: bool,
}

/// The arguments between the parentheses after a source's name.
fn arguments(word: &str, rest: &str) -> Result<Vec<Argument>, SourceError> {
    let Some(inner) = rest.trim_start().strip_prefix('(') else {
        return fail(format!("`{word}` needs its arguments in parentheses"));
    };
    let mut arguments = Vec::new();
    let mut current = Argument {
        text: String::new(),
        quoted: false,
    };
    let mut in_quotes = false;
    let mut characters = inner.char_indices().peekable();
    while let Some((at, c)) = characters.next() {
        match c {
            '\'' if in_quotes && characters.peek().is_some_and(|(_, next)| *next == '\'') => {
                characters.next();
                current.text.push('\'');
            }
            '\'' if !in_quotes && current.text.trim().is_empty() => {
                current = Argument {
                    text: String::new(),
                    quoted: true,
                };
                in_quotes = true;
            }
            '\'' if in_quotes => in_quotes = false,
            ',' if !in_quotes => {
                arguments.push(std::mem::replace(
                    &mut current,
                    Argument {
                        text: String::new(),
                        quoted: false,
                    },
                ));
            }
            ')' if !in_quotes => {
                let is_empty = arguments.is_empty() && current.text.trim().is_empty();
                if !is_empty || current.quoted {
                    arguments.push(current);
                }
                after_parenthesis(&inner[at + 1..])?;
                return trimmed(word, arguments);
            }
            // Blanks after a closing quote are not part of the value.
            c if current.quoted && !in_quotes && c.is_whitespace() => {}
            c => current.text.push(c),
        }
    }
    fail(format!("`{word}(` is not closed"))
}

fn after_parenthesis(rest: &str) -> Result<(), SourceError> {
    let rest = rest.trim();
    if rest.is_empty() {
        return Ok(());
    }
    if rest.starts_with('|') {
        return Err((
            "a parameter has one source, but `|` begins a second".to_owned(),
            "keep one of them; to mix, write a select with `union all`".to_owned(),
        ));
    }
    fail(format!("`{rest}` follows the source"))
}

fn trimmed(word: &str, mut arguments: Vec<Argument>) -> Result<Vec<Argument>, SourceError> {
    for argument in arguments.iter_mut().filter(|a| !a.quoted) {
        argument.text = argument.text.trim().to_owned();
        if argument.text.is_empty() {
            return fail(format!("an argument of `{word}` is empty"));
        }
    }
    Ok(arguments)
}

fn uniform(arguments: &[Argument]) -> Result<ParameterSource, SourceError> {
    let [low, high] = arguments else {
        return fail(format!(
            "`uniform` takes two bounds, not {} arguments",
            arguments.len()
        ));
    };
    let (low, high) = bounds(low, high)?;
    Ok(ParameterSource::Uniform { low, high })
}

fn zipf(arguments: &[Argument]) -> Result<ParameterSource, SourceError> {
    let [low, high, exponent] = arguments else {
        return fail(format!(
            "`zipf` takes two bounds and an exponent, not {} arguments",
            arguments.len()
        ));
    };
    let (low, high) = bounds(low, high)?;
    match exponent.text.parse::<f64>() {
        Ok(exponent) if exponent.is_finite() && exponent > 0.0 => Ok(ParameterSource::Zipf {
            low,
            high,
            exponent,
        }),
        _ => fail(format!(
            "`{}` is no exponent: it has to be a number above 0",
            exponent.text
        )),
    }
}

fn one_of(arguments: &[Argument]) -> Result<ParameterSource, SourceError> {
    if arguments.is_empty() {
        return fail("`one_of` needs at least one value");
    }
    Ok(ParameterSource::OneOf(
        arguments.iter().map(|a| a.text.clone()).collect(),
    ))
}

fn bounds(low: &Argument, high: &Argument) -> Result<(Bound, Bound), SourceError> {
    let bounds = (bound(low)?, bound(high)?);
    match bounds {
        (Bound::Number(low), Bound::Number(high)) if low > high => fail(format!(
            "the lower bound {low} is above the upper bound {high}"
        )),
        bounds => Ok(bounds),
    }
}

fn bound(argument: &Argument) -> Result<Bound, SourceError> {
    let text = &argument.text;
    if let Ok(number) = text.replace('_', "").parse::<i64>() {
        return Ok(Bound::Number(number));
    }
    let is_relation = !argument.quoted
        && text.split('.').all(|part| {
            part.starts_with(|c: char| c.is_alphabetic() || c == '_')
                && part.chars().all(|c| c.is_alphanumeric() || c == '_')
        });
    if is_relation {
        return Ok(Bound::RowsOf(text.clone()));
    }
    fail(format!(
        "`{text}` is neither an integer nor the name of a relation"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one_of(values: &[&str]) -> ParameterSource {
        ParameterSource::OneOf(values.iter().map(|v| (*v).to_owned()).collect())
    }

    #[test]
    fn every_notation_is_read() {
        let rows_of = |name: &str| Bound::RowsOf(name.to_owned());
        for (text, expected) in [
            (
                "uniform(1, 1000)",
                ParameterSource::Uniform {
                    low: Bound::Number(1),
                    high: Bound::Number(1000),
                },
            ),
            (
                " Zipf( -1 ,shop.users, 1.1 ) ",
                ParameterSource::Zipf {
                    low: Bound::Number(-1),
                    high: rows_of("shop.users"),
                    exponent: 1.1,
                },
            ),
            ("one_of(1, 2, 3)", one_of(&["1", "2", "3"])),
            (
                "one_of('a, b', 'it''s' , new york, '')",
                one_of(&["a, b", "it's", "new york", ""]),
            ),
            (
                "select a || b from users where x = 'a;b';",
                ParameterSource::Select("select a || b from users where x = 'a;b'".to_owned()),
            ),
        ] {
            assert_eq!(parse_source(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_said() {
        for (text, expected) in [
            ("", "the source is missing"),
            ("unifrom(1, 2)", "`unifrom` is no source of values"),
            ("uniform", "`uniform` needs its arguments in parentheses"),
            ("uniform(1, 2", "`uniform(` is not closed"),
            ("uniform(1)", "`uniform` takes two bounds, not 1 arguments"),
            (
                "uniform(9, 2)",
                "the lower bound 9 is above the upper bound 2",
            ),
            (
                "uniform(1, 2.5)",
                "`2.5` is neither an integer nor the name of a relation",
            ),
            ("uniform(1,)", "an argument of `uniform` is empty"),
            (
                "zipf(1, 2)",
                "`zipf` takes two bounds and an exponent, not 2 arguments",
            ),
            (
                "zipf(1, 2, NaN)",
                "`NaN` is no exponent: it has to be a number above 0",
            ),
            (
                "zipf(1, 2, -1)",
                "`-1` is no exponent: it has to be a number above 0",
            ),
            ("one_of()", "`one_of` needs at least one value"),
            (
                "one_of(1) | uniform(1, 2)",
                "a parameter has one source, but `|` begins a second",
            ),
            ("one_of(1) x", "`x` follows the source"),
            (
                "select 1; select 2",
                "the source holds more than one statement",
            ),
        ] {
            assert_eq!(parse_source(text).unwrap_err().0, expected, "{text}");
        }
        assert!(
            parse_source("unifrom(1, 2)")
                .unwrap_err()
                .1
                .contains("did you mean `uniform`?")
        );
    }
}
