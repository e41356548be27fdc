//! The labelled corpus of traces in `tests/traces/`, and what has to be found in each.
//!
//! A trace is a text file. `!` lines say what has to be found: `!verdict executions/distinct
//! template-part`, or `!nothing`. Then come statements, one a line, sent one millisecond apart:
//!
//! ```text
//! session[.transaction][@unit][+gap_ms][ failed] | statement | parameters | columns | rows
//! ```
//!
//! Parameters are separated by commas; columns are `relation.column` or a bare name; rows are
//! separated by `;` and their values by `,`. `for x in a..b:` before a line repeats it, with `{x}`
//! put in, and `{x%n}` for the remainder.

use std::collections::BTreeSet;

use dbproof_model::{
    Column, Execution, ForeignKey, Relation, ResultColumn, ResultSet, Schema, Trace,
};

use super::{Thresholds, detect};

/// The relations of the corpus; `parent -> relation.column` makes a foreign key.
const RELATIONS: &[(&str, &[&str])] = &[
    ("users", &["id", "name", "email", "manager_id -> users.id"]),
    (
        "orders",
        &["id", "user_id -> users.id", "status", "total", "created_at"],
    ),
    (
        "items",
        &[
            "id",
            "order_id -> orders.id",
            "product_id -> products.id",
            "quantity",
        ],
    ),
    (
        "products",
        &["id", "name", "category_id -> categories.id", "stock"],
    ),
    ("categories", &["id", "parent_id -> categories.id", "name"]),
    ("addresses", &["id", "user_id -> users.id", "city"]),
    ("settings", &["id", "name", "value"]),
    ("jobs", &["id", "status"]),
];

fn schema() -> Schema {
    let mut schema = Schema::default();
    for (oid, (name, columns)) in (100..).zip(RELATIONS) {
        let columns = (1..).zip(*columns).map(|(attribute, column)| Column {
            attribute,
            name: column.split(" -> ").next().unwrap().to_owned(),
            type_name: "bigint".to_owned(),
        });
        schema.relations.push(Relation {
            oid,
            schema: "public".to_owned(),
            name: (*name).to_owned(),
            columns: columns.collect(),
        });
    }
    for (oid, (_, columns)) in (100..).zip(RELATIONS) {
        for (attribute, column) in (1..).zip(*columns) {
            let Some((_, target)) = column.split_once(" -> ") else {
                continue;
            };
            let (referenced_oid, referenced) = column_id(&schema, target).unwrap();
            schema.foreign_keys.push(ForeignKey {
                relation_oid: oid,
                attributes: vec![attribute],
                referenced_oid,
                referenced_attributes: vec![referenced],
            });
        }
    }
    schema
}

fn column_id(schema: &Schema, name: &str) -> Option<(u32, i16)> {
    let (relation, column) = name.split_once('.')?;
    let relation = schema.relation_named(None, relation)?;
    Some((relation.oid, relation.column_named(column)?.attribute))
}

/// Puts `{x}` and `{x%n}` into a line.
fn filled(line: &str, name: &str, value: u64) -> String {
    let mut text = line.replace(&format!("{{{name}}}"), &value.to_string());
    while let Some(at) = text.find(&format!("{{{name}%")) {
        let end = at + text[at..].find('}').unwrap();
        let divisor: u64 = text[at + name.len() + 2..end].parse().unwrap();
        text.replace_range(at..=end, &(value % divisor).to_string());
    }
    text
}

/// The lines of a trace with its loops unrolled; a loop's lines are joined by ` && `.
fn unrolled(text: &str) -> Vec<String> {
    let mut lines = Vec::new();
    for line in text
        .lines()
        .map(str::trim)
        .filter(|l| !l.is_empty() && !l.starts_with(['#', '!']))
    {
        let Some(body) = line.strip_prefix("for ") else {
            lines.push(line.to_owned());
            continue;
        };
        let (head, body) = body.split_once(':').unwrap();
        let (name, range) = head.split_once(" in ").unwrap();
        let (from, to) = range.split_once("..").unwrap();
        for value in from.parse::<u64>().unwrap()..=to.parse::<u64>().unwrap() {
            lines.extend(body.split("&&").map(|part| filled(part, name, value)));
        }
    }
    lines
}

