//! Captures the plans that the tests of dbproof-analysis are fed with; `scripts/capture-plans`.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use dbproof_postgres::{Session, catalog, connect};
use serde_json::{Map, Value, json};

use crate::{binaries, server};

/// What is true of every shape unless it says otherwise.
const SETTINGS: &str = "SET max_parallel_workers_per_gather = 0; SET jit = off;";

/// A statement of `shapes.sql`.
struct Shape<'a> {
    name: &'a str,
    settings: Vec<&'a str>,
    since: u32,
    sql: &'a str,
}

#[tokio::test]
#[ignore = "writes crates/dbproof-analysis/tests/shapes/VERSION.json; scripts/capture-plans runs it"]
async fn capture_the_plans_of_all_shapes() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../dbproof-analysis/tests/shapes");
    let text = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
    let version = binaries().version;
    let server = server().await;
    let session = connect(server.address()).await.unwrap();
    session.run(&text("schema.sql")).await.unwrap();
    session.run("VACUUM (FREEZE, ANALYZE)").await.unwrap();
    // Afterwards, so that these pages are no longer marked as visible to all.
    let changed = "UPDATE stale SET note = note || '.' WHERE id % 50 = 0";
    session.run(changed).await.unwrap();
    session.run(SETTINGS).await.unwrap();
    let shapes = text("shapes.sql");
    let mut plans = Vec::new();
    for shape in read(&shapes).filter(|shape| shape.since <= version.major) {
        capture(&session, &shape).await;
        // The first execution reads the catalog as well.
        let plan = capture(&session, &shape).await;
        plans.push((shape.name.to_owned(), plan));
    }
    let file: PathBuf = folder.join(format!("{}.json", version.major));
    std::fs::write(&file, written(&names(&session).await, &plans)).unwrap();
    println!("{}: {} plans of {version}", file.display(), plans.len());
}

fn read(text: &str) -> impl Iterator<Item = Shape<'_>> {
    text.split("-- name: ").skip(1).map(|part| {
        let (name, rest) = part.split_once('\n').unwrap();
        let header = |key: &'static str| rest.lines().filter_map(move |l| l.strip_prefix(key));
        let sql = rest.trim_start_matches('\n');
        let statement = sql.lines().position(|line| !line.starts_with("--"));
        let skipped: usize = sql
            .split_inclusive('\n')
            .take(statement.expect("a statement"))
            .map(str::len)
            .sum();
        Shape {
            name,
            settings: header("-- set: ").collect(),
            since: header("-- since: ")
                .next()
                .map_or(0, |v| v.parse().unwrap()),
            sql: sql[skipped..].trim(),
        }
    })
}

async fn capture(session: &Session, shape: &Shape<'_>) -> Value {
    session.run("BEGIN").await.unwrap();
    for setting in &shape.settings {
        let set = format!("SET LOCAL {setting}");
        session.run(&set).await.unwrap();
    }
    let explain = format!(
        "EXPLAIN (ANALYZE, BUFFERS, VERBOSE, SETTINGS, FORMAT JSON) {}",
        shape.sql.trim_end_matches(';')
    );
    let texts = session.texts(&explain).await;
    let texts = texts.unwrap_or_else(|error| panic!("{}: {error}", shape.name));
    session.run("ROLLBACK").await.unwrap();
    let mut plan: Value = serde_json::from_str(&texts.join("\n")).unwrap();
    shorten(&mut plan);
    plan
}

/// Leaves out counts of blocks that are 0 and what is `false`, which are most of the text. A key
/// that is missing means the same.
fn shorten(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(shorten),
        Value::Object(object) => {
            object.retain(|key, value| match value {
                Value::Bool(told) => *told,
                _ => !key.ends_with(" Blocks") || *value != json!(0),
            });
            object.values_mut().for_each(shorten);
        }
        _ => {}
    }
}

/// What the catalog says of the names in the plans.
async fn names(session: &Session) -> Value {
    let names = catalog::plan_names(session).await.unwrap();
    let indexes: Vec<Value> = names
        .indexes
        .iter()
        .map(|((schema, name), definition)| json!([schema, name, definition]))
        .collect();
    let partitions: Vec<Value> = names
        .partitions
        .iter()
        .map(|((schema, name), (of, parent))| json!([schema, name, of, parent]))
        .collect();
    json!({ "indexes": indexes, "partitions": partitions })
}

/// A plan a line, so that a new capture shows as a small difference.
fn written(names: &Value, plans: &[(String, Value)]) -> String {
    let mut text = format!("{{\n\"names\": {names}");
    for (name, plan) in plans {
        write!(text, ",\n{}: {plan}", Value::String(name.clone())).unwrap();
    }
    text.push_str("\n}\n");
    // Reads as it was written; and a name that occurs twice would be lost.
    let read: Map<String, Value> = serde_json::from_str(&text).unwrap();
    assert_eq!(read.len(), plans.len() + 1);
    text
}
