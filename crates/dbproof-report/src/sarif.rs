//! The findings as SARIF 2.1.0, the static analysis results interchange format: [`render`].

use std::collections::BTreeSet;

use dbproof_analysis::findings;
use dbproof_model::{Location, RunRecord, Severity, Verdict};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use crate::formats::Format;
use crate::issues::{self, INCONCLUSIVE, Issue};

/// SARIF of a run.
pub(crate) const FORMAT: Format<RunRecord> =
    Format::new("sarif", "report.sarif", |record, _| render(record));

/// What a path may hold as it is, by RFC 3986.
const PATH: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'/')
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// The findings as a SARIF 2.1.0 log with one run.
///
/// Each finding is a result with its [fingerprint](crate::fingerprint::fingerprint), each code a rule
/// with the page of `dbproof explain CODE` as its help. A result has the place that its finding has;
/// one without is placed at the configuration that asked for the run, because GitHub refuses the whole
/// file over one result without a place, and has none where the record names no configuration. What
/// could not be decided is a result as well, and the invocation is then no successful one.
///
/// # Panics
///
/// Never: the log is plain data.
#[must_use]
pub fn render(record: &RunRecord) -> String {
    let issues = issues::of(record);
    let codes: BTreeSet<&str> = issues.iter().map(|issue| issue.code.as_str()).collect();
    let codes: Vec<&str> = codes.into_iter().collect();
    let fallback = issues::configuration(record);
    let results: Vec<Value> = issues
        .iter()
        .map(|issue| result(issue, &codes, fallback.as_ref()))
        .collect();
    let log = json!({
        "$schema": "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "dbproof",
                "semanticVersion": record.tool.version,
                "rules": codes.iter().map(|code| rule(code)).collect::<Vec<Value>>(),
            } },
            "automationDetails": { "id": automation(record) },
            "invocations": [invocation(record, &issues)],
            "originalUriBaseIds": { "%SRCROOT%": {
                "description": { "text": "The root of the project's checkout." }
            } },
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    });
    let mut text = serde_json::to_string_pretty(&log).expect("the log is plain data");
    text.push('\n');
    text
}

/// Keeps the results of several projects of one checkout apart.
fn automation(record: &RunRecord) -> String {
    let project = record.project.as_deref().unwrap_or("project");
    format!("dbproof/{project}/{}", record.run_id)
}

/// What could not be decided is told as a notification too: it is about the tool's own work.
fn invocation(record: &RunRecord, issues: &[Issue]) -> Value {
    let undecided = issues.iter().filter(|issue| issue.code == INCONCLUSIVE);
    let notifications: Vec<Value> = undecided
        .map(|issue| json!({ "level": "warning", "message": { "text": issue.about() } }))
        .collect();
    let mut invocation = json!({
        "executionSuccessful": record.verdict != Verdict::Inconclusive,
        "toolExecutionNotifications": notifications,
    });
    if is_moment(&record.started_at) {
        invocation["startTimeUtc"] = json!(record.started_at);
    }
    invocation
}

/// Whether a text is `2026-02-14T09:15:03Z` and its like, as dbproof writes it; whoever edits a record
/// is no reason to write a log that nobody takes.
fn is_moment(text: &str) -> bool {
    let pattern = "dddd-dd-ddTdd:dd:ddZ";
    text.len() == pattern.len()
        && text
            .chars()
            .zip(pattern.chars())
            .all(|(c, wanted)| match wanted {
                'd' => c.is_ascii_digit(),
                other => c == other,
            })
}

fn rule(code: &str) -> Value {
    let (title, page, level) = match findings::kind(code) {
        Some(kind) => (kind.title, kind.page, level(kind.severity)),
        None if code == INCONCLUSIVE => (
            "what was asked could not be decided",
            "# inconclusive\n\nToo little was seen to tell whether what was asked holds. This is no \
             pass: look at the run's report for the reason, mend it and run again.\n",
            "warning",
        ),
        None => ("a finding of another version of dbproof", "", "warning"),
    };
    let mut rule = json!({
        "id": code,
        "shortDescription": { "text": title },
        "defaultConfiguration": { "level": level },
    });
    if !page.is_empty() {
        rule["help"] = json!({ "text": page, "markdown": page });
    }
    rule
}

fn result(issue: &Issue, codes: &[&str], fallback: Option<&Location>) -> Value {
    let index = codes.binary_search(&issue.code.as_str());
    let mut message = issue.about();
    if let Some(sql) = &issue.sql {
        message.extend(["\n", sql]);
    }
    let mut result = json!({
        "ruleId": issue.code,
        "ruleIndex": index.expect("the rules are those of the results"),
        "level": level(issue.severity),
        "message": { "text": message },
        "partialFingerprints": { "dbproof/v1": issue.fingerprint },
        "properties": { "scenario": issue.scenario },
    });
    if let Some(place) = issue.place.as_ref().or(fallback) {
        let file = place.file.trim_start_matches("./");
        let mut physical = json!({
            "artifactLocation": { "uri": utf8_percent_encode(file, PATH).to_string() },
            "region": { "startLine": place.line.max(1) },
        });
        // A path from the root lies in no checkout.
        if !file.starts_with('/') {
            physical["artifactLocation"]["uriBaseId"] = json!("%SRCROOT%");
        }
        result["locations"] = json!([{
            "physicalLocation": physical,
            "logicalLocations": [{ "fullyQualifiedName": issue.subject }],
        }]);
    }
    result
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Info => "note",
    }
}
