//! What each scenario saw, as metrics.

use dbproof_model::{
    DeadlockRecord, DeadlockShape, Durations, GroupVerdict, NPlusOneRecord, PlanSummary,
    RegressQuery, RegressRecord, SlowQuery, SlowRecord, WatchRecord,
};

use super::family::Exposition;
use super::{Metrics, count, flag, seconds};

impl<'a> Metrics<'a> {
    pub(super) fn slow(self, exposition: &mut Exposition<'a>, slow: &'a SlowRecord) {
        let queries = &slow.queries;
        exposition.gauge(
            "dbproof_query_latency_seconds",
            "Latency of each monitored query in the last run.",
            queries.iter().flat_map(|query| {
                latencies(query).map(|(statistic, value)| {
                    let labels =
                        self.labels([("query", query.name.as_str()), ("statistic", statistic)]);
                    (labels, value.map(seconds))
                })
            }),
        );
        exposition.gauge(
            "dbproof_query_threshold_seconds",
            "The threshold of each monitored query, and the statistic that it is held against.",
            queries.iter().map(|query| {
                let labels = self.labels([
                    ("query", query.name.as_str()),
                    ("statistic", query.statistic.as_str()),
                ]);
                (labels, Some(seconds(query.threshold_ms)))
            }),
        );
        exposition.gauge(
            "dbproof_query_verdict",
            "1 for the verdict of each monitored query; its other verdicts are absent.",
            queries.iter().map(|query| {
                let labels = self.labels([
                    ("query", query.name.as_str()),
                    ("verdict", query.verdict.as_str()),
                ]);
                (labels, Some(1.0))
            }),
        );
        self.by_query(
            exposition,
            "dbproof_query_samples",
            "Measured executions of each monitored query.",
            queries
                .iter()
                .map(|q| (q.name.as_str(), Some(float(q.samples)))),
        );
        self.by_query(
            exposition,
            "dbproof_query_errors",
            "Measured executions of each monitored query that the server answered with an error.",
            queries
                .iter()
                .map(|q| (q.name.as_str(), Some(float(q.errors)))),
        );
    }

    pub(super) fn regress(self, exposition: &mut Exposition<'a>, regress: &'a RegressRecord) {
        let migration = regress.migration.as_ref();
        exposition.gauge(
            "dbproof_migration_duration_seconds",
            "How long the change under test took to apply.",
            [(self.labels([]), migration.map(|m| seconds(m.duration_ms)))],
        );
        exposition.gauge(
            "dbproof_migration_wal_bytes",
            "Write-ahead log that the change under test wrote.",
            [(
                self.labels([]),
                migration.and_then(|m| m.wal_bytes).map(float),
            )],
        );
        let queries = &regress.queries;
        exposition.gauge(
            "dbproof_regression_verdict",
            "1 for what became of each query with the change under test; its other verdicts are absent.",
            queries.iter().map(|query| {
                let labels = self.labels([
                    ("query", query.name.as_str()),
                    ("verdict", query.verdict.as_str()),
                ]);
                (labels, Some(1.0))
            }),
        );
        exposition.gauge(
            "dbproof_regression_ratio",
            "After divided by before, of each query: time, shared blocks, planner's cost.",
            queries.iter().flat_map(|query| {
                ratios(query).map(|(measure, value)| {
                    let labels =
                        self.labels([("query", query.name.as_str()), ("measure", measure)]);
                    (labels, value)
                })
            }),
        );
        exposition.gauge(
            "dbproof_regression_blocks",
            "Shared blocks, hit and read together, of each query before and after the change.",
            queries.iter().flat_map(|query| {
                [("before", &query.before), ("after", &query.after)].map(|(side, plan)| {
                    let labels = self.labels([("query", query.name.as_str()), ("side", side)]);
                    (labels, plan.as_ref().map(blocks))
                })
            }),
        );
    }

    pub(super) fn nplusone(self, exposition: &mut Exposition<'a>, nplusone: &'a NPlusOneRecord) {
        const VERDICTS: [GroupVerdict; 5] = [
            GroupVerdict::Proven,
            GroupVerdict::Likely,
            GroupVerdict::Duplicate,
            GroupVerdict::WriteLoop,
            GroupVerdict::Chain,
        ];
        let of = |verdict| {
            nplusone
                .groups
                .iter()
                .filter(move |group| group.verdict == verdict && group.ignored.is_none())
        };
        exposition.gauge(
            "dbproof_nplusone_groups",
            "Groups of repeated statements by what they are; those that are ignored are left out.",
            VERDICTS.map(|verdict| {
                let labels = self.labels([("verdict", verdict.as_str())]);
                (labels, Some(count(of(verdict).count())))
            }),
        );
        exposition.gauge(
            "dbproof_nplusone_executions",
            "Executions of the statements of these groups.",
            VERDICTS.map(|verdict| {
                let labels = self.labels([("verdict", verdict.as_str())]);
                (labels, Some(float(of(verdict).map(|g| g.executions).sum())))
            }),
        );
        exposition.gauge(
            "dbproof_capture_complete",
            "1 where everything that was executed was captured, else 0.",
            [(self.labels([]), Some(flag(nplusone.complete)))],
        );
    }

