//! `new-spill`: a step that worked in memory now writes to disk.

use dbproof_model::{Finding, Scenario, Severity};

use super::FindingKind;
use super::query_work::QueryWork;

/// What is the same for all findings of this code.
pub const KIND: FindingKind = FindingKind {
    code: "new-spill",
    scenario: Scenario::Regress,
    severity: Severity::Warning,
    title: "spills to disk",
    page: include_str!("new_spill.md"),
};

/// The step that spills.
pub(crate) struct Spill<'a> {
    /// What it does.
    pub(crate) node: &'a str,
    /// The relations below it.
    pub(crate) relation: Option<&'a str>,
    /// How far it spills.
    pub(crate) how: &'a str,
    /// The disk space of a sort, in KiB.
    pub(crate) sort_kib: Option<u64>,
    /// Spill blocks of the query before.
    pub(crate) temp_before: u64,
    /// Spill blocks of the query after.
    pub(crate) temp_after: u64,
}

/// The finding for a new spill: an error where the query's work rose, else a warning.
pub(crate) fn finding(work: &QueryWork<'_>, spill: &Spill<'_>) -> Finding {
    let over = spill
        .relation
        .map_or_else(String::new, |relation| format!(" over {relation}"));
    let message = format!(
        "{}{over} works {}; the query writes and reads {} spill blocks where it did {}",
        spill.node, spill.how, spill.temp_after, spill.temp_before
    );
    let mut finding = work
        .about(&KIND, message)
        .with_severity(work.severity_or(Severity::Warning))
        .with_evidence("node", spill.node)
        .with_evidence("temp_blocks_before", spill.temp_before)
        .with_evidence("temp_blocks_after", spill.temp_after);
    if let Some(relation) = spill.relation {
        finding = finding.with_evidence("relation", relation);
    }
    finding.with_remedy(
        "Let fewer or narrower rows reach this step, or let an index give their order. Where \
         neither is possible, raise work_mem for this statement alone.",
        spill
            .sort_kib
            .map(|kib| format!("SET LOCAL work_mem = '{}MB';", megabytes_for(kib))),
    )
}

/// A sort takes about three times as much memory as its runs take on disk, since rows in memory
/// carry headers and pointers; rounded up to a power of two.
fn megabytes_for(disk_kib: u64) -> u64 {
    (disk_kib * 3).div_ceil(1024).next_power_of_two()
}

#[cfg(test)]
mod tests {
    use super::super::query_work::sample;
    use super::*;

    #[test]
    fn the_memory_asked_for_would_hold_the_sort() {
        let spill = Spill {
            node: "Sort",
            relation: Some("orders"),
            how: "on disk, 1,560 KiB",
            sort_kib: Some(1560),
            temp_before: 0,
            temp_after: 390,
        };
        let finding = finding(&sample(167, 167), &spill);
        assert_eq!(finding.severity, Severity::Warning);
        insta::assert_snapshot!(finding.message, @"Sort over orders works on disk, 1,560 KiB; the query writes and reads 390 spill blocks where it did 0");
        assert_eq!(
            finding.remedy.unwrap().sql.unwrap(),
            "SET LOCAL work_mem = '8MB';"
        );
    }

    #[test]
    fn it_is_an_error_where_the_work_rose() {
        let spill = Spill {
            node: "Hash Join",
            relation: None,
            how: "on disk, in 16 batches",
            sort_kib: None,
            temp_before: 0,
            temp_after: 550,
        };
        let finding = finding(&sample(100, 200), &spill);
        assert_eq!(finding.severity, Severity::Error);
        assert_eq!(finding.remedy.unwrap().sql, None);
    }
}
