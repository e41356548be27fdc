//! What scans show beside a lost index: other indexes, more partitions, relations that are new.

use dbproof_model::Finding;

use super::Tolerances;
use super::detect::{ScanPair, Trees, reads_index};
use super::signals::rises;
use crate::findings::query_work::QueryWork;
use crate::findings::{index_search_lost, partitions_not_pruned, relation_added};
use crate::plan::{Role, describe, does_the_same, index_definitions, index_for_entry, relation};

impl Trees<'_> {
    /// Relations that are read in at least twice as many partitions.
    pub(super) fn partitions_added(&self, work: &QueryWork<'_>) -> Vec<Finding> {
        self.scans()
            .filter_map(|scan| {
                let ScanPair { before, after, .. } = scan;
                let is = after.partitions?;
                let was = before.partitions.unwrap_or(1);
                (is >= was * 2 && is > 1).then(|| {
                    let partitions = (was, is);
                    partitions_not_pruned::finding(work, relation(after), partitions, scan.blocks)
                })
            })
            .collect()
    }

    /// Scans by another index that touch more blocks; of the same index they are more rows.
    pub(super) fn index_searches_lost(
        &self,
        work: &QueryWork<'_>,
        tolerances: &Tolerances,
        told: &[String],
    ) -> Vec<Finding> {
        self.scans()
            .filter(|scan| {
                let ScanPair { before, after, .. } = *scan;
                let fewer_columns =
                    before.node_type == "Index Only Scan" && after.node_type != "Index Only Scan";
                work.worse
                    && reads_index(before)
                    && reads_index(after)
                    && !fewer_columns
                    && index_definitions(before) != index_definitions(after)
                    && !does_the_same(before, after)
                    && rises(scan.blocks, tolerances)
                    && !told.iter().any(|name| name == relation(after))
            })
            .map(|scan| {
                let ScanPair { before, after, .. } = scan;
                let named = |scan| match index_definitions(scan) {
                    Some(on) => format!("{} {}", describe(scan), on.join(", ")),
                    None => describe(scan),
                };
                let other = index_search_lost::OtherIndex {
                    relation: relation(after),
                    before: &named(before),
                    after: &named(after),
                    blocks: scan.blocks,
                    definition: index_for_entry(&self.after, scan.position),
                };
                index_search_lost::finding(work, &other)
            })
            .collect()
    }

    /// Relations that only the plan after reads, where blocks rose.
    pub(super) fn relations_added(&self, work: &QueryWork<'_>) -> Option<Finding> {
        let mut added: Vec<(&str, u64)> = Vec::new();
        for at in &self.matching.new {
            let entry = &self.after.entries[*at];
            let known = |name: &str| {
                let mut before = self.before.entries.iter();
                before.any(|e| e.role == Role::Scan && relation(e.node) == name)
            };
            if entry.role == Role::Scan
                && entry.node.relation.is_some()
                && entry.blocks > 0
                && !known(relation(entry.node))
            {
                match added
                    .iter_mut()
                    .find(|(name, _)| *name == relation(entry.node))
                {
                    Some((_, sum)) => *sum += entry.blocks,
                    None => added.push((relation(entry.node), entry.blocks)),
                }
            }
        }
        (work.worse && !added.is_empty()).then(|| relation_added::finding(work, &added))
    }
}
