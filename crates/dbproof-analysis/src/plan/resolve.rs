//! Names in a plan as what they stand for: [`resolve`].
//!
//! An index is its definition, so that another name is no change, and the scans of the partitions
//! of one table are one scan of that table with a count.

use dbproof_model::{Buffers, Plan, PlanNames, PlanNode};

use super::node::{cumulative, is_subplan, over_loops};

/// Gives every index its definition and every written relation its indexes, folds the partitions of
/// a table to one scan of it, and calls relations as they are called on the other side.
///
/// The folded scan does the work of all: its buffers and rows are their sums. Where partitions are
/// read in several ways, it is described as the one that touches the most blocks. Partitions that
/// were left out as the plan ran do not count.
pub fn resolve(plan: &mut Plan, names: &PlanNames) {
    resolve_node(&mut plan.root, "public", names);
}

fn resolve_node(node: &mut PlanNode, schema: &str, names: &PlanNames) {
    // A Bitmap Index Scan does not say its schema, which is that of the heap scan above it.
    let schema = node.schema.clone().unwrap_or_else(|| schema.to_owned());
    for child in &mut node.children {
        resolve_node(child, &schema, names);
    }
    if let Some(index) = &node.index {
        let key = (schema.clone(), index.clone());
        node.index_definition = names.indexes.get(&key).cloned();
        if let Some((_, parent)) = names.partitions.get(&key) {
            node.index = Some(parent.clone());
        }
    }
    if node.node_type == "ModifyTable"
        && let Some(relation) = &node.relation
        && let Some(indexes) = names.maintained.get(&(schema.clone(), relation.clone()))
    {
        node.maintained_indexes.clone_from(indexes);
    }
    if node.node_type.ends_with("Scan")
        && let Some(relation) = &node.relation
        && let Some((parent_schema, parent)) = names.partitions.get(&(schema, relation.clone()))
    {
        node.schema = Some(parent_schema.clone());
        node.relation = Some(parent.clone());
        node.partitions = Some(1);
    }
    if matches!(node.node_type.as_str(), "Append" | "Merge Append") {
        fold(node);
    }
    rename_relation(node, names);
}

/// A view that takes over the name of a table, which is renamed, reads the same table.
fn rename_relation(node: &mut PlanNode, names: &PlanNames) {
    let Some((schema, relation)) = node.schema.as_ref().zip(node.relation.as_ref()) else {
        return;
    };
    let Some((new_schema, new)) = names.renamed.get(&(schema.clone(), relation.clone())) else {
        return;
    };
    if node.alias.as_ref() == Some(relation) {
        let (from, to) = (format!("{relation}."), format!("{new}."));
        node.alias = Some(new.clone());
        rename(node, &from, &to);
    }
    node.schema = Some(new_schema.clone());
    node.relation = Some(new.clone());
}

/// Replaces an Append of the partitions of one table by one scan. What the Append asked for in order
/// to leave out partitions then hangs under the scan.
fn fold(append: &mut PlanNode) {
    let (members, asked): (Vec<PlanNode>, Vec<PlanNode>) = append
        .children
        .iter()
        .cloned()
        .partition(|child| !is_subplan(child));
    let Some(first) = members.first() else {
        return;
    };
    let of_one_table = members
        .iter()
        .all(|child| child.partitions.is_some() && child.relation == first.relation);
    if !of_one_table {
        return;
    }
    let analysed = append.actual_loops.is_some();
    let none_ran = members.iter().all(|child| !child.was_executed());
    let read: Vec<&PlanNode> = members
        .iter()
        .filter(|child| !analysed || none_ran || child.was_executed())
        .collect();
    let blocks = |node: &&&PlanNode| cumulative(node).shared_total();
    let Some(shown) = read.iter().rev().max_by_key(blocks) else {
        return;
    };
    let mut scan = (**shown).clone();
    let loops = read
        .iter()
        .filter_map(|child| child.actual_loops)
        .fold(0.0, f64::max);
    let sum = |of: fn(&PlanNode) -> Option<f64>| {
        let known = read.iter().any(|child| of(child).is_some());
        let total: f64 = read.iter().map(|child| over_loops(child, of(child))).sum();
        known.then(|| if loops > 0.0 { total / loops } else { 0.0 })
    };
    scan.actual_rows = sum(|child| child.actual_rows);
    scan.rows_removed_by_filter = sum(|child| child.rows_removed_by_filter);
    scan.rows_removed_by_index_recheck = sum(|child| child.rows_removed_by_index_recheck);
    scan.heap_fetches = sum(|child| child.heap_fetches);
    let asked_ms: f64 = asked
        .iter()
        .map(|child| over_loops(child, child.actual_total_ms))
        .sum();
    scan.actual_total_ms =
        sum(|child| child.actual_total_ms).map(|ms| ms + asked_ms / loops.max(1.0));
    scan.actual_loops = analysed.then_some(loops);
    scan.plan_rows = read.iter().map(|child| child.plan_rows).sum();
    scan.total_cost = append.total_cost;
    scan.buffers = read
        .iter()
        .copied()
        .chain(&asked)
        .map(cumulative)
        .fold(Buffers::default(), |all, one| all.plus(&one));
    scan.partitions = Some(read.len() as u64);
    unnumber(&mut scan);
    scan.children.extend(asked);
    scan.parent_relationship
        .clone_from(&append.parent_relationship);
    scan.subplan_name.clone_from(&append.subplan_name);
    *append = scan;
}

/// Partitions are called `events_1`, `events_2` where the statement says `events`.
fn unnumber(scan: &mut PlanNode) {
    let Some(numbered) = scan.alias.clone() else {
        return;
    };
    let base = numbered.trim_end_matches(|c: char| c.is_ascii_digit());
    let Some(alias) = base
        .strip_suffix('_')
        .filter(|_| base.len() < numbered.len())
    else {
        return;
    };
    let (from, to) = (format!("{numbered}."), format!("{alias}."));
    rename(scan, &from, &to);
    scan.alias = Some(alias.to_owned());
}

fn rename(node: &mut PlanNode, from: &str, to: &str) {
    let conditions = [
        &mut node.index_cond,
        &mut node.recheck_cond,
        &mut node.filter,
    ];
    for text in conditions.into_iter().flatten().chain(&mut node.output) {
        *text = text.replace(from, to);
    }
    for child in &mut node.children {
        rename(child, from, to);
    }
}
