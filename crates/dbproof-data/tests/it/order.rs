//! Parents come before children.

use dbproof_data::{Specification, load_order};

/// The notation of one table, given as `child > parent parent`.
fn table(given: &str) -> String {
    let (name, parents) = given.split_once(" > ").unwrap_or((given, ""));
    let mut lines = vec![
        format!("[table.{name}]"),
        "rows = 1".to_owned(),
        format!("[table.{name}.columns]"),
        "id = { sequence = {} }".to_owned(),
    ];
    for parent in parents.split_whitespace() {
        lines.push(format!(
            "{parent}_id = {{ reference = {{ table = \"{parent}\" }} }}"
        ));
    }
    lines.join("\n") + "\n"
}

/// Tables given as `child > parent parent; other`, and the order or the error expected.
fn check(tables: &str, expected: Result<&str, &str>) {
    let text: String = tables.split("; ").map(table).collect();
    let parsed = Specification::parse("d", &text).expect("the notation is right");
    let order = load_order(&parsed)
        .map(|tables| {
            tables
                .iter()
                .map(|table| table.name())
                .collect::<Vec<_>>()
                .join(" ")
        })
        .map_err(|error| error.to_string());
    assert_eq!(
        order.as_deref().map_err(String::as_str),
        expected,
        "for {tables}"
    );
}

#[test]
fn parents_stand_before_children() {
    check("a; b; c", Ok("a b c"));
    check(
        "items > orders products; orders > users; users; products",
        Ok("users orders products items"),
    );
    check("tree > tree", Ok("tree"));
    check("d > b c; b > a; c > a; a", Ok("a b c d"));
}

#[test]
fn cycles_and_strangers_are_told_with_their_line() {
    check(
        "a > b; b > a",
        Err("d:10: tables reference each other in a cycle: a -> b -> a"),
    );
    check(
        "x > a; a > b; b > c; c > a",
        Err("d:20: tables reference each other in a cycle: a -> b -> c -> a"),
    );
    check("orders > usres; users", Err("d:5: unknown table `usres`"));
}

#[test]
fn a_table_is_specified_once() {
    let text = "[table.a]\nrows = 1\n[table.a.columns]\nid = { sequence = {} }\n";
    let mut tables = Specification::parse("one", text).unwrap();
    tables.extend(Specification::parse("two", text).unwrap());
    let error = load_order(&tables).unwrap_err();
    assert_eq!(
        error.to_string(),
        "two:1: table `a` is specified twice, first in one:1"
    );
}
