//! Open loop, mixes, and measuring for a time. What is asserted follows from what the statements do
//! (a sleep lasts at least as long as it says), never from how fast the machine is.

use serde_json::Value;

use crate::project::Shop;

/// A shop with one query, or several, and these settings of `[slow]`.
fn shop(sql: &str, settings: &str) -> Shop {
    let shop = Shop::new().with_only_query(sql);
    shop.write(
        "dbproof.toml",
        &format!("[slow]\nthreshold_ms = 10000\nwarmup = 5\n{settings}\n"),
    );
    shop
}

fn queries(record: &Value) -> &Vec<Value> {
    record["scenarios"]["slow"]["queries"].as_array().unwrap()
}

fn codes(record: &Value) -> Vec<&str> {
    let findings = record["findings"].as_array().unwrap();
    findings.iter().filter_map(|f| f["code"].as_str()).collect()
}

/// Samples in the bars that begin at this many milliseconds or later.
fn samples_from(query: &Value, milliseconds: f64) -> u64 {
    let bars = query["histogram"].as_array().unwrap();
    bars.windows(2)
        .filter(|pair| pair[0]["up_to_ms"].as_f64().unwrap() >= milliseconds)
        .map(|pair| pair[1]["count"].as_u64().unwrap())
        .sum()
}

/// Sleeps half a second in its 60th execution, which is the 55th that is measured.
const BLOCKER: &str =
    "-- name: blocker\nSELECT CASE WHEN nextval('turn') = 60 THEN pg_sleep(0.5) END;\n";

fn blocked(settings: &str) -> (i32, Value) {
    let shop = shop(BLOCKER, settings);
    shop.write("migrations/9999_turn.sql", "CREATE SEQUENCE turn;\n");
    shop.record(&["slow"])
}

#[test]
fn what_waits_behind_a_blocker_shows_in_an_open_loop_alone() {
    let (code, closed) = blocked("samples = 100");
    assert_eq!(code, 0, "{:?}", codes(&closed));
    let (code, open) = blocked("samples = 100\nrate = 1000");
    // A hundred executions are due within some 100 ms, so the 45 behind the blocker all wait for it.
    assert_eq!(code, 4, "{:?}", codes(&open));
    let (closed, open) = (&queries(&closed)[0], &queries(&open)[0]);
    let loops = [&closed["open_loop"], &open["open_loop"]["kept_up"]];
    assert_eq!(loops, [&Value::Null, &Value::Bool(false)]);
    for query in [closed, open] {
        assert_eq!(query["samples"], 100);
        assert!(query["max_ms"].as_f64().unwrap() >= 500.0);
    }
    assert!(
        open["open_loop"]["delayed"].as_u64().unwrap() >= 45,
        "{open}"
    );
    let (hidden, shown) = (samples_from(closed, 250.0), samples_from(open, 250.0));
    assert!(hidden < 45 && shown >= 45, "{hidden} and {shown}");
    assert!(open["p95_ms"].as_f64().unwrap() >= 250.0);
}

#[test]
fn a_rate_that_is_not_reached_is_said_and_passes_nothing() {
    let sql = "-- name: nap\nSELECT pg_sleep(0.02);\n";
    let shop = shop(sql, "samples = 100\nrate = 1000\nstatistic = \"p50\"");
    let (code, record) = shop.record(&["slow"]);
    assert_eq!((code, codes(&record)), (4, vec!["rate-not-reached"]));
    let query = &queries(&record)[0];
    assert_eq!(query["verdict"], "inconclusive");
    assert!(query["open_loop"]["reached_per_s"].as_f64().unwrap() <= 50.5);
    assert_eq!(query["open_loop"]["asked_per_s"], 1000.0);
    let text = shop.run(&["slow"]).stdout;
    assert!(
        text.contains("open loop, not kept up: 1000 a second asked"),
        "{text}"
    );
}

#[test]
fn a_query_that_fails_at_a_rate_that_is_not_reached_fails() {
    let sql = "-- name: nap\n-- threshold_ms: 1\nSELECT pg_sleep(0.01);\n";
    let shop = shop(sql, "samples = 100\nrate = 1000");
    let (code, record) = shop.record(&["slow"]);
    assert_eq!(code, 1);
    assert_eq!(codes(&record), ["slow-query", "rate-not-reached"]);
}

