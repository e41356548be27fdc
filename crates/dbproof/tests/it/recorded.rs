//! `dbproof nplusone` on traffic that was recorded before.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::project::Shop;
use crate::server::Server;
use crate::watch::{CHILD, LOOPED, path_with_psql};

/// The logs that real servers wrote (`scripts/record-logs`).
fn log(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../dbproof-capture/tests/logs")
        .join(name)
}

/// What of a group is the same whenever the same traffic is judged.
fn told(record: &Value) -> Vec<Value> {
    let groups = record["scenarios"]["nplusone"]["groups"]
        .as_array()
        .unwrap();
    let told = |group: &Value| {
        json!([
            group["verdict"],
            group["template"],
            group["executions"],
            group["parent"],
            group["remedy_sql"],
            group["cost"]["looped_ms"]
        ])
    };
    groups.iter().map(told).collect()
}

#[test]
fn a_trace_is_judged_as_the_traffic_was() {
    let shop = Shop::new();
    let save = ["--save-trace", "page.trace", "--", "sh", "-c", LOOPED];
    let (code, watched) = shop.watch_record(&save);
    assert_eq!(code, 1);
    let (_, judged) = shop.record(&["nplusone", "--trace", "page.trace"]);
    assert_eq!(told(&judged), told(&watched));
    assert_eq!(told(&judged)[0][1], CHILD);
    let watch = &judged["scenarios"]["watch"];
    assert_eq!(
        (&watch["source"], &watch["ended"]),
        (&json!("trace"), &json!("source"))
    );
    assert_eq!(judged["server"]["version"], watched["server"]["version"]);
    let counts = |record: &Value| {
        let watch = &record["scenarios"]["watch"];
        [
            watch["executions"].clone(),
            watch["sessions"].clone(),
            watch["databases"].clone(),
        ]
    };
    assert_eq!(counts(&judged), counts(&watched));
    // The text of a statement is kept, and none of its values.
    let bytes = std::fs::read(shop.path("page.trace")).unwrap();
    let text = String::from_utf8_lossy(&bytes).into_owned();
    assert!(text.contains("order by id limit 0") && !text.contains("limit 10"));
}

#[test]
fn transactions_are_read_from_a_trace_with_values() {
    let shop = Shop::new();
    let pay = "psql -qAt -c \"begin\" -c \"update users set name = 'a' where id = 1\" -c \"update users \
               set name = 'a' where id = 2\" -c commit";
    let command = ["--", "sh", "-c", pay];
    for (file, keeps) in [
        ("with.trace", &["--keep-values"][..]),
        ("without.trace", &[]),
    ] {
        let (code, _) = shop.watch_record(&[&["--save-trace", file], keeps, &command].concat());
        assert_eq!(code, 0);
    }
    let run = shop.run(&["deadlock", "--trace", "without.trace"]);
    run.failed_with(2, &["without their values", "--keep-values"]);
    let (code, record) = shop.record(&["deadlock", "--trace", "with.trace"]);
    assert_eq!(code, 0);
    let seen = &record["scenarios"]["deadlock"]["prediction"];
    assert_eq!(
        (&seen["classes"], &seen["transactions"]),
        (&json!(1), &json!(1))
    );
    // What made the database was not captured, and it is on no server: the project makes one like it.
    assert_eq!(seen["replayed"], 1, "{record:#}");
    assert_eq!(seen["sandboxes"][0]["made_from"], "project");
    // Without the project nobody knows what it was like, and nothing is run again.
    std::fs::rename(shop.path("dbproof.toml"), shop.path("gone.toml")).unwrap();
    let (code, record) = shop.record(&["deadlock", "--trace", "with.trace"]);
    assert_eq!(code, 4);
    let seen = &record["scenarios"]["deadlock"]["prediction"];
    assert_eq!(seen["replayed"], 0);
    assert_eq!(seen["sandboxes"][0]["made_from"], "none");
    let reasons = seen["not_checked"].as_array().unwrap();
    assert!(!reasons.is_empty(), "{record:#}");
}

#[test]
fn a_trace_that_was_cut_off_is_inconclusive() {
    let shop = Shop::new();
    let query = "psql -qAtc 'select 1 from users limit 1'";
    let (code, _) = shop.watch_record(&["--save-trace", "a.trace", "--", "sh", "-c", query]);
    assert_eq!(code, 0);
    let whole = std::fs::read(shop.path("a.trace")).unwrap();
    std::fs::write(shop.path("a.trace"), &whole[..whole.len() - 3]).unwrap();
    let run = shop.run(&["nplusone", "--trace", "a.trace"]);
    assert_eq!(run.code, 4, "{}", run.stderr);
    assert!(run.stdout.contains("cut off"), "{}", run.stdout);
}

