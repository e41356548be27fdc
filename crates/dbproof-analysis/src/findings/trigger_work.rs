//! `trigger-work`: triggers do more on behalf of the statement.

use dbproof_model::{Finding, Scenario, Severity};

use super::FindingKind;
use super::query_work::QueryWork;
use crate::figures::{count, counted, float};

/// What is the same for all findings of this code.
pub const KIND: FindingKind = FindingKind {
    code: "trigger-work",
    scenario: Scenario::Regress,
    severity: Severity::Error,
    title: "triggers do more work",
    page: include_str!("trigger_work.md"),
};

/// What a statement's triggers do.
pub(crate) struct Triggered<'a> {
    /// The triggers to blame: name, relation, runs before and after.
    pub(crate) triggers: &'a [(&'a str, &'a str, f64, f64)],
    /// Rows written by the statement as a whole, before and after.
    pub(crate) rows_written: (u64, u64),
    /// The relation whose blocks rose most, with its blocks before and after.
    pub(crate) most: Option<(&'a str, u64, u64)>,
}

/// The finding for a statement whose triggers do more than they did.
pub(crate) fn finding(work: &QueryWork<'_>, triggered: &Triggered<'_>) -> Finding {
    let runs: Vec<String> = triggered
        .triggers
        .iter()
        .map(|(name, relation, before, after)| {
            let after = counted(*after, "time");
            if *before > 0.0 {
                format!(
                    "{name} on {relation} runs {after} where it ran {}",
                    count(*before)
                )
            } else {
                format!("{name} on {relation} is new and runs {after}")
            }
        })
        .collect();
    let mut message = format!("trigger {}; {}", runs.join(", trigger "), work.total());
    if let Some((relation, before, after)) = triggered.most {
        message = format!(
            "{message}, most of it in {relation}: {} where it was {}",
            counted(float(after), "block"),
            count(float(before))
        );
    }
    let (before, after) = triggered.rows_written;
    if after != before {
        message = format!(
            "{message}; it writes {} where it wrote {}",
            counted(float(after), "row"),
            count(float(before))
        );
    }
    let names: Vec<&str> = triggered.triggers.iter().map(|(name, ..)| *name).collect();
    work.about(&KIND, message)
        .with_evidence("triggers", names)
        .with_evidence("rows_written_before", before)
        .with_evidence("rows_written_after", after)
        .with_remedy(
            "Give what the trigger looks up an index (for a foreign key: the referencing columns), \
             let it fire for fewer statements (WHEN, UPDATE OF) or once a statement with a \
             transition table, or do its work outside of the transaction.",
            None,
        )
}

#[cfg(test)]
mod tests {
    use super::super::query_work::sample;
    use super::*;

    #[test]
    fn the_trigger_and_what_it_reads_are_named() {
        let triggered = Triggered {
            triggers: &[("orders_user_fk", "users", 0.0, 1.0)],
            rows_written: (1, 1),
            most: Some(("orders", 0, 250)),
        };
        let finding = finding(&sample(4, 255), &triggered);
        insta::assert_snapshot!(finding.message, @"trigger orders_user_fk on users is new and runs 1 time; the query touches 255 blocks where it touched 4, most of it in orders: 250 blocks where it was 0");
    }

    #[test]
    fn what_it_writes_is_told() {
        let triggered = Triggered {
            triggers: &[("audit", "orders", 2.0, 4.0)],
            rows_written: (3, 5),
            most: None,
        };
        let finding = finding(&sample(9, 9), &triggered);
        insta::assert_snapshot!(finding.message, @"trigger audit on orders runs 4 times where it ran 2; the query touches 9 blocks where it touched 9; it writes 5 rows where it wrote 3");
    }
}
