//! What two matched trees show that deserves a finding of its own: [`findings`].

use dbproof_model::{Finding, Plan, PlanNode, Severity};

use super::Tolerances;
use super::signals::rises;
use crate::findings::query_work::QueryWork;
use crate::findings::{
    estimate_off, filter_efficiency, index_only_scan_lost, index_scan_lost, loops_multiplied,
    nested_loop_over_seq_scan, new_spill, sort_added,
};
use crate::plan::{
    Matching, Outline, Role, describe, family, index_for, index_for_entry, mask_expression,
    match_trees, over_loops, q_error, relation, spill_of,
};

/// Loops must grow by this factor to be a finding.
const LOOPS_FACTOR: f64 = 10.0;
/// A filter that keeps less than this share is inefficient …
const KEPT_SHARE: f64 = 0.05;
/// … if it throws away at least this many rows.
const REMOVED_MIN: f64 = 1000.0;
/// A q-error of less than this is no finding.
const Q_ERROR_MIN: f64 = 10.0;

/// Two plans, laid flat and matched.
pub(super) struct Trees<'a> {
    pub(super) plans: (&'a Plan, &'a Plan),
    pub(super) before: Outline<'a>,
    pub(super) after: Outline<'a>,
    pub(super) matching: Matching,
}

/// A scan on both sides.
#[derive(Clone, Copy)]
pub(super) struct ScanPair<'a> {
    /// The position of the one after.
    pub(super) position: usize,
    pub(super) before: &'a PlanNode,
    pub(super) after: &'a PlanNode,
    /// Shared blocks before and after, without those of the subplans that the scans evaluate.
    pub(super) blocks: (u64, u64),
}

/// What the trees show. Where the query got better, only what is wrong in any case is told.
pub(super) fn findings(
    trees: &Trees<'_>,
    work: &QueryWork<'_>,
    temp: (u64, u64),
    tolerances: &Tolerances,
    improved: bool,
) -> Vec<Finding> {
    let mut findings = trees.index_scans_lost(work, tolerances);
    // A lost index already tells what the scan in its place throws away, whatever it costs.
    let lost = relations_of(&findings, Severity::Info);
    let mut told = relations_of(&findings, Severity::Error);
    if !improved {
        for detected in [
            trees.nested_loops_over_seq_scans(work, &told),
            trees.filters(work, &lost),
            trees.sorts_added(work, &told),
            trees.index_only_scans_lost(work),
            trees.spills(work, temp),
            trees.partitions_added(work),
            trees.index_searches_lost(work, tolerances, &told),
            trees.relations_added(work).into_iter().collect(),
        ] {
            findings.extend(detected);
        }
        told = relations_of(&findings, Severity::Warning);
        findings.extend(trees.loops_multiplied(work, &told));
    }
    findings.extend(trees.estimates_off(work));
    findings
}

/// The relations that findings of this severity or above already name.
fn relations_of(findings: &[Finding], least: Severity) -> Vec<String> {
    findings
        .iter()
        .filter(|finding| finding.severity >= least)
        .filter_map(|finding| Some(finding.evidence.get("relation")?.as_str()?.to_owned()))
        .collect()
}

impl<'a> Trees<'a> {
    pub(super) fn new(before: &'a Plan, after: &'a Plan) -> Self {
        let plans = (before, after);
        let (before, after) = (Outline::new(before), Outline::new(after));
        let matching = match_trees(&before, &after);
        Trees {
            plans,
            before,
            after,
            matching,
        }
    }

