//! Real plans of PostgreSQL 14 to 18, captured for every shape of `tests/shapes/shapes.sql`.

use std::collections::BTreeMap;

use dbproof_model::{Buffers, ChangeEffect, ChangeKind, Plan, PlanChange, PlanNames, PlanNode};
use serde_json::{Map, Value};

use super::{
    Outline, describe, diff, over_loops, parse, q_error, resolve, self_work, total_buffers,
};

/// The plans of one version, by shape, and what the catalog says of their names.
pub(crate) struct Captured {
    pub(crate) major: u32,
    pub(crate) plans: BTreeMap<String, Value>,
    names: PlanNames,
}

impl Captured {
    /// The plan as it is judged: with its names resolved.
    pub(crate) fn plan(&self, shape: &str) -> Plan {
        let mut plan = self.unresolved(shape);
        resolve(&mut plan, &self.names);
        plan
    }

    /// The plan as it was printed.
    pub(crate) fn unresolved(&self, shape: &str) -> Plan {
        let explain = self
            .plans
            .get(shape)
            .unwrap_or_else(|| panic!("no {shape} on {}", self.major));
        parse(explain).unwrap_or_else(|error| panic!("{shape} on {}: {error}", self.major))
    }
}

/// All versions, from the oldest.
pub(crate) fn captured() -> Vec<Captured> {
    [
        (14, include_str!("../../tests/shapes/14.json")),
        (15, include_str!("../../tests/shapes/15.json")),
        (16, include_str!("../../tests/shapes/16.json")),
        (17, include_str!("../../tests/shapes/17.json")),
        (18, include_str!("../../tests/shapes/18.json")),
    ]
    .into_iter()
    .map(|(major, text)| read(major, text))
    .collect()
}

fn read(major: u32, text: &str) -> Captured {
    let mut file: Map<String, Value> = serde_json::from_str(text).expect("a capture");
    let names = file.remove("names").expect("names");
    let rows = |key: &str| -> Vec<Vec<String>> {
        serde_json::from_value(names[key].clone()).expect("rows of strings")
    };
    let pair = |row: &[String]| (row[0].clone(), row[1].clone());
    Captured {
        major,
        plans: file.into_iter().collect(),
        names: PlanNames {
            indexes: rows("indexes")
                .iter()
                .map(|row| (pair(row), row[2].clone()))
                .collect(),
            partitions: rows("partitions")
                .iter()
                .map(|row| (pair(row), pair(&row[2..])))
                .collect(),
            ..PlanNames::default()
        },
    }
}

/// A change on a line: kind, relation, from, to, effect.
pub(crate) fn told(change: &PlanChange) -> String {
    let effect = match change.effect {
        ChangeEffect::Better => "better",
        ChangeEffect::Worse => "worse",
        ChangeEffect::Neutral => "neutral",
    };
    let text = |of: &Option<String>| of.clone().unwrap_or_default();
    format!(
        "{} {}: {} > {} ({effect})",
        change.kind.as_str(),
        text(&change.relation),
        text(&change.from),
        text(&change.to)
    )
}

fn of_shape(before: &Plan, after: &Plan) -> Vec<String> {
    diff(before, after)
        .iter()
        .filter(|change| {
            !matches!(
                change.kind,
                ChangeKind::Estimate | ChangeKind::Work | ChangeKind::Spill
            )
        })
        .map(told)
        .collect()
}

#[test]
fn every_shape_is_read_and_does_not_differ_from_itself() {
    for version in captured() {
        assert!(version.plans.len() >= 125, "{} plans", version.plans.len());
        for shape in version.plans.keys() {
            for plan in [version.unresolved(shape), version.plan(shape)] {
                assert_eq!(diff(&plan, &plan), [], "{shape} on {}", version.major);
            }
        }
    }
}

/// Whatever the loops, workers, `InitPlans` and common table expressions: no block is counted twice,
/// and none is lost.
#[test]
fn the_blocks_of_all_nodes_add_up_to_those_of_the_root() {
    for version in captured() {
        for shape in version.plans.keys() {
            for plan in [version.unresolved(shape), version.plan(shape)] {
                let sum = self_work(&plan)
                    .iter()
                    .fold(Buffers::default(), |sum, work| sum.plus(&work.buffers));
                assert_eq!(sum, total_buffers(&plan), "{shape} on {}", version.major);
            }
        }
    }
}