#[test]
fn a_mix_executes_its_queries_by_their_weights() {
    let sql = "-- name: often\n-- weight: 3\nSELECT 1;\n-- name: seldom\nSELECT 2;\n";
    for settings in ["mix = true", "mix = true\nrate = 2000\nconcurrency = 2"] {
        let shop = shop(
            sql,
            &format!("samples = 200\nstatistic = \"p50\"\n{settings}"),
        );
        let (code, record) = shop.record(&["slow"]);
        assert!([0, 4].contains(&code), "{:?}", codes(&record));
        let mix = &record["scenarios"]["slow"]["mix"];
        assert_eq!(mix["executions"], 400);
        let [often, seldom] = queries(&record).as_slice() else {
            panic!("two queries")
        };
        assert_eq!([&often["weight"], &seldom["weight"]], [3.0, 1.0]);
        let count = |query: &Value| query["samples"].as_u64().unwrap();
        assert_eq!(count(often) + count(seldom), 400);
        assert!((260..340).contains(&count(often)), "{}", count(often));
        assert_eq!(mix["open_loop"].is_object(), settings.contains("rate"));
    }
}

#[test]
fn measuring_for_a_time_keeps_every_sample_in_its_histogram() {
    let sql = "-- name: short\n-- param n: uniform(1, 9)\nSELECT :n::int;\n";
    let shop = shop(sql, "duration_s = 0.3\nconcurrency = 2");
    let (code, record) = shop.record(&["slow"]);
    assert_eq!(code, 0, "{:?}", codes(&record));
    let query = &queries(&record)[0];
    let counted: u64 = query["histogram"]
        .as_array()
        .unwrap()
        .iter()
        .map(|bar| bar["count"].as_u64().unwrap())
        .sum();
    assert_eq!(counted, query["samples"].as_u64().unwrap());
    assert_eq!(query["connections"], 2);
}

#[test]
fn the_server_tells_its_own_time() {
    let sql = "-- name: nap\nSELECT pg_sleep(0.01);\n";
    let (_, record) = shop(sql, "samples = 20").record(&["slow"]);
    let query = &queries(&record)[0];
    let version = record["server"]["version"].as_str().unwrap();
    if version.starts_with("14") {
        assert_eq!(query["server_ms"], Value::Null);
    } else {
        assert!(query["server_ms"].as_f64().unwrap() >= 10.0, "{query}");
    }
}

#[test]
fn an_error_in_a_sample_is_a_finding_in_every_mode() {
    let sql = "-- name: divide\n-- param by: one_of(0, 1, 2)\nSELECT 10 / :by::int;\n\
               -- name: fine\nSELECT 1;\n";
    for settings in [
        "samples = 100\nrate = 5000",
        "samples = 100\nmix = true\nconcurrency = 3",
        "duration_s = 0.2",
    ] {
        let shop = shop(sql, settings);
        let (code, record) = shop.record(&["slow"]);
        assert_eq!(code, 1, "{settings}");
        assert!(codes(&record).contains(&"query-failed"), "{settings}");
        let divide = &queries(&record)[0];
        assert!(divide["errors"].as_u64().unwrap() > 0 && divide["samples"].as_u64().unwrap() > 0);
        shop.assert_nothing_is_left();
    }
}

#[test]
fn a_connection_lost_under_load_is_an_environment_that_failed() {
    // One of the connections ends itself; the others have no reason to go on.
    let sql = "-- name: fatal\n\
               SELECT CASE WHEN nextval('turn') = 200 THEN pg_terminate_backend(pid) END\n\
               FROM (SELECT pg_backend_pid() AS pid) me;\n";
    for settings in ["rate = 2000", "duration_s = 600", "mix = true"] {
        let shop = shop(sql, &format!("samples = 1000\nconcurrency = 3\n{settings}"));
        shop.write("migrations/9999_turn.sql", "CREATE SEQUENCE turn;\n");
        shop.run(&["slow"])
            .failed_with(3, &["terminating connection"]);
        shop.assert_nothing_is_left();
    }
}
