//! What differs between two plan trees: [`diff`].

use dbproof_model::{ChangeEffect, ChangeKind, Plan, PlanChange, PlanNode};

use super::estimate::q_error;
use super::matching::{Matching, family, match_trees};
use super::node::{cumulative, describe, does_the_same, index_definitions, relation, rows_touched};
use super::outline::{Outline, Role};
use super::summary::total_buffers;
use crate::figures::{count, counted, float};

/// Less than this is no difference in work, in percent of the larger side.
const NOTABLE_PERCENT: f64 = 10.0;
/// Fewer blocks than this are no difference in the work of a node that stayed what it was.
const NOTABLE_BLOCKS: f64 = 16.0;
/// Fewer rows than this are none either.
const NOTABLE_ROWS: f64 = 1000.0;
/// A q-error of less than this is no matter.
const NOTABLE_Q_ERROR: f64 = 10.0;

/// What differs between two plan trees, by kind of change and then in the plan's order.
///
/// Nodes are matched by what they read and do, not by position, so reordered children with the
/// same sets of relations are no difference. Costs, times, workers and the numbers of subplans are
/// not compared. An effect is better or worse where blocks, or else rows, say so.
#[must_use]
pub fn diff(before: &Plan, after: &Plan) -> Vec<PlanChange> {
    let sides = Sides {
        before: Outline::new(before),
        after: Outline::new(after),
        whole: effect_of(
            float(total_buffers(before).shared_total()),
            float(total_buffers(after).shared_total()),
        ),
    };
    let matching = match_trees(&sides.before, &sides.after);
    let orders = sides.join_orders(&matching);
    let mut changes = sides.accesses(&matching);
    changes.extend(sides.joins(&matching));
    let reordered = !orders.is_empty();
    changes.extend(orders);
    changes.extend(sides.strategies(&matching));
    changes.extend(sides.added_and_removed(&matching, reordered));
    changes.extend(sides.spills(&matching));
    changes.extend(sides.estimates(&matching));
    changes.extend(sides.work(&matching));
    changes.extend(triggers(before, after, sides.whole));
    changes
}

/// Triggers that fire on one side only.
fn triggers(before: &Plan, after: &Plan, whole: ChangeEffect) -> Vec<PlanChange> {
    let one_sided = |of: &Plan, other: &Plan, kind: ChangeKind| -> Vec<PlanChange> {
        of.triggers
            .iter()
            .filter(|(name, _)| !other.triggers.contains_key(*name))
            .map(|(name, runs)| {
                let described = Some(format!("trigger {name}"));
                let added = kind == ChangeKind::Added;
                PlanChange {
                    kind,
                    relation: runs.relation.clone(),
                    from: described.clone().filter(|_| !added),
                    to: described.filter(|_| added),
                    effect: whole,
                }
            })
            .collect()
    };
    let mut changes = one_sided(after, before, ChangeKind::Added);
    changes.extend(one_sided(before, after, ChangeKind::Removed));
    changes
}

struct Sides<'a> {
    before: Outline<'a>,
    after: Outline<'a>,
    /// The effect on the blocks of the whole.
    whole: ChangeEffect,
}

impl<'a> Sides<'a> {
    fn nodes(&self, pair: (usize, usize)) -> (&'a PlanNode, &'a PlanNode) {
        (
            self.before.entries[pair.0].node,
            self.after.entries[pair.1].node,
        )
    }

    fn pairs(&self, matching: &Matching, role: Role) -> Vec<(usize, usize)> {
        let of_role = |pair: &(usize, usize)| self.before.entries[pair.0].role == role;
        matching.pairs.iter().copied().filter(of_role).collect()
    }

    /// The matched nodes of a role that are described differently on the two sides.
    fn redescribed(&self, matching: &Matching, role: Role, kind: ChangeKind) -> Vec<PlanChange> {
        self.pairs(matching, role)
            .into_iter()
            .filter_map(|pair| {
                let (before, after) = self.nodes(pair);
                let (mut from, mut to) = (describe(before), describe(after));
                if from == to {
                    // Another index by the same name.
                    from = with_definition(from, before);
                    to = with_definition(to, after);
                }
                (!does_the_same(before, after)).then(|| PlanChange {
                    kind,
                    relation: self.after.subject(pair.1),
                    from: Some(from),
                    to: Some(to),
                    effect: self.effect_between(pair),
                })
            })
            .collect()
    }

    fn accesses(&self, matching: &Matching) -> Vec<PlanChange> {
        self.redescribed(matching, Role::Scan, ChangeKind::Access)
    }

    fn joins(&self, matching: &Matching) -> Vec<PlanChange> {
        self.redescribed(matching, Role::Join, ChangeKind::Join)
    }