    /// The matched scans.
    pub(super) fn scans(&self) -> impl Iterator<Item = ScanPair<'a>> {
        self.matching.pairs.iter().filter_map(|(from, to)| {
            let (before, after) = (&self.before.entries[*from], &self.after.entries[*to]);
            (before.role == Role::Scan).then_some(ScanPair {
                position: *to,
                before: before.node,
                after: after.node,
                blocks: (before.blocks, after.blocks),
            })
        })
    }

    fn index_scans_lost(&self, work: &QueryWork<'_>, tolerances: &Tolerances) -> Vec<Finding> {
        self.scans()
            .filter(|scan| {
                reads_index(scan.before)
                    && scan.after.node_type == "Seq Scan"
                    && scan.after.was_executed()
            })
            .map(|scan| {
                let ScanPair { before, after, .. } = scan;
                let kept = over_loops(after, after.actual_rows);
                let access_before = describe(before);
                let lost = index_scan_lost::LostIndex {
                    relation: relation(after),
                    access_before: &access_before,
                    index: access_before
                        .split_once(" using ")
                        .map_or("", |(_, index)| index),
                    node_blocks_before: scan.blocks.0,
                    node_blocks_after: scan.blocks.1,
                    rose: rises(scan.blocks, tolerances),
                    rows_read: kept + over_loops(after, after.rows_removed_by_filter),
                    rows_kept: kept,
                    loops: after.actual_loops.unwrap_or_default(),
                    definition: self.lost_definition(before, scan.position),
                };
                index_scan_lost::finding(work, &lost)
            })
            .collect()
    }

    /// The index that would serve as the lost one did: on what it was searched by, and in the
    /// order of a sort that has taken its place.
    fn lost_definition(&self, before: &PlanNode, after: usize) -> Option<String> {
        let condition = before.walk().find_map(|node| node.index_cond.as_deref());
        let sort = self
            .after
            .ancestors(after)
            .take_while(|above| above.role != Role::Join)
            .find(|above| above.node.node_type == "Sort");
        let sort_key = sort.map_or(&[][..], |sort| &sort.node.sort_key);
        condition
            .and_then(|condition| index_for(before, &[condition], sort_key))
            .or_else(|| index_for_entry(&self.after, after))
    }

    fn nested_loops_over_seq_scans(&self, work: &QueryWork<'_>, told: &[String]) -> Vec<Finding> {
        let before_too = |position: usize| {
            self.scans().any(|scan| {
                scan.position == position
                    && scan.before.node_type == "Seq Scan"
                    && loops(scan.before) * 2.0 > loops(scan.after)
            })
        };
        (0..self.after.entries.len())
            .filter(|at| self.is_inner_seq_scan(*at) && !before_too(*at))
            .filter(|at| {
                !told
                    .iter()
                    .any(|name| name == relation(self.after.entries[*at].node))
            })
            .map(|at| {
                let scan = self.after.entries[at].node;
                let repeated = nested_loop_over_seq_scan::Repeated {
                    relation: relation(scan),
                    loops: loops(scan),
                    rows_per_loop: scan.actual_rows.unwrap_or_default()
                        + scan.rows_removed_by_filter.unwrap_or_default(),
                    definition: index_for_entry(&self.after, at),
                };
                nested_loop_over_seq_scan::finding(work, &repeated)
            })
            .collect()
    }

    fn is_inner_seq_scan(&self, position: usize) -> bool {
        let entry = &self.after.entries[position];
        let above = entry.parent.map(|parent| self.after.entries[parent].node);
        entry.node.node_type == "Seq Scan"
            && loops(entry.node) >= 2.0
            && entry.node.parent_relationship.as_deref() == Some("Inner")
            && above.is_some_and(|above| above.node_type == "Nested Loop")
    }

    fn loops_multiplied(&self, work: &QueryWork<'_>, told: &[String]) -> Vec<Finding> {
        self.scans()
            .filter(|scan| {
                let (was, is) = (loops(scan.before), loops(scan.after));
                was >= 1.0 && is >= was * LOOPS_FACTOR
            })
            .filter(|scan| !told.iter().any(|name| name == relation(scan.after)))
            .map(|scan| {
                let node = describe(scan.after);
                let loops = (loops(scan.before), loops(scan.after));
                loops_multiplied::finding(work, relation(scan.after), &node, loops)
            })
            .collect()
    }

    fn spills(&self, work: &QueryWork<'_>, temp: (u64, u64)) -> Vec<Finding> {
        let matched = self
            .matching
            .pairs
            .iter()
            .filter(|(from, _)| spill_of(self.before.entries[*from].node).is_none())
            .map(|(_, to)| *to);
        let mut positions: Vec<usize> = matched.chain(self.matching.new.iter().copied()).collect();
        positions.sort_unstable();
        positions
            .into_iter()
            .filter_map(|at| {
                let node = self.after.entries[at].node;
                let how = spill_of(node)?;
                let (described, subject) = (describe(node), self.after.subject(at));
                let spill = new_spill::Spill {
                    node: &described,
                    relation: subject.as_deref(),
                    how: &how,
                    sort_kib: node.sort_space_kib,
                    temp_before: temp.0,
                    temp_after: temp.1,
                };
                Some(new_spill::finding(work, &spill))
            })
            .collect()
    }

    fn sorts_added(&self, work: &QueryWork<'_>, told: &[String]) -> Vec<Finding> {
        self.matching
            .new
            .iter()
            .filter(|at| {
                let node = self.after.entries[**at].node;
                family(&node.node_type) == "sort" && node.was_executed()
            })
            .filter_map(|at| {
                let (node, subject) = (self.after.entries[*at].node, self.after.subject(*at));
                // Where an index is lost, that finding's remedy brings the order back as well.
                if subject
                    .as_ref()
                    .is_some_and(|subject| told.contains(subject))
                {
                    return None;
                }
                let keys = mask_expression(&node.sort_key.join(", "));
                // A LIMIT above may have stopped the sort itself; what went into it is all there was.
                let rows = node
                    .children
                    .iter()
                    .map(|child| over_loops(child, child.actual_rows))
                    .sum();
                let definition = self.definition_below(*at);
                Some(sort_added::finding(
                    work,
                    subject.as_deref(),
                    &keys,
                    rows,
                    definition,
                ))
            })
            .collect()
    }

    /// The index for the one scan below a sort.
    fn definition_below(&self, sort: usize) -> Option<String> {
        let mut below = (0..self.after.entries.len()).filter(|at| {
            let entry = &self.after.entries[*at];
            entry.role == Role::Scan
                && self
                    .after
                    .ancestors(*at)
                    .any(|above| std::ptr::eq(above.node, self.after.entries[sort].node))
        });
        let scan = below.next()?;
        if below.next().is_some() {
            return None;
        }
        let conditions: Vec<&str> = self.after.entries[scan]
            .node
            .walk()
            .flat_map(|node| [node.index_cond.as_deref(), node.filter.as_deref()])
            .flatten()
            .collect();
        let sort_key = &self.after.entries[sort].node.sort_key;
        index_for(self.after.entries[scan].node, &conditions, sort_key)
    }

    fn index_only_scans_lost(&self, work: &QueryWork<'_>) -> Vec<Finding> {
        self.scans()
            .filter(|scan| {
                let is = scan.after.node_type.as_str();
                scan.before.node_type == "Index Only Scan"
                    && matches!(is, "Index Scan" | "Bitmap Heap Scan")
                    && scan.after.was_executed()
            })
            .map(|scan| {
                let (was, is) = (describe(scan.before), describe(scan.after));
                let relation = relation(scan.after);
                index_only_scan_lost::finding(work, relation, (&was, &is), scan.blocks)
            })
            .collect()
    }

    fn filters(&self, work: &QueryWork<'_>, told: &[String]) -> Vec<Finding> {
        self.scans()
            .filter(|scan| !told.iter().any(|name| name == relation(scan.after)))
            .filter_map(|scan| {
                let ScanPair { before, after, .. } = scan;
                let (kept, read) = kept_and_read(after);
                let (kept_before, read_before) = kept_and_read(before);
                // What never ran, or read nothing, threw nothing away.
                let share_before = if read_before > 0.0 {
                    kept_before / read_before
                } else {
                    1.0
                };
                let share = kept / read;
                (read - kept >= REMOVED_MIN && share < KEPT_SHARE && share < share_before / 2.0)
                    .then(|| {
                        let filtered = filter_efficiency::Filtered {
                            relation: relation(after),
                            node: &describe(after),
                            rows_read: read,
                            rows_kept: kept,
                            share_before,
                            definition: index_for_entry(&self.after, scan.position),
                        };
                        filter_efficiency::finding(work, &filtered)
                    })
            })
            .collect()
    }

    /// One finding at most for scans and one otherwise: an error at the bottom carries upwards.
    fn estimates_off(&self, work: &QueryWork<'_>) -> Option<Finding> {
        let off: Vec<(usize, f64, f64)> = self
            .matching
            .pairs
            .iter()
            .filter_map(|(from, to)| {
                let (before, after) = (&self.before.entries[*from], &self.after.entries[*to]);
                if before.may_stop_early || after.may_stop_early {
                    return None;
                }
                let (was, is) = (q_error(before.node)?, q_error(after.node)?);
                (is >= Q_ERROR_MIN && is >= 2.0 * was).then_some((*to, was, is))
            })
            .collect();
        let is_scan = |at: usize| self.after.entries[at].role == Role::Scan;
        let (at, error_before, error_after) =
            *off.iter().find(|(at, ..)| is_scan(*at)).or(off.last())?;
        let node = self.after.entries[at].node;
        let (described, subject) = (describe(node), self.after.subject(at));
        let estimate = estimate_off::Estimate {
            relation: subject.as_deref(),
            node: &described,
            estimated: node.plan_rows,
            actual: node.actual_rows.unwrap_or_default(),
            error_before,
            error_after,
        };
        Some(estimate_off::finding(work, &estimate))
    }
}

pub(super) fn reads_index(node: &PlanNode) -> bool {
    matches!(
        node.node_type.as_str(),
        "Index Scan" | "Index Only Scan" | "Bitmap Heap Scan"
    )
}

fn loops(node: &PlanNode) -> f64 {
    node.actual_loops.unwrap_or_default()
}

fn kept_and_read(node: &PlanNode) -> (f64, f64) {
    let kept = over_loops(node, node.actual_rows);
    (kept, kept + over_loops(node, node.rows_removed_by_filter))
}
