//! Figures, verdict and findings of a query: [`judge`].

use dbproof_analysis::{findings, plan};
use dbproof_model::{Finding, SlowQuery, Verdict};
use dbproof_postgres::Session;
use dbproof_postgres::explain::{Mode, explain};

use super::samples::Samples;
use super::threshold::threshold;
use super::{Measured, failed};
use crate::error::RunError;
use crate::options::RunOptions;
use crate::parameters::ValueSet;
use crate::project::MonitoredQuery;

/// Holds the samples of the query with this number against its threshold.
pub(super) async fn judge(
    options: &RunOptions,
    session: &Session,
    monitored: &MonitoredQuery,
    measured: &Measured,
    index: usize,
) -> Result<(SlowQuery, Option<Finding>), RunError> {
    let samples = &measured.outcome.samples[index];
    let mut record = record(options, monitored, measured, samples);
    if let Some(error) = &samples.error {
        return Ok((record, Some(failed(monitored, error, samples.errors))));
    }
    let values = match record.verdict {
        Verdict::Pass => return Ok((record, None)),
        Verdict::Inconclusive => {
            let finding = findings::threshold_undecided::finding(&record);
            // A pass at another rate than the one asked for has its own finding.
            let undecided = held(options, monitored, samples) != Verdict::Pass;
            return Ok((record, undecided.then_some(finding)));
        }
        Verdict::Fail => slowest(measured, samples),
    };
    let mut slowest_plan = None;
    if let Some(values) = values {
        let mut explained = explain(session, &monitored.query.sql, values, Mode::Analyze).await?;
        slowest_plan = plan::parse(&explained).ok();
        if !options.keep_values {
            plan::mask_values(&mut explained);
        }
        record.slowest_plan = Some(explained);
    }
    let finding = findings::slow_query::finding(&record, slowest_plan.as_ref());
    Ok((record, Some(finding)))
}

/// The values of the slowest sample.
fn slowest<'a>(measured: &'a Measured, samples: &Samples) -> Option<&'a ValueSet> {
    let (_, drawn) = samples.slowest?;
    Some(&measured.load.tasks[drawn].values)
}

/// The samples against the threshold, at whatever rate they were taken.
fn held(options: &RunOptions, monitored: &MonitoredQuery, samples: &Samples) -> Verdict {
    let statistic = options.project.config.slow.statistic;
    let threshold = threshold(options, monitored).milliseconds;
    samples.latencies.gate(statistic, threshold)
}

fn record(
    options: &RunOptions,
    monitored: &MonitoredQuery,
    measured: &Measured,
    samples: &Samples,
) -> SlowQuery {
    let config = &options.project.config.slow;
    let query = &monitored.query;
    let threshold = threshold(options, monitored);
    let summary = samples.latencies.summarise();
    let behind = measured
        .open_loop
        .is_some_and(|open_loop| !open_loop.kept_up);
    let verdict = match (samples.error.is_some(), held(options, monitored, samples)) {
        (true, _) => Verdict::Fail,
        // It was not measured at the rate that was asked for.
        (false, Verdict::Pass) if behind => Verdict::Inconclusive,
        (false, verdict) => verdict,
    };
    SlowQuery {
        name: query.name.clone(),
        location: Some(query.location.clone()),
        samples: samples.latencies.len(),
        warmup: u64::from(config.warmup),
        errors: samples.errors,
        avg_ms: summary.as_ref().map(|s| s.avg),
        p50_ms: summary.as_ref().map(|s| s.p50),
        p95_ms: summary.as_ref().map(|s| s.p95),
        p99_ms: summary.as_ref().map(|s| s.p99),
        max_ms: summary.as_ref().map(|s| s.max),
        stddev_ms: summary.as_ref().map(|s| s.stddev),
        threshold_ms: threshold.milliseconds,
        threshold_source: threshold.source,
        statistic: config.statistic,
        bounds: summary
            .as_ref()
            .map(|_| samples.latencies.bounds(config.statistic)),
        connections: Some(u64::from(measured.load.connections)),
        weight: None,
        throughput_per_s: measured.outcome.per_second(samples.executions()),
        server_ms: None,
        open_loop: None,
        verdict,
        histogram: samples.latencies.bars(),
        slowest_plan: None,
    }
}
