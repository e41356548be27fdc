//! GitLab's Code Quality report: [`render`].

use dbproof_model::{Location, RunRecord, Severity};
use serde::Serialize;

use crate::document::one_line;
use crate::formats::Format;
use crate::issues::{self, Issue};

/// Code Quality of a run.
pub(crate) const FORMAT: Format<RunRecord> =
    Format::new("gitlab", "gl-code-quality-report.json", |record, _| {
        render(record)
    });

/// Named as the place of what has none, where the record names no configuration either: GitLab drops
/// an entry without a path.
const NOWHERE: &str = "dbproof.toml";

#[derive(Serialize)]
struct Entry {
    description: String,
    check_name: String,
    fingerprint: String,
    severity: &'static str,
    location: Place,
}

#[derive(Serialize)]
struct Place {
    path: String,
    lines: Lines,
}

#[derive(Serialize)]
struct Lines {
    begin: u32,
}

/// The findings of severity error and warning, and what could not be decided, as the JSON that GitLab
/// reads as `artifacts:reports:codequality`.
///
/// GitLab shows each entry as a degradation, so what is good to know is not among them: an improved
/// plan is none. What has no place in a file of the project is placed at the configuration that asked
/// for the run, because GitLab leaves out what has no path.
///
/// # Panics
///
/// Never: the entries are plain data.
#[must_use]
pub fn render(record: &RunRecord) -> String {
    let fallback = issues::configuration(record);
    let entries: Vec<Entry> = issues::of(record)
        .into_iter()
        .filter(|issue| issue.severity != Severity::Info)
        .map(|issue| entry(issue, fallback.as_ref()))
        .collect();
    let mut text = serde_json::to_string_pretty(&entries).expect("the entries are plain data");
    text.push('\n');
    text
}

fn entry(issue: Issue, fallback: Option<&Location>) -> Entry {
    let (file, line) = match issue.place.as_ref().or(fallback) {
        Some(place) => (place.file.clone(), place.line),
        None => (NOWHERE.to_owned(), 1),
    };
    Entry {
        description: one_line(&if issue.subject == issue.scenario {
            issue.about()
        } else {
            format!("{} {}", issue.scenario, issue.about())
        }),
        check_name: issue.code,
        fingerprint: issue.fingerprint,
        severity: match issue.severity {
            Severity::Error => "critical",
            Severity::Warning => "minor",
            Severity::Info => "info",
        },
        location: Place {
            path: file.trim_start_matches("./").to_owned(),
            lines: Lines { begin: line },
        },
    }
}
