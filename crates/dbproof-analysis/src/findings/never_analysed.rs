//! `never-analysed`: a relation has never been analysed.

use dbproof_model::{Finding, Scenario, Severity};

use super::FindingKind;

/// What is the same for all findings of this code.
pub const KIND: FindingKind = FindingKind {
    code: "never-analysed",
    scenario: Scenario::Regress,
    severity: Severity::Warning,
    title: "no statistics",
    page: include_str!("never_analysed.md"),
};

/// The finding for a relation without statistics, by its name as SQL writes it.
#[must_use]
pub fn finding(relation: &str) -> Finding {
    KIND.about(
        relation,
        format!(
            "{relation} has no statistics, so the planner guesses its rows from the file's size"
        ),
    )
    .with_evidence("relation", relation)
    .with_remedy(
        "Analyse the relation after it is filled, as part of the migration or the load.",
        Some(format!("ANALYZE {relation};")),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_remedy_is_to_analyse_it() {
        let finding = finding("orders");
        assert_eq!(
            (finding.subject.as_str(), finding.severity),
            ("orders", Severity::Warning)
        );
        assert_eq!(finding.remedy.unwrap().sql.unwrap(), "ANALYZE orders;");
    }
}
