//! The run as JUnit XML, which every CI system reads: [`render`], and [`seed`] for `dbproof seed`.
//!
//! A scenario is a suite, and each query, page, repeated statement or deadlock shape a case. An error
//! finding is a `failure`. What could not be decided is an `error` and not `skipped`: systems show
//! skipped cases as left out on purpose, and a suite of nothing else as green (GitLab counts them as no
//! failure, Jenkins leaves the build stable), while an error turns the case, the suite and the build
//! red, as dbproof's own exit code 4 does.

mod xml;

use dbproof_model::{CheckOutcome, RunRecord, SeedCheck, SeedRecord, Verdict};

use crate::checks::{self, Check};
use crate::document::one_line;
use crate::formats::Format;
use crate::sections::findings::{evidence, place};
use crate::sections::summary;
use xml::{Case, Outcome, Problem, Report, Suite};

/// JUnit XML of a run.
pub(crate) const FORMAT: Format<RunRecord> =
    Format::new("junit", "report.junit.xml", |record, _| render(record));

/// JUnit XML of a seed.
pub(crate) const SEED: Format<SeedRecord> =
    Format::new("junit", "report.junit.xml", |record, _| seed(record));

/// The run as JUnit XML, valid by the schema of Jenkins's xUnit plugin.
///
/// The `time` of a case is the one that stands for it: the statistic that a threshold is held against,
/// the time of a page, the outage of a deadlock.
#[must_use]
pub fn render(record: &RunRecord) -> String {
    let checks = checks::of(record);
    let scenarios = record.scenarios.verdicts();
    let suite = |(scenario, _): &(&str, Verdict)| Suite {
        name: format!("dbproof.{scenario}"),
        timestamp: Some(record.started_at.clone()),
        properties: vec![
            ("verdict", record.verdict.as_str().to_owned()),
            ("run", record.run_id.clone()),
            ("setting", summary::setting(record)),
        ],
        cases: checks
            .iter()
            .filter(|check| check.scenario.as_str() == *scenario)
            .map(case)
            .collect(),
    };
    let mut suites: Vec<Suite> = scenarios.iter().map(suite).collect();
    if suites.is_empty() {
        suites.push(nothing_ran(record));
    }
    let document = Report {
        name: record
            .project
            .clone()
            .unwrap_or_else(|| "dbproof".to_owned()),
        seconds: record.duration_ms / 1e3,
        suites,
    };
    document.render()
}

/// What `dbproof seed` did as JUnit XML: a case for each statistic that was held against what was
/// asked for. One that could not be checked is an error as elsewhere, except where nothing else is to
/// be expected of it: then its case is not there, as in the seed's own verdict.
#[must_use]
pub fn seed(record: &SeedRecord) -> String {
    let mut tables: Vec<&str> = record.checks.iter().map(|c| c.table.as_str()).collect();
    tables.dedup();
    let suite = |table: &&str| Suite {
        name: format!("dbproof.seed.{table}"),
        cases: record
            .checks
            .iter()
            .filter(|check| check.table == *table)
            .filter_map(statistic)
            .collect(),
        ..Suite::default()
    };
    let mut suites: Vec<Suite> = tables.iter().map(suite).collect();
    suites.retain(|suite| !suite.cases.is_empty());
    if record.verdict == Verdict::Inconclusive {
        let reason = "no statistic could be held against what was asked for";
        suites.push(undecided("dbproof.seed", reason));
    }
    let document = Report {
        name: record
            .project
            .clone()
            .unwrap_or_else(|| "dbproof".to_owned()),
        seconds: record.duration_ms / 1e3,
        suites,
    };
    document.render()
}

fn nothing_ran(record: &RunRecord) -> Suite {
    Suite {
        timestamp: Some(record.started_at.clone()),
        ..undecided("dbproof", "no scenario ran, so that nothing was checked")
    }
}

fn undecided(suite: &str, reason: &str) -> Suite {
    Suite {
        name: suite.to_owned(),
        cases: vec![Case {
            classname: suite.to_owned(),
            name: "verdict".to_owned(),
            seconds: None,
            outcome: Outcome::Error(Problem {
                code: "inconclusive".to_owned(),
                message: reason.to_owned(),
                text: reason.to_owned(),
            }),
            output: String::new(),
        }],
        ..Suite::default()
    }
}

fn case(check: &Check<'_>) -> Case {
    let problem = |code: &str, message: &str| Problem {
        code: code.to_owned(),
        message: one_line(message),
        text: told(check),
    };
    let worst = check.findings.first();
    let outcome = match check.verdict {
        Verdict::Pass => Outcome::Pass,
        Verdict::Fail => Outcome::Failure(match worst {
            Some(finding) => problem(&finding.code, &finding.message),
            None => problem("failed", &check.seen),
        }),
        Verdict::Inconclusive => Outcome::Error(match worst {
            Some(finding) => problem("inconclusive", &finding.message),
            None => problem("inconclusive", &check.seen),
        }),
    };
    let mut output = check.seen.clone();
    if outcome == Outcome::Pass && !check.findings.is_empty() {
        output.push('\n');
        output.push_str(&told(check));
    }
    Case {
        classname: format!("dbproof.{}", check.scenario.as_str()),
        name: check.name.clone(),
        seconds: check.ms.map(|ms| ms / 1e3),
        outcome,
        output,
    }
}

/// The findings with their evidence and remedies.
fn told(check: &Check<'_>) -> String {
    let mut lines = Vec::new();
    for finding in &check.findings {
        let (severity, code) = (finding.severity.as_str(), &finding.code);
        lines.push(format!("{severity} {code}: {}", finding.title));
        lines.push(finding.message.clone());
        lines.extend(place(finding).map(|place| format!("at {place}")));
        let evidence = evidence(finding);
        if !evidence.is_empty() {
            lines.push(format!("evidence: {evidence}"));
        }
        if let Some(remedy) = &finding.remedy {
            lines.push(format!("remedy: {}", remedy.text));
            lines.extend(remedy.sql.clone());
        }
        lines.push(format!("more: dbproof explain {code}"));
    }
    if lines.is_empty() {
        lines.push(check.seen.clone());
    }
    lines.join("\n")
}

fn statistic(check: &SeedCheck) -> Option<Case> {
    let name = if check.column.is_empty() {
        check.statistic.clone()
    } else {
        format!("{} {}", check.column, check.statistic)
    };
    let figure = |value: Option<f64>| {
        value.map_or_else(|| crate::figures::ABSENT.to_owned(), crate::figures::number)
    };
    let seen = format!(
        "asked {}, allowed {} to {}, found {}",
        figure(check.asked),
        figure(check.low),
        figure(check.high),
        figure(check.found)
    );
    let outcome = match check.outcome {
        CheckOutcome::Ok => Outcome::Pass,
        CheckOutcome::NotChecked => return None,
        CheckOutcome::Differs => Outcome::Failure(Problem {
            code: "differs".to_owned(),
            message: one_line(check.reason.as_deref().unwrap_or(&seen)),
            text: seen.clone(),
        }),
    };
    Some(Case {
        classname: format!("dbproof.seed.{}", check.table),
        name,
        seconds: None,
        outcome,
        output: seen,
    })
}
