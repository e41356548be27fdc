//! A record as rows of the store, without any server: [`run`] and [`tables`].
//!
//! A row is a JSON object whose keys are the table's columns; the server makes rows of a table's own
//! type of them (`jsonb_populate_recordset`). A column without a key is NULL.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use dbproof_model::{
    DeadlockRecord, DeadlockShape, Finding, NPlusOneGroup, NPlusOneRecord, PlanSummary,
    RegressQuery, RegressRecord, RunRecord, Severity, SlowQuery, SlowRecord, WatchRecord,
};
use ring::digest::{SHA256, digest};
use serde_json::{Value, json};

/// The numbers that the store has given to names and statements.
#[derive(Debug, Default)]
pub(super) struct Identities {
    /// By the query's name.
    pub(super) queries: BTreeMap<String, i64>,
    /// By the digest of the statement's text.
    pub(super) templates: BTreeMap<String, i64>,
}

impl Identities {
    fn query(&self, name: &str) -> Option<i64> {
        self.queries.get(name).copied()
    }

    fn template(&self, text: &str) -> Option<i64> {
        self.templates.get(&sha256(text)).copied()
    }
}

/// A table's name and its rows.
type Table = (&'static str, Vec<Value>);

/// The record with U+FFFD where it has NUL, which no text of PostgreSQL can hold.
pub(super) fn without_nul(record: &RunRecord) -> Cow<'_, RunRecord> {
    let value = serde_json::to_value(record).expect("a record has string keys alone");
    if !has_nul(&value) {
        return Cow::Borrowed(record);
    }
    let replaced = replace_nul(value);
    Cow::Owned(serde_json::from_value(replaced).expect("a record's free strings may hold anything"))
}

fn has_nul(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(items) => items.iter().any(has_nul),
        Value::Object(fields) => fields
            .iter()
            .any(|(name, v)| name.contains('\0') || has_nul(v)),
        _ => false,
    }
}

fn replace_nul(value: Value) -> Value {
    let clean = |text: &str| text.replace('\0', "\u{fffd}");
    match value {
        Value::String(text) => Value::String(clean(&text)),
        Value::Array(items) => items.into_iter().map(replace_nul).collect(),
        Value::Object(fields) => fields
            .into_iter()
            .map(|(name, v)| (clean(&name), replace_nul(v)))
            .collect(),
        other => other,
    }
}

/// The names of the record's queries, each once, in order.
pub(super) fn query_names(record: &RunRecord) -> Vec<&str> {
    let scenarios = &record.scenarios;
    let slow = scenarios.slow.iter().flat_map(|slow| &slow.queries);
    let regress = scenarios.regress.iter().flat_map(|r| &r.queries);
    let names: BTreeSet<&str> = slow
        .map(|query| query.name.as_str())
        .chain(regress.map(|query| query.name.as_str()))
        .collect();
    names.into_iter().collect()
}

/// The record's statements with their digests, each once, in the order of the digests.
pub(super) fn templates(record: &RunRecord) -> BTreeMap<String, &str> {
    let scenarios = &record.scenarios;
    let groups = scenarios.nplusone.iter().flat_map(|n| &n.groups);
    let watched = scenarios.watch.iter().flat_map(|watch| &watch.templates);
    groups
        .flat_map(|group| {
            let parent = group.parent.as_ref().map(|parent| parent.template.as_str());
            [Some(group.template.as_str()), parent]
        })
        .flatten()
        .chain(watched.map(|total| total.template.as_str()))
        .map(|text| (sha256(text), text))
        .collect()
}

fn sha256(text: &str) -> String {
    let digest = digest(&SHA256, text.as_bytes());
    digest
        .as_ref()
        .iter()
        .fold(String::new(), |mut text, byte| {
            write!(text, "{byte:02x}").expect("a string");
            text
        })
}

/// The row of `runs`, without the time of the export.
pub(super) fn run(record: &RunRecord) -> Value {
    let git = record.git.as_ref();
    json!({
        "run_id": record.run_id,
        "project": record.project.as_deref().unwrap_or_default(),
        "started_at": record.started_at,
        "duration_ms": record.duration_ms,
        "verdict": record.verdict,
        "errors": record.count(Severity::Error),
        "warnings": record.count(Severity::Warning),
        "infos": record.count(Severity::Info),
        "seed": record.seed,
        "tool_version": record.tool.version,
        "git_commit": git.map(|git| &git.commit),
        "git_branch": git.and_then(|git| git.branch.as_deref()),
        "git_dirty": git.map(|git| git.dirty),
        "host_cores": record.host.cores,
        "host_os": record.host.os,
        "host_load": record.host.load,
        "server_engine": record.server.engine,
        "server_version": record.server.version,
        "server_ephemeral": record.server.ephemeral,
        "server_settings": record.server.settings,
    })
}

