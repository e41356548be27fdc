//! A plan tree as `EXPLAIN (ANALYZE, BUFFERS, VERBOSE, SETTINGS, FORMAT JSON)` gives it: [`Plan`].
//!
//! Names follow PostgreSQL's ("Using EXPLAIN" in its documentation). Times and rows of a node are
//! averages per loop, buffers are totals over all loops and include the node's children.

use std::collections::{BTreeMap, BTreeSet};

/// Block counts of a node or of planning, in blocks of 8 KiB unless the server was built otherwise.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Buffers {
    /// Found in shared buffers.
    pub shared_hit: u64,
    /// Read into shared buffers.
    pub shared_read: u64,
    /// Changed for the first time since a checkpoint.
    pub shared_dirtied: u64,
    /// Written out by this backend.
    pub shared_written: u64,
    /// Temporary-table blocks found in local buffers.
    pub local_hit: u64,
    /// Temporary-table blocks read.
    pub local_read: u64,
    /// Spill-file blocks read.
    pub temp_read: u64,
    /// Spill-file blocks written.
    pub temp_written: u64,
}

impl Buffers {
    /// Shared blocks touched: hit + read. The split between the two depends on the cache and is
    /// not stable; the sum is.
    #[must_use]
    pub fn shared_total(&self) -> u64 {
        self.shared_hit + self.shared_read
    }

    /// The sum of both, count by count.
    #[must_use]
    pub fn plus(&self, more: &Buffers) -> Buffers {
        Buffers {
            shared_hit: self.shared_hit + more.shared_hit,
            shared_read: self.shared_read + more.shared_read,
            shared_dirtied: self.shared_dirtied + more.shared_dirtied,
            shared_written: self.shared_written + more.shared_written,
            local_hit: self.local_hit + more.local_hit,
            local_read: self.local_read + more.local_read,
            temp_read: self.temp_read + more.temp_read,
            temp_written: self.temp_written + more.temp_written,
        }
    }

    /// Spill-file blocks read and written.
    #[must_use]
    pub fn temp_total(&self) -> u64 {
        self.temp_read + self.temp_written
    }
}

/// A parsed plan.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// The topmost node.
    pub root: PlanNode,
    /// Planning time in milliseconds, where the plan was analysed or SUMMARY was on.
    pub planning_ms: Option<f64>,
    /// Execution time in milliseconds, where the plan was analysed.
    pub execution_ms: Option<f64>,
    /// Blocks touched while planning.
    pub planning_buffers: Buffers,
    /// Planner settings that differ from their defaults.
    pub settings: BTreeMap<String, String>,
    /// The triggers that fired, by their names or those of their constraints.
    pub triggers: BTreeMap<String, TriggerRuns>,
    /// Whether expressions were compiled just in time.
    pub jit: bool,
    /// Time spent compiling, in milliseconds, where JIT ran (TIMING ON).
    pub jit_ms: Option<f64>,
}

/// How often a trigger fired. Its blocks and rows are in no node, unless it fires before a row; see
/// [`StatementWork`].
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TriggerRuns {
    /// The relation that it is on; of several partitions, the first.
    pub relation: Option<String>,
    /// How often it ran.
    pub calls: f64,
    /// Milliseconds over all runs (TIMING ON).
    pub time_ms: Option<f64>,
}

/// What a statement did to the relations outside of the system's schemas, its triggers included:
/// counted by the server by relation and transaction, and not by the plan's nodes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StatementWork {
    /// Blocks fetched of each relation, its indexes and its TOAST table, from memory or disk.
    pub blocks: BTreeMap<String, u64>,
    /// Rows inserted, updated and deleted.
    pub rows_written: u64,
}

/// What the catalog says of the names in a plan: indexes by their definitions, so that another name
/// is no difference, and partitions by their topmost parents. A name is `schema` and name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PlanNames {
    /// Definition of an index without its name and that of its relation.
    pub indexes: BTreeMap<(String, String), String>,
    /// The partitioned table or index that a partition belongs to.
    pub partitions: BTreeMap<(String, String), (String, String)>,
    /// The definitions of the indexes of a table, sorted.
    pub maintained: BTreeMap<(String, String), Vec<String>>,
    /// Every relation by its number in the catalog, which a clone of the database shares.
    pub relations: BTreeMap<u32, (String, String)>,
    /// Relations that have another name on the other side, and that name.
    pub renamed: BTreeMap<(String, String), (String, String)>,
    /// Relations with row security that does not apply to the role that asks, and its policies.
    pub row_security: BTreeMap<(String, String), String>,
    /// Relations that store values out of line (TOAST).
    pub toasted: BTreeSet<(String, String)>,
}

impl PlanNames {
    /// Learns which relations are called otherwise in a clone of the same database.
    ///
    /// A relation whose name another one has taken over was replaced by it, and a statement that
    /// says that name means the other one now: such names stay.
    pub fn learn_renames(&mut self, other: &PlanNames) {
        let has = |names: &PlanNames, name| names.relations.values().any(|known| known == name);
        for (number, name) in &self.relations {
            let renamed = other.relations.get(number);
            if let Some(renamed) = renamed.filter(|new| !has(other, name) && !has(self, new)) {
                self.renamed.insert(name.clone(), renamed.clone());
            }
        }
    }
}

