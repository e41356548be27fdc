//! What each node did by itself: [`self_work`].
//!
//! EXPLAIN's figures are not additive as they stand. Times are averages per loop, and under a
//! Gather a loop is a process; buffers are totals; both include the children. An `InitPlan` hangs
//! under one node and runs inside another, the one that first asks for its value; a common table
//! expression hangs under one node too and runs inside the CTE Scans that pull its rows.

use dbproof_model::{Buffers, Plan, PlanNode};

use super::node::{is_subplan, over_loops};

/// The work of one node without that of the nodes that it ran.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SelfWork<'a> {
    /// The node.
    pub node: &'a PlanNode,
    /// Wall time in milliseconds over all loops; `None` without TIMING.
    pub time_ms: Option<f64>,
    /// Blocks over all loops and workers.
    pub buffers: Buffers,
}

/// The work of every node by itself, in the order of [`PlanNode::walk`].
///
/// Triggers, JIT compilation and planning are no node's work; they are the plan's own
/// [`triggers`](Plan::triggers), [`jit_ms`](Plan::jit_ms) and
/// [`planning_ms`](Plan::planning_ms). What rounding would make negative is 0.
#[must_use]
pub fn self_work(plan: &Plan) -> Vec<SelfWork<'_>> {
    let mut ledger = Ledger::default();
    ledger.enter(&plan.root, None, 1.0);
    ledger.charge_children();
    ledger.charge_init_plans();
    ledger.charge_ctes();
    ledger
        .entries
        .into_iter()
        .map(|entry| SelfWork {
            node: entry.node,
            time_ms: entry.time_ms,
            buffers: entry.buffers,
        })
        .collect()
}

/// A node with what is left of its totals as other nodes' shares are taken out.
struct Entry<'a> {
    node: &'a PlanNode,
    parent: Option<usize>,
    total_ms: Option<f64>,
    total: Buffers,
    time_ms: Option<f64>,
    buffers: Buffers,
}

#[derive(Default)]
struct Ledger<'a> {
    entries: Vec<Entry<'a>>,
}

impl<'a> Ledger<'a> {
    fn enter(&mut self, node: &'a PlanNode, parent: Option<usize>, processes: f64) {
        let loops = node.actual_loops.unwrap_or_default();
        let total_ms = node
            .actual_total_ms
            .map(|per_loop| per_loop * loops / processes);
        let position = self.entries.len();
        self.entries.push(Entry {
            node,
            parent,
            total_ms,
            total: node.buffers,
            time_ms: total_ms,
            buffers: node.buffers,
        });
        for child in &node.children {
            let processes = if is_gather(node) && !is_subplan(child) {
                processes * processes_below(node, child)
            } else {
                processes
            };
            self.enter(child, Some(position), processes);
        }
    }

    /// Ordinary children, and correlated subplans too, run inside their parent.
    fn charge_children(&mut self) {
        for position in 0..self.entries.len() {
            if let Some(parent) = self.entries[position].parent
                && !is_deferred(self.entries[position].node)
            {
                self.take(parent, position);
            }
        }
    }

    fn charge_init_plans(&mut self) {
        for position in 0..self.entries.len() {
            let node = self.entries[position].node;
            let Some(attached) = self.entries[position].parent else {
                continue;
            };
            if is_deferred(node) && cte_of(node).is_none() {
                let consumer = self.consumer(node, attached).unwrap_or(attached);
                self.take(consumer, position);
            }
        }
    }

    /// The node that ran this `InitPlan`: the deepest whose expressions name its value, or the
    /// Gather above that, which evaluates the values that its workers need before it starts them.
    /// Where that one did less than the `InitPlan`, the nearest above it that did as much, such as an
    /// Append, which asks for a value in order to leave out partitions.
    fn consumer(&self, init_plan: &PlanNode, attached: usize) -> Option<usize> {
        let names = value_names(init_plan.subplan_name.as_deref()?);
        let (mut found, mut found_depth) = (None, 0);
        for position in attached..self.entries.len() {
            let Some(path) = self.path(position, attached) else {
                break;
            };
            let within_itself = path
                .iter()
                .any(|step| std::ptr::eq(self.entries[*step].node, init_plan));
            if !within_itself
                && path.len() > found_depth
                && mentions(self.entries[position].node, &names)
            {
                found_depth = path.len();
                let gather = path
                    .iter()
                    .position(|step| is_gather(self.entries[*step].node));
                let reaches = gather.unwrap_or(path.len() - 1);
                found = path[..=reaches]
                    .iter()
                    .rev()
                    .copied()
                    .find(|step| self.did_as_much(*step, init_plan));
            }
        }
        found
    }

    /// Whether a node's totals hold those of an `InitPlan`.
    fn did_as_much(&self, position: usize, init_plan: &PlanNode) -> bool {
        let entry = &self.entries[position];
        let blocks_fit = smaller(&entry.total, &init_plan.buffers) == init_plan.buffers;
        let init_ms = over_loops(init_plan, init_plan.actual_total_ms);
        // Times are rounded to the microsecond.
        blocks_fit && entry.total_ms.is_none_or(|ms| ms + 0.001 >= init_ms)
    }