/// The rows of the other tables, those that others refer to first.
pub(super) fn tables(record: &RunRecord, identities: &Identities) -> Vec<Table> {
    let run = record.run_id.as_str();
    let scenarios = &record.scenarios;
    let verdicts = scenarios.verdicts().into_iter().map(
        |(scenario, verdict)| json!({"run_id": run, "scenario": scenario, "verdict": verdict}),
    );
    let mut tables = vec![
        ("scenarios", verdicts.collect()),
        (
            "findings",
            numbered(&record.findings, |place, f| finding(run, place, f)),
        ),
    ];
    if let Some(slow) = &scenarios.slow {
        tables.push(slow_results(run, slow, identities));
    }
    if let Some(regress) = &scenarios.regress {
        tables.extend(regress_tables(run, regress, identities));
    }
    if let Some(nplusone) = &scenarios.nplusone {
        tables.extend(nplusone_tables(run, nplusone, identities));
    }
    if let Some(watch) = &scenarios.watch {
        tables.extend(watch_tables(run, watch, identities));
    }
    if let Some(deadlock) = &scenarios.deadlock {
        tables.extend(deadlock_tables(run, deadlock));
    }
    tables
}

/// A row for each, with its place counted from 1.
fn numbered<T>(items: &[T], row: impl Fn(usize, &T) -> Value) -> Vec<Value> {
    (1..)
        .zip(items)
        .map(|(place, item)| row(place, item))
        .collect()
}

fn finding(run: &str, place: usize, finding: &Finding) -> Value {
    let location = finding.location.as_ref();
    let remedy = finding.remedy.as_ref();
    json!({
        "run_id": run,
        "position": place,
        "code": finding.code,
        "severity": finding.severity,
        "scenario": finding.scenario,
        "subject": finding.subject,
        "title": finding.title,
        "message": finding.message,
        "file": location.map(|location| &location.file),
        "line": location.map(|location| location.line),
        "evidence": finding.evidence,
        "remedy": remedy.map(|remedy| &remedy.text),
        "remedy_sql": remedy.and_then(|remedy| remedy.sql.as_deref()),
    })
}

fn slow_results(run: &str, slow: &SlowRecord, identities: &Identities) -> Table {
    let row = |query: &SlowQuery| {
        json!({
            "run_id": run,
            "query_id": identities.query(&query.name),
            "verdict": query.verdict,
            "samples": query.samples,
            "errors": query.errors,
            "avg_ms": query.avg_ms,
            "p50_ms": query.p50_ms,
            "p95_ms": query.p95_ms,
            "p99_ms": query.p99_ms,
            "max_ms": query.max_ms,
            "stddev_ms": query.stddev_ms,
            "server_ms": query.server_ms,
            "throughput_per_s": query.throughput_per_s,
            "statistic": query.statistic,
            "measured_ms": query.bounds.map(|bounds| bounds.estimate),
            "low_ms": query.bounds.and_then(|bounds| bounds.low),
            "high_ms": query.bounds.and_then(|bounds| bounds.high),
            "threshold_ms": query.threshold_ms,
        })
    };
    ("slow_results", slow.queries.iter().map(row).collect())
}

fn regress_tables(run: &str, regress: &RegressRecord, identities: &Identities) -> [Table; 3] {
    let migration = regress.migration.as_ref();
    let change = json!({
        "run_id": run,
        "change": regress.change,
        "statements": migration.map_or(0, |migration| migration.statements.len()),
        "duration_ms": migration.map(|migration| migration.duration_ms),
        "wal_bytes": migration.and_then(|migration| migration.wal_bytes),
    });
    let results = regress
        .queries
        .iter()
        .map(|query| regress_result(run, query, identities));
    let changes = regress.queries.iter().flat_map(|query| {
        numbered(&query.changes, |place, change| {
            json!({
                "run_id": run,
                "query_id": identities.query(&query.name),
                "position": place,
                "kind": change.kind,
                "effect": change.effect,
                "relation": change.relation,
                "was": change.from,
                "became": change.to,
            })
        })
    });
    [
        ("changes", vec![change]),
        ("regress_results", results.collect()),
        ("plan_changes", changes.collect()),
    ]
}

fn regress_result(run: &str, query: &RegressQuery, identities: &Identities) -> Value {
    let (before, after) = (query.before.as_ref(), query.after.as_ref());
    let time = query.ratio.time;
    let blocks = |plan: &PlanSummary| {
        plan.shared_hit_blocks
            .saturating_add(plan.shared_read_blocks)
    };
    let shape = |plan: &PlanSummary| plan.hashes.as_ref().map(|hashes| hashes.shape.clone());
    json!({
        "run_id": run,
        "query_id": identities.query(&query.name),
        "verdict": query.verdict,
        "parameter_set": query.parameter_set,
        "reasons": query.reasons.join("; "),
        "time_ratio": time.map(|time| time.estimate),
        "time_ratio_low": time.and_then(|time| time.low),
        "time_ratio_high": time.and_then(|time| time.high),
        "blocks_ratio": query.ratio.buffers,
        "cost_ratio": query.ratio.cost,
        "timing": query.timing.as_ref().map(|timing| timing.outcome),
        "before_blocks": before.map(blocks),
        "after_blocks": after.map(blocks),
        "before_temp_blocks": before.map(|plan| plan.temp_blocks),
        "after_temp_blocks": after.map(|plan| plan.temp_blocks),
        "before_rows": before.map(|plan| plan.rows),
        "after_rows": after.map(|plan| plan.rows),
        "before_execution_ms": before.and_then(|plan| plan.execution_ms),
        "after_execution_ms": after.and_then(|plan| plan.execution_ms),
        "before_cost": before.map(|plan| plan.total_cost),
        "after_cost": after.map(|plan| plan.total_cost),
        "before_shape": before.and_then(shape),
        "after_shape": after.and_then(shape),
    })
}

