//! An ignore rule that nothing needs.

use dbproof_model::{Finding, Scenario, Severity};

use super::FindingKind;
use crate::nplusone::IgnoreRule;

/// An entry of `ignore` that nothing was ignored by.
pub const KIND: FindingKind = FindingKind {
    code: "unused-ignore",
    scenario: Scenario::NPlusOne,
    severity: Severity::Info,
    title: "an entry of `ignore` that nothing was ignored by",
    page: include_str!("unused_ignore.md"),
};

/// The finding about a rule.
#[must_use]
pub fn finding(rule: &IgnoreRule) -> Finding {
    let message = format!(
        "nothing that repeats is ignored by {}; its reason was: {}",
        rule.pattern, rule.reason
    );
    KIND.about(rule.pattern.to_string(), message).with_remedy(
        "remove the entry from `[nplusone] ignore`, unless this run left out the part of the \
         application that it is about",
        None,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_names_the_rule_and_its_reason() {
        let rule = IgnoreRule::tag("route", "/admin", "three rows at the most");
        assert_eq!(
            finding(&rule).message,
            "nothing that repeats is ignored by tag `route=/admin`; its reason was: three rows at \
             the most"
        );
    }
}