    pub(super) fn deadlock(self, exposition: &mut Exposition<'a>, deadlock: &'a DeadlockRecord) {
        self.by_shape(
            exposition,
            "dbproof_deadlock_runs",
            "Runs of each deadlock shape.",
            deadlock,
            |shape| vec![("", Some(float(shape.runs)))],
        );
        self.by_shape(
            exposition,
            "dbproof_deadlock_errors",
            "Deadlock errors (SQLSTATE 40P01) that clients saw in the runs of each shape.",
            deadlock,
            |shape| vec![("", Some(float(shape.deadlocks)))],
        );
        self.by_shape(
            exposition,
            "dbproof_deadlock_detection_seconds",
            "The first deadlock error, from the request that closed the cycle.",
            deadlock,
            |shape| durations(shape.detect_ms),
        );
        self.by_shape(
            exposition,
            "dbproof_deadlock_outage_seconds",
            "The victim's work committed by a retry, from the request that closed the cycle.",
            deadlock,
            |shape| durations(shape.outage_ms),
        );
        exposition.gauge(
            "dbproof_deadlock_predictions",
            "Deadlocks predicted from captured transactions.",
            ["confirmed", "possible"].map(|verdict| {
                let found = deadlock.predictions.iter().filter(|p| p.verdict == verdict);
                (
                    self.labels([("verdict", verdict)]),
                    Some(count(found.count())),
                )
            }),
        );
    }

    pub(super) fn watch(self, exposition: &mut Exposition<'a>, watch: &'a WatchRecord) {
        let idle = watch.idle.iter().map(|i| i.count).sum();
        let figures = [
            ("captured", float(watch.executions)),
            ("slow", float(watch.slow.iter().map(|s| s.slow).sum())),
            ("failed", float(watch.failed.iter().map(|f| f.count).sum())),
        ];
        exposition.gauge(
            "dbproof_watch_statements",
            "Statements that passed in the last watch: all, those over the threshold, those refused.",
            figures.map(|(kind, value)| (self.labels([("kind", kind)]), Some(value))),
        );
        exposition.gauge(
            "dbproof_watch_sessions",
            "Sessions (connections) in the last watch.",
            [(self.labels([]), Some(float(watch.sessions)))],
        );
        exposition.gauge(
            "dbproof_watch_idle_transactions",
            "Waits of open transactions for their application beyond the limit.",
            [(self.labels([]), Some(float(idle)))],
        );
    }

    fn by_query(
        self,
        exposition: &mut Exposition<'a>,
        name: &'static str,
        help: &'static str,
        samples: impl Iterator<Item = (&'a str, Option<f64>)>,
    ) {
        let samples = samples.map(|(query, value)| (self.labels([("query", query)]), value));
        exposition.gauge(name, help, samples);
    }

    /// Samples of each shape at each `deadlock_timeout`, by statistic where there are several.
    fn by_shape(
        self,
        exposition: &mut Exposition<'a>,
        name: &'static str,
        help: &'static str,
        deadlock: &'a DeadlockRecord,
        figures: impl Fn(&DeadlockShape) -> Vec<(&'static str, Option<f64>)>,
    ) {
        let samples = deadlock.shapes.iter().flat_map(|shape| {
            let timeout = seconds(shape.deadlock_timeout_ms).to_string();
            figures(shape).into_iter().map(move |(statistic, value)| {
                let mut labels =
                    self.labels([("shape", shape.name.as_str()), ("statistic", statistic)]);
                labels.push(("deadlock_timeout_seconds", timeout.clone().into()));
                (labels, value)
            })
        });
        exposition.gauge(name, help, samples);
    }
}

fn latencies(query: &SlowQuery) -> [(&'static str, Option<f64>); 5] {
    [
        ("avg", query.avg_ms),
        ("p50", query.p50_ms),
        ("p95", query.p95_ms),
        ("p99", query.p99_ms),
        ("max", query.max_ms),
    ]
}

fn ratios(query: &RegressQuery) -> [(&'static str, Option<f64>); 3] {
    [
        ("time", query.ratio.time.map(|time| time.estimate)),
        ("blocks", query.ratio.buffers),
        ("cost", query.ratio.cost),
    ]
}

fn durations(durations: Durations) -> Vec<(&'static str, Option<f64>)> {
    let figures = [
        ("p50", durations.p50),
        ("p95", durations.p95),
        ("max", durations.max),
    ];
    figures
        .map(|(statistic, value)| (statistic, value.map(seconds)))
        .into()
}

fn blocks(plan: &PlanSummary) -> f64 {
    float(plan.shared_hit_blocks) + float(plan.shared_read_blocks)
}

fn float(number: u64) -> f64 {
    number as f64
}
