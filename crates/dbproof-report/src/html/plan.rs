//! A plan tree as nested lists.

use serde_json::Value;

use crate::document::{many_lines, one_line};
use crate::explain::{self, Node};

/// A plan tree, flat: templates do not recurse, so each step says which lists open and close.
pub(super) struct Tree {
    pub(super) title: String,
    pub(super) steps: Vec<Step>,
    pub(super) json: String,
}

pub(super) struct Step {
    pub(super) node: Node,
    /// Whether the other plan has no such node.
    pub(super) differs: bool,
    /// Whether a list of children follows.
    pub(super) opens: bool,
    /// How many lists end behind this node.
    pub(super) closes: usize,
}

/// The tree, with what the other plan does not have marked; nothing is where there is no other.
pub(super) fn tree(title: &str, plan: &Value, other: Option<&Value>) -> Tree {
    let others = other.and_then(explain::read).map(|root| {
        let mut keys = Vec::new();
        collect(&root, &mut keys);
        keys
    });
    let mut steps = Vec::new();
    if let Some(root) = explain::read(plan) {
        flatten(root, 0, others.as_deref(), &mut steps);
    }
    let json = serde_json::to_string_pretty(plan).unwrap_or_default();
    Tree {
        title: one_line(title),
        steps,
        json: many_lines(&json),
    }
}

type Key = (String, Option<String>, Option<String>);

fn key(node: &Node) -> Key {
    (
        node.title.clone(),
        node.relation.clone(),
        node.index.clone(),
    )
}

fn collect(node: &Node, keys: &mut Vec<Key>) {
    keys.push(key(node));
    node.children.iter().for_each(|child| collect(child, keys));
}

/// `closing` is the number of lists that end with the last node below this one.
fn flatten(mut node: Node, closing: usize, others: Option<&[Key]>, steps: &mut Vec<Step>) {
    let children = std::mem::take(&mut node.children);
    let opens = !children.is_empty();
    let differs = others.is_some_and(|keys| !keys.contains(&key(&node)));
    steps.push(Step {
        node,
        differs,
        opens,
        closes: if opens { 0 } else { closing },
    });
    let last = children.len().saturating_sub(1);
    for (index, child) in children.into_iter().enumerate() {
        flatten(
            child,
            if index == last { closing + 1 } else { 0 },
            others,
            steps,
        );
    }
}
