//! `sort-added`: the query sorts rows that came in order before.

use dbproof_model::{Finding, Scenario, Severity};

use super::FindingKind;
use super::query_work::QueryWork;
use crate::figures::counted;

/// What is the same for all findings of this code.
pub const KIND: FindingKind = FindingKind {
    code: "sort-added",
    scenario: Scenario::Regress,
    severity: Severity::Warning,
    title: "sorts where it did not",
    page: include_str!("sort_added.md"),
};

/// The finding for a sort that is new. `keys` are the sort keys, without values.
pub(crate) fn finding(
    work: &QueryWork<'_>,
    relation: Option<&str>,
    keys: &str,
    rows: f64,
    definition: Option<String>,
) -> Finding {
    let of = relation.map_or_else(String::new, |relation| format!(" of {relation}"));
    let message = format!(
        "{}{of} are sorted by {keys}, which they were not before",
        counted(rows, "row")
    );
    let mut finding = work
        .about(&KIND, message)
        .with_evidence("sort_key", keys)
        .with_evidence("rows", rows);
    if let Some(relation) = relation {
        finding = finding.with_evidence("relation", relation);
    }
    finding.with_remedy(
        "An index on the columns of the condition followed by those of the order gives the rows \
         in order, and under a LIMIT spares reading the rest.",
        definition,
    )
}

#[cfg(test)]
mod tests {
    use super::super::query_work::sample;
    use super::*;

    #[test]
    fn the_order_is_told() {
        let finding = finding(
            &sample(12, 12),
            Some("orders"),
            "created_at DESC",
            310.0,
            None,
        );
        assert_eq!(finding.severity, Severity::Warning);
        insta::assert_snapshot!(finding.message, @"310 rows of orders are sorted by created_at DESC, which they were not before");
    }
}