    fn strategies(&self, matching: &Matching) -> Vec<PlanChange> {
        self.redescribed(matching, Role::Other, ChangeKind::Strategy)
    }

    /// Scopes that join the same relations in another order.
    fn join_orders(&self, matching: &Matching) -> Vec<PlanChange> {
        let tops = |outline: &Outline<'a>| -> Vec<usize> {
            let is_join = |at: usize| outline.entries[at].role == Role::Join;
            (0..outline.entries.len())
                .filter(|at| is_join(*at))
                .filter(|at| {
                    let entry = &outline.entries[*at];
                    !outline
                        .ancestors(*at)
                        .any(|above| above.role == Role::Join && above.scope == entry.scope)
                })
                .collect()
        };
        let after_tops = tops(&self.after);
        tops(&self.before)
            .into_iter()
            .filter_map(|top| {
                // Joins match by their scope and relations, whatever their order.
                let at = matching
                    .pairs
                    .binary_search_by_key(&top, |pair| pair.0)
                    .ok()?;
                let other = matching.pairs[at].1;
                after_tops.binary_search(&other).ok()?;
                let (before, after) = self.nodes((top, other));
                let (from, to) = (join_order(before), join_order(after));
                (from != to).then(|| PlanChange {
                    kind: ChangeKind::JoinOrder,
                    relation: self.after.subject(other),
                    from: Some(from),
                    to: Some(to),
                    effect: self.effect_between((top, other)),
                })
            })
            .collect()
    }

    fn added_and_removed(&self, matching: &Matching, reordered: bool) -> Vec<PlanChange> {
        // A new join order already says which joins are gone and which are new.
        let told =
            |outline: &Outline<'_>, at: usize| reordered && outline.entries[at].role == Role::Join;
        let added = matching
            .new
            .iter()
            .filter(|at| !told(&self.after, **at))
            .map(|at| {
                let node = self.after.entries[*at].node;
                PlanChange {
                    kind: ChangeKind::Added,
                    relation: self.after.subject(*at),
                    from: None,
                    to: Some(describe(node)),
                    effect: self.effect_of_presence(node, ChangeEffect::Worse),
                }
            });
        let removed = matching
            .gone
            .iter()
            .filter(|at| !told(&self.before, **at))
            .map(|at| {
                let node = self.before.entries[*at].node;
                PlanChange {
                    kind: ChangeKind::Removed,
                    relation: self.before.subject(*at),
                    from: Some(describe(node)),
                    to: None,
                    effect: self.effect_of_presence(node, ChangeEffect::Better),
                }
            });
        added.chain(removed).collect()
    }

    /// A sort more is work more, unless the whole got better with it; of other nodes only the
    /// whole tells, and only where they read something.
    fn effect_of_presence(&self, node: &PlanNode, presumed: ChangeEffect) -> ChangeEffect {
        let is_sort = family(&node.node_type) == "sort";
        let reads = cumulative(node).shared_total() > 0 && node.children.is_empty();
        match self.whole {
            ChangeEffect::Neutral if is_sort => presumed,
            whole if (is_sort || reads) && whole == presumed => presumed,
            _ => ChangeEffect::Neutral,
        }
    }

    fn spills(&self, matching: &Matching) -> Vec<PlanChange> {
        let matched = matching.pairs.iter().filter_map(|pair| {
            let (before, after) = self.nodes(*pair);
            let effect = match (spill_of(before), spill_of(after)) {
                (None, Some(_)) => ChangeEffect::Worse,
                (Some(_), None) => ChangeEffect::Better,
                _ => return None,
            };
            let in_memory = |node| spill_of(node).unwrap_or_else(|| "in memory".to_owned());
            Some(PlanChange {
                kind: ChangeKind::Spill,
                relation: self.after.subject(pair.1),
                from: Some(format!("{} {}", describe(before), in_memory(before))),
                to: Some(format!("{} {}", describe(after), in_memory(after))),
                effect,
            })
        });
        let new = matching.new.iter().filter_map(|at| {
            let node = self.after.entries[*at].node;
            Some(PlanChange {
                kind: ChangeKind::Spill,
                relation: self.after.subject(*at),
                from: None,
                to: Some(format!("{} {}", describe(node), spill_of(node)?)),
                effect: ChangeEffect::Worse,
            })
        });
        matched.chain(new).collect()
    }

    fn estimates(&self, matching: &Matching) -> Vec<PlanChange> {
        matching
            .pairs
            .iter()
            .filter(|pair| {
                !self.before.entries[pair.0].may_stop_early
                    && !self.after.entries[pair.1].may_stop_early
            })
            .filter_map(|pair| {
                let (before, after) = self.nodes(*pair);
                let (was, is) = (q_error(before)?, q_error(after)?);
                let effect = match (was, is) {
                    _ if is >= NOTABLE_Q_ERROR && is >= 2.0 * was => ChangeEffect::Worse,
                    _ if was >= NOTABLE_Q_ERROR && was >= 2.0 * is => ChangeEffect::Better,
                    _ => return None,
                };
                Some(PlanChange {
                    kind: ChangeKind::Estimate,
                    relation: self.after.subject(pair.1),
                    from: Some(format!("{} off by {}", describe(before), count(was))),
                    to: Some(format!("{} off by {}", describe(after), count(is))),
                    effect,
                })
            })
            .collect()
    }

    fn blocks(&self, pair: (usize, usize)) -> (f64, f64) {
        (
            float(self.before.entries[pair.0].blocks),
            float(self.after.entries[pair.1].blocks),
        )
    }

    fn rows(&self, pair: (usize, usize)) -> (f64, f64) {
        let (before, after) = self.nodes(pair);
        (rows_touched(before), rows_touched(after))
    }

    fn effect_between(&self, pair: (usize, usize)) -> ChangeEffect {
        let (from, to) = match self.blocks(pair) {
            (from, to) if from > 0.0 || to > 0.0 => (from, to),
            _ => self.rows(pair),
        };
        effect_of(from, to)
    }

    fn worked_differently(&self, pair: (usize, usize)) -> Option<(f64, f64, &'static str)> {
        let notable = |from: f64, to: f64, least: f64| {
            (to - from).abs() >= least && effect_of(from, to) != ChangeEffect::Neutral
        };
        let (from, to) = self.blocks(pair);
        if notable(from, to, NOTABLE_BLOCKS) {
            return Some((from, to, "block"));
        }
        let (from, to) = self.rows(pair);
        notable(from, to, NOTABLE_ROWS).then_some((from, to, "row"))
    }

    /// Scans that read in the same way, yet more or less.
    fn work(&self, matching: &Matching) -> Vec<PlanChange> {
        self.pairs(matching, Role::Scan)
            .into_iter()
            .filter_map(|pair| {
                let (before, after) = self.nodes(pair);
                if !does_the_same(before, after) {
                    return None;
                }
                let (from, to, noun) = self.worked_differently(pair)?;
                Some(PlanChange {
                    kind: ChangeKind::Work,
                    relation: Some(relation(after).to_owned()),
                    from: Some(counted(from, noun)),
                    to: Some(counted(to, noun)),
                    effect: effect_of(from, to),
                })
            })
            .collect()
    }
}

