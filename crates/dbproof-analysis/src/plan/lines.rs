//! A plan as lines that are the same in every run on the same base: [`lines`].

use dbproof_model::{Plan, PlanNode};

use super::node::{alias, describe_kind, index_definitions, relation};
use crate::baseline::tidy;

/// A line a node, indented by its depth: what it does, on what, by which index. The names of the plan
/// are resolved already; subplans are numbered as they come, since EXPLAIN numbers them by planning.
pub(crate) fn lines(plan: &Plan) -> impl Iterator<Item = String> {
    let mut lines = Lines::default();
    lines.enter(&plan.root, 0);
    lines.nodes.into_iter()
}

#[derive(Default)]
struct Lines {
    nodes: Vec<String>,
    subplans: u32,
}

impl Lines {
    fn enter(&mut self, node: &PlanNode, depth: usize) {
        let role = node.subplan_name.as_deref().map(|name| self.numbered(name));
        let line = format!("{}{}", role.unwrap_or_default(), described(node));
        self.nodes
            .push(format!("{}{}", "  ".repeat(depth), tidy(&line)));
        for child in &node.children {
            self.enter(child, depth + 1);
        }
    }

    /// `InitPlan 1: `, `SubPlan 2: ` or `CTE recent: `.
    fn numbered(&mut self, subplan: &str) -> String {
        if subplan.starts_with("CTE ") {
            return format!("{subplan}: ");
        }
        self.subplans += 1;
        let kind = subplan.split(' ').next().unwrap_or_default();
        format!("{kind} {}: ", self.subplans)
    }
}

/// `Index Scan Backward on orders o using btree (user_id, created_at)`.
fn described(node: &PlanNode) -> String {
    let mut line = kind(node);
    if let Some(target) = target(node) {
        line = format!("{line} on {target}");
    }
    // The index of a Bitmap Heap Scan is on a line of its own, below it.
    if node.node_type != "Bitmap Heap Scan"
        && let Some(index) = &node.index
    {
        let definition = index_definitions(node).map(|all| all.join(", "));
        line = format!("{line} using {}", definition.as_ref().unwrap_or(index));
    }
    line
}

fn kind(node: &PlanNode) -> String {
    if node.node_type == "ModifyTable" {
        return node.operation.clone().unwrap_or("Modify".to_owned());
    }
    let mut kind = describe_kind(node);
    if let Some(join) = node.join_type.as_deref().filter(|join| *join != "Inner") {
        kind = match kind.strip_suffix(" Join") {
            Some(method) => format!("{method} {join} Join"),
            None => format!("{kind} {join} Join"),
        };
    }
    if node.scan_direction.as_deref() == Some("Backward") {
        kind.push_str(" Backward");
    }
    match &node.partial_mode {
        Some(mode) => format!("{mode} {kind}"),
        None => kind,
    }
}

/// What a node reads or writes: `orders`, `sales.orders`, `orders o`.
fn target(node: &PlanNode) -> Option<String> {
    let named = node.relation.is_some() || node.cte_name.is_some() || node.function_name.is_some();
    let is_scan = node.node_type.ends_with("Scan") && node.node_type != "Bitmap Index Scan";
    let aliased = is_scan && node.alias.is_some();
    if !(named || aliased) {
        return None;
    }
    let name = relation(node);
    let schema = node
        .schema
        .as_deref()
        .filter(|schema| node.relation.is_some() && *schema != "public");
    let mut target = match schema {
        Some(schema) => format!("{schema}.{name}"),
        None => name.to_owned(),
    };
    if alias(node) != name {
        target = format!("{target} {}", alias(node));
    }
    Some(target)
}
