//! The record of a watch: [`parts`].

use std::collections::BTreeMap;
use std::time::Duration;

use dbproof_analysis::findings::{
    catalog_unread, failed_statements, idle_transaction, nothing_captured, slow_statement,
};
use dbproof_analysis::traffic::{SlowTemplate, SqlState, Tags, TemplateFigures, Totals};
use dbproof_capture::capture::CaptureSummary;
use dbproof_capture::tee::{Problem, ProblemKind};
use dbproof_model::{
    CommandExit, FailedStatement, Finding, NPlusOneRecord, OtherTemplates, PointedVariable,
    Scenarios, Severity, SlowStatement, TemplateTotal, TrafficSource, Verdict, WatchEnd,
    WatchRecord,
};

use super::analyst::Seen;
use crate::options::Threshold;

/// Statements that the record names.
const MOST_TEMPLATES: usize = 50;
/// Slow and refused statements that the record names.
const MOST_NAMED: usize = 20;
/// The longest text of a statement with its values, in characters.
const LONGEST_EXAMPLE: usize = 10_000;

/// What of the traffic stands out, and what is shown of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// From where on a statement is slow.
    pub(super) threshold: Threshold,
    /// From where on a transaction was left idle.
    pub(super) idle: Duration,
    /// Show texts of slow statements with their values.
    pub(super) keep_values: bool,
}

/// What is known of a watch beside its traffic.
#[derive(Debug)]
pub(super) struct Circumstances {
    pub(super) source: TrafficSource,
    pub(super) files: Vec<String>,
    pub(super) command: Vec<String>,
    pub(super) exit: Option<CommandExit>,
    pub(super) ended: WatchEnd,
    pub(super) server: String,
    pub(super) listened: String,
    pub(super) pointed: Vec<PointedVariable>,
    pub(super) duration_ms: f64,
}

/// The parts of the record, and the findings.
pub(super) fn parts(
    limits: &Limits,
    circumstances: Circumstances,
    summary: &CaptureSummary,
    seen: Seen,
) -> (Scenarios, Vec<Finding>) {
    let idle_limit_ms = limits.idle.as_secs_f64() * 1e3;
    let (templates, others) = templates(&seen.totals);
    let mut reasons = seen.detection.incomplete.clone();
    reasons.extend(turned_away(&summary.tee.problems));
    let complete = reasons.is_empty() && summary.dropped == 0;
    let watch = WatchRecord {
        verdict: if complete && summary.executions > 0 {
            Verdict::Pass
        } else {
            Verdict::Inconclusive
        },
        source: circumstances.source,
        files: circumstances.files,
        command: circumstances.command,
        exit: circumstances.exit,
        ended: circumstances.ended,
        server: circumstances.server,
        listened: circumstances.listened,
        pointed: circumstances.pointed,
        duration_ms: circumstances.duration_ms,
        sessions: u64::from(summary.sessions),
        executions: summary.executions,
        complete,
        dropped: summary.dropped,
        reasons: reasons.clone(),
        notes: notes(summary, &seen.refused)
            .into_iter()
            .chain(seen.not_saved)
            .collect(),
        databases: seen.databases,
        templates,
        others,
        threshold_ms: limits.threshold.milliseconds,
        threshold_source: limits.threshold.source,
        slow: slow(&seen.totals, limits.keep_values),
        failed: failed(&seen.totals),
        idle_limit_ms,
        idle: seen.idle.list(),
    };
    let mut findings = seen.detection.findings;
    findings.extend(about(&watch));
    let has_error = findings.iter().any(|f| f.severity == Severity::Error);
    let nplusone = NPlusOneRecord {
        verdict: if has_error {
            Verdict::Fail
        } else {
            watch.verdict
        },
        sessions: watch.sessions,
        executions: watch.executions,
        complete,
        dropped: summary.dropped,
        reasons,
        groups: seen.detection.groups,
        pages: Vec::new(),
    };
    let scenarios = Scenarios {
        nplusone: Some(nplusone),
        watch: Some(watch),
        ..Scenarios::default()
    };
    (scenarios, findings)
}

