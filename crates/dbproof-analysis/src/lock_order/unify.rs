//! Values of several transactions made to meet: [`Unifier`].

use std::collections::{BTreeMap, BTreeSet};

use super::{Profile, ValueKind};

/// Values of some transactions, and which of them are one.
///
/// Values that stand in statements can be any, as long as those of one transaction stay as different
/// and in the same order as they were seen. So an application that sorts its keys before it locks them
/// meets nobody in a contradicting order.
#[derive(Debug, Clone)]
pub(super) struct Unifier<'a> {
    members: Vec<&'a Profile>,
    /// Where each member's values begin.
    first: Vec<usize>,
    parent: Vec<usize>,
}

impl<'a> Unifier<'a> {
    /// The values of these transactions, all of them apart.
    pub(super) fn new(members: &[&'a Profile]) -> Self {
        let mut unifier = Self {
            members: Vec::new(),
            first: Vec::new(),
            parent: Vec::new(),
        };
        for member in members {
            unifier.push(member);
        }
        unifier
    }

    /// Adds a transaction.
    pub(super) fn push(&mut self, member: &'a Profile) {
        self.members.push(member);
        self.first.push(self.parent.len());
        let next = self.parent.len();
        self.parent.extend(next..next + member.values.len());
    }

    /// What a member's value is one with.
    pub(super) fn class(&self, member: usize, value: usize) -> usize {
        self.root(self.first[member] + value)
    }

    fn root(&self, mut node: usize) -> usize {
        while self.parent[node] != node {
            node = self.parent[node];
        }
        node
    }

    fn owner(&self, node: usize) -> (usize, usize) {
        let member = self.first.partition_point(|first| *first <= node) - 1;
        (member, node - self.first[member])
    }

    fn kind(&self, node: usize) -> &'a ValueKind {
        let (member, value) = self.owner(node);
        &self.members[member].values[value].kind
    }

    fn nodes_of(&self, root: usize) -> impl Iterator<Item = usize> + '_ {
        (0..self.parent.len()).filter(move |node| self.root(*node) == root)
    }

    /// Makes two locks be on one object; whether that can be.
    pub(super) fn meet(&mut self, a: (usize, usize), b: (usize, usize)) -> bool {
        let (first, second) = (&self.members[a.0].locks[a.1], &self.members[b.0].locks[b.1]);
        if first.bucket != second.bucket || first.key.len() != second.key.len() {
            return false;
        }
        let pairs = first.key.iter().zip(&second.key);
        let pairs: Vec<(usize, usize)> = pairs
            .map(|(x, y)| (self.first[a.0] + x, self.first[b.0] + y))
            .collect();
        pairs.into_iter().all(|(x, y)| self.join(x, y, 0))
    }

    fn join(&mut self, a: usize, b: usize, depth: usize) -> bool {
        let (a, b) = (self.root(a), self.root(b));
        if a == b {
            return true;
        }
        if depth > 4 {
            return false;
        }
        let found = |of: &Self, root: usize| {
            of.nodes_of(root)
                .find(|node| matches!(of.kind(*node), ValueKind::Found { .. }))
        };
        let both_found = (found(self, a), found(self, b));
        self.parent[a] = b;
        // Two rows that were found by other values are one where those are.
        if let (Some(x), Some(y)) = both_found
            && let (ValueKind::Found { text: p, by: of_x }, ValueKind::Found { text: q, by: of_y }) =
                (self.kind(x), self.kind(y))
            && p != q
        {
            let (owner_x, owner_y) = (self.owner(x).0, self.owner(y).0);
            return of_x.len() == of_y.len()
                && of_x.iter().zip(of_y).all(|(x, y)| {
                    self.join(self.first[owner_x] + x, self.first[owner_y] + y, depth + 1)
                });
        }
        true
    }

    /// The value that all of a class have in any case.
    fn text_of(&self, root: usize) -> Option<&'a str> {
        let text = |node: usize| match self.kind(node) {
            ValueKind::Constant(text) | ValueKind::Found { text, .. } => Some(text.as_str()),
            ValueKind::Free | ValueKind::Fresh => None,
        };
        self.nodes_of(root).find_map(text)
    }

    /// Whether the values can be as they were made to be.
    pub(super) fn is_consistent(&self) -> bool {
        let mut classes: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for node in 0..self.parent.len() {
            classes.entry(self.root(node)).or_default().push(node);
        }
        classes
            .values()
            .filter(|nodes| nodes.len() > 1)
            .all(|nodes| self.is_one_value(nodes))
            && self.is_in_order()
    }

    fn is_one_value(&self, nodes: &[usize]) -> bool {
        // The key of an advisory lock can be one with that of a row: they are no keys of one domain.
        let of = |node: &usize| {
            let (member, value) = self.owner(*node);
            (member, self.members[member].values[value].domain)
        };
        let owners: BTreeSet<(usize, usize)> = nodes.iter().map(of).collect();
        if owners.len() < nodes.len() {
            return false;
        }
        let mut constant: Option<&str> = None;
        let mut found: Option<&str> = None;
        for node in nodes {
            match self.kind(*node) {
                ValueKind::Fresh => return false,
                ValueKind::Constant(text) => {
                    if constant.is_some_and(|known| known != text) {
                        return false;
                    }
                    constant = Some(text);
                }
                ValueKind::Found { text, .. } => found = Some(text),
                ValueKind::Free => {}
            }
        }
        match (constant, found) {
            (Some(constant), Some(found)) => constant == found,
            _ => true,
        }
    }

    /// Whether there are values in which each member's own are in the order that was seen: no value is
    /// to be greater than itself.
    fn is_in_order(&self) -> bool {
        let mut greater: BTreeMap<usize, BTreeSet<usize>> = BTreeMap::new();
        for (member, profile) in self.members.iter().enumerate() {
            let mut ranked: BTreeMap<(usize, usize), Vec<(usize, usize)>> = BTreeMap::new();
            for (at, value) in profile.values.iter().enumerate() {
                if matches!(value.kind, ValueKind::Free | ValueKind::Found { .. }) {
                    let line = ranked.entry((value.domain, value.group)).or_default();
                    line.push((value.rank, self.class(member, at)));
                }
            }
            for mut line in ranked.into_values() {
                line.sort_unstable();
                for pair in line.windows(2) {
                    greater.entry(pair[0].1).or_default().insert(pair[1].1);
                }
            }
        }
        // Takes away, again and again, what nothing is smaller than.
        loop {
            let smaller: BTreeSet<usize> = greater.values().flatten().copied().collect();
            let before = greater.len();
            greater.retain(|class, _| smaller.contains(class));
            if greater.is_empty() {
                return true;
            }
            if greater.len() == before {
                return false;
            }
        }
    }

    /// Whether two locks are on one object, as far as the values are known to be.
    pub(super) fn are_one(&self, a: (usize, usize), b: (usize, usize)) -> bool {
        let (first, second) = (&self.members[a.0].locks[a.1], &self.members[b.0].locks[b.1]);
        first.bucket == second.bucket
            && first.key.len() == second.key.len()
            && first.key.iter().zip(&second.key).all(|(x, y)| {
                let (x, y) = (self.class(a.0, *x), self.class(b.0, *y));
                let text = |root| self.text_of(root);
                x == y || (text(x).is_some() && text(x) == text(y))
            })
    }
}