fn trace(schema: &Schema, text: &str) -> Trace {
    let mut now = 0;
    let executions = unrolled(text)
        .iter()
        .map(|line| {
            let parts: Vec<&str> = line.split('|').map(str::trim).collect();
            let part = |at: usize| parts.get(at).copied().unwrap_or_default();
            let list = |text: &str| -> Vec<Option<String>> {
                let values = text.split(',').filter(|v| !v.trim().is_empty());
                values.map(|v| Some(v.trim().to_owned())).collect()
            };
            let (head, failed) = part(0)
                .strip_suffix("failed")
                .map_or((part(0), false), |h| (h, true));
            let (head, gap) = head.trim().split_once('+').unwrap_or((head.trim(), "0"));
            let (head, unit) = head
                .split_once('@')
                .map_or((head, None), |(h, u)| (h, Some(u)));
            let (session, transaction) = head.split_once('.').unwrap_or((head, ""));
            now += 1_000 + gap.parse::<u64>().unwrap() * 1_000;
            let columns = part(3)
                .split(',')
                .filter(|c| !c.trim().is_empty())
                .map(|name| {
                    let id = column_id(schema, name.trim());
                    ResultColumn {
                        name: name.trim().rsplit('.').next().unwrap().to_owned(),
                        type_oid: 20,
                        relation_oid: id.map(|id| id.0),
                        attribute: id.map(|id| id.1),
                    }
                });
            let rows: Vec<_> = part(4)
                .split(';')
                .map(list)
                .filter(|row| !row.is_empty())
                .collect();
            Execution {
                session: session.parse().unwrap(),
                unit: unit.map(str::to_owned),
                transaction: transaction.parse().ok(),
                sent_us: now,
                finished_us: now + 500,
                sql: part(1).to_owned(),
                parameters: list(part(2)),
                result: ResultSet {
                    columns: columns.collect(),
                    row_count: rows.len() as u64,
                    rows,
                },
                failed,
            }
        })
        .collect();
    Trace {
        executions,
        ..Trace::default()
    }
}

fn check(name: &str, text: &str) {
    let schema = schema();
    let detection = detect(&trace(&schema, text), &schema, &Thresholds::default());
    let seen: BTreeSet<String> = detection
        .groups
        .iter()
        .map(|g| {
            let parent = g
                .parent
                .as_ref()
                .map(|p| format!(" <- {}", p.column))
                .unwrap_or_default();
            format!(
                "{} {}/{} {}{parent}",
                g.verdict.as_str(),
                g.executions,
                g.distinct_values,
                g.template
            )
        })
        .collect();
    let expected: BTreeSet<String> = text
        .lines()
        .filter_map(|line| line.trim().strip_prefix('!'))
        .filter(|line| *line != "nothing")
        .map(str::to_owned)
        .collect();
    assert!(text.contains('!'), "{name}: says nothing");
    assert_eq!(seen, expected, "{name}");
    assert_eq!(detection.findings.len(), detection.groups.len(), "{name}");
}

macro_rules! corpus {
    ($($name:ident),* $(,)?) => {
        $(
            #[test]
            fn $name() {
                check(
                    stringify!($name),
                    include_str!(concat!("../../tests/traces/", stringify!($name), ".txt")),
                );
            }
        )*
    };
}

corpus!(
    batched,
    burst_of_two,
    chance_integers,
    count_per_row,
    duplicates,
    duplicates_after_writes,
    elsewhere,
    elsewhere_few,
    has_many,
    in_batches,
    interleaved_children,
    interleaved_sessions,
    joined_siblings,
    keyset_paging,
    looped_by_literals,
    looped_by_name,
    nested,
    offset_paging,
    once_a_test,
    pages_in_a_test,
    parallel_innocent,
    parallel_over_pool,
    passed_on,
    polling,
    retry,
    single_element_lists,
    three_rows,
    transaction_each,
    tree_down,
    tree_walk,
    two_rows_in_one_order,
    write_batches,
    write_inserts,
    write_loop,
    write_progress,
);

#[test]
fn no_value_reaches_a_finding() {
    let schema = schema();
    let text = "1 | select id, user_id from orders where status = 'secret-1' | | orders.id,orders.user_id | 1,771;2,772;3,773\n\
                for x in 771..773: 1 | select name from users where id = {x} and name <> 'secret-2' | | users.name | a";
    let detection = detect(&trace(&schema, text), &schema, &Thresholds::default());
    assert_eq!(detection.findings.len(), 1);
    let written = format!("{detection:?}");
    assert!(
        !written.contains("secret") && !written.contains("77"),
        "{written}"
    );
    let remedy = detection.groups[0].remedy_sql.as_deref();
    assert_eq!(
        remedy,
        Some("select name, id from users where id = ANY($1) and name <> $2")
    );
}

#[test]
fn an_incomplete_trace_is_searched_and_said_to_be_incomplete() {
    let schema = schema();
    let mut trace = trace(
        &schema,
        include_str!("../../tests/traces/looped_by_name.txt"),
    );
    trace.dropped = 3;
    let detection = detect(&trace, &schema, &Thresholds::default());
    let codes: Vec<_> = detection.findings.iter().map(|f| f.code.as_str()).collect();
    assert_eq!(codes, ["n-plus-one", "capture-incomplete"]);
}

#[test]
fn rows_that_were_not_kept_are_no_counter_evidence() {
    let schema = schema();
    let text = "1@a | select id from orders | | orders.id | 1;2;3;4;5;6\n\
                for x in 1..50: 1@a | select quantity from items where order_id = $1 | {x}";
    let mut trace = trace(&schema, text);
    trace.executions[0].result.row_count = 50;
    let detection = detect(&trace, &schema, &Thresholds::default());
    assert_eq!(detection.findings[0].code, "n-plus-one");
}

#[test]
fn without_a_schema_nothing_is_proven() {
    let text = include_str!("../../tests/traces/looped_by_name.txt");
    let trace = trace(&schema(), text);
    let detection = detect(&trace, &Schema::default(), &Thresholds::default());
    let codes: Vec<_> = detection.findings.iter().map(|f| f.code.as_str()).collect();
    assert_eq!(codes, ["n-plus-one-likely"]);
}
