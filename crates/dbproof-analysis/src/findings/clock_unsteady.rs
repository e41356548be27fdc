//! `clock-unsteady`: two identical databases seem to differ, so times decide nothing.

use dbproof_model::{Finding, RunTiming, Scenario, Severity};

use super::FindingKind;

/// What is the same for all findings of this code.
pub const KIND: FindingKind = FindingKind {
    code: "clock-unsteady",
    scenario: Scenario::Regress,
    severity: Severity::Warning,
    title: "times decide nothing in this run",
    page: include_str!("clock_unsteady.md"),
};

/// The finding for a run whose control separated.
#[must_use]
pub fn finding(timing: &RunTiming) -> Finding {
    let ratio = timing.control_ratio.map_or(1.0, |ratio| ratio.estimate);
    let message = format!(
        "two identical databases, compared beside the queries, came out as {} (×{ratio:.2}); plans, \
         blocks and rows still decide",
        timing.control.as_str()
    );
    KIND.about("timing", message)
        .with_evidence("control_ratio", ratio)
        .with_evidence("pinned", timing.pinned)
        .with_remedy("Run it again where less else is running.", None)
}

#[cfg(test)]
mod tests {
    use dbproof_model::{Interval, TimingOutcome};

    use super::*;

    #[test]
    fn the_controls_ratio_is_told() {
        let timing = RunTiming {
            pinned: false,
            control: TimingOutcome::Slower,
            control_ratio: Some(Interval {
                estimate: 1.21,
                low: None,
                high: None,
            }),
            gates: false,
        };
        assert!(finding(&timing).message.contains("slower (×1.21)"));
    }
}
