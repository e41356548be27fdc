//! `sides-differ`: two given databases differ in more than their schema.

use dbproof_model::{Finding, Scenario, Severity};

use super::FindingKind;

/// What is the same for all findings of this code.
pub const KIND: FindingKind = FindingKind {
    code: "sides-differ",
    scenario: Scenario::Regress,
    severity: Severity::Warning,
    title: "more than the schema differs",
    page: include_str!("sides_differ.md"),
};

/// The finding for two databases with these differences, each as `what before → after`.
#[must_use]
pub fn finding(differences: &[String]) -> Finding {
    let message = format!(
        "the two databases differ in {}: what changed between them may be due to that, and not to \
         the schema",
        differences.join(", ")
    );
    KIND.about("before and after", message)
        .with_evidence("differences", differences.to_vec())
        .with_remedy(
            "Compare databases with the same data, settings and server, or let dbproof make them: \
             `dbproof regress --migration FILE`.",
            None,
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_difference_is_named() {
        let differences = ["server 15.18 → 17.2", "work_mem 4MB → 64MB"].map(str::to_owned);
        let finding = finding(&differences);
        assert_eq!(finding.severity, Severity::Warning);
        insta::assert_snapshot!(finding.message, @"the two databases differ in server 15.18 → 17.2, work_mem 4MB → 64MB: what changed between them may be due to that, and not to the schema");
    }
}
