//! `workers-changed`: a query runs with more or fewer parallel workers.

use dbproof_model::{Finding, Scenario, Severity};

use super::FindingKind;
use super::query_work::QueryWork;
use crate::figures::{count, counted, float};

/// What is the same for all findings of this code.
pub const KIND: FindingKind = FindingKind {
    code: "workers-changed",
    scenario: Scenario::Regress,
    severity: Severity::Info,
    title: "more or fewer parallel workers",
    page: include_str!("workers_changed.md"),
};

/// The finding for another number of planned workers, of all Gathers together.
pub(crate) fn finding(work: &QueryWork<'_>, workers: (u64, u64)) -> Finding {
    let message = format!(
        "{} are planned where it was {}; {}",
        counted(float(workers.1), "parallel worker"),
        count(float(workers.0)),
        work.total()
    );
    work.about(&KIND, message)
        .with_evidence("workers_before", workers.0)
        .with_evidence("workers_after", workers.1)
        .with_remedy(
            "Compare times under the load that production has: workers come from one pool that all \
             queries share.",
            None,
        )
}

#[cfg(test)]
mod tests {
    use super::super::query_work::sample;
    use super::*;

    #[test]
    fn both_numbers_are_told() {
        let finding = finding(&sample(40, 40), (2, 0));
        assert_eq!(finding.severity, Severity::Info);
        insta::assert_snapshot!(finding.message, @"0 parallel workers are planned where it was 2; the query touches 40 blocks where it touched 40");
    }
}