#[cfg(test)]
mod tests {
    use super::super::{KeyValue, LockMode, RowMode, TakenLock};
    use super::*;

    /// A transaction that locks rows one after the other; each is a rank, or a constant.
    fn locking(keys: &[Result<usize, &str>]) -> Profile {
        let value = |key: &Result<usize, &str>| KeyValue {
            domain: 0,
            kind: match key {
                Ok(_) => ValueKind::Free,
                Err(text) => ValueKind::Constant((*text).to_owned()),
            },
            rank: key.unwrap_or(0),
            group: 0,
        };
        let lock = |at| TakenLock {
            bucket: 0,
            mode: LockMode::Row(RowMode::Update),
            key: vec![at],
            step: at,
            order: None,
            same_order: None,
            waits: true,
            surely_until: usize::MAX,
            held_until: usize::MAX,
        };
        Profile {
            locks: (0..keys.len()).map(lock).collect(),
            values: keys.iter().map(value).collect(),
        }
    }

    /// Whether the second lock of each can be the first of the other.
    fn crosses(a: &[Result<usize, &str>], b: &[Result<usize, &str>]) -> bool {
        let (a, b) = (locking(a), locking(b));
        let mut unifier = Unifier::new(&[&a, &b]);
        unifier.meet((0, 1), (1, 0)) && unifier.meet((1, 1), (0, 0)) && unifier.is_consistent()
    }

    #[test]
    fn the_order_that_was_seen_is_kept() {
        assert!(!crosses(&[Ok(0), Ok(1)], &[Ok(0), Ok(1)]));
        assert!(!crosses(&[Ok(1), Ok(0)], &[Ok(1), Ok(0)]));
        assert!(crosses(&[Ok(0), Ok(1)], &[Ok(1), Ok(0)]));
    }

    #[test]
    fn constants_meet_only_themselves() {
        assert!(crosses(&[Err("a"), Err("b")], &[Err("b"), Err("a")]));
        assert!(!crosses(&[Err("a"), Err("b")], &[Err("a"), Err("b")]));
        assert!(crosses(&[Ok(0), Ok(1)], &[Err("b"), Err("a")]));
        assert!(!crosses(&[Err("a"), Err("b")], &[Err("c"), Err("a")]));
    }

    #[test]
    fn different_values_of_one_transaction_stay_different() {
        let (a, b) = (locking(&[Ok(0), Ok(1)]), locking(&[Ok(0)]));
        let mut unifier = Unifier::new(&[&a, &b]);
        assert!(unifier.meet((0, 0), (1, 0)) && unifier.meet((0, 1), (1, 0)));
        assert!(!unifier.is_consistent());
    }

    #[test]
    fn rows_found_by_other_values_meet_where_those_do() {
        let found = |text: &str, by: &str| {
            let mut profile = locking(&[Ok(0)]);
            profile.values[0].kind = ValueKind::Found {
                text: text.to_owned(),
                by: vec![1],
            };
            profile.values.push(KeyValue {
                domain: 1,
                kind: if by.is_empty() {
                    ValueKind::Free
                } else {
                    ValueKind::Constant(by.to_owned())
                },
                rank: 0,
                group: 0,
            });
            profile
        };
        let meets = |a: &Profile, b: &Profile| {
            let mut unifier = Unifier::new(&[a, b]);
            let is_met = unifier.meet((0, 0), (1, 0)) && unifier.is_consistent();
            let are_joined = b.values.len() > 1 && unifier.class(0, 1) == unifier.class(1, 1);
            (is_met, are_joined)
        };
        assert_eq!(meets(&found("5", ""), &found("8", "")), (true, true));
        assert_eq!(meets(&found("5", ""), &found("5", "")), (true, false));
        assert!(!meets(&found("5", "a"), &found("8", "b")).0);
        assert!(meets(&found("5", "a"), &locking(&[Ok(0)])).0);
    }
}
