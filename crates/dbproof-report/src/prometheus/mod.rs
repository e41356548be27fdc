//! The figures of a run as metrics: [`families`], and [`render`] for `node_exporter`'s textfile
//! collector.
//!
//! Names and units follow Prometheus' conventions: `dbproof_` first, seconds and bytes, ratios as
//! they are. Everything is a gauge of the last run. Labels are names from the project's files
//! (project, query, shape) and words of ours (scenario, code, severity, verdict, statistic), so
//! that the number of series is bounded by the project; no SQL, commit or run ever is a label.

mod family;
mod scenarios;
mod text;

use std::collections::BTreeMap;

use dbproof_model::{RunRecord, Severity, Verdict};

use family::Exposition;

pub use family::{Family, Labels};

const VERDICTS: [Verdict; 3] = [Verdict::Pass, Verdict::Fail, Verdict::Inconclusive];

/// The metrics of a run, in Prometheus' text format, version 0.0.4.
#[must_use]
pub fn render(record: &RunRecord) -> String {
    text::rendered(&families(record))
}

/// The metrics of a run.
#[must_use]
pub fn families(record: &RunRecord) -> Vec<Family<'_>> {
    let metrics = Metrics {
        project: record.project.as_deref().unwrap_or_default(),
    };
    let mut exposition = Exposition::default();
    metrics.run(&mut exposition, record);
    metrics.findings(&mut exposition, record);
    let scenarios = &record.scenarios;
    if let Some(slow) = &scenarios.slow {
        metrics.slow(&mut exposition, slow);
    }
    if let Some(regress) = &scenarios.regress {
        metrics.regress(&mut exposition, regress);
    }
    if let Some(nplusone) = &scenarios.nplusone {
        metrics.nplusone(&mut exposition, nplusone);
    }
    if let Some(deadlock) = &scenarios.deadlock {
        metrics.deadlock(&mut exposition, deadlock);
    }
    if let Some(watch) = &scenarios.watch {
        metrics.watch(&mut exposition, watch);
    }
    exposition.into_families()
}

/// What every sample has in common.
#[derive(Debug, Clone, Copy)]
struct Metrics<'a> {
    project: &'a str,
}

impl<'a> Metrics<'a> {
    /// The project's label, and these.
    fn labels<const N: usize>(self, labels: [(&'static str, &'a str); N]) -> Labels<'a> {
        let project = ("project", self.project);
        [project]
            .into_iter()
            .chain(labels)
            .map(|(name, value)| (name, value.into()))
            .collect()
    }

    fn run(self, exposition: &mut Exposition<'a>, record: &'a RunRecord) {
        let info = [
            ("version", record.tool.version.as_str()),
            ("engine", record.server.engine.as_str()),
            ("server_version", record.server.version.as_str()),
        ];
        exposition.gauge(
            "dbproof_run_info",
            "The versions of dbproof and of the server in the last run; always 1.",
            [(self.labels(info), Some(1.0))],
        );
        let started = record.started_at.parse::<jiff::Timestamp>().ok();
        exposition.gauge(
            "dbproof_run_start_timestamp_seconds",
            "When the last run began, in seconds since 1970.",
            [(
                self.labels([]),
                started.map(|started| started.as_duration().as_secs_f64()),
            )],
        );
        exposition.gauge(
            "dbproof_run_duration_seconds",
            "How long the last run took.",
            [(self.labels([]), Some(seconds(record.duration_ms)))],
        );
        exposition.gauge(
            "dbproof_run_verdict",
            "1 for the verdict of the last run, 0 for the others.",
            VERDICTS.map(|verdict| {
                let labels = self.labels([("verdict", verdict.as_str())]);
                (labels, Some(flag(record.verdict == verdict)))
            }),
        );
        let scenarios = record.scenarios.verdicts();
        exposition.gauge(
            "dbproof_scenario_verdict",
            "1 for the verdict of each scenario that ran, 0 for the others.",
            scenarios.iter().flat_map(|(scenario, found)| {
                VERDICTS.map(|verdict| {
                    let labels =
                        self.labels([("scenario", *scenario), ("verdict", verdict.as_str())]);
                    (labels, Some(flag(*found == verdict)))
                })
            }),
        );
    }

    fn findings(self, exposition: &mut Exposition<'a>, record: &'a RunRecord) {
        exposition.gauge(
            "dbproof_run_findings",
            "Findings of the last run by severity.",
            [Severity::Error, Severity::Warning, Severity::Info].map(|severity| {
                let labels = self.labels([("severity", severity.as_str())]);
                (labels, Some(count(record.count(severity))))
            }),
        );
        let mut by_code: BTreeMap<_, usize> = BTreeMap::new();
        for finding in &record.findings {
            let key = (
                finding.scenario.as_str(),
                finding.code.as_str(),
                finding.severity.as_str(),
            );
            *by_code.entry(key).or_default() += 1;
        }
        exposition.gauge(
            "dbproof_findings",
            "Findings of the last run by scenario, code and severity; absent where there are none.",
            by_code
                .into_iter()
                .map(|((scenario, code, severity), found)| {
                    let labels = self.labels([
                        ("scenario", scenario),
                        ("code", code),
                        ("severity", severity),
                    ]);
                    (labels, Some(count(found)))
                }),
        );
    }
}

fn seconds(milliseconds: f64) -> f64 {
    milliseconds / 1000.0
}

fn flag(set: bool) -> f64 {
    if set { 1.0 } else { 0.0 }
}

fn count(number: usize) -> f64 {
    number as f64
}
