//! `rate-not-reached`: executions could not begin as often as they were asked to.

use dbproof_model::{Finding, OpenLoop, Scenario, Severity};

use super::FindingKind;

/// What is the same for all findings of this code.
pub const KIND: FindingKind = FindingKind {
    code: "rate-not-reached",
    scenario: Scenario::Slow,
    severity: Severity::Warning,
    title: "the rate was not reached",
    page: include_str!("rate_not_reached.md"),
};

/// The finding for a query, or a mix, that was to be executed more often than it could be.
#[must_use]
pub fn finding(subject: &str, open_loop: &OpenLoop) -> Finding {
    let message = format!(
        "{:.1} executions a second were asked for, {:.1} offered and {:.1} reached; {} found every \
         connection busy",
        open_loop.asked_per_s, open_loop.offered_per_s, open_loop.reached_per_s, open_loop.delayed
    );
    KIND.about(subject, message)
        .with_evidence("asked_per_s", open_loop.asked_per_s)
        .with_evidence("offered_per_s", open_loop.offered_per_s)
        .with_evidence("reached_per_s", open_loop.reached_per_s)
        .with_evidence("delayed", open_loop.delayed)
        .with_remedy(
            "Measure over more connections (`concurrency` in `[slow]`) if the server has processors \
             to spare; else this is more than it can do: lower `rate`, or make the statement cheaper.",
            None,
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_asked_and_what_was_reached_is_told() {
        let finding = finding(
            "order_history",
            &OpenLoop {
                asked_per_s: 500.0,
                offered_per_s: 503.2,
                reached_per_s: 211.0,
                delayed: 840,
                kept_up: false,
            },
        );
        insta::assert_snapshot!(finding.message, @"500.0 executions a second were asked for, 503.2 offered and 211.0 reached; 840 found every connection busy");
        assert!(finding.remedy.unwrap().text.contains("concurrency"));
    }
}
