//! `result-rows-differ`: the query returns other rows than before.

use dbproof_model::{Finding, Scenario, Severity};

use super::FindingKind;
use super::query_work::QueryWork;
use crate::figures::{count, counted};

/// What is the same for all findings of this code.
pub const KIND: FindingKind = FindingKind {
    code: "result-rows-differ",
    scenario: Scenario::Regress,
    severity: Severity::Error,
    title: "other rows than before",
    page: include_str!("result_rows_differ.md"),
};

/// The finding for a result that changed; equal counts mean that the rows themselves differ.
pub(crate) fn finding(
    work: &QueryWork<'_>,
    writes: bool,
    (rows_before, rows_after): (f64, f64),
) -> Finding {
    // A statement that returns nothing is told by the rows that it writes.
    let (does, did) = if writes {
        ("writes", "wrote")
    } else {
        ("returns", "returned")
    };
    let message = if (rows_before - rows_after).abs() < f64::EPSILON {
        format!(
            "{does} {} as before, but not the same",
            counted(rows_after, "row")
        )
    } else {
        format!(
            "{does} {} where it {did} {}",
            counted(rows_after, "row"),
            count(rows_before)
        )
    };
    work.about(&KIND, message)
        .with_evidence("rows_before", rows_before)
        .with_evidence("rows_after", rows_after)
        .with_remedy(
            "Find out what the change does to the rows that this query reads: a column's type, \
             default or collation, a constraint, deleted or rewritten rows. If the new result is \
             the intended one, the change cannot be judged by its work alone.",
            None,
        )
}

#[cfg(test)]
mod tests {
    use super::super::query_work::sample;
    use super::*;

    #[test]
    fn a_count_or_the_rows_themselves_may_differ() {
        assert_eq!(
            finding(&sample(5, 5), false, (10.0, 3.0)).message,
            "returns 3 rows where it returned 10"
        );
        assert_eq!(
            finding(&sample(5, 5), true, (1.0, 0.0)).message,
            "writes 0 rows where it wrote 1"
        );
        let same_count = finding(&sample(5, 5), false, (1.0, 1.0));
        assert_eq!(
            same_count.message,
            "returns 1 row as before, but not the same"
        );
        assert_eq!(same_count.severity, Severity::Error);
    }
}