/// The findings about the traffic as a whole.
fn about(watch: &WatchRecord) -> Vec<Finding> {
    let mut findings = Vec::new();
    if watch.executions == 0 {
        findings.push(nothing_captured::finding(watch));
    }
    let slow = watch.slow.iter();
    findings.extend(slow.map(|s| slow_statement::finding(s, watch.threshold_ms)));
    let idle = watch.idle.iter();
    findings.extend(idle.map(|i| idle_transaction::finding(i, watch.idle_limit_ms)));
    findings.extend(watch.failed.iter().map(failed_statements::finding));
    let unread = watch
        .databases
        .iter()
        .filter(|d| !d.catalog_read && d.executions > 0);
    findings.extend(unread.map(catalog_unread::finding));
    findings
}

fn templates(totals: &Totals) -> (Vec<TemplateTotal>, OtherTemplates) {
    let all = totals.templates();
    let rest = all.get(MOST_TEMPLATES..).unwrap_or_default();
    let apart = totals.others();
    let others = OtherTemplates {
        templates: rest.len() as u64 + apart.templates,
        executions: rest.iter().map(|t| t.executions).sum::<u64>() + apart.executions,
        total_ms: (rest.iter().map(|t| t.total_us).sum::<u64>() + apart.total_us) as f64 / 1e3,
    };
    let total = |figures: &TemplateFigures| TemplateTotal {
        template: figures.template.clone(),
        executions: figures.executions,
        rows: figures.rows,
        total_ms: figures.total_us as f64 / 1e3,
        avg_ms: figures.avg_us / 1e3,
        p95_ms: Some(figures.p95_us as f64 / 1e3),
        max_ms: Some(figures.max_us as f64 / 1e3),
        share: figures.share,
    };
    (all.iter().take(MOST_TEMPLATES).map(total).collect(), others)
}

fn slow(totals: &Totals, keep_values: bool) -> Vec<SlowStatement> {
    let statement = |slow: SlowTemplate| SlowStatement {
        slow: slow.slow,
        executions: slow.executions,
        max_ms: slow.max_us as f64 / 1e3,
        from: slow.tags.as_deref().map(origin).unwrap_or_default(),
        example: slow
            .sent
            .filter(|_| keep_values)
            .map(|sent| sent.sql.chars().take(LONGEST_EXAMPLE).collect()),
        template: slow.template,
    };
    totals
        .slow()
        .into_iter()
        .take(MOST_NAMED)
        .map(statement)
        .collect()
}

fn failed(totals: &Totals) -> Vec<FailedStatement> {
    let failures = totals.failures().into_iter().take(MOST_NAMED);
    let failed = failures.map(|failure| FailedStatement {
        template: failure.template.unwrap_or_else(|| "(others)".to_owned()),
        sqlstate: String::from_utf8_lossy(&failure.sqlstate).into_owned(),
        count: failure.count,
    });
    failed.collect()
}

/// Tags that tell where a statement comes from, and nothing of its values.
const ORIGINS: &[&str] = &[
    "route",
    "controller",
    "action",
    "file",
    "line",
    "function",
    "job",
    "test",
    "test_name",
];

fn origin(tags: &Tags) -> Vec<String> {
    let told = tags
        .pairs
        .iter()
        .filter(|(key, _)| ORIGINS.contains(&key.as_str()));
    told.map(|(key, value)| format!("{key}={value}")).collect()
}

/// Applications that dbproof itself has turned away: what they would have done was not captured.
fn turned_away(problems: &[Problem]) -> Vec<String> {
    let ours = problems.iter().filter(|problem| {
        matches!(
            problem.kind,
            ProblemKind::Encryption | ProblemKind::ChannelBinding | ProblemKind::NotAccepted
        )
    });
    ours.map(ToString::to_string).collect()
}

fn notes(summary: &CaptureSummary, refused: &BTreeMap<SqlState, u64>) -> Vec<String> {
    let problems = summary.tee.problems.iter().filter(|problem| {
        matches!(
            problem.kind,
            ProblemKind::ServerUnreachable | ProblemKind::NotPostgres
        )
    });
    let mut notes: Vec<String> = problems.map(ToString::to_string).collect();
    notes.extend(summary.not_read.iter().cloned());
    notes.extend(refused.iter().map(|(state, count)| {
        let state = String::from_utf8_lossy(state);
        let meaning = failed_statements::meaning(&state);
        let times = if *count == 1 { "time" } else { "times" };
        format!(
            "the server answered {count} {times} with SQLSTATE {state}{meaning} outside of any statement"
        )
    }));
    if summary.unfinished > 0 {
        notes.push(format!(
            "{} sessions had a statement under way when the watch ended; it is not counted",
            summary.unfinished
        ));
    }
    notes
}
