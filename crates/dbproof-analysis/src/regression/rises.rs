//! Where in the plan blocks rose most: [`largest`].

use dbproof_model::{Plan, PlanNode};

use super::detect::Trees;
use crate::plan::{Role, describe, mask_expression, relation, self_work};

/// A place in the plan with its blocks before and after.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Rise {
    /// The relation or function that is read, or what the node does.
    pub(crate) what: String,
    /// Whether that is the name of a relation.
    pub(crate) is_relation: bool,
    pub(crate) before: u64,
    pub(crate) after: u64,
}

/// The place whose blocks rose most. Scans count with all that belongs to them; of other nodes that
/// is counted which is no other node's; values that are computed on their own count together.
/// `beside` is work that is in no node.
pub(super) fn largest(trees: &Trees<'_>, beside: Option<Rise>) -> Option<Rise> {
    let own = (self_blocks(trees.plans.0), self_blocks(trees.plans.1));
    let pairs = trees
        .matching
        .pairs
        .iter()
        .map(|(from, to)| (Some(*from), *to));
    let new = trees.matching.new.iter().map(|to| (None, *to));
    let places = pairs.chain(new).filter_map(|(from, to)| {
        let entry = &trees.after.entries[to];
        let node = entry.node;
        let (before, after) = match entry.role {
            Role::Scan => (
                from.map_or(0, |at| trees.before.entries[at].blocks),
                entry.blocks,
            ),
            Role::Part => return None,
            Role::Join | Role::Other => (from.map_or(0, |at| own.0[at]), own.1[to]),
        };
        Some(Rise {
            what: name(node, entry.role),
            is_relation: entry.role == Role::Scan && node.relation.is_some(),
            before,
            after,
        })
    });
    places
        .chain(computed(trees, &own))
        .chain(beside)
        .filter(|rise| rise.after > rise.before)
        .max_by_key(|rise| rise.after - rise.before)
}

/// The blocks of each node by itself, in the order of the outline.
pub(super) fn self_blocks(plan: &Plan) -> Vec<u64> {
    self_work(plan)
        .iter()
        .map(|work| work.buffers.shared_total())
        .collect()
}

/// The nodes that read nothing and compute values: what blocks they have are those of functions.
fn computed(trees: &Trees<'_>, own: &(Vec<u64>, Vec<u64>)) -> Option<Rise> {
    let computes = |node: &PlanNode| matches!(node.node_type.as_str(), "Result" | "ProjectSet");
    let before = trees.before.entries.iter().zip(&own.0);
    let after: Vec<(&PlanNode, u64)> = trees
        .after
        .entries
        .iter()
        .zip(&own.1)
        .filter(|(entry, _)| computes(entry.node))
        .map(|(entry, blocks)| (entry.node, *blocks))
        .collect();
    let (most, _) = after.iter().max_by_key(|(_, blocks)| *blocks)?;
    let calls: Vec<String> = most
        .output
        .iter()
        .filter(|value| value.contains('('))
        .map(|value| mask_expression(value))
        .collect();
    Some(Rise {
        what: match calls.as_slice() {
            [] => "computed values".to_owned(),
            calls => calls.join(", "),
        },
        is_relation: false,
        before: before
            .filter(|(entry, _)| computes(entry.node))
            .map(|(_, blocks)| *blocks)
            .sum(),
        after: after.iter().map(|(_, blocks)| blocks).sum(),
    })
}

fn name(node: &PlanNode, role: Role) -> String {
    match (role, &node.operation, &node.relation) {
        (Role::Scan, ..) => relation(node).to_owned(),
        (_, Some(operation), Some(relation)) => format!("{operation} on {relation}"),
        _ => describe(node),
    }
}
