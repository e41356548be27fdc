//! `no-new-migration`: there is no migration between the base revision and the working tree.

use dbproof_model::{Finding, Scenario, Severity};

use super::FindingKind;

/// What is the same for all findings of this code.
pub const KIND: FindingKind = FindingKind {
    code: "no-new-migration",
    scenario: Scenario::Regress,
    severity: Severity::Info,
    title: "no change to test",
    page: include_str!("no_new_migration.md"),
};

/// The finding for a change without a migration, such as `main..working tree`.
#[must_use]
pub fn finding(change: &str) -> Finding {
    KIND.about(
        change,
        format!("{change} has no new migration, so there is nothing to compare"),
    )
    .with_remedy(
        "Name the revision that the new migrations come after. In CI, run this step only where the \
         migrations folder has changed.",
        None,
    )
}

#[cfg(test)]
mod tests {
    use super::finding;

    #[test]
    fn it_names_the_change() {
        let finding = finding("main..working tree");
        insta::assert_snapshot!(finding.message, @"main..working tree has no new migration, so there is nothing to compare");
    }
}