#[test]
fn a_trace_that_cannot_be_written_is_known_before_anything_runs() {
    let shop = Shop::new();
    let command = [
        "--save-trace",
        "no/such/folder",
        "--",
        "sh",
        "-c",
        "touch ran",
    ];
    let run = shop.run(&[&["watch"], &command[..]].concat());
    run.failed_with(2, &["failed to write no/such/folder"]);
    assert!(!shop.path("ran").exists());
}

#[test]
fn a_log_can_make_a_loop_likely_and_no_more() {
    let shop = Shop::new();
    for name in ["15-duration.csv", "15-statement.json", "18-duration.json"] {
        let file = log(name);
        let (_, record) = shop.record(&["nplusone", "--from-log", file.to_str().unwrap()]);
        let told = told(&record);
        assert_eq!(told.len(), 1, "{name}: {told:?}");
        assert_eq!(
            (&told[0][0], &told[0][3]),
            (&json!("likely"), &Value::Null),
            "{name}"
        );
        assert_eq!(
            record["scenarios"]["watch"]["failed"][0]["sqlstate"],
            "42703"
        );
    }
}

#[test]
fn what_is_neither_trace_nor_log_says_what_to_do() {
    let shop = Shop::new();
    std::fs::write(
        shop.path("x"),
        "2026-11-24 12:00:00 UTC LOG:  statement: select 1\n",
    )
    .unwrap();
    shop.run(&["nplusone", "--trace", "x"])
        .failed_with(2, &["x: this is no trace"]);
    shop.run(&["nplusone", "--from-log", "x"])
        .failed_with(2, &["x: line 1", "log_destination"]);
    shop.run(&["nplusone", "--trace", "absent"])
        .failed_with(2, &["failed to read absent"]);
    shop.run(&["nplusone", "--trace", "x", "--from-log", "x"])
        .failed_with(2, &["cannot be used"]);
    let (duration, no_statements) = (log("15-duration.csv"), shop.path("empty.csv"));
    let lines = std::fs::read_to_string(duration).unwrap();
    let lines = lines.lines().filter(|line| line.contains("connection"));
    std::fs::write(no_statements, lines.collect::<String>()).unwrap();
    shop.run(&["nplusone", "--from-log", "empty.csv"])
        .failed_with(
            2,
            &["no statement in empty.csv", "log_min_duration_statement"],
        );
}

/// A page that asks for fifty orders, and then for each one's user.
const COUNTED: &str = "
{ echo 'select id, user_id from orders order by id limit 50;'
id=1; while [ $id -le 50 ]
do echo \"select name from users where id = $id;\"; id=$((id + 1)); done
} | psql -qAt \"$DATABASE_URL\" >/dev/null";

#[test]
fn counters_suggest_a_loop_and_never_pass() {
    let shop = Shop::new();
    let server = Server::start_with(&[("shared_preload_libraries", "pg_stat_statements")]);
    let url = server.url();
    let count = |command: &str| {
        let counted = [
            "nplusone",
            "--from-pg-stat-statements",
            "--database-url",
            &url,
        ];
        let arguments = [
            &counted[..],
            &["--format", "json", "--", "sh", "-c", command],
        ]
        .concat();
        let mut started = shop.command(&arguments);
        started
            .env("PATH", path_with_psql())
            .env("DATABASE_URL", &url);
        crate::project::Run::new(&started.output().unwrap())
    };
    count("true").failed_with(2, &["CREATE EXTENSION"]);
    server.run(
        "CREATE EXTENSION pg_stat_statements;
         CREATE TABLE users (id bigint PRIMARY KEY, name text);
         CREATE TABLE orders (id bigint PRIMARY KEY, user_id bigint REFERENCES users);
         INSERT INTO users SELECT n, 'user ' || n FROM generate_series(1, 100) n;
         INSERT INTO orders SELECT n, n FROM generate_series(1, 100) n",
    );
    let run = count(COUNTED);
    assert_eq!(run.code, 4, "{} {}", run.stdout, run.stderr);
    let record: Value = serde_json::from_str(&run.stdout).unwrap();
    let finding = &record["findings"][0];
    assert_eq!(finding["code"], "lookups-per-row", "{record:#}");
    assert_eq!(finding["severity"], "warning");
    assert_eq!(finding["evidence"]["parent_rows"], 50);
    let run = count("psql -qAtc 'select count(*) from users' \"$DATABASE_URL\" >/dev/null");
    let record: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(
        (run.code, &record["findings"]),
        (4, &json!([])),
        "{record:#}"
    );
    let watch = &record["scenarios"]["watch"];
    assert_eq!(
        (&watch["executions"], &watch["verdict"]),
        (&json!(1), &json!("pass"))
    );
    assert!(!run.stdout.contains("s3cret"));
}
