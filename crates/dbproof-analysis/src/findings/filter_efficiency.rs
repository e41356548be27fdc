//! `filter-efficiency`: a scan throws away nearly all of what it reads.

use dbproof_model::{Finding, Scenario, Severity};

use super::FindingKind;
use super::query_work::QueryWork;
use crate::figures::{count, counted};

/// What is the same for all findings of this code.
pub const KIND: FindingKind = FindingKind {
    code: "filter-efficiency",
    scenario: Scenario::Regress,
    severity: Severity::Warning,
    title: "reads far more rows than it keeps",
    page: include_str!("filter_efficiency.md"),
};

/// The scan and its filter.
pub(crate) struct Filtered<'a> {
    /// The relation.
    pub(crate) relation: &'a str,
    /// How it is read.
    pub(crate) node: &'a str,
    /// Rows read, over all loops.
    pub(crate) rows_read: f64,
    /// Rows kept, over all loops.
    pub(crate) rows_kept: f64,
    /// The share of rows that was kept before, from 0 to 1.
    pub(crate) share_before: f64,
    /// The statement that would create an index for it.
    pub(crate) definition: Option<String>,
}

/// The finding for a filter that keeps under 5 % and less than half of what it kept before.
pub(crate) fn finding(work: &QueryWork<'_>, filtered: &Filtered<'_>) -> Finding {
    let share = filtered.rows_kept / filtered.rows_read;
    let message = format!(
        "{} on {} reads {} to keep {}, {:.1} % where it was {:.1} %",
        filtered.node,
        filtered.relation,
        counted(filtered.rows_read, "row"),
        count(filtered.rows_kept),
        share * 100.0,
        filtered.share_before * 100.0
    );
    work.about(&KIND, message)
        .with_evidence("relation", filtered.relation)
        .with_evidence("node", filtered.node)
        .with_evidence("rows_read", filtered.rows_read)
        .with_evidence("rows_kept", filtered.rows_kept)
        .with_evidence("share_before", filtered.share_before)
        .with_remedy(
            "Let an index apply the condition: add the filter's columns to the one that is used, \
             or create one.",
            filtered.definition.clone(),
        )
}

#[cfg(test)]
mod tests {
    use super::super::query_work::sample;
    use super::*;

    #[test]
    fn both_shares_are_told() {
        let filtered = Filtered {
            relation: "orders",
            node: "Index Scan using orders_status",
            rows_read: 5000.0,
            rows_kept: 10.0,
            share_before: 1.0,
            definition: None,
        };
        let finding = finding(&sample(12, 20), &filtered);
        insta::assert_snapshot!(finding.message, @"Index Scan using orders_status on orders reads 5,000 rows to keep 10, 0.2 % where it was 100.0 %");
    }
}