/// What is taken out of a node's time is never more than it has: it would be held at 0, and the sum
/// would be too large.
#[test]
fn the_times_of_all_nodes_add_up_to_that_of_the_root() {
    for version in captured() {
        for shape in version.plans.keys() {
            for plan in [version.unresolved(shape), version.plan(shape)] {
                let whole = over_loops(&plan.root, plan.root.actual_total_ms);
                let work = self_work(&plan);
                let times: Vec<f64> = work.iter().filter_map(|work| work.time_ms).collect();
                assert_eq!(times.len(), work.len());
                assert!(times.iter().all(|ms| *ms >= 0.0));
                // Printed to the microsecond, for one loop. Processes overlap, and a loop below a
                // Gather is their mean.
                let rounding: f64 = plan.root.walk().map(|n| 0.001 * loops(n)).sum();
                let parallel = plan.root.walk().any(|n| n.workers_launched.is_some());
                let allowed = 0.001 + rounding + if parallel { 0.05 * whole } else { 0.0 };
                let sum: f64 = times.iter().sum();
                assert!(
                    (sum - whole).abs() <= allowed,
                    "{shape} on {}: {sum} ms of {whole} ms, {allowed} ms allowed",
                    version.major
                );
            }
        }
    }
}

fn loops(node: &PlanNode) -> f64 {
    node.actual_loops.unwrap_or_default()
}

/// Where the planner of the second version truly does something else than that of the first.
const PLANNED_OTHERWISE: &[(&str, u32, &str)] = &[
    ("correlated_in", 17, "a correlated IN becomes a join"),
    (
        "cte_kept_in_memory",
        17,
        "the statistics of a CTE's output are known",
    ),
    (
        "cte_kept_on_disk",
        17,
        "the statistics of a CTE's output are known",
    ),
    (
        "cte_read_twice",
        17,
        "the statistics of a CTE's output are known",
    ),
    ("union", 17, "a UNION can merge sorted inputs"),
    ("except", 18, "SetOp reads its two inputs without an Append"),
    (
        "intersect",
        18,
        "SetOp reads its two inputs without an Append",
    ),
    (
        "gather_in_cte",
        18,
        "a HashAggregate's cost, hence the joins above",
    ),
    ("parallel_init_plan", 18, "a skip scan"),
    ("semi_join", 18, "a skip scan"),
    ("skip_scan", 18, "a skip scan"),
    (
        "self_join_on_key",
        18,
        "a join of a row with itself is left out",
    ),
];

#[test]
fn a_shape_is_the_same_on_every_version_unless_its_planner_differs() {
    let versions = captured();
    let mut differ = Vec::new();
    for pair in versions.windows(2) {
        for shape in pair[0].plans.keys() {
            let changes = of_shape(&pair[0].plan(shape), &pair[1].plan(shape));
            let is_known = PLANNED_OTHERWISE
                .iter()
                .any(|(name, since, _)| name == shape && *since == pair[1].major);
            if changes.is_empty() == is_known {
                differ.push(format!("{shape} on {}: {changes:#?}", pair[1].major));
            }
        }
    }
    assert!(differ.is_empty(), "{}", differ.join("\n"));
}

