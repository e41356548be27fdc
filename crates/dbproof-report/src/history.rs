//! The same queries in earlier runs: [`History`].

use std::collections::BTreeSet;

use dbproof_model::{RunRecord, Scenario};

use crate::delta::circumstances;

/// How the queries of a run did in earlier ones.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct History {
    /// The runs, the earliest first; the last one is the run that is reported.
    pub runs: Vec<Run>,
    /// One a query of the run that is reported, in its order.
    pub series: Vec<Series>,
    /// Records that were given and are of another project.
    pub of_others: usize,
}

/// A run of the history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// When it began, RFC 3339 in UTC.
    pub started_at: String,
    /// The commit, where the project's folder was a checkout.
    pub commit: Option<String>,
    /// In what its circumstances differ from those of the run that is reported, so that times cannot
    /// be held against each other; empty where they do not.
    pub differs: Vec<String>,
}

/// A query over the runs.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// `slow`, or `watch` for a statement of an application.
    pub scenario: Scenario,
    /// The query's name, or the statement.
    pub name: String,
    /// Its threshold in the run that is reported, in milliseconds.
    pub threshold_ms: Option<f64>,
    /// Its 95th percentile in each run, in milliseconds; none where the run did not measure it.
    pub p95_ms: Vec<Option<f64>>,
}

/// Statements of an application have no end of texts; these are the ones that take the most time.
const STATEMENTS: usize = 20;

impl History {
    /// The history of a run, from records in any order. A record that is given twice, or is that of the
    /// run itself, counts once; one of another project does not count.
    #[must_use]
    pub fn of(record: &RunRecord, earlier: &[RunRecord]) -> Self {
        let mut seen = BTreeSet::from([record.run_id.as_str()]);
        let (own, others): (Vec<&RunRecord>, Vec<&RunRecord>) = earlier
            .iter()
            .partition(|earlier| earlier.project == record.project);
        let mut records: Vec<&RunRecord> = own
            .into_iter()
            .filter(|earlier| seen.insert(earlier.run_id.as_str()))
            .filter(|earlier| earlier.started_at <= record.started_at)
            .collect();
        records.sort_by(|a, b| a.started_at.cmp(&b.started_at));
        records.push(record);
        History {
            runs: records.iter().map(|run| Run::of(run, record)).collect(),
            series: series(record, &records),
            of_others: others.len(),
        }
    }

    /// Runs whose times cannot be held against those of the run that is reported.
    #[must_use]
    pub fn incomparable(&self) -> usize {
        let differing = self.runs.iter().filter(|run| !run.differs.is_empty());
        differing.count()
    }
}

impl Run {
    fn of(run: &RunRecord, reported: &RunRecord) -> Self {
        Run {
            started_at: run.started_at.clone(),
            commit: run.git.as_ref().map(|git| git.commit.clone()),
            differs: circumstances(run, reported),
        }
    }

    /// `3f9a1c0d5e7b`, or a dash.
    pub(crate) fn short_commit(&self) -> String {
        self.commit.as_ref().map_or_else(
            || crate::figures::ABSENT.to_owned(),
            |commit| commit.chars().take(12).collect(),
        )
    }
}

impl Series {
    /// The first and the last of the runs that measured it.
    pub(crate) fn ends(&self) -> Option<(f64, f64)> {
        let mut measured = self.p95_ms.iter().flatten();
        let first = *measured.next()?;
        Some((first, measured.next_back().copied().unwrap_or(first)))
    }
}

fn series(record: &RunRecord, records: &[&RunRecord]) -> Vec<Series> {
    let mut all = Vec::new();
    for query in record.scenarios.slow.iter().flat_map(|slow| &slow.queries) {
        let of_run = |run: &&RunRecord| {
            let queries = &run.scenarios.slow.as_ref()?.queries;
            queries.iter().find(|q| q.name == query.name)?.p95_ms
        };
        all.push(Series {
            scenario: Scenario::Slow,
            name: query.name.clone(),
            threshold_ms: Some(query.threshold_ms),
            p95_ms: records.iter().map(of_run).collect(),
        });
    }
    let watch = record.scenarios.watch.as_ref();
    let templates = watch.map_or(&[][..], |watch| &watch.templates);
    for template in templates.iter().take(STATEMENTS) {
        let of_run = |run: &&RunRecord| {
            let templates = &run.scenarios.watch.as_ref()?.templates;
            let same = templates.iter().find(|t| t.template == template.template);
            same?.p95_ms
        };
        all.push(Series {
            scenario: Scenario::Watch,
            name: template.template.clone(),
            threshold_ms: None,
            p95_ms: records.iter().map(of_run).collect(),
        });
    }
    all
}
