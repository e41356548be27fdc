//! `baseline-unused`: a file of accepted plans whose query is no more.

use dbproof_model::{Finding, Location, Scenario, Severity};

use super::FindingKind;

/// What is the same for all findings of this code.
pub const KIND: FindingKind = FindingKind {
    code: "baseline-unused",
    scenario: Scenario::Regress,
    severity: Severity::Warning,
    title: "the accepted plan of no query",
    page: include_str!("baseline_unused.md"),
};

/// The finding for a file that no monitored query has the name of.
#[must_use]
pub fn finding(file: &str) -> Finding {
    KIND.about(
        file,
        "no monitored query has this name, so that the file guards nothing",
    )
    .at(Some(Location {
        file: file.to_owned(),
        line: 1,
    }))
    .with_remedy(
        "Remove it with `dbproof accept --prune`, or rename it with its query.",
        None,
    )
}

#[cfg(test)]
mod tests {
    use super::finding;

    #[test]
    fn it_names_the_file() {
        let finding = finding("baselines/gone.plan");
        assert_eq!(finding.subject, "baselines/gone.plan");
        assert_eq!(finding.location.unwrap().line, 1);
    }
}
