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
        format!("{change}: no migration is new, so nothing was compared before and after"),
    )
    .with_remedy(
        "Name the revision that the new migrations come after, or accept today's plans with \
         `dbproof accept`, so that there is something to hold the next ones against.",
        None,
    )
}

#[cfg(test)]
mod tests {
    use super::finding;

    #[test]
    fn it_names_the_change() {
        let finding = finding("main..working tree");
        insta::assert_snapshot!(finding.message, @"main..working tree: no migration is new, so nothing was compared before and after");
    }
}
