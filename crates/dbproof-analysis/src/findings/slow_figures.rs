//! What the findings about a threshold have in common: the figures of a [`SlowQuery`].

use dbproof_model::{Finding, Interval, SlowQuery, Statistic};

use super::FindingKind;
use crate::figures::milliseconds;

/// The figure that the threshold is held against, in milliseconds.
pub(super) fn value(query: &SlowQuery) -> Option<f64> {
    match query.statistic {
        Statistic::Avg => query.avg_ms,
        Statistic::P50 => query.p50_ms,
        Statistic::P95 => query.p95_ms,
        Statistic::P99 => query.p99_ms,
        Statistic::Max => query.max_ms,
    }
}

/// Such as `p95 12.3 ms`.
pub(super) fn figure(query: &SlowQuery) -> String {
    let value = value(query).map_or_else(|| "unknown".to_owned(), milliseconds);
    format!("{} {value}", query.statistic.as_str())
}

/// Such as `between 11.2 ms and 13.4 ms`; a bound that is missing is not told.
pub(super) fn range(bounds: &Interval) -> Option<String> {
    match (bounds.low.map(milliseconds), bounds.high.map(milliseconds)) {
        (Some(low), Some(high)) if low == high => None,
        (Some(low), Some(high)) => Some(format!("between {low} and {high}")),
        (Some(low), None) => Some(format!("at least {low}")),
        (None, Some(high)) => Some(format!("at most {high}")),
        (None, None) => None,
    }
}

/// A finding about the query, with its figures as evidence.
pub(super) fn about(kind: &FindingKind, query: &SlowQuery, message: String) -> Finding {
    let mut finding = kind
        .about(&query.name, message)
        .at(query.location.clone())
        .with_evidence("statistic", query.statistic.as_str())
        .with_evidence("threshold_ms", query.threshold_ms)
        .with_evidence("samples", query.samples);
    let bounds = query.bounds;
    let figures = [
        ("value_ms", value(query)),
        ("low_ms", bounds.and_then(|bounds| bounds.low)),
        ("high_ms", bounds.and_then(|bounds| bounds.high)),
    ];
    for (name, figure) in figures {
        if let Some(figure) = figure {
            finding = finding.with_evidence(name, figure);
        }
    }
    finding
}

/// A query with this 95th percentile and a threshold of 5 ms, for the tests of these findings.
#[cfg(test)]
pub(super) fn sample(p95_ms: f64, bounds: Interval, samples: u64) -> SlowQuery {
    SlowQuery {
        name: "order_history".to_owned(),
        location: None,
        samples,
        warmup: 20,
        errors: 0,
        avg_ms: Some(p95_ms / 2.0),
        p50_ms: Some(p95_ms / 2.0),
        p95_ms: Some(p95_ms),
        p99_ms: Some(p95_ms * 1.5),
        max_ms: Some(p95_ms * 2.0),
        stddev_ms: Some(1.0),
        threshold_ms: 5.0,
        threshold_source: dbproof_model::ThresholdSource::Default,
        statistic: Statistic::P95,
        bounds: Some(bounds),
        connections: Some(1),
        weight: None,
        throughput_per_s: None,
        server_ms: None,
        open_loop: None,
        verdict: dbproof_model::Verdict::Fail,
        histogram: Vec::new(),
        slowest_plan: None,
    }
}
