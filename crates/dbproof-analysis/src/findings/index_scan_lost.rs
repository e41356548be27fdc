//! `index-scan-lost`: a relation was read through an index and is now read whole.

use dbproof_model::{Finding, Scenario, Severity};

use super::FindingKind;
use super::query_work::QueryWork;
use crate::figures::{count, counted, float};

/// What is the same for all findings of this code.
pub const KIND: FindingKind = FindingKind {
    code: "index-scan-lost",
    scenario: Scenario::Regress,
    severity: Severity::Error,
    title: "index no longer used",
    page: include_str!("index_scan_lost.md"),
};

/// The scan that was lost.
pub(crate) struct LostIndex<'a> {
    /// The relation.
    pub(crate) relation: &'a str,
    /// How it was read, with the index's name.
    pub(crate) access_before: &'a str,
    /// The index or indexes.
    pub(crate) index: &'a str,
    /// Blocks of this scan before, over all loops.
    pub(crate) node_blocks_before: u64,
    /// Blocks of this scan after, over all loops.
    pub(crate) node_blocks_after: u64,
    /// Whether this scan's own blocks rose beyond the tolerance.
    pub(crate) rose: bool,
    /// Rows that the sequential scan reads, over all loops.
    pub(crate) rows_read: f64,
    /// Rows that it keeps, over all loops.
    pub(crate) rows_kept: f64,
    /// How often it runs.
    pub(crate) loops: f64,
    /// The statement that would create an index for it.
    pub(crate) definition: Option<String>,
}

/// The finding for an index scan that became a sequential one: an error where that costs, else
/// information.
pub(crate) fn finding(work: &QueryWork<'_>, lost: &LostIndex<'_>) -> Finding {
    let costs = work.worse && lost.rose;
    let times = if lost.loops > 1.0 {
        format!(", {} times over", count(lost.loops))
    } else {
        String::new()
    };
    let message = format!(
        "{} is read by a Seq Scan where it was by {}: {}{times} to keep {}, {} where it was {}; {}",
        lost.relation,
        lost.access_before,
        counted(lost.rows_read, "row"),
        count(lost.rows_kept),
        counted(float(lost.node_blocks_after), "block"),
        count(float(lost.node_blocks_before)),
        work.total(),
    );
    let remedy = if costs {
        "Keep the index that served this query, or give it another on what it searches by. If the \
         index is still there, look for a changed type or collation, an expression around the \
         column, or statistics that are out of date."
    } else {
        "Nothing needs to be done while the relation is this small; reading it whole is no dearer \
         than the index was. Measure again with as many rows as production has."
    };
    work.about(&KIND, message)
        .with_severity(if costs {
            Severity::Error
        } else {
            Severity::Info
        })
        .with_evidence("relation", lost.relation)
        .with_evidence("index", lost.index)
        .with_evidence("node_blocks_before", lost.node_blocks_before)
        .with_evidence("node_blocks_after", lost.node_blocks_after)
        .with_evidence("rows_read", lost.rows_read)
        .with_evidence("rows_kept", lost.rows_kept)
        .with_remedy(remedy, lost.definition.clone().filter(|_| costs))
}

#[cfg(test)]
mod tests {
    use super::super::query_work::sample;
    use super::*;

    fn lost(before: u64, after: u64) -> LostIndex<'static> {
        LostIndex {
            relation: "orders",
            access_before: "Index Scan using orders_user",
            index: "orders_user",
            node_blocks_before: before,
            node_blocks_after: after,
            rose: after > before + 16,
            rows_read: 2500.0,
            rows_kept: 3.0,
            loops: 1.0,
            definition: Some("CREATE INDEX CONCURRENTLY ON orders (user_id);".to_owned()),
        }
    }

    #[test]
    fn a_loss_that_costs_is_an_error_with_the_index_to_create() {
        let finding = finding(&sample(5, 39), &lost(5, 39));
        assert_eq!(finding.severity, Severity::Error);
        insta::assert_snapshot!(finding.message, @"orders is read by a Seq Scan where it was by Index Scan using orders_user: 2,500 rows to keep 3, 39 blocks where it was 5; the query touches 39 blocks where it touched 5");
        let sql = finding.remedy.unwrap().sql.unwrap();
        assert_eq!(sql, "CREATE INDEX CONCURRENTLY ON orders (user_id);");
    }

    #[test]
    fn a_loss_that_costs_nothing_is_information() {
        let finding = finding(&sample(5, 1), &lost(5, 1));
        assert_eq!(finding.severity, Severity::Info);
        assert_eq!(finding.remedy.unwrap().sql, None);
    }
}