/// What the diff of two shapes says, on every version unless a line begins with those that it is for.
const PAIRS: &[(&str, &str, &[&str])] = &[
    (
        "bitmap_few",
        "bitmap_few_lost",
        &["access orders: Bitmap Heap Scan using orders_user_created > Seq Scan (worse)"],
    ),
    (
        "bitmap_few_lost",
        "bitmap_few",
        &["access orders: Seq Scan > Bitmap Heap Scan using orders_user_created (better)"],
    ),
    (
        "bitmap_scan",
        "bitmap_scan_lost",
        &["access orders: Bitmap Heap Scan using orders_status > Seq Scan (neutral)"],
    ),
    (
        "skip_scan",
        "skip_scan_lost",
        &["18 access orders: Bitmap Heap Scan using orders_status_total > Seq Scan (worse)"],
    ),
    ("hash_join", "hash_join_swapped", &[]),
    (
        "hash_join",
        "merge_join",
        &[
            "access users: Seq Scan > Index Scan using users_pkey (worse)",
            "join orders, users: Hash Join > Merge Join (neutral)",
            "added orders:  > Sort (worse)",
        ],
    ),
    ("join_order", "join_order_rewritten", &[]),
    (
        "join_order",
        "join_order_forced",
        &[
            "access order_items: Bitmap Heap Scan using order_items_order > Seq Scan (worse)",
            "access products: Index Scan using products_pkey > Seq Scan (better)",
            "join-order order_items, orders, products, users: \
             (((orders ⋈ users) ⋈ order_items) ⋈ products) > \
             (((order_items ⋈ products) ⋈ orders) ⋈ users) (worse)",
        ],
    ),
    (
        "nested_loop",
        "nested_loop_seq",
        &[
            "access users: Index Scan using users_pkey > Seq Scan (worse)",
            "access orders: Bitmap Heap Scan using orders_user_created > Seq Scan (worse)",
        ],
    ),
    (
        "append",
        "append_all",
        &[
            "access events: Bitmap Heap Scan using events_at of 3 partitions > \
             Seq Scan of 6 partitions (worse)",
        ],
    ),
    (
        "append_one",
        "append_all",
        &["access events: Bitmap Heap Scan using events_at > Seq Scan of 6 partitions (worse)"],
    ),
    (
        "append_one",
        "pruned_at_start",
        &[
            "added orders:  > Aggregate (neutral)",
            "added orders:  > Seq Scan (worse)",
        ],
    ),
    (
        "aggregate_hashed",
        "aggregate_sorted",
        &[
            "strategy orders: HashAggregate > GroupAggregate (neutral)",
            "added orders:  > Sort (worse)",
        ],
    ),
    (
        "gather",
        "gather_not",
        &[
            "removed orders: Gather >  (neutral)",
            "removed orders: Aggregate >  (neutral)",
        ],
    ),
    ("gather_without_leader", "gather_of_no_workers", &[]),
    (
        "init_plan",
        "seq_scan",
        &[
            "removed orders: Aggregate >  (neutral)",
            "removed orders: Seq Scan >  (better)",
        ],
    ),
];

#[test]
fn two_shapes_differ_by_exactly_what_was_done_to_them() {
    for version in captured() {
        let here = version.major.to_string();
        for (before, after, expected) in PAIRS {
            let expected: Vec<&str> = expected
                .iter()
                .filter_map(|line| match line.split_once(' ') {
                    Some((first, rest)) if first.parse::<u32>().is_ok() => {
                        (first == here).then_some(rest)
                    }
                    _ => Some(*line),
                })
                .collect();
            let (from, to) = (version.plan(before), version.plan(after));
            let changes: Vec<String> = diff(&from, &to).iter().map(told).collect();
            assert_eq!(changes, expected, "{before} > {after} on {here}");
        }
    }
}

#[test]
fn spills_are_told_on_every_version() {
    for version in captured() {
        let spilled = |before: &str, after: &str| -> Vec<PlanChange> {
            diff(&version.plan(before), &version.plan(after))
                .into_iter()
                .filter(|change| change.kind == ChangeKind::Spill)
                .collect()
        };
        for (before, after) in [
            ("sort", "sort_on_disk"),
            ("hash_join", "hash_in_batches"),
            ("aggregate_plain", "aggregate_hashed_on_disk"),
        ] {
            let told = spilled(before, after);
            assert_eq!(told.len(), 1, "{after} on {}: {told:?}", version.major);
            assert_eq!(told[0].effect, ChangeEffect::Worse);
        }
        assert_eq!(spilled("hash_join", "hash_join_swapped"), []);
        // Only from 18 on is it told what else went to disk; the spill blocks tell it before.
        if version.major >= 18 {
            let told = spilled("cte_kept_in_memory", "cte_kept_on_disk");
            assert_eq!(told.len(), 2, "one for each scan of it: {told:?}");
            let to = told[0].to.as_ref().unwrap();
            assert!(to.starts_with("CTE Scan on disk, 1,"), "{to}");
        }
        let blocks = |shape: &str| total_buffers(&version.plan(shape)).temp_total();
        assert_eq!(blocks("cte_kept_in_memory"), 0);
        assert!(blocks("cte_kept_on_disk") > 100);
    }
}

