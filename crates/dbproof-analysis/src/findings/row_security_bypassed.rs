//! `row-security-bypassed`: policies differ, and none of them applies to dbproof's role.

use dbproof_model::{Finding, Location, Scenario, Severity};

use super::FindingKind;

/// What is the same for all findings of this code.
pub const KIND: FindingKind = FindingKind {
    code: "row-security-bypassed",
    scenario: Scenario::Regress,
    severity: Severity::Warning,
    title: "row security was not executed",
    page: include_str!("row_security_bypassed.md"),
};

/// The finding for a query that uses relations whose row security the change touches, where it does
/// not apply to the role that executes the query here.
#[must_use]
pub fn finding(query: &str, location: Option<Location>, relations: &[&str]) -> Finding {
    let names = relations.join(", ");
    KIND.about(
        query,
        format!(
            "the change touches the row security of {names}, which the role that dbproof connects as \
             is exempt from: what the policies cost the application was not seen"
        ),
    )
    .at(location)
    .with_evidence("relation", names)
    .with_remedy(
        "Monitor a query that spells the policy's condition out, or connect as a role that is neither \
         superuser nor has BYPASSRLS and FORCE ROW LEVEL SECURITY.",
        None,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_relations_are_named() {
        let finding = finding("history", None, &["orders"]);
        insta::assert_snapshot!(finding.message, @"the change touches the row security of orders, which the role that dbproof connects as is exempt from: what the policies cost the application was not seen");
    }
}
