//! `slower`: the query takes longer than before.

use dbproof_model::{Finding, RegressQuery, Scenario, Severity};

use super::FindingKind;

/// What is the same for all findings of this code.
pub const KIND: FindingKind = FindingKind {
    code: "slower",
    scenario: Scenario::Regress,
    severity: Severity::Error,
    title: "slower than before",
    page: include_str!("slower.md"),
};

/// The finding for a query whose times prove that it is slower, twice over.
#[must_use]
pub fn finding(query: &RegressQuery) -> Finding {
    let mut finding = KIND
        .about(&query.name, message(query))
        .at(query.location.clone());
    if let Some(ratio) = query.ratio.time {
        finding = finding
            .with_evidence("time_ratio", ratio.estimate)
            .with_evidence("time_ratio_low", ratio.low)
            .with_evidence("time_ratio_high", ratio.high);
    }
    if let Some(timing) = &query.timing {
        finding = finding
            .with_evidence("difference_ms", timing.difference_ms)
            .with_evidence("sessions", timing.sessions)
            .with_evidence("pairs", timing.pairs);
    }
    let blocks = query
        .before
        .as_ref()
        .zip(query.after.as_ref())
        .map(|(before, after)| {
            let total = |side: &dbproof_model::PlanSummary| {
                side.shared_hit_blocks + side.shared_read_blocks + side.temp_blocks
            };
            (total(before), total(after))
        });
    let advice = match blocks {
        Some((before, after)) if after <= before && query.changes.is_empty() => {
            "The plan and its blocks are the same, so it is processor time: look for a function, a \
             type, a collation, a generated column or a policy that the change made more expensive \
             to evaluate for each row."
        }
        Some((before, after)) if after <= before => {
            "It touches no more blocks than before, so it is processor time: look at what the \
             changed plan nodes do for each row, such as a sort, a hash or an expression."
        }
        _ => "See what the changed plan nodes read.",
    };
    finding.with_remedy(advice, None)
}

fn message(query: &RegressQuery) -> String {
    let ratio = query.ratio.time.map_or_else(
        || "it takes longer than before".to_owned(),
        |ratio| format!("it takes {:.2} times as long as before", ratio.estimate),
    );
    let bounds = match query.ratio.time.map(|ratio| (ratio.low, ratio.high)) {
        Some((Some(low), Some(high))) => format!(" ({low:.2} to {high:.2})"),
        _ => String::new(),
    };
    let pairs = query.timing.as_ref().map_or_else(String::new, |timing| {
        let more = timing.difference_ms.unwrap_or_default();
        format!(
            ": {more:.3} ms more an execution, over {} pairs in {} sessions, and again in a second \
             measurement",
            timing.pairs, timing.sessions
        )
    });
    format!("{ratio}{bounds}{pairs}")
}

#[cfg(test)]
mod tests {
    use dbproof_model::{Interval, QueryTiming, Ratios, RegressVerdict, TimingOutcome};

    use super::*;

    fn sample() -> RegressQuery {
        RegressQuery {
            name: "daily_revenue".to_owned(),
            location: None,
            before: None,
            after: None,
            changes: Vec::new(),
            ratio: Ratios {
                time: Some(Interval {
                    estimate: 1.234,
                    low: Some(1.18),
                    high: Some(1.29),
                }),
                ..Ratios::default()
            },
            verdict: RegressVerdict::Regressed,
            reasons: Vec::new(),
            timing: Some(QueryTiming {
                outcome: TimingOutcome::Slower,
                sessions: 10,
                pairs: 200,
                difference_ms: Some(0.4126),
                p_slower: Some(1e-9),
                p_faster: Some(1.0),
                pinned: Some(true),
            }),
            parameter_set: Some("typical".to_owned()),
            prepared: None,
            sets: Vec::new(),
        }
    }

    #[test]
    fn the_message_has_ratio_interval_and_difference() {
        let finding = finding(&sample());
        assert_eq!(
            finding.message,
            "it takes 1.23 times as long as before (1.18 to 1.29): 0.413 ms more an execution, over \
             200 pairs in 10 sessions, and again in a second measurement"
        );
        assert_eq!(finding.evidence["time_ratio"], 1.234);
    }

    #[test]
    fn without_an_interval_none_is_told() {
        let mut query = sample();
        query.ratio.time = Some(Interval {
            estimate: 1.5,
            low: None,
            high: None,
        });
        assert!(
            finding(&query)
                .message
                .starts_with("it takes 1.50 times as long as before: ")
        );
    }
}
