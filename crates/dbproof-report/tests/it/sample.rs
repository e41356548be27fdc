//! The records that the tests draw.

use dbproof_model::RunRecord;
use serde_json::Value;

/// A run of all four scenarios as a real one looks. A stored file and not code, so that it also
/// proves that a record written earlier is still read.
pub(crate) const FULL: &str = include_str!("sample.json");

/// A run of `dbproof watch`.
pub(crate) const WATCHED: &str = include_str!("watch.json");

/// The record of a watch.
pub(crate) fn watched() -> RunRecord {
    dbproof_report::json::parse(WATCHED).expect("the sample is a record")
}

/// The full record.
pub(crate) fn full() -> RunRecord {
    dbproof_report::json::parse(FULL).expect("the sample is a record")
}

/// A run in which nothing was measured.
pub(crate) fn empty() -> RunRecord {
    let mut record = full();
    record.findings.clear();
    record.git = None;
    record.project = None;
    record.scenarios = dbproof_model::Scenarios::default();
    record.verdict = dbproof_model::Verdict::Inconclusive;
    record
}

/// A run whose scenarios all ran and saw nothing.
pub(crate) fn hollow() -> RunRecord {
    let mut record = full();
    record.findings.clear();
    let scenarios = &mut record.scenarios;
    if let Some(slow) = &mut scenarios.slow {
        slow.queries.clear();
    }
    if let Some(regress) = &mut scenarios.regress {
        regress.baselines = None;
        regress.queries.clear();
        regress.migration = None;
    }
    if let Some(nplusone) = &mut scenarios.nplusone {
        nplusone.groups.clear();
        nplusone.pages.clear();
        nplusone.complete = false;
        nplusone.dropped = 3;
    }
    if let Some(deadlock) = &mut scenarios.deadlock {
        deadlock.shapes.clear();
        deadlock.predictions.clear();
    }
    record
}

/// The full record with every number that may be missing missing.
pub(crate) fn without_figures() -> RunRecord {
    let mut value: Value = serde_json::from_str(FULL).expect("the sample is JSON");
    blank(&mut value);
    serde_json::from_value(value).expect("every blanked field may be null")
}

/// The full record with this text in the place of every string that is free.
pub(crate) fn filled_with(text: &str) -> RunRecord {
    sample_filled_with(FULL, text)
}

/// The same of the record of a watch.
pub(crate) fn watched_filled_with(text: &str) -> RunRecord {
    sample_filled_with(WATCHED, text)
}

fn sample_filled_with(sample: &str, text: &str) -> RunRecord {
    let mut value: Value = serde_json::from_str(sample).expect("the sample is JSON");
    fill(&mut value, text);
    serde_json::from_value(value).expect("free strings may hold anything")
}

/// Fields whose strings are of a closed set.
const CLOSED: [&str; 11] = [
    "outcome",
    "ended",
    "cause",
    "schema",
    "severity",
    "scenario",
    "statistic",
    "threshold_source",
    "kind",
    "effect",
    "verdict",
];

fn fill(value: &mut Value, text: &str) {
    match value {
        Value::String(old) => text.clone_into(old),
        Value::Array(items) => items.iter_mut().for_each(|item| fill(item, text)),
        Value::Object(fields) => {
            // A prediction's verdict is a plain string, unlike every other verdict.
            let prediction = fields.contains_key("transactions");
            for (name, field) in fields.iter_mut() {
                if prediction || !field.is_string() || !CLOSED.contains(&name.as_str()) {
                    fill(field, text);
                }
            }
            // Maps with free keys: settings and evidence.
            for name in ["settings", "evidence"] {
                if let Some(Value::Object(map)) = fields.get_mut(name) {
                    map.insert(text.to_owned(), Value::String(text.to_owned()));
                }
            }
        }
        _ => {}
    }
}

/// Fields that the format lets be null.
const NULLABLE: [&str; 40] = [
    "baselines",
    "cause",
    "accepted",
    "now",
    "git",
    "load",
    "location",
    "remedy",
    "avg_ms",
    "p50_ms",
    "p95_ms",
    "p99_ms",
    "max_ms",
    "stddev_ms",
    "connections",
    "weight",
    "throughput_per_s",
    "server_ms",
    "open_loop",
    "mix",
    "bounds",
    "slowest_plan",
    "migration",
    "before",
    "time",
    "buffers",
    "cost",
    "execution_ms",
    "planning_ms",
    "index",
    "parent",
    "victim",
    "server_deadlocks",
    "min",
    "p50",
    "p95",
    "max",
    "wal_bytes",
    "control",
    "remedy_sql",
];

fn blank(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(blank),
        Value::Object(fields) => {
            for (name, field) in fields.iter_mut() {
                // A group's remedy is text, a finding's is an object that may be missing.
                if NULLABLE.contains(&name.as_str()) && !(name == "remedy" && field.is_string()) {
                    *field = Value::Null;
                } else {
                    blank(field);
                }
            }
        }
        _ => {}
    }
}
