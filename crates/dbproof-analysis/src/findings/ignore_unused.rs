//! `ignore-unused`: an entry of `[nplusone] ignore` that nothing matched.

use dbproof_model::{Finding, Scenario, Severity};

use super::FindingKind;

/// What is the same for all findings of this code.
pub const KIND: FindingKind = FindingKind {
    code: "ignore-unused",
    scenario: Scenario::NPlusOne,
    severity: Severity::Info,
    title: "an entry of `[nplusone] ignore` is not needed",
    page: include_str!("ignore_unused.md"),
};

/// The finding about an entry, named as the configuration writes it.
#[must_use]
pub fn finding(entry: &str) -> Finding {
    KIND.about(entry, "nothing that was captured matches this entry")
        .with_remedy(
            "remove the entry if what it excused is gone, or mend it if the statement has changed",
            None,
        )
}
