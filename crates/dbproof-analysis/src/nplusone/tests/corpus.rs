//! Reads the labelled corpus in `tests/traces/`.
//!
//! A case is a text file. `!` lines say what has to be found: `!verdict executions/distinct
//! template`, with ` <- column` where a parent is known, or `!nothing`. Then come statements, one a
//! line, sent one millisecond apart:
//!
//! ```text
//! session[.transaction][@unit][+gap_ms][~took_ms][ failed] | statement | parameters | columns | rows
//! ```
//!
//! An execution takes half a millisecond unless `~` says otherwise. Parameters are separated by commas; columns are `relation.column` or a bare name; rows are
//! separated by `;` and their values by `,`. `for x in a..b:` before a line repeats it, with `{x}`
//! put in, and `{x%n}` for the remainder; ` && ` joins the lines of a loop.

use std::sync::Arc;

use dbproof_model::{Column, ForeignKey, Relation, ResultColumn, ResultSet, Schema};

use crate::traffic::{Executed, ResultHashes, Statements, Tags, ValueHash};

/// The relations of the corpus; `parent -> relation.column` makes a foreign key, `name!` a unique
/// column, as `id` is.
const RELATIONS: &[(&str, &[&str])] = &[
    ("users", &["id", "name", "email!", "manager_id -> users.id"]),
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
    ("jobs", &["id", "status", "queue"]),
    ("countries", &["code!", "name"]),
    ("cities", &["id", "country_code -> countries.code", "name"]),
    ("tenants", &["id", "name"]),
    (
        "documents",
        &[
            "id",
            "tenant_id -> tenants.id",
            "owner_id -> users.id",
            "title",
        ],
    ),
    (
        "comments",
        &[
            "id",
            "author_id -> users.id",
            "about_type",
            "about_id",
            "body",
        ],
    ),
    ("labels", &["id", "name!"]),
    (
        "order_labels",
        &["order_id -> orders.id", "label_id -> labels.id"],
    ),
    (
        "shipments",
        &["id", "order_id -> orders.id", "line_no", "carrier"],
    ),
    ("events", &["id", "kind", "payload"]),
];

pub(super) fn schema() -> Schema {
    let mut schema = Schema::default();
    for (oid, (name, columns)) in (20_000..).zip(RELATIONS) {
        let columns = (1..).zip(*columns).map(|(attribute, column)| Column {
            attribute,
            name: column.split([' ', '!']).next().unwrap().to_owned(),
            type_name: "bigint".to_owned(),
            unique: *column == "id" || column.ends_with('!'),
        });
        schema.relations.push(Relation {
            oid,
            schema: "public".to_owned(),
            name: (*name).to_owned(),
            columns: columns.collect(),
        });
    }
    for (oid, (_, columns)) in (20_000..).zip(RELATIONS) {
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

/// The executions of a case, in a database and with sessions of its own.
pub(super) fn executions(statements: &mut Statements, text: &str, database: u32) -> Vec<Executed> {
    let schema = schema();
    let mut now = 0;
    unrolled(text)
        .iter()
        .map(|line| {
            let mut executed = execution(statements, &schema, line, &mut now);
            executed.database = database;
            executed.session += 1_000 * database;
            executed
        })
        .collect()
}

fn execution(statements: &mut Statements, schema: &Schema, line: &str, now: &mut u64) -> Executed {
    let parts: Vec<&str> = line.split('|').map(str::trim).collect();
    let part = |at: usize| parts.get(at).copied().unwrap_or_default();
    let (head, failed) = part(0)
        .strip_suffix("failed")
        .map_or((part(0), false), |h| (h, true));
    let (head, took) = head.trim().split_once('~').unwrap_or((head.trim(), ""));
    let (head, gap) = head.split_once('+').unwrap_or((head, "0"));
    let (head, unit) = head
        .split_once('@')
        .map_or((head, None), |(h, u)| (h, Some(u)));
    let (session, transaction) = head.split_once('.').unwrap_or((head, ""));
    *now += 1_000 + gap.parse::<u64>().unwrap() * 1_000;
    let result = result(schema, part(3), part(4));
    let text = statements.read(part(1));
    let mut tags = text.tags.as_deref().cloned().unwrap_or_default();
    let unit = unit.map(|unit| ("unit".to_owned(), unit.to_owned()));
    tags.pairs.extend(unit);
    let hasher = statements.hasher();
    let parameters: Vec<Option<ValueHash>> = list(part(2))
        .iter()
        .map(|value| hasher.text(value.as_bytes()))
        .collect();
    Executed {
        session: session.parse().unwrap(),
        database: 0,
        transaction: transaction.parse().ok(),
        series: u32::try_from(*now).unwrap(),
        sent_us: *now,
        finished_us: *now + took.parse::<u64>().map_or(500, |ms| ms * 1_000),
        values: text.values(hasher, &parameters),
        statement: text.statement,
        tags: (tags != Tags::default()).then(|| Arc::new(tags)),
        rows: result.row_count,
        failed: failed.then_some(*b"40001"),
        result: Some(Box::new(ResultHashes::of(&result, hasher))),
        sent: None,
    }
}

fn result(schema: &Schema, columns: &str, rows: &str) -> ResultSet {
    let columns = list(columns).into_iter().map(|name| {
        let id = column_id(schema, &name);
        ResultColumn {
            name: name.rsplit('.').next().unwrap().to_owned(),
            type_oid: 20,
            relation_oid: id.map(|id| id.0),
            attribute: id.map(|id| id.1),
        }
    });
    let rows: Vec<Vec<Option<String>>> = rows
        .split(';')
        .map(|row| list(row).into_iter().map(Some).collect())
        .filter(|row: &Vec<_>| !row.is_empty())
        .collect();
    ResultSet {
        columns: columns.collect(),
        row_count: rows.len() as u64,
        rows,
    }
}

fn list(text: &str) -> Vec<String> {
    let values = text.split(',').map(str::trim);
    values
        .filter(|v| !v.is_empty())
        .map(str::to_owned)
        .collect()
}
