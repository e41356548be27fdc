//! What one node of a plan does and reads, and what it cost with its children, whatever its place in
//! the tree.

use dbproof_model::{Buffers, PlanNode};

/// The name of what a scan reads.
pub(crate) fn relation(scan: &PlanNode) -> &str {
    [
        &scan.relation,
        &scan.cte_name,
        &scan.function_name,
        &scan.alias,
    ]
    .into_iter()
    .flatten()
    .next()
    .map_or(scan.node_type.as_str(), String::as_str)
}

/// The name by which the statement's expressions refer to what a scan reads.
pub(crate) fn alias(scan: &PlanNode) -> &str {
    scan.alias.as_deref().unwrap_or_else(|| relation(scan))
}

/// What a node does, in EXPLAIN's words for its text format, and to how many partitions.
pub(crate) fn describe(node: &PlanNode) -> String {
    match node.partitions {
        Some(count) if count != 1 => {
            format!("{} of {count} partitions", describe_one(node))
        }
        _ => describe_one(node),
    }
}

fn describe_one(node: &PlanNode) -> String {
    if let Some(index) = index_of(node) {
        return format!("{} using {index}", node.node_type);
    }
    describe_kind(node)
}

pub(crate) fn describe_kind(node: &PlanNode) -> String {
    match (node.node_type.as_str(), node.strategy.as_deref()) {
        ("Aggregate", Some("Hashed")) => "HashAggregate".to_owned(),
        ("Aggregate", Some("Sorted")) => "GroupAggregate".to_owned(),
        ("Aggregate", Some("Mixed")) => "MixedAggregate".to_owned(),
        ("SetOp", Some("Hashed")) => "HashSetOp".to_owned(),
        (plain, _) => plain.to_owned(),
    }
}

/// Whether two nodes do the same: an index by another name does, and so do scans of some partitions
/// more or fewer, short of twice as many.
pub(crate) fn does_the_same(before: &PlanNode, after: &PlanNode) -> bool {
    let same_index = match (index_definitions(before), index_definitions(after)) {
        (Some(was), Some(is)) => was == is,
        _ => index_of(before) == index_of(after),
    };
    let (was, is) = (
        before.partitions.unwrap_or(1),
        after.partitions.unwrap_or(1),
    );
    let as_many = was < is * 2 && is < was * 2;
    let kind = |node: &PlanNode| describe_kind(node);
    same_index && (as_many || was == is) && kind(before) == kind(after)
}

/// The definitions of the indexes that a scan reads, where all of them are known; those of a Bitmap
/// Heap Scan are below it.
pub(crate) fn index_definitions(scan: &PlanNode) -> Option<Vec<&str>> {
    if scan.node_type != "Bitmap Heap Scan" {
        return scan.index_definition.as_deref().map(|on| vec![on]);
    }
    bitmap_indexes(scan)
        .map(|node| node.index_definition.as_deref())
        .collect()
}

/// Whether a node is evaluated for an expression of another, and gives it no rows.
pub(super) fn is_subplan(node: &PlanNode) -> bool {
    matches!(
        node.parent_relationship.as_deref(),
        Some("InitPlan" | "SubPlan")
    )
}

/// The index or indexes that a scan reads.
pub(super) fn index_of(scan: &PlanNode) -> Option<String> {
    if scan.node_type != "Bitmap Heap Scan" {
        return scan.index.clone();
    }
    let mut indexes: Vec<&str> = Vec::new();
    for index in bitmap_indexes(scan).filter_map(|node| node.index.as_deref()) {
        if !indexes.contains(&index) {
            indexes.push(index);
        }
    }
    (!indexes.is_empty()).then(|| indexes.join(", "))
}

/// The Bitmap Index Scans of a Bitmap Heap Scan; the subplans of its filter may read indexes too.
pub(super) fn bitmap_indexes(scan: &PlanNode) -> impl Iterator<Item = &PlanNode> {
    let mut pending: Vec<&PlanNode> = scan.children.iter().rev().collect();
    std::iter::from_fn(move || {
        loop {
            let node = pending.pop()?;
            if is_subplan(node) {
                continue;
            }
            pending.extend(node.children.iter().rev());
            if node.node_type == "Bitmap Index Scan" {
                return Some(node);
            }
        }
    })
}

/// A node's blocks with those of its children; their sum where the node itself prints none.
pub(crate) fn cumulative(node: &PlanNode) -> Buffers {
    if node.buffers != Buffers::default() {
        return node.buffers;
    }
    node.children
        .iter()
        .map(cumulative)
        .fold(Buffers::default(), |sum, more| sum.plus(&more))
}

/// Rows that a node gave or threw away, over all loops.
pub(super) fn rows_touched(node: &PlanNode) -> f64 {
    [
        node.actual_rows,
        node.rows_removed_by_filter,
        node.rows_removed_by_join_filter,
        node.rows_removed_by_index_recheck,
    ]
    .into_iter()
    .map(|rows| over_loops(node, rows))
    .sum()
}

/// A figure per loop, over all loops.
pub(crate) fn over_loops(node: &PlanNode, per_loop: Option<f64>) -> f64 {
    per_loop.unwrap_or_default() * node.actual_loops.unwrap_or_default()
}