    /// The positions from `top` down to `position`; `None` where that is not below `top`.
    fn path(&self, position: usize, top: usize) -> Option<Vec<usize>> {
        let mut path = vec![position];
        let mut at = position;
        while at != top {
            at = self.entries[at].parent?;
            path.push(at);
        }
        path.reverse();
        Some(path)
    }

    /// Spreads a common table expression over its scans, in the plan's order, each as far as its
    /// own total reaches: whichever scan pulls a row first pays for it, and that is not recorded.
    /// Its scans are below the node that it hangs under; another of its name is another one.
    fn charge_ctes(&mut self) {
        for position in 0..self.entries.len() {
            let Some(name) = cte_of(self.entries[position].node) else {
                continue;
            };
            let owner = self.entries[position].parent.unwrap_or_default();
            let mut left_ms = self.entries[position].total_ms;
            let mut left = self.entries[position].total;
            for at in owner..self.entries.len() {
                if self.path(at, owner).is_none() {
                    break;
                }
                let scan = &mut self.entries[at];
                if scan.node.node_type == "CTE Scan" && scan.node.cte_name.as_deref() == Some(name)
                {
                    let share = smaller(&scan.buffers, &left);
                    scan.buffers = minus(&scan.buffers, &share);
                    left = minus(&left, &share);
                    if let (Some(own), Some(rest)) = (scan.time_ms, left_ms) {
                        let share = own.min(rest);
                        scan.time_ms = Some(own - share);
                        left_ms = Some(rest - share);
                    }
                }
            }
        }
    }

    fn take(&mut self, from: usize, child: usize) {
        let (total_ms, total) = (self.entries[child].total_ms, self.entries[child].total);
        let entry = &mut self.entries[from];
        entry.buffers = minus(&entry.buffers, &total);
        if let (Some(own), Some(child_ms)) = (entry.time_ms, total_ms) {
            entry.time_ms = Some((own - child_ms).max(0.0));
        }
    }
}

fn is_gather(node: &PlanNode) -> bool {
    matches!(node.node_type.as_str(), "Gather" | "Gather Merge")
}

/// Whether the node runs elsewhere than in the node that it hangs under.
fn is_deferred(node: &PlanNode) -> bool {
    node.parent_relationship.as_deref() == Some("InitPlan")
}

fn cte_of(node: &PlanNode) -> Option<&str> {
    node.subplan_name.as_deref()?.strip_prefix("CTE ")
}

/// The processes that ran below a Gather: every one counts as a loop of the topmost node there.
fn processes_below(gather: &PlanNode, child: &PlanNode) -> f64 {
    let launched = gather.workers_launched.unwrap_or_default() as f64;
    match (child.actual_loops, gather.actual_loops) {
        (Some(child), Some(gather)) if gather > 0.0 => (child / gather).clamp(1.0, launched + 1.0),
        _ => 1.0,
    }
}

/// How conditions refer to an `InitPlan`: `$0` up to PostgreSQL 16, by name from 17 on.
fn value_names(subplan_name: &str) -> Vec<String> {
    match subplan_name.split_once(" (returns ") {
        Some((_, values)) => values
            .trim_end_matches(')')
            .split(',')
            .map(|name| name.trim().to_owned())
            .collect(),
        None => vec![format!("({subplan_name})")],
    }
}

fn mentions(node: &PlanNode, names: &[String]) -> bool {
    let conditions = [
        &node.index_cond,
        &node.recheck_cond,
        &node.hash_cond,
        &node.merge_cond,
        &node.join_filter,
        &node.filter,
    ];
    let lists = [&node.sort_key, &node.group_key, &node.output];
    conditions
        .into_iter()
        .flatten()
        .chain(lists.into_iter().flatten())
        .any(|text| names.iter().any(|name| contains_name(text, name)))
}

/// Whether the text holds the name, and not merely `$10` where `$1` is asked for.
fn contains_name(text: &str, name: &str) -> bool {
    text.match_indices(name)
        .any(|(at, _)| !text[at + name.len()..].starts_with(|c: char| c.is_ascii_digit()))
}

fn minus(from: &Buffers, taken: &Buffers) -> Buffers {
    combine(from, taken, u64::saturating_sub)
}

fn smaller(a: &Buffers, b: &Buffers) -> Buffers {
    combine(a, b, u64::min)
}

fn combine(a: &Buffers, b: &Buffers, of: impl Fn(u64, u64) -> u64) -> Buffers {
    Buffers {
        shared_hit: of(a.shared_hit, b.shared_hit),
        shared_read: of(a.shared_read, b.shared_read),
        shared_dirtied: of(a.shared_dirtied, b.shared_dirtied),
        shared_written: of(a.shared_written, b.shared_written),
        local_hit: of(a.local_hit, b.local_hit),
        local_read: of(a.local_read, b.local_read),
        temp_read: of(a.temp_read, b.temp_read),
        temp_written: of(a.temp_written, b.temp_written),
    }
}