/// A node of a plan tree. Every optional field is absent where EXPLAIN does not print it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PlanNode {
    /// `Seq Scan`, `Index Scan`, `Hash Join`, …
    pub node_type: String,
    /// `Outer`, `Inner`, `Member`, `InitPlan`, `SubPlan`, …
    pub parent_relationship: Option<String>,
    /// `InitPlan 1`, `SubPlan 2`, `CTE recent`, …
    pub subplan_name: Option<String>,
    /// The strategy of an aggregate or set operation: `Hashed`, `Sorted`, `Plain`, …
    pub strategy: Option<String>,
    /// `Partial` or `Finalize` where an aggregate runs in parallel.
    pub partial_mode: Option<String>,
    /// `Inner`, `Left`, `Anti`, …
    pub join_type: Option<String>,
    /// Whether a row has one match on a join's inner side at most, so that the search for it ends
    /// there (VERBOSE).
    pub inner_unique: bool,
    /// `Insert`, `Update`, `Delete` of a `ModifyTable`.
    pub operation: Option<String>,
    /// The relation's schema.
    pub schema: Option<String>,
    /// The relation read or written.
    pub relation: Option<String>,
    /// The relation's name in the statement.
    pub alias: Option<String>,
    /// The index read.
    pub index: Option<String>,
    /// What the index is on, where the catalog was asked: `btree (user_id, created_at)`.
    pub index_definition: Option<String>,
    /// The definitions of the indexes of the relation that is written to, where the catalog was
    /// asked.
    pub maintained_indexes: Vec<String>,
    /// How many partitions a scan reads that stands for those of all partitions of one table.
    pub partitions: Option<u64>,
    /// The common table expression read by a `CTE Scan`.
    pub cte_name: Option<String>,
    /// The function read by a `Function Scan`.
    pub function_name: Option<String>,
    /// `Forward` or `Backward`.
    pub scan_direction: Option<String>,
    /// The index condition.
    pub index_cond: Option<String>,
    /// The recheck condition of a bitmap heap scan.
    pub recheck_cond: Option<String>,
    /// The condition of a hash join.
    pub hash_cond: Option<String>,
    /// The condition of a merge join.
    pub merge_cond: Option<String>,
    /// The condition applied to joined rows.
    pub join_filter: Option<String>,
    /// The condition applied to rows read.
    pub filter: Option<String>,
    /// The condition that a window function's rows keep until they end it.
    pub run_condition: Option<String>,
    /// What rows are sorted by.
    pub sort_key: Vec<String>,
    /// What rows are known to be sorted by before an incremental sort.
    pub presorted_key: Vec<String>,
    /// What rows are grouped by.
    pub group_key: Vec<String>,
    /// The columns given to the parent (VERBOSE).
    pub output: Vec<String>,
    /// Whether the planner took a kind of node that a setting forbids, for want of another.
    pub disabled: bool,
    /// Estimated cost before the first row.
    pub startup_cost: f64,
    /// Estimated cost of all rows.
    pub total_cost: f64,
    /// Estimated rows per loop.
    pub plan_rows: f64,
    /// Estimated bytes per row.
    pub plan_width: u64,
    /// Actual rows per loop (fractional from PostgreSQL 18 on).
    pub actual_rows: Option<f64>,
    /// How often the node ran; 0 where it was never executed.
    pub actual_loops: Option<f64>,
    /// Milliseconds to the first row, per loop (TIMING ON).
    pub actual_startup_ms: Option<f64>,
    /// Milliseconds to the last row, per loop (TIMING ON).
    pub actual_total_ms: Option<f64>,
    /// Rows that the filter threw away, per loop.
    pub rows_removed_by_filter: Option<f64>,
    /// Rows that the join filter threw away, per loop.
    pub rows_removed_by_join_filter: Option<f64>,
    /// Rows that an index recheck threw away, per loop.
    pub rows_removed_by_index_recheck: Option<f64>,
    /// Heap visits of an index-only scan.
    pub heap_fetches: Option<f64>,
    /// `quicksort`, `top-N heapsort`, `external merge`, …
    pub sort_method: Option<String>,
    /// `Memory` or `Disk`: where a sort works, or (from PostgreSQL 18 on) where a common table
    /// expression, a window or the like keeps its rows.
    pub sort_space_type: Option<String>,
    /// KiB that this takes.
    pub sort_space_kib: Option<u64>,
    /// Batches of a hash; more than 1 means that it spilled.
    pub hash_batches: Option<u64>,
    /// Workers that the planner wanted.
    pub workers_planned: Option<u64>,
    /// Workers that ran.
    pub workers_launched: Option<u64>,
    /// Blocks touched by the node and its children, all loops and workers together.
    pub buffers: Buffers,
    /// Child nodes, in EXPLAIN's order.
    pub children: Vec<PlanNode>,
}

impl PlanNode {
    /// This node and everything below it, parents before children.
    pub fn walk(&self) -> impl Iterator<Item = &PlanNode> {
        let mut pending = vec![self];
        std::iter::from_fn(move || {
            let node = pending.pop()?;
            pending.extend(node.children.iter().rev());
            Some(node)
        })
    }

    /// Whether the node ran at all. A node of a plan that was not analysed did not.
    #[must_use]
    pub fn was_executed(&self) -> bool {
        self.actual_loops.is_some_and(|loops| loops > 0.0)
    }
}
