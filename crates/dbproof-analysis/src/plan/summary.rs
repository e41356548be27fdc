//! Totals over a whole plan: [`summarise`].

use std::collections::BTreeSet;

use dbproof_model::{Access, Buffers, Plan, PlanSummary};
use serde_json::Value;

use super::hashes::hashes;
use super::node::{cumulative, index_of, over_loops, rows_touched};

/// The totals of a plan, beside EXPLAIN's JSON as it is to be kept (masked already, or not).
#[must_use]
pub fn summarise(plan: &Plan, explain: Value) -> PlanSummary {
    let buffers = total_buffers(plan);
    PlanSummary {
        root_node: plan.root.node_type.clone(),
        access: access(plan),
        execution_ms: plan.execution_ms,
        planning_ms: plan.planning_ms,
        total_cost: plan.root.total_cost,
        hashes: Some(hashes(plan)),
        shared_hit_blocks: buffers.shared_hit,
        shared_read_blocks: buffers.shared_read,
        temp_blocks: buffers.temp_total(),
        rows: plan.root.actual_rows.unwrap_or_default()
            * plan.root.actual_loops.unwrap_or_default(),
        rows_removed_by_filter: plan
            .root
            .walk()
            .map(|node| over_loops(node, node.rows_removed_by_filter))
            .sum(),
        plan: explain,
    }
}

/// How each relation is read, in the plan's order. The index of a Bitmap Heap Scan is that of the
/// Bitmap Index Scans below it, several of them joined by a comma.
#[must_use]
pub fn access(plan: &Plan) -> Vec<Access> {
    plan.root
        .walk()
        .filter(|node| node.node_type != "ModifyTable")
        .filter_map(|node| {
            Some(Access {
                relation: node.relation.clone()?,
                node: node.node_type.clone(),
                index: index_of(node),
            })
        })
        .collect()
}

/// The relations that a plan reads or writes, each as its schema and its name.
#[must_use]
pub fn relations(plan: &Plan) -> BTreeSet<(String, String)> {
    plan.root
        .walk()
        .filter_map(|node| Some((node.schema.clone()?, node.relation.clone()?)))
        .collect()
}

/// The blocks of the whole execution: the root's, which include its children's. A root that
/// prints none stands for the sum of its children.
#[must_use]
pub fn total_buffers(plan: &Plan) -> Buffers {
    cumulative(&plan.root)
}

/// Rows that pass through the plan's nodes, those included that a filter, join filter or recheck
/// throws away, over all loops: the work that no block count shows.
#[must_use]
pub fn rows_processed(plan: &Plan) -> f64 {
    plan.root.walk().map(rows_touched).sum()
}
