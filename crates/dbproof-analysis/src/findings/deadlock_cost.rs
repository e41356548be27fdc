//! `deadlock-cost`: what a deadlock of this shape costs.

use dbproof_model::{DeadlockShape, Finding, Scenario, Severity};

use super::FindingKind;

/// What is the same for all findings of this code.
pub const KIND: FindingKind = FindingKind {
    code: "deadlock-cost",
    scenario: Scenario::Deadlock,
    severity: Severity::Info,
    title: "what a deadlock costs",
    page: include_str!("deadlock_cost.md"),
};

/// The finding for a shape that deadlocked as it was meant to.
#[must_use]
pub fn finding(shape: &DeadlockShape) -> Finding {
    let outage = shape.outage_ms.p50.unwrap_or_default();
    let detect = shape.detect_ms.p50.unwrap_or_default();
    let control = shape
        .control
        .as_ref()
        .and_then(|control| control.both_committed_ms.p50);
    let beside = control.map_or_else(String::new, |control| {
        format!("; the same work with its locks in one order takes {control:.1} ms")
    });
    let message = format!(
        "each deadlock of `{}` keeps the victim's work out for {outage:.0} ms, of which {detect:.0} \
         ms pass before the server notices (deadlock_timeout is {:.0} ms){beside}",
        shape.name, shape.deadlock_timeout_ms
    );
    let mut finding = KIND
        .about(&shape.name, message)
        .with_evidence("deadlocks", shape.deadlocks)
        .with_evidence("runs", shape.runs)
        .with_evidence("deadlock_timeout_ms", shape.deadlock_timeout_ms)
        .with_evidence("detect_p50_ms", detect)
        .with_evidence("outage_p50_ms", outage);
    if let Some(control) = control {
        finding = finding.with_evidence("control_both_committed_p50_ms", control);
    }
    finding.with_remedy(
        "Take the locks in the same order in every transaction, for instance by locking all rows \
         first; retry on SQLSTATE 40P01 with a jittered pause where that cannot be done.",
        Some("SELECT 1 FROM … WHERE id = ANY($1) ORDER BY id FOR UPDATE".to_owned()),
    )
}

#[cfg(test)]
mod tests {
    use dbproof_model::Durations;

    use super::super::deadlock_shape;
    use super::*;

    #[test]
    fn the_outage_is_told_beside_the_timeout_that_causes_most_of_it() {
        let mut shape = deadlock_shape();
        shape.outage_ms = Durations {
            n: 20,
            p50: Some(1012.4),
            ..Durations::default()
        };
        shape.detect_ms = Durations {
            n: 20,
            p50: Some(999.6),
            ..Durations::default()
        };
        let finding = finding(&shape);
        assert!(
            finding.message.contains("1012 ms, of which 1000 ms"),
            "{}",
            finding.message
        );
        assert_eq!(finding.severity, Severity::Info);
        assert_eq!(finding.evidence["outage_p50_ms"], 1012.4);
    }
}
