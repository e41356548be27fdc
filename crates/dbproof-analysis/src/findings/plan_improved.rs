//! `plan-improved`: the query does less work than before.

use dbproof_model::{Finding, Scenario, Severity};

use super::FindingKind;
use super::query_work::QueryWork;

/// What is the same for all findings of this code.
pub const KIND: FindingKind = FindingKind {
    code: "plan-improved",
    scenario: Scenario::Regress,
    severity: Severity::Info,
    title: "less work than before",
    page: include_str!("plan_improved.md"),
};

/// The finding for a query that got better. `changes` says what changed in its plan.
pub(crate) fn finding(work: &QueryWork<'_>, changes: &[String]) -> Finding {
    let because = match changes {
        [] => String::new(),
        changes => format!(": {}", changes.join("; ")),
    };
    work.about(&KIND, format!("{}{because}", work.total()))
}

#[cfg(test)]
mod tests {
    use super::super::query_work::sample;
    use super::*;

    #[test]
    fn it_says_what_made_it_better() {
        let finding = finding(
            &sample(167, 12),
            &["orders: Seq Scan to Index Scan".to_owned()],
        );
        assert_eq!(finding.severity, Severity::Info);
        insta::assert_snapshot!(finding.message, @"the query touches 12 blocks where it touched 167: orders: Seq Scan to Index Scan");
    }
}
