//! `more-blocks`: the query touches more blocks than before.

use dbproof_model::{Finding, Scenario, Severity};

use super::FindingKind;
use super::query_work::QueryWork;
use crate::figures::{count, counted, float};
use crate::regression::Rise;

/// What is the same for all findings of this code.
pub const KIND: FindingKind = FindingKind {
    code: "more-blocks",
    scenario: Scenario::Regress,
    severity: Severity::Error,
    title: "more work than before",
    page: include_str!("more_blocks.md"),
};

/// The finding for a rise of blocks that nothing more specific explains. `most` is where in the plan
/// they rose most.
pub(crate) fn finding(
    work: &QueryWork<'_>,
    temp_blocks: (u64, u64),
    most: Option<&Rise>,
) -> Finding {
    let mut message = work.total();
    if temp_blocks.1 > temp_blocks.0 {
        message = format!(
            "{message}, and {} spill blocks where it did {}",
            count(float(temp_blocks.1)),
            count(float(temp_blocks.0))
        );
    }
    if let Some(Rise {
        what,
        before,
        after,
        ..
    }) = most
    {
        message = format!(
            "{message}; most of it in {what}, {} where it was {}",
            counted(float(*after), "block"),
            count(float(*before))
        );
    }
    let mut finding = work
        .about(&KIND, message)
        .with_evidence("temp_blocks_before", temp_blocks.0)
        .with_evidence("temp_blocks_after", temp_blocks.1);
    if let Some(rise) = most {
        let what = if rise.is_relation { "relation" } else { "node" };
        finding = finding
            .with_evidence(what, rise.what.as_str())
            .with_evidence("node_blocks_before", rise.before)
            .with_evidence("node_blocks_after", rise.after);
    }
    finding.with_remedy(
        "Compare the two plans node by node, beginning with the place named here: wider rows, a \
         relation that grew, an index that fits less well, or rows that must be visited to see \
         whether they are still valid all show as blocks.",
        None,
    )
}

#[cfg(test)]
mod tests {
    use super::super::query_work::sample;
    use super::*;

    #[test]
    fn the_relation_that_rose_most_is_named() {
        let most = Rise {
            what: "orders".to_owned(),
            is_relation: true,
            before: 900,
            after: 2300,
        };
        let finding = finding(&sample(1000, 2400), (0, 0), Some(&most));
        insta::assert_snapshot!(finding.message, @"the query touches 2,400 blocks where it touched 1,000; most of it in orders, 2,300 blocks where it was 900");
        assert_eq!(finding.evidence["relation"], "orders");
    }

    #[test]
    fn spill_files_count_as_work() {
        let finding = finding(&sample(100, 100), (20, 400), None);
        assert!(
            finding
                .message
                .ends_with("and 400 spill blocks where it did 20")
        );
    }
}
