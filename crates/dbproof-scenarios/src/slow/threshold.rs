//! The threshold of a query: [`threshold`].

use dbproof_model::ThresholdSource;

use crate::options::{RunOptions, Threshold};
use crate::project::MonitoredQuery;

/// Where no threshold is set at all.
const DEFAULT_THRESHOLD_MS: f64 = 100.0;

/// The most specific threshold wins; the environment's replaces the file's general one.
pub(super) fn threshold(options: &RunOptions, monitored: &MonitoredQuery) -> Threshold {
    let own = monitored.query.threshold_ms.map(|milliseconds| Threshold {
        milliseconds,
        source: ThresholdSource::Query,
    });
    let configured = options
        .project
        .config
        .slow
        .threshold_ms
        .map(|milliseconds| Threshold {
            milliseconds,
            source: ThresholdSource::Configuration,
        });
    own.or(options.threshold)
        .or(configured)
        .unwrap_or(Threshold {
            milliseconds: DEFAULT_THRESHOLD_MS,
            source: ThresholdSource::Default,
        })
}
