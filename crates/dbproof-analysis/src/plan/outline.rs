//! A plan tree laid flat, each node with what its place in the tree says of it: [`Outline`].

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use dbproof_model::{Plan, PlanNode};

use super::node::{alias, cumulative, is_subplan, relation};
use super::work::self_work;

/// What a node is to the comparison of two trees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// Reads a relation, function or common table expression.
    Scan,
    /// Joins two sets of relations.
    Join,
    /// Sorts, aggregates, limits and the like.
    Other,
    /// Belongs to the node above or below it and says nothing of its own.
    Part,
}

/// A node and its place.
#[derive(Debug)]
pub(crate) struct Entry<'a> {
    pub(crate) node: &'a PlanNode,
    pub(crate) parent: Option<usize>,
    pub(crate) role: Role,
    /// The subplans that it is part of, without their numbers: EXPLAIN numbers them by planning.
    pub(crate) scope: String,
    /// The aliases of what is read below, subplans left out: the sum of their hashes, so that neither
    /// order nor shape matters. A hundred joins of a hundred relations would be many sets.
    pub(crate) relations: u64,
    /// The position after the last one below.
    end: usize,
    /// Shared blocks of a scan with its bitmaps, without those of the subplans that it evaluates; of
    /// other nodes, with everything below them.
    pub(crate) blocks: u64,
    /// Whether a LIMIT, a semi-join or the like may stop it before its last row, so that its
    /// actual rows say nothing about its estimate.
    pub(crate) may_stop_early: bool,
}

/// The nodes of a plan, parents before children.
#[derive(Debug)]
pub(crate) struct Outline<'a> {
    pub(crate) entries: Vec<Entry<'a>>,
}

impl<'a> Outline<'a> {
    pub(crate) fn new(plan: &'a Plan) -> Self {
        let mut outline = Outline {
            entries: Vec::new(),
        };
        outline.enter(&plan.root, None, "", false);
        outline.stop_ctes();
        outline.count_blocks(plan);
        outline
    }

    fn enter(
        &mut self,
        node: &'a PlanNode,
        parent: Option<usize>,
        scope: &str,
        may_stop_early: bool,
    ) -> u64 {
        let scope = match &node.subplan_name {
            Some(name) => format!("{scope}/{}", without_number(name)),
            None => scope.to_owned(),
        };
        let position = self.entries.len();
        self.entries.push(Entry {
            node,
            parent,
            role: role(node),
            scope: scope.clone(),
            relations: 0,
            end: position + 1,
            blocks: cumulative(node).shared_total(),
            // How many rows a LIMIT lets through says nothing about the rows that there are.
            may_stop_early: may_stop_early || node.node_type == "Limit",
        });
        let mut relations = match role(node) {
            Role::Scan => hash(alias(node)),
            _ => 0,
        };
        for child in &node.children {
            let below = self.enter(
                child,
                Some(position),
                &scope,
                stops(node, child, may_stop_early),
            );
            if !is_subplan(child) {
                relations = relations.wrapping_add(below);
            }
        }
        self.entries[position].relations = relations;
        self.entries[position].end = self.entries.len();
        relations
    }

    fn count_blocks(&mut self, plan: &Plan) {
        // Both are in the plan's order.
        let own: Vec<u64> = self_work(plan)
            .iter()
            .map(|work| work.buffers.shared_total())
            .collect();
        for position in 0..self.entries.len() {
            if self.entries[position].role == Role::Scan {
                let bitmaps = (position + 1..self.entries.len())
                    .take_while(|at| is_bitmap(self.entries[*at].node));
                self.entries[position].blocks =
                    own[position] + bitmaps.map(|at| own[at]).sum::<u64>();
            }
        }
    }

    /// A common table expression runs no further than its scans ask it to.
    fn stop_ctes(&mut self) {
        for root in 0..self.entries.len() {
            let name = self.entries[root].node.subplan_name.as_deref();
            let Some(name) = name.and_then(|name| name.strip_prefix("CTE ")) else {
                continue;
            };
            let read_to_the_end = self.entries.iter().any(|entry| {
                entry.node.node_type == "CTE Scan"
                    && entry.node.cte_name.as_deref() == Some(name)
                    && !entry.may_stop_early
            });
            if !read_to_the_end {
                self.stop(root);
            }
        }
    }

