//! `threshold-undecided`: the samples do not tell on which side of its threshold a query is.

use dbproof_model::{Finding, Scenario, Severity, SlowQuery};

use super::FindingKind;
use super::slow_figures::{about, figure, range};
use crate::figures::milliseconds;
use crate::latency::samples_needed;

/// What is the same for all findings of this code.
pub const KIND: FindingKind = FindingKind {
    code: "threshold-undecided",
    scenario: Scenario::Slow,
    severity: Severity::Warning,
    title: "too close or too few samples to tell",
    page: include_str!("threshold_undecided.md"),
};

/// The finding for a query whose threshold lies within the bounds of its figure, or that has too
/// few samples for bounds.
#[must_use]
pub fn finding(query: &SlowQuery) -> Finding {
    let needed = samples_needed(query.statistic) as u64;
    let few = query.samples < needed;
    let why = match query.bounds.as_ref().and_then(range) {
        _ if few => format!(
            "{} samples where a {} takes {needed} to certify",
            query.samples,
            query.statistic.as_str()
        ),
        Some(range) => format!("{range} at 99 % over {} samples", query.samples),
        None => format!("{} samples", query.samples),
    };
    let threshold = milliseconds(query.threshold_ms);
    let message = format!(
        "{} against a threshold of {threshold}: {why}",
        figure(query)
    );
    let remedy = if few {
        format!("Measure more: `samples = {needed}` or above in `[slow]`, or a lower percentile.")
    } else {
        "Measure more samples, or on a quieter machine, to narrow the bounds; four times as many \
         samples halve them. If the query is meant to be this close, move the threshold."
            .to_owned()
    };
    about(&KIND, query, message)
        .with_evidence("samples_needed", needed)
        .with_remedy(remedy, None)
}

#[cfg(test)]
mod tests {
    use dbproof_model::Interval;

    use super::super::slow_figures::sample;
    use super::*;

    #[test]
    fn too_few_samples_are_told_with_how_many_it_takes() {
        let query = sample(
            4.0,
            Interval {
                estimate: 4.0,
                low: Some(3.0),
                high: None,
            },
            60,
        );
        let finding = finding(&query);
        insta::assert_snapshot!(finding.message, @"p95 4.00 ms against a threshold of 5.00 ms: 60 samples where a p95 takes 90 to certify");
        assert_eq!(finding.severity, Severity::Warning);
        assert!(finding.remedy.unwrap().text.contains("samples = 90"));
    }

    #[test]
    fn bounds_around_the_threshold_are_told() {
        let query = sample(
            4.9,
            Interval {
                estimate: 4.9,
                low: Some(4.6),
                high: Some(5.3),
            },
            300,
        );
        insta::assert_snapshot!(finding(&query).message, @"p95 4.90 ms against a threshold of 5.00 ms: between 4.60 ms and 5.30 ms at 99 % over 300 samples");
    }
}
