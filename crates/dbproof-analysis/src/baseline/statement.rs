//! Whether a statement is still the one that a plan was accepted for: [`statement`].

use std::fmt::Write as _;

use dbproof_model::{Bound, Parameter, ParameterSource, Query};

use crate::sql::{Token, TokenKind, tokenize};

/// Words that make a statement's rows depend on when it runs, or on chance. The list errs on the
/// side of too many: all that it costs is that the number of rows is not compared.
const FOLLOW_CLOCK: &[&str] = &[
    "now",
    "current_date",
    "current_time",
    "current_timestamp",
    "localtime",
    "localtimestamp",
    "clock_timestamp",
    "statement_timestamp",
    "transaction_timestamp",
    "timeofday",
    "age",
    "random",
    "random_normal",
    "gen_random_uuid",
    "uuid_generate_v4",
    "uuidv4",
    "uuidv7",
    "tablesample",
];

/// A digest of what decides which plan a query should have: its statement, without blanks, comments
/// and the case of keywords, and the sources of its parameters.
#[must_use]
pub fn statement(query: &Query) -> String {
    let mut text = String::new();
    for token in tokenize(&query.sql).iter().filter(|t| t.is_significant()) {
        text.push_str(&written(token));
        text.push(' ');
    }
    for parameter in &query.parameters {
        text.push_str(&source(parameter));
    }
    digest(&text)
}

/// Whether the statement's rows depend on when it runs, or on chance.
#[must_use]
pub fn follows_clock(sql: &str) -> bool {
    tokenize(sql)
        .iter()
        .any(|token| FOLLOW_CLOCK.iter().any(|word| token.is_word(word)))
}

/// 64 bits of FNV-1a in hexadecimal: the same on every machine and in every version.
#[must_use]
pub fn digest(text: &str) -> String {
    let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("{hash:016x}")
}

fn written(token: &Token<'_>) -> String {
    match token.kind {
        TokenKind::Word => token.text.to_lowercase(),
        _ => token.text.to_owned(),
    }
}

/// A parameter's source as text that stays the same from version to version.
fn source(parameter: &Parameter) -> String {
    let bound = |bound: &Bound| match bound {
        Bound::Number(number) => number.to_string(),
        Bound::RowsOf(relation) => relation.clone(),
    };
    let mut text = format!("\nparam {}: ", parameter.name);
    match &parameter.source {
        ParameterSource::Uniform { low, high } => {
            let _ = write!(text, "uniform({}, {})", bound(low), bound(high));
        }
        ParameterSource::Zipf {
            low,
            high,
            exponent,
        } => {
            let _ = write!(text, "zipf({}, {}, {exponent})", bound(low), bound(high));
        }
        ParameterSource::OneOf(values) => {
            let _ = write!(text, "one_of{values:?}");
        }
        ParameterSource::Select(sql) => text.push_str(sql),
    }
    text
}

#[cfg(test)]
mod tests {
    use dbproof_model::Location;

    use super::*;

    fn of(sql: &str, high: i64) -> String {
        let location = Location {
            file: "queries/q.sql".to_owned(),
            line: 1,
        };
        statement(&Query {
            name: "q".to_owned(),
            description: String::new(),
            sql: sql.to_owned(),
            parameters: vec![Parameter {
                name: "user_id".to_owned(),
                source: ParameterSource::Uniform {
                    low: Bound::Number(1),
                    high: Bound::Number(high),
                },
                location: location.clone(),
            }],
            threshold_ms: None,
            weight: 1.0,
            location,
            sql_line: 2,
        })
    }

    #[test]
    fn layout_comments_and_keywords_case_are_no_edit() {
        let plain = of("SELECT id FROM orders WHERE user_id = $1 LIMIT 20", 9);
        let laid_out = "select id -- the key\n  FROM orders\n WHERE user_id=$1 /* x */ LIMIT 20";
        assert_eq!(of(laid_out, 9), plain);
    }

    #[test]
    fn a_literal_a_column_or_a_source_is_an_edit() {
        let plain = of("SELECT id FROM orders WHERE user_id = $1 LIMIT 20", 9);
        for (sql, high) in [
            ("SELECT id FROM orders WHERE user_id = $1 LIMIT 50", 9),
            ("SELECT \"ID\" FROM orders WHERE user_id = $1 LIMIT 20", 9),
            ("SELECT id FROM orders WHERE user_id = $1 LIMIT 20", 10),
        ] {
            assert_ne!(of(sql, high), plain, "{sql}");
        }
    }

    #[test]
    fn the_digest_stays_what_it_is() {
        // Files written by an earlier version hold it. The value is one of the algorithm's published tests.
        assert_eq!(digest("foobar"), "85944171f73967e8");
    }

    #[test]
    fn statements_that_ask_for_the_time_are_known() {
        assert!(follows_clock("SELECT * FROM o WHERE at > NOW() - '7 days'"));
        assert!(follows_clock("SELECT current_date"));
        assert!(!follows_clock("SELECT 'now()' FROM \"random\""));
    }
}
