//! `relation-added`: the plan reads a relation that it did not read.

use dbproof_model::{Finding, Scenario, Severity};

use super::FindingKind;
use super::query_work::QueryWork;
use crate::figures::{counted, float};

/// What is the same for all findings of this code.
pub const KIND: FindingKind = FindingKind {
    code: "relation-added",
    scenario: Scenario::Regress,
    severity: Severity::Error,
    title: "reads a relation that it did not read",
    page: include_str!("relation_added.md"),
};

/// The finding for relations that only the plan after reads, with the blocks of their scans. It is
/// told where blocks rose.
pub(crate) fn finding(work: &QueryWork<'_>, added: &[(&str, u64)]) -> Finding {
    let names: Vec<&str> = added.iter().map(|(name, _)| *name).collect();
    let told: Vec<String> = added
        .iter()
        .map(|(name, blocks)| format!("{name} ({})", counted(float(*blocks), "block")))
        .collect();
    work.about(
        &KIND,
        format!("it reads {}, which it did not; {}", told.join(" and "), work.total()),
    )
    .with_evidence("relation", names.join(", "))
    .with_remedy(
        "See what made the planner read it: a unique constraint whose loss keeps it from leaving out \
         a join, a view or function that was redefined, a materialized view that became a plain one.",
        None,
    )
}

#[cfg(test)]
mod tests {
    use super::super::query_work::sample;
    use super::*;

    #[test]
    fn the_relation_and_its_blocks_are_named() {
        let finding = finding(&sample(28, 100), &[("profiles", 72)]);
        insta::assert_snapshot!(finding.message, @"it reads profiles (72 blocks), which it did not; the query touches 100 blocks where it touched 28");
    }
}