fn nplusone_tables(run: &str, nplusone: &NPlusOneRecord, identities: &Identities) -> [Table; 2] {
    let row = |place: usize, group: &NPlusOneGroup| {
        let parent = group.parent.as_ref();
        json!({
            "run_id": run,
            "position": place,
            "template_id": identities.template(&group.template),
            "verdict": group.verdict,
            "executions": group.executions,
            "distinct_values": group.distinct_values,
            "sessions": group.sessions,
            "units": group.unit_count.max(group.units.len() as u64),
            "parent_template_id": parent.and_then(|parent| identities.template(&parent.template)),
            "parent_rows": parent.map(|parent| parent.rows),
            "parent_column": parent.map(|parent| &parent.column),
            "looped_ms": group.cost.and_then(|cost| cost.looped_ms),
            "batched_ms": group.cost.and_then(|cost| cost.batched_ms),
            "remedy": group.remedy,
            "remedy_sql": group.remedy_sql,
            "ignored": group.ignored,
        })
    };
    let capture = json!({
        "run_id": run,
        "scenario": "nplusone",
        "sessions": nplusone.sessions,
        "executions": nplusone.executions,
        "complete": nplusone.complete,
        "dropped": nplusone.dropped,
    });
    [
        ("captures", vec![capture]),
        ("nplusone_groups", numbered(&nplusone.groups, row)),
    ]
}

fn watch_tables(run: &str, watch: &WatchRecord, identities: &Identities) -> [Table; 2] {
    let capture = json!({
        "run_id": run,
        "scenario": "watch",
        "sessions": watch.sessions,
        "executions": watch.executions,
        "complete": watch.complete,
        "dropped": watch.dropped,
    });
    let statements = numbered(&watch.templates, |place, total| {
        json!({
            "run_id": run,
            "position": place,
            "template_id": identities.template(&total.template),
            "executions": total.executions,
            "rows": total.rows,
            "total_ms": total.total_ms,
            "avg_ms": total.avg_ms,
            "p95_ms": total.p95_ms,
            "max_ms": total.max_ms,
            "share": total.share,
        })
    });
    [
        ("captures", vec![capture]),
        ("watched_statements", statements),
    ]
}

fn deadlock_tables(run: &str, deadlock: &DeadlockRecord) -> [Table; 2] {
    let shapes = numbered(&deadlock.shapes, |place, shape| {
        deadlock_shape(run, place, shape)
    });
    let predictions = numbered(&deadlock.predictions, |place, prediction| {
        json!({
            "run_id": run,
            "position": place,
            "verdict": prediction.verdict,
            "transactions": prediction.transactions,
            "objects": prediction.objects,
            "remedy": prediction.remedy,
        })
    });
    [
        ("deadlock_shapes", shapes),
        ("deadlock_predictions", predictions),
    ]
}

fn deadlock_shape(run: &str, place: usize, shape: &DeadlockShape) -> Value {
    json!({
        "run_id": run,
        "position": place,
        "name": shape.name,
        "deadlock_timeout_ms": shape.deadlock_timeout_ms,
        "expected": shape.expected,
        "runs": shape.runs,
        "as_expected": shape.as_expected,
        "deadlocks": shape.deadlocks,
        "server_deadlocks": shape.server_deadlocks,
        "victim": shape.victim,
        "detect_p50_ms": shape.detect_ms.p50,
        "detect_p95_ms": shape.detect_ms.p95,
        "outage_p50_ms": shape.outage_ms.p50,
        "outage_p95_ms": shape.outage_ms.p95,
        "outage_max_ms": shape.outage_ms.max,
        "attempts_p50": shape.attempts.p50,
        "wasted_work_p50_ms": shape.wasted_work_ms.p50,
        "wasted_wal_bytes": shape.wasted_wal_bytes,
        "throughput_per_s": shape.throughput_per_second,
        "queued_excess_p95_ms": shape.bystanders.excess.queued_p95_ms,
        "control_deadlocks": shape.control.as_ref().map(|control| control.deadlocks),
        "mended_deadlocks": shape.mended.as_ref().map(|mended| mended.deadlocks),
    })
}
