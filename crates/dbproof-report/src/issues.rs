//! A run as a list of what is wrong with it, for systems that know nothing but such lists:
//! [`of`].
//!
//! In such a list nothing looks like a pass, so what could not be decided is an [`Issue`] of its own.

use dbproof_model::{Location, RunRecord, Scenario, Severity, Verdict};

use crate::checks;
use crate::figures;
use crate::fingerprint;

/// The code of an issue that says that a scenario could not be decided. It is no finding's.
pub(crate) const INCONCLUSIVE: &str = "inconclusive";
/// The code of an issue that says that a scenario failed without a finding of severity error.
pub(crate) const FAILED: &str = "failed";

/// Something that somebody should know of.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Issue {
    pub(crate) code: String,
    pub(crate) severity: Severity,
    /// The scenario's name; `run` where none ran.
    pub(crate) scenario: &'static str,
    pub(crate) subject: String,
    pub(crate) title: String,
    /// What was seen, and in another sentence what to do.
    pub(crate) message: String,
    /// The statement that mends it.
    pub(crate) sql: Option<String>,
    /// Relative to the root of the checkout, where there is one.
    pub(crate) place: Option<Location>,
    pub(crate) fingerprint: String,
}

impl Issue {
    /// `order_history: 21 statements where 2 would do`
    pub(crate) fn about(&self) -> String {
        format!("{}: {}", self.subject, self.message)
    }
}

/// The findings and what could not be decided, the most severe first.
pub(crate) fn of(record: &RunRecord) -> Vec<Issue> {
    let prints = fingerprint::fingerprints(&record.findings);
    let mut issues: Vec<Issue> = record
        .findings
        .iter()
        .zip(prints)
        .map(|(finding, fingerprint)| {
            let advice = finding.remedy.as_ref().map(|remedy| remedy.text.as_str());
            Issue {
                code: finding.code.clone(),
                severity: finding.severity,
                scenario: finding.scenario.as_str(),
                subject: finding.subject.clone(),
                title: finding.title.clone(),
                message: sentences(&[Some(finding.message.as_str()), advice]),
                sql: finding
                    .remedy
                    .as_ref()
                    .and_then(|remedy| remedy.sql.clone()),
                place: finding.location.as_ref().map(|at| in_checkout(record, at)),
                fingerprint,
            }
        })
        .collect();
    issues.extend(undecided(record));
    issues.sort_by_key(|issue| fingerprint::rank(issue.severity));
    issues
}

/// A place, relative to the root of the checkout: CI systems know no other.
pub(crate) fn in_checkout(record: &RunRecord, place: &Location) -> Location {
    let folder = record.git.as_ref().map_or("", |git| git.folder.as_str());
    let file = if folder.is_empty() || place.file.starts_with('/') {
        place.file.clone()
    } else {
        format!("{folder}/{}", place.file)
    };
    Location {
        file,
        line: place.line.max(1),
    }
}

/// The file that asked for the run, for systems that want a place for everything.
pub(crate) fn configuration(record: &RunRecord) -> Option<Location> {
    let file = record.configuration.clone()?;
    Some(in_checkout(record, &Location { file, line: 1 }))
}

fn undecided(record: &RunRecord) -> Vec<Issue> {
    let verdicts = record.scenarios.verdicts();
    if verdicts.is_empty() {
        let message = "no scenario ran, so that nothing was checked";
        return vec![verdict(
            "run",
            INCONCLUSIVE,
            Severity::Warning,
            message.to_owned(),
        )];
    }
    let checks = checks::of(record);
    let mut issues = Vec::new();
    for (scenario, of_scenario) in verdicts {
        let has_error = record.findings.iter().any(|finding| {
            finding.severity == Severity::Error && finding.scenario.as_str() == scenario
        });
        match of_scenario {
            Verdict::Inconclusive => {
                let message = why_undecided(&checks, scenario);
                issues.push(verdict(scenario, INCONCLUSIVE, Severity::Warning, message));
            }
            Verdict::Fail if !has_error => {
                let message = format!("the verdict of {scenario} is fail");
                issues.push(verdict(scenario, FAILED, Severity::Error, message));
            }
            Verdict::Fail | Verdict::Pass => {}
        }
    }
    issues
}

fn why_undecided(checks: &[checks::Check<'_>], scenario: &str) -> String {
    const NAMED: usize = 5;
    let open: Vec<&str> = checks
        .iter()
        .filter(|check| check.scenario.as_str() == scenario)
        .filter(|check| check.verdict == Verdict::Inconclusive)
        .map(|check| check.name.as_str())
        .collect();
    let more = match open.len().saturating_sub(NAMED) {
        0 => String::new(),
        n => format!(" and {} more", figures::count(n as u64)),
    };
    match open.len() {
        0 => "too little was seen to tell; this is no pass".to_owned(),
        n => format!(
            "this is no pass: too little was seen to tell of {}{more}",
            open[..n.min(NAMED)].join(", ")
        ),
    }
}

fn verdict(scenario: &'static str, code: &str, severity: Severity, message: String) -> Issue {
    let title = match code {
        INCONCLUSIVE => "not decided",
        _ => "failed",
    };
    Issue {
        code: code.to_owned(),
        severity,
        scenario,
        subject: scenario.to_owned(),
        title: title.to_owned(),
        message,
        sql: None,
        place: None,
        fingerprint: fingerprint::of(&[code.to_owned(), scenario.to_owned()]),
    }
}

/// Parts as sentences, one after the other.
fn sentences(parts: &[Option<&str>]) -> String {
    let mut text = String::new();
    for part in parts.iter().flatten().map(|part| part.trim()) {
        if part.is_empty() {
            continue;
        }
        if !text.is_empty() {
            if !text.ends_with(['.', '!', '?', ':']) {
                text.push('.');
            }
            text.push(' ');
            let mut letters = part.chars();
            text.extend(letters.next().into_iter().flat_map(char::to_uppercase));
            text.push_str(letters.as_str());
            continue;
        }
        text.push_str(part);
    }
    text
}

/// The scenarios, in the order in which they are reported.
pub(crate) const SCENARIOS: [Scenario; 5] = [
    Scenario::Watch,
    Scenario::Slow,
    Scenario::Regress,
    Scenario::NPlusOne,
    Scenario::Deadlock,
];