/// Costs mean the same where a setting forbids the only kind of node that there is.
#[test]
fn a_node_that_is_disabled_is_marked_and_its_cost_is_one() {
    for version in captured() {
        for (shape, node_type) in [
            ("disabled_seq_scan", "Seq Scan"),
            ("disabled_nested_loop", "Nested Loop"),
            ("disabled_sort", "Sort"),
        ] {
            let plan = version.plan(shape);
            let disabled: Vec<&str> = plan
                .root
                .walk()
                .filter(|node| node.disabled)
                .map(|node| node.node_type.as_str())
                .collect();
            assert_eq!(disabled, [node_type], "{shape} on {}", version.major);
            assert!(plan.root.walk().all(|node| node.total_cost < 1000.0));
        }
    }
    let costs: Vec<f64> = captured()
        .iter()
        .map(|version| version.plan("disabled_sort").root.total_cost)
        .collect();
    assert_eq!(costs, [32.66; 5]);
}

/// The nodes whose estimate is off by 10 or more, of those that EXPLAIN's counts can tell of.
fn misjudged(plan: &Plan) -> Vec<String> {
    Outline::new(plan)
        .entries
        .iter()
        .filter(|entry| !entry.may_stop_early)
        .filter(|entry| q_error(entry.node).is_some_and(|error| error >= 10.0))
        .map(|entry| entry.node.node_type.clone())
        .collect()
}

#[test]
fn an_estimate_is_not_blamed_where_execution_ended_early() {
    for version in captured() {
        for shape in [
            "limit",
            "limit_of_join",
            "top_n",
            "init_plan_in_limit",
            "init_plan_of_exists",
            "init_plan_never_asked",
            "cte_stopped_early",
            "merge_append",
            "bitmap_or",
            "self_join_inner_unique",
        ] {
            let told = misjudged(&version.plan(shape));
            assert_eq!(told, Vec::<String>::new(), "{shape} on {}", version.major);
        }
        // Nothing to join to, so that one row of orders was asked for; the join itself was misjudged.
        let told = misjudged(&version.plan("never_executed_hash"));
        assert_eq!(told, ["Hash Join"], "on {}", version.major);
        // And where nothing ended early, it is told.
        let told = misjudged(&version.plan("hashed_subplan"));
        assert_eq!(told, ["Seq Scan"], "on {}", version.major);
    }
}

/// The blocks of one node by itself, by its type.
fn own_blocks(plan: &Plan, node_type: &str) -> Vec<u64> {
    self_work(plan)
        .iter()
        .filter(|work| work.node.node_type == node_type)
        .map(|work| work.buffers.shared_total())
        .collect()
}

#[test]
fn what_a_node_evaluates_is_not_its_own_work() {
    for version in captured() {
        let own = |shape: &str, node: &str| own_blocks(&version.unresolved(shape), node);
        let here = version.major;
        // The average is asked for by the scan above: 267 blocks each, not 534.
        assert_eq!(own("init_plan", "Seq Scan"), [267, 267], "on {here}");
        // Asked for by the Append, in order to leave out partitions.
        assert_eq!(own("pruned_at_start", "Append"), [0], "on {here}");
        // A Gather evaluates what its workers need.
        assert_eq!(own("gather_in_subplan", "Gather"), [0, 0], "on {here}");
        // Two common table expressions of one name, each paid by its own scan.
        assert_eq!(own("ctes_of_one_name", "CTE Scan"), [0, 0], "on {here}");
        let plan = version.plan("bitmap_with_subplan");
        let outline = Outline::new(&plan);
        let orders = &outline.entries[0];
        let subplan: u64 = own_blocks(&plan, "Aggregate").iter().sum::<u64>()
            + outline
                .entries
                .iter()
                .filter(|entry| entry.node.relation.as_deref() == Some("order_items"))
                .map(|entry| entry.blocks)
                .sum::<u64>();
        assert_eq!(orders.blocks + subplan, total_buffers(&plan).shared_total());
        assert!(orders.blocks <= 272, "{} on {here}", orders.blocks);
        assert_eq!(
            describe(orders.node),
            "Bitmap Heap Scan using orders_status"
        );
    }
}
