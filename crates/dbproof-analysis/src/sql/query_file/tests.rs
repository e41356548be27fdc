use dbproof_model::{Bound, ParameterSource};
use proptest::prelude::*;

use super::*;

#[test]
fn a_file_is_read_with_all_that_it_says() {
    let text = "\
-- Queries of the shop.
-- name: order_history
-- A user's latest orders,
-- as the account page shows them.
-- threshold_ms: 5
-- weight: 2.5
-- param user_id: zipf(1, users, 1.1)
SELECT id FROM orders -- newest
WHERE user_id = :user_id AND note <> ':user_id'::text LIMIT 20;

-- name: by_ids :many
-- param 1: one_of('{1,2}')

select * from orders where id = any($1)
";
    let queries = parse_query_file("queries/orders.sql", text).unwrap();
    let [history, by_ids] = queries.as_slice() else {
        panic!("{queries:?}")
    };
    assert_eq!(history.name, "order_history");
    assert_eq!(
        history.description,
        "A user's latest orders, as the account page shows them."
    );
    assert_eq!(history.threshold_ms, Some(5.0));
    assert_eq!(
        history.sql,
        "SELECT id FROM orders -- newest\n\
         WHERE user_id = $1 AND note <> ':user_id'::text LIMIT 20"
    );
    assert_eq!((history.location.line, history.sql_line), (2, 8));
    assert_eq!(history.parameters[0].name, "user_id");
    assert_eq!(history.parameters[0].location.line, 7);
    assert_eq!(
        history.parameters[0].source,
        ParameterSource::Zipf {
            low: Bound::Number(1),
            high: Bound::RowsOf("users".to_owned()),
            exponent: 1.1
        }
    );
    assert_eq!((by_ids.name.as_str(), by_ids.sql_line), ("by_ids", 14));
    assert_eq!(by_ids.threshold_ms, None);
    assert_eq!((history.weight, by_ids.weight), (2.5, 1.0));
    assert_eq!(by_ids.parameters[0].name, "1");
}

#[test]
fn descriptions_and_addresses_are_no_settings() {
    let text = "-- name: a\n-- Note: slow\n-- https://example.org\n-- see also: b\nselect 1";
    let queries = parse_query_file("q.sql", text).unwrap();
    assert_eq!(
        queries[0].description,
        "Note: slow https://example.org see also: b"
    );
}

#[test]
fn a_file_without_queries_holds_none() {
    assert_eq!(parse_query_file("q.sql", "-- nothing yet\n"), Ok(vec![]));
}

/// `expected` is `line:column message | help`.
fn check_error(text: &str, expected: &[&str]) {
    let errors = parse_query_file("q.sql", text).expect_err(text);
    let seen: Vec<_> = errors
        .iter()
        .map(|e| {
            let help = e
                .help
                .as_deref()
                .map(|h| format!(" | {h}"))
                .unwrap_or_default();
            format!("{}:{} {}{help}", e.line, e.column.unwrap_or(0), e.message)
        })
        .collect();
    assert_eq!(seen, expected, "{text}");
}

#[test]
fn text_before_the_first_name() {
    check_error(
        "-- a comment\n  select 1;\n-- name: a\nselect 2",
        &[
            "2:3 a statement stands before the first `-- name:` | write `-- name: some_name` above it",
        ],
    );
}

#[test]
fn names_that_cannot_be() {
    check_error(
        "-- name: a\nselect 1;\n-- name: a\nselect 2;",
        &["3:1 the name `a` is already taken on line 1 | give each query a name of its own"],
    );
    check_error("-- name:\nselect 1", &["1:1 `-- name:` names nothing"]);
    check_error(
        "-- name: my query\nselect 1",
        &["1:1 `my query` is no name for a query | use letters, digits, `_`, `-` and `.`"],
    );
}

#[test]
fn parameters_and_sources_that_do_not_meet() {
    check_error(
        "-- name: a\nselect *\nfrom t where u = :user_id",
        &[
            "3:18 the parameter `:user_id` of `a` has no source | write where its values come from \
           under the name, such as `-- param user_id: uniform(1, 1000)`",
        ],
    );
    check_error(
        "-- name: a\n-- param x: uniform(1, 2)\nselect 1",
        &[
            "2:1 the parameter `x` is declared but `a` never uses it | use `:x` in the statement, \
           or take this line out",
        ],
    );
    check_error(
        "-- name: a\n-- param x: one_of(1)\n-- param x: one_of(2)\nselect :x",
        &["3:1 the parameter `x` has two sources"],
    );
}

#[test]
fn statements_that_are_not_one() {
    check_error(
        "-- name: a\nselect 1;\nselect 2;\n",
        &["3:1 a second statement stands under the name `a` | write `-- name: some_name` above it"],
    );
    check_error(
        "-- name: a\n-- Nothing.\n;\n-- name: b\nselect 1",
        &["1:1 no statement follows the name `a`"],
    );
    check_error("-- name: a\nselect 'x", &["2:8 this is never closed"]);
}

#[test]
fn settings_that_cannot_be() {
    check_error(
        "-- name: a\n-- treshold_ms: 5\nselect 1",
        &["2:1 there is no setting `treshold_ms` | did you mean `threshold_ms`?"],
    );
    check_error(
        "-- name: a\n-- params x: one_of(1)\nselect 1",
        &["2:1 there is no setting `params` | did you mean `param`?"],
    );
    check_error(
        "-- name: a\n-- samples: 5\nselect 1",
        &[
            "2:1 there is no setting `samples` | the settings of a query are `param`, \
           `threshold_ms` and `weight`; a description that begins like a setting has to begin with a capital",
        ],
    );
    for bad in ["-1", "0", "NaN", "inf", "5ms", ""] {
        check_error(
            &format!("-- name: a\n-- threshold_ms: {bad}\nselect 1"),
            &[&format!(
                "2:1 `{bad}` is no threshold | write milliseconds as a number above 0, such as \
                 `-- threshold_ms: 5`"
            )],
        );
    }
    check_error(
        "-- name: a\n-- weight: 0\n-- wieght: 3\nselect 1",
        &[
            "2:1 `0` is no weight | write a number above 0, such as `-- weight: 3`",
            "3:1 there is no setting `wieght` | did you mean `weight`?",
        ],
    );
    check_error(
        "-- name: a\n-- weight: 1\n-- weight: 2\nselect 1",
        &["3:1 the weight is set twice"],
    );
    check_error(
        "-- name: a\n-- param: one_of(1)\nselect 1",
        &["2:1 this line names no parameter | write `-- param user_id: uniform(1, 1000)`"],
    );
}

#[test]
fn sources_that_cannot_be_read() {
    check_error(
        "-- name: a\n-- param x: one_of(1) | one_of(2)\nselect :x",
        &[
            "2:1 the source of `x`: a parameter has one source, but `|` begins a second | keep one \
           of them; to mix, write a select with `union all`",
        ],
    );
}

#[test]
fn all_errors_come_at_once_in_order() {
    let errors = parse_query_file(
        "q.sql",
        "select 0;\n-- name: a\nselect :x;\n-- name: a\n-- threshold_ms: -1\nselect 1; select 2;",
    )
    .unwrap_err();
    let lines: Vec<_> = errors.iter().map(|e| e.line).collect();
    assert_eq!(lines, [1, 3, 4, 5, 6]);
}

proptest! {
    #[test]
    fn never_panics(text in r"(-- name: a|-- param x: |one_of\(|select |[:@$]x|\$1|\n|'|;|[a-z0-9 (),]|\PC){0,30}") {
        let _ = parse_query_file("q.sql", &text);
    }
}