fn with_definition(description: String, scan: &PlanNode) -> String {
    match index_definitions(scan) {
        Some(definitions) => format!("{description} {}", definitions.join(", ")),
        None => description,
    }
}

/// How a node spills to disk, if it does. A hash's spill is told at its join.
pub(crate) fn spill_of(node: &PlanNode) -> Option<String> {
    if node.sort_space_type.as_deref() == Some("Disk") {
        let space = float(node.sort_space_kib.unwrap_or_default());
        return Some(format!("on disk, {} KiB", count(space)));
    }
    let hash = node.children.iter().find(|child| child.node_type == "Hash");
    let batches = node.hash_batches.or_else(|| hash?.hash_batches)?;
    // The Hash below a join spills with the join, which is the one to name.
    (batches > 1 && node.node_type != "Hash").then(|| {
        format!(
            "on disk, in {}",
            format_args!("{} batches", count(float(batches)))
        )
    })
}

/// The relations of a join tree in the order in which they meet, without regard to which side is
/// the outer one: `((orders ⋈ users) ⋈ order_items)`.
fn join_order(node: &PlanNode) -> String {
    let inputs = || {
        node.children.iter().filter(|child| {
            !matches!(
                child.parent_relationship.as_deref(),
                Some("InitPlan" | "SubPlan")
            )
        })
    };
    match node.node_type.as_str() {
        "Nested Loop" | "Hash Join" | "Merge Join" => {
            let mut sides: Vec<String> = inputs().map(join_order).collect();
            sides.sort();
            format!("({})", sides.join(" ⋈ "))
        }
        "Bitmap Heap Scan" => relation(node).to_owned(),
        _ => match inputs().map(join_order).collect::<Vec<_>>() {
            below if below.is_empty() => relation(node).to_owned(),
            mut below => {
                below.sort();
                below.join(", ")
            }
        },
    }
}

fn effect_of(from: f64, to: f64) -> ChangeEffect {
    let notable = (to - from).abs() > from.max(to) * NOTABLE_PERCENT / 100.0;
    match notable {
        true if to < from => ChangeEffect::Better,
        true => ChangeEffect::Worse,
        false => ChangeEffect::Neutral,
    }
}
