//! `baseline-statement-edited`: the query is no longer the one whose plan was accepted.

use dbproof_model::{BaselineQuery, Finding, Scenario, Severity};

use super::FindingKind;
use super::baseline_difference::command;

/// What is the same for all findings of this code.
pub const KIND: FindingKind = FindingKind {
    code: "baseline-statement-edited",
    scenario: Scenario::Regress,
    severity: Severity::Info,
    title: "edited since its plan was accepted",
    page: include_str!("baseline_statement_edited.md"),
};

/// The finding for an edited query, which is not compared.
#[must_use]
pub fn finding(query: &BaselineQuery) -> Finding {
    KIND.about(
        query.name.as_str(),
        "the statement or its parameters were edited since the plan was accepted, so that the two \
         cannot be compared",
    )
    .at(query.location.clone())
    .with_evidence("baseline", query.file.as_str())
    .with_remedy(
        format!(
            "Read the new plan with `dbproof accept --dry-run`, and accept it with {}.",
            command(query)
        ),
        None,
    )
}

#[cfg(test)]
mod tests {
    use dbproof_model::{BaselineCause, BaselineVerdict};

    use super::super::baseline_difference::sample;
    use super::*;

    #[test]
    fn it_is_not_compared() {
        let finding = finding(&sample(
            BaselineVerdict::StatementEdited,
            BaselineCause::Change,
        ));
        assert!(finding.message.ends_with("cannot be compared"));
    }
}
