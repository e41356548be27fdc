//! Which node of one tree is which of another: [`match_trees`].

use std::collections::{HashMap, VecDeque};

use super::node::{alias, relation};
use super::outline::{Entry, Outline, Role};

/// Positions in two outlines that stand for the same step of the query.
#[derive(Debug, Default)]
pub(crate) struct Matching {
    /// Positions (before, after), in the order of before.
    pub(crate) pairs: Vec<(usize, usize)>,
    /// Positions that only before has.
    pub(crate) gone: Vec<usize>,
    /// Positions that only after has.
    pub(crate) new: Vec<usize>,
}

/// What must be equal for two nodes to match.
#[derive(PartialEq, Eq, Hash, Default)]
struct Key<'a> {
    scope: &'a str,
    name: &'a str,
    alias: &'a str,
    relations: u64,
}

/// A pass matches what has equal keys, in the plan's order; `None` takes no part in it.
type Pass = for<'a> fn(&'a Entry<'_>) -> Option<Key<'a>>;

/// From the surest to the least sure.
const PASSES: &[Pass] = &[
    |entry| scan_key(entry, true, true),
    |entry| scan_key(entry, true, false),
    |entry| scan_key(entry, false, false),
    |entry| join_key(entry, true),
    |entry| join_key(entry, false),
    |entry| other_key(entry, &entry.node.node_type, true),
    |entry| other_key(entry, family(&entry.node.node_type), true),
    |entry| other_key(entry, family(&entry.node.node_type), false),
];

/// Matches two trees in passes, not by position: scans by relation and alias within their
/// subplan, then by relation within it, then by relation anywhere; joins by the set of relations
/// below; the rest by what it does and to which relations, then by what it does.
pub(crate) fn match_trees(before: &Outline<'_>, after: &Outline<'_>) -> Matching {
    let mut to = vec![None; before.entries.len()];
    let mut taken = vec![false; after.entries.len()];
    for key in PASSES {
        let mut free: HashMap<Key<'_>, VecDeque<usize>> = HashMap::new();
        for (position, entry) in after.entries.iter().enumerate() {
            if let (false, Some(key)) = (taken[position], key(entry)) {
                free.entry(key).or_default().push_back(position);
            }
        }
        for (position, entry) in before.entries.iter().enumerate() {
            if to[position].is_none()
                && let Some(found) = key(entry).and_then(|key| free.get_mut(&key)?.pop_front())
            {
                to[position] = Some(found);
                taken[found] = true;
            }
        }
    }
    let counts = |entry: &Entry<'_>| entry.role != Role::Part;
    Matching {
        pairs: to
            .iter()
            .enumerate()
            .filter_map(|(from, to)| Some((from, (*to)?)))
            .collect(),
        gone: (0..to.len())
            .filter(|at| to[*at].is_none() && counts(&before.entries[*at]))
            .collect(),
        new: (0..taken.len())
            .filter(|at| !taken[*at] && counts(&after.entries[*at]))
            .collect(),
    }
}

fn scan_key<'a>(entry: &'a Entry<'_>, same_scope: bool, same_alias: bool) -> Option<Key<'a>> {
    (entry.role == Role::Scan).then(|| Key {
        scope: if same_scope { &entry.scope } else { "" },
        name: relation(entry.node),
        alias: if same_alias { alias(entry.node) } else { "" },
        ..Key::default()
    })
}

fn join_key<'a>(entry: &'a Entry<'_>, same_scope: bool) -> Option<Key<'a>> {
    (entry.role == Role::Join).then(|| Key {
        scope: if same_scope { &entry.scope } else { "" },
        relations: entry.relations,
        ..Key::default()
    })
}

fn other_key<'a>(entry: &'a Entry<'_>, kind: &'a str, same_relations: bool) -> Option<Key<'a>> {
    (entry.role == Role::Other).then(|| Key {
        scope: &entry.scope,
        name: kind,
        relations: if same_relations { entry.relations } else { 0 },
        ..Key::default()
    })
}

/// Node types that do the same job by different means.
pub(crate) fn family(node_type: &str) -> &str {
    match node_type {
        "Sort" | "Incremental Sort" => "sort",
        "Aggregate" | "Group" | "Unique" => "group",
        "Append" | "Merge Append" => "append",
        "Gather" | "Gather Merge" => "gather",
        other => other,
    }
}