    /// Notes that a node may be stopped early, and what that means for those below it.
    fn stop(&mut self, root: usize) {
        self.entries[root].may_stop_early = true;
        for position in root + 1..self.entries.len() {
            let parent = self.entries[position].parent.unwrap_or_default();
            if parent < root {
                break;
            }
            let above = &self.entries[parent];
            let stopped = stops(
                above.node,
                self.entries[position].node,
                above.may_stop_early,
            );
            self.entries[position].may_stop_early = stopped;
        }
    }

    /// The nodes above an entry, the nearest first.
    pub(crate) fn ancestors(&self, position: usize) -> impl Iterator<Item = &Entry<'a>> {
        std::iter::successors(self.entries[position].parent, |at| self.entries[*at].parent)
            .map(|at| &self.entries[at])
    }

    /// The relations that an entry is about, for a message: its own, or all below it.
    pub(crate) fn subject(&self, position: usize) -> Option<String> {
        let entry = &self.entries[position];
        if entry.role == Role::Scan {
            return Some(relation(entry.node).to_owned());
        }
        let mut names: Vec<&str> = self.entries[position..entry.end]
            .iter()
            .filter(|scan| scan.role == Role::Scan && scan.scope == entry.scope)
            .map(|scan| relation(scan.node))
            .collect();
        names.sort_unstable();
        (!names.is_empty()).then(|| names.join(", "))
    }
}

fn hash(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}

fn role(node: &PlanNode) -> Role {
    match node.node_type.as_str() {
        "Nested Loop" | "Hash Join" | "Merge Join" => Role::Join,
        "Bitmap Index Scan" | "BitmapAnd" | "BitmapOr" | "Hash" | "Subquery Scan" | "Result"
        | "ProjectSet" | "LockRows" => Role::Part,
        scan if scan.ends_with("Scan") => Role::Scan,
        _ => Role::Other,
    }
}

fn is_bitmap(node: &PlanNode) -> bool {
    matches!(
        node.node_type.as_str(),
        "Bitmap Index Scan" | "BitmapAnd" | "BitmapOr"
    )
}

fn is_cte(node: &PlanNode) -> bool {
    let name = node.subplan_name.as_deref();
    name.is_some_and(|name| name.starts_with("CTE "))
}

fn without_number(subplan_name: &str) -> &str {
    match subplan_name.strip_prefix("CTE ") {
        Some(_) => subplan_name,
        None => subplan_name.split(' ').next().unwrap_or_default(),
    }
}

fn hashes_nothing(join: &PlanNode) -> bool {
    let mut hashes = join
        .children
        .iter()
        .filter(|child| child.node_type == "Hash");
    hashes.any(|hash| hash.actual_rows == Some(0.0))
}

/// Whether `child` may be stopped before its last row, given whether `node` may.
fn stops(node: &PlanNode, child: &PlanNode, node_may: bool) -> bool {
    let inner = child.parent_relationship.as_deref() == Some("Inner");
    match node.node_type.as_str() {
        "Limit" | "Merge Join" if !is_subplan(child) => true,
        // It ends with the scans that read it, which are not known here.
        _ if is_cte(child) => false,
        // A subplan may be an EXISTS, which asks for one row; EXPLAIN does not tell.
        _ if is_subplan(child) => true,
        // These take all rows before they give the first.
        "Sort" | "Hash" => false,
        "Aggregate" if node.strategy.as_deref() != Some("Sorted") => false,
        // The scan of the inner side ends at the first match.
        "Nested Loop" if inner => {
            node_may
                || node.inner_unique
                || matches!(node.join_type.as_deref(), Some("Semi" | "Anti"))
        }
        // With nothing to join to, one row of the outer side is all that is asked for.
        "Hash Join" if !inner => node_may || hashes_nothing(node),
        "WindowAgg" if node.run_condition.is_some() => true,
        _ => node_may,
    }
}
