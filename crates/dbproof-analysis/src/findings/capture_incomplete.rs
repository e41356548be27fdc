//! A capture that lost something.

use dbproof_model::{Finding, Scenario, Severity};

use super::FindingKind;

/// Not everything that was executed was captured.
pub const KIND: FindingKind = FindingKind {
    code: "capture-incomplete",
    scenario: Scenario::NPlusOne,
    severity: Severity::Warning,
    title: "not everything that was executed was captured",
    page: include_str!("capture_incomplete.md"),
};

/// The finding about a capture that is incomplete for a reason, or lost events, or both.
#[must_use]
pub fn finding(reason: Option<&str>, dropped: u64) -> Finding {
    let lost = (dropped > 0).then(|| format!("{dropped} events were lost"));
    let parts: Vec<_> = reason.map(str::to_owned).into_iter().chain(lost).collect();
    let message = format!("the capture is incomplete: {}", parts.join("; "));
    KIND.about("capture", message).with_evidence("dropped", dropped).with_remedy(
        "run again with less load on the machine, or capture a smaller part of the work; what was \
         found stands, what was not found proves nothing",
        None,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_says_why() {
        for (reason, dropped, expected) in [
            (
                Some("a stream was unreadable"),
                0,
                "a stream was unreadable",
            ),
            (None, 3, "3 events were lost"),
            (Some("x"), 3, "x; 3 events were lost"),
        ] {
            let message = finding(reason, dropped).message;
            assert_eq!(message, format!("the capture is incomplete: {expected}"));
        }
    }
}
