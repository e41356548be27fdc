//! `index-maintenance`: a statement that writes pays for indexes that are new.

use dbproof_model::{Finding, Scenario, Severity};

use super::FindingKind;
use super::query_work::QueryWork;
use crate::figures::{count, counted, float};

/// What is the same for all findings of this code.
pub const KIND: FindingKind = FindingKind {
    code: "index-maintenance",
    scenario: Scenario::Regress,
    severity: Severity::Error,
    title: "pays for new indexes as it writes",
    page: include_str!("index_maintenance.md"),
};

/// A written relation with more indexes than it had.
pub(crate) struct Maintained<'a> {
    pub(crate) relation: &'a str,
    /// `Insert`, `Update`, `Delete` or `Merge`.
    pub(crate) operation: &'a str,
    /// Definitions of the indexes that are new, as `btree (status)`.
    pub(crate) new: Vec<&'a str>,
    /// How many indexes there were and are.
    pub(crate) indexes: (usize, usize),
    /// Blocks of the writing itself, without what was read to find the rows.
    pub(crate) blocks: (u64, u64),
}

/// The finding for a relation whose writing touches more blocks since it has more indexes.
pub(crate) fn finding(work: &QueryWork<'_>, maintained: &Maintained<'_>) -> Finding {
    let hot = if maintained.operation == "Update" {
        " An UPDATE stays out of all indexes (HOT) as long as it changes no indexed column: leave \
         out of indexes what is updated often."
    } else {
        ""
    };
    work.about(
        &KIND,
        format!(
            "{} on {} touches {} where it touched {}: it has {} where it had {}, new is {}; {}",
            maintained.operation,
            maintained.relation,
            counted(float(maintained.blocks.1), "block"),
            count(float(maintained.blocks.0)),
            match maintained.indexes.1 {
                1 => "1 index".to_owned(),
                several => format!("{several} indexes"),
            },
            maintained.indexes.0,
            maintained.new.join(", "),
            work.total()
        ),
    )
    .with_evidence("relation", maintained.relation)
    .with_evidence("new_indexes", maintained.new.clone())
    .with_evidence("node_blocks_before", maintained.blocks.0)
    .with_evidence("node_blocks_after", maintained.blocks.1)
    .with_remedy(
        format!(
            "Drop the indexes that no query needs, or index only the rows that are looked for \
             (CREATE INDEX … WHERE …).{hot}"
        ),
        None,
    )
}

#[cfg(test)]
mod tests {
    use super::super::query_work::sample;
    use super::*;

    #[test]
    fn the_new_indexes_are_named() {
        let maintained = Maintained {
            relation: "orders",
            operation: "Update",
            new: vec!["btree (status)"],
            indexes: (2, 3),
            blocks: (40, 240),
        };
        let finding = finding(&sample(62, 262), &maintained);
        insta::assert_snapshot!(finding.message, @"Update on orders touches 240 blocks where it touched 40: it has 3 indexes where it had 2, new is btree (status); the query touches 262 blocks where it touched 62");
        assert!(finding.remedy.unwrap().text.contains("HOT"));
    }
}
