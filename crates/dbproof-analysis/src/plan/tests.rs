//! Plans that a real server gave (PostgreSQL 15, `tests/plans`), and what later versions print.

use dbproof_model::{Buffers, ChangeEffect, ChangeKind, Plan};
use serde_json::{Value, json};

use super::*;

/// All of `tests/plans`.
const PLANS: &[(&str, &str)] = &[
    (
        "aggregate",
        include_str!("../../tests/plans/aggregate.json"),
    ),
    ("bitmap", include_str!("../../tests/plans/bitmap.json")),
    ("cte", include_str!("../../tests/plans/cte.json")),
    (
        "estimated_only",
        include_str!("../../tests/plans/estimated_only.json"),
    ),
    (
        "hash_disk",
        include_str!("../../tests/plans/hash_disk.json"),
    ),
    (
        "hash_memory",
        include_str!("../../tests/plans/hash_memory.json"),
    ),
    (
        "history_index",
        include_str!("../../tests/plans/history_index.json"),
    ),
    (
        "history_seq",
        include_str!("../../tests/plans/history_seq.json"),
    ),
    (
        "history_sort",
        include_str!("../../tests/plans/history_sort.json"),
    ),
    (
        "index_only",
        include_str!("../../tests/plans/index_only.json"),
    ),
    ("initplan", include_str!("../../tests/plans/initplan.json")),
    ("jit", include_str!("../../tests/plans/jit.json")),
    (
        "join_hash",
        include_str!("../../tests/plans/join_hash.json"),
    ),
    (
        "join_index",
        include_str!("../../tests/plans/join_index.json"),
    ),
    ("join_seq", include_str!("../../tests/plans/join_seq.json")),
    (
        "join_seq_hash",
        include_str!("../../tests/plans/join_seq_hash.json"),
    ),
    (
        "latest_ordered",
        include_str!("../../tests/plans/latest_ordered.json"),
    ),
    (
        "latest_sorted",
        include_str!("../../tests/plans/latest_sorted.json"),
    ),
    (
        "never_executed",
        include_str!("../../tests/plans/never_executed.json"),
    ),
    (
        "pair_hash",
        include_str!("../../tests/plans/pair_hash.json"),
    ),
    (
        "pair_loop",
        include_str!("../../tests/plans/pair_loop.json"),
    ),
    (
        "pair_nested",
        include_str!("../../tests/plans/pair_nested.json"),
    ),
    ("parallel", include_str!("../../tests/plans/parallel.json")),
    (
        "partitions",
        include_str!("../../tests/plans/partitions.json"),
    ),
    (
        "small_index",
        include_str!("../../tests/plans/small_index.json"),
    ),
    (
        "small_seq",
        include_str!("../../tests/plans/small_seq.json"),
    ),
    (
        "sort_disk",
        include_str!("../../tests/plans/sort_disk.json"),
    ),
    (
        "sort_memory",
        include_str!("../../tests/plans/sort_memory.json"),
    ),
    ("subplan", include_str!("../../tests/plans/subplan.json")),
    (
        "timed_analyze",
        include_str!("../../tests/plans/timed_analyze.json"),
    ),
    (
        "timed_cte",
        include_str!("../../tests/plans/timed_cte.json"),
    ),
    (
        "timed_initplan",
        include_str!("../../tests/plans/timed_initplan.json"),
    ),
    (
        "trigger_fk",
        include_str!("../../tests/plans/trigger_fk.json"),
    ),
];

fn explain(name: &str) -> Value {
    let (_, text) = PLANS
        .iter()
        .find(|(known, _)| *known == name)
        .expect("a known plan");
    serde_json::from_str(text).unwrap()
}

fn plan(name: &str) -> Plan {
    parse(&explain(name)).unwrap()
}

#[test]
fn every_plan_is_read() {
    for (name, text) in PLANS {
        let explain: Value = serde_json::from_str(text).unwrap();
        let plan = parse(&explain).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(
            parse(&explain[0]),
            Ok(plan),
            "{name}: the object alone is the same plan"
        );
    }
}

#[test]
fn what_stands_beside_the_tree_is_read() {
    assert!(plan("jit").jit_ms.unwrap() > 7.0);
    let firing = plan("trigger_fk");
    let runs = &firing.triggers["order_items_order_id_fkey"];
    assert_eq!(runs.relation.as_deref(), Some("order_items"));
    assert!((runs.calls - 20.0).abs() < f64::EPSILON);
    assert!(runs.time_ms.unwrap() > 1.0);
    assert_eq!(plan("sort_disk").settings["work_mem"], "64kB");
    let estimated = plan("estimated_only");
    assert_eq!(
        (estimated.execution_ms, estimated.root.actual_rows),
        (None, None)
    );
    assert_eq!(plan("parallel").root.children[0].workers_launched, Some(2));
    assert_eq!(
        plan("cte").root.children[0].subplan_name.as_deref(),
        Some("CTE recent")
    );
}

#[test]
fn rows_of_postgresql_18_are_fractional_and_unknown_keys_skipped() {
    let plan = parse(&json!([{ "Plan": {
        "Node Type": "Index Scan", "Disabled": false, "Plan Rows": 3, "Actual Rows": 0.25,
        "Actual Loops": 4, "Index Searches": 4, "Relation Name": "orders",
        "Workers": [{ "Worker Number": 0 }],
    }, "Serialization": { "Time": 0.1 } }]))
    .unwrap();
    assert_eq!(plan.root.actual_rows, Some(0.25));
    assert!((summarise(&plan, Value::Null).rows - 1.0).abs() < 1e-12);
}

#[track_caller]
fn check_error(explain: &Value, expected: &str) {
    assert_eq!(parse(explain).unwrap_err().to_string(), expected);
}

#[test]
fn what_is_no_plan_says_where_and_why() {
    check_error(
        &json!("x"),
        "EXPLAIN's output is a string, not an object or an array of one object",
    );
    check_error(
        &json!([]),
        "EXPLAIN's output holds 0 plans where one was expected",
    );
    check_error(&json!({}), "EXPLAIN lacks the key \"Plan\"");
    let child = json!({ "Plan": { "Node Type": "Sort", "Plans": [{ "Alias": "o" }] } });
    check_error(&child, "Plan.0 lacks the key \"Node Type\"");
    let wrong = json!({ "Plan": { "Node Type": "Sort", "Actual Rows": "many" } });
    check_error(&wrong, "Plan: \"Actual Rows\" is not a number");
}

#[test]
fn no_literal_survives_masking_and_the_plan_stays_one() {
    let literals = ["'", " 42", "2026", "o''pen", "'-1'", " 20)"];
    for (name, text) in PLANS {
        let mut explain: Value = serde_json::from_str(text).unwrap();
        mask_values(&mut explain);
        let masked = parse(&explain).unwrap();
        for node in masked.root.walk() {
            let conditions = [
                &node.filter,
                &node.index_cond,
                &node.recheck_cond,
                &node.hash_cond,
            ];
            for text in conditions.into_iter().flatten().chain(&node.output) {
                let left = literals.iter().find(|literal| text.contains(**literal));
                assert_eq!(left, None, "{name}: {text}");
            }
        }
        assert_eq!(diff(&plan(name), &masked), [], "{name}");
        let names = |plan: &Plan| access(plan);
        assert_eq!(names(&plan(name)), names(&masked), "{name}");
    }
}

#[test]
fn self_buffers_add_up_to_the_whole() {
    for (name, text) in PLANS {
        let plan = parse(&serde_json::from_str(text).unwrap()).unwrap();
        let sum: u64 = self_work(&plan)
            .iter()
            .map(|work| work.buffers.shared_total())
            .sum();
        assert_eq!(sum, total_buffers(&plan).shared_total(), "{name}");
    }
}

#[test]
fn self_times_add_up_to_the_whole() {
    for name in [
        "timed_analyze",
        "timed_cte",
        "timed_initplan",
        "jit",
        "parallel",
        "trigger_fk",
    ] {
        let plan = plan(name);
        let whole = plan.root.actual_total_ms.unwrap();
        let sum: f64 = self_work(&plan)
            .iter()
            .filter_map(|work| work.time_ms)
            .sum();
        // Times are printed to the microsecond and per loop; workers overlap with their leader.
        let allowed = if name == "parallel" {
            0.2 * whole
        } else {
            0.02 * whole + 0.05
        };
        assert!((sum - whole).abs() <= allowed, "{name}: {sum} of {whole}");
    }
}

#[test]
fn a_cte_is_paid_by_its_scans_and_an_init_plan_by_its_consumer() {
    let plan = plan("cte");
    let work = self_work(&plan);
    let of = |node_type: &str| -> Vec<u64> {
        let is_it = |work: &&SelfWork<'_>| work.node.node_type == node_type;
        work.iter()
            .filter(is_it)
            .map(|work| work.buffers.shared_total())
            .collect()
    };
    assert_eq!(
        of("CTE Scan"),
        [0, 0],
        "what they pulled is the CTE's own scan"
    );
    assert_eq!(of("Seq Scan"), [167, 15]);
    assert_eq!(of("Limit"), [0]);
}

#[test]
fn an_init_plan_of_postgresql_17_is_found_by_its_name() {
    let scan = |value: &str, hit: u64| {
        json!({
            "Node Type": "Seq Scan", "Relation Name": value, "Alias": value,
            "Filter": "(total > (InitPlan 1).col1)", "Parent Relationship": "Outer",
            "Actual Loops": 1, "Actual Rows": 1, "Shared Hit Blocks": hit,
        })
    };
    let init_plan = json!({
        "Node Type": "Aggregate", "Parent Relationship": "InitPlan", "Subplan Name": "InitPlan 1",
        "Actual Loops": 1, "Actual Rows": 1, "Shared Hit Blocks": 30,
    });
    let plan = parse(&json!({ "Plan": {
        "Node Type": "Limit", "Actual Loops": 1, "Actual Rows": 1, "Shared Hit Blocks": 100,
        "Plans": [init_plan, scan("orders", 100)],
    } }))
    .unwrap();
    let own: Vec<u64> = self_work(&plan)
        .iter()
        .map(|work| work.buffers.shared_hit)
        .collect();
    assert_eq!(own, [0, 30, 70]);
}

#[test]
fn totals_come_from_the_root_or_from_below_it() {
    let summary = summarise(&plan("join_seq"), Value::Null);
    assert_eq!(summary.root_node, "Nested Loop");
    assert_eq!(summary.shared_hit_blocks + summary.shared_read_blocks, 220);
    assert!((summary.rows_removed_by_filter - 19_990.0).abs() < 1e-9);
    let mut silent = plan("join_seq");
    silent.root.buffers = Buffers::default();
    assert_eq!(total_buffers(&silent).shared_total(), 220);
    assert_eq!(summarise(&plan("sort_disk"), Value::Null).temp_blocks, 778);
}

#[test]
fn access_is_in_the_plans_order_with_the_bitmaps_index() {
    let told: Vec<String> = access(&plan("join_index"))
        .into_iter()
        .map(|a| format!("{} {} {}", a.relation, a.node, a.index.unwrap_or_default()))
        .collect();
    assert_eq!(
        told,
        [
            "users Index Scan users_pkey",
            "orders Bitmap Heap Scan orders_user",
            "order_items Bitmap Heap Scan order_items_order"
        ]
    );
}

/// Each change on a line: kind, relation, from, to, effect.
#[track_caller]
fn check(before: &str, after: &str, expected: &[&str]) {
    check_plans(&plan(before), &plan(after), expected);
}

#[track_caller]
fn check_plans(before: &Plan, after: &Plan, expected: &[&str]) {
    let told: Vec<String> = diff(before, after)
        .into_iter()
        .map(|change| {
            let effect = match change.effect {
                ChangeEffect::Better => "better",
                ChangeEffect::Worse => "worse",
                ChangeEffect::Neutral => "neutral",
            };
            format!(
                "{} {}: {} > {} ({effect})",
                change.kind.as_str(),
                change.relation.unwrap_or_default(),
                change.from.unwrap_or_default(),
                change.to.unwrap_or_default()
            )
        })
        .collect();
    assert_eq!(told, expected);
}

#[test]
fn a_plan_does_not_differ_from_itself() {
    for (name, _) in PLANS {
        check(name, name, &[]);
    }
}

#[test]
fn times_and_costs_are_no_difference() {
    let mut slower = plan("timed_analyze");
    slower.root.total_cost *= 9.0;
    slower.root.actual_total_ms = Some(900.0);
    slower.execution_ms = Some(901.0);
    check_plans(&plan("timed_analyze"), &slower, &[]);
}

#[test]
fn another_access_is_worse_or_better_by_its_blocks() {
    check(
        "history_index",
        "history_seq",
        &["access orders: Bitmap Heap Scan using orders_user_created > Seq Scan (worse)"],
    );
    check(
        "history_seq",
        "history_index",
        &["access orders: Seq Scan > Bitmap Heap Scan using orders_user_created (better)"],
    );
    check(
        "history_index",
        "history_sort",
        &[
            "access orders: Bitmap Heap Scan using orders_user_created > Bitmap Heap Scan using \
           orders_user (neutral)",
        ],
    );
}

#[test]
fn another_order_of_joins_is_one_change() {
    check(
        "join_index",
        "join_hash",
        &[
            "access order_items: Bitmap Heap Scan using order_items_order > Seq Scan (worse)",
            "join-order order_items, orders, users: ((orders ⋈ users) ⋈ order_items) > \
             ((order_items ⋈ orders) ⋈ users) (worse)",
            "added users:  > Materialize (neutral)",
        ],
    );
}

#[test]
fn a_spill_is_a_change() {
    check(
        "sort_memory",
        "sort_disk",
        &["spill orders: Sort in memory > Sort on disk, 992 KiB (worse)"],
    );
    check(
        "hash_memory",
        "hash_disk",
        &[
            "spill order_items, orders: Hash Join in memory > Hash Join on disk, in 16 batches \
             (worse)",
        ],
    );
}

#[test]
fn swapped_children_are_no_difference() {
    let before = plan("join_hash");
    let mut after = before.clone();
    after.root.children.reverse();
    check_plans(&before, &after, &[]);
}

#[test]
fn a_sort_more_is_worse() {
    let after = plan("sort_memory");
    let mut before = after.clone();
    before.root = after.root.children[0].clone();
    check_plans(&before, &after, &["added orders:  > Sort (worse)"]);
    check_plans(&after, &before, &["removed orders: Sort >  (better)"]);
}

#[test]
fn another_strategy_and_another_join_method_are_told() {
    let before = plan("join_hash");
    let mut after = before.clone();
    after.root.node_type = "Merge Join".to_owned();
    let joined = ["join order_items, orders, users: Nested Loop > Merge Join (neutral)"];
    check_plans(&before, &after, &joined);
    let before = plan("parallel");
    let mut after = before.clone();
    after.root.strategy = Some("Hashed".to_owned());
    let aggregated = ["strategy order_items, orders: GroupAggregate > HashAggregate (neutral)"];
    check_plans(&before, &after, &aggregated);
}

#[test]
fn subplans_keep_their_scope_whatever_their_number() {
    let before = plan("subplan");
    let mut after = before.clone();
    after.root.children[0].subplan_name = Some("SubPlan 7".to_owned());
    check_plans(&before, &after, &[]);
}

#[test]
fn an_estimate_counts_unless_a_limit_may_have_cut_it_short() {
    let before = plan("small_seq");
    let mut after = before.clone();
    after.root.plan_rows = 5000.0;
    let told = ["estimate small_orders: Seq Scan off by 1 > Seq Scan off by 1,000 (worse)"];
    check_plans(&before, &after, &told);
    let below_a_limit = |mut plan: Plan| {
        let scan = plan.root.clone();
        plan.root.node_type = "Limit".to_owned();
        plan.root.relation = None;
        plan.root.alias = None;
        plan.root.plan_rows = 5.0;
        plan.root.children = vec![scan];
        plan
    };
    check_plans(&below_a_limit(before), &below_a_limit(after), &[]);
}

#[test]
fn the_same_scan_with_more_blocks_is_more_work() {
    let before = plan("small_seq");
    let mut after = before.clone();
    after.root.buffers.shared_hit += 160;
    let told = ["work small_orders: 41 blocks > 201 blocks (worse)"];
    check_plans(&before, &after, &told);
    assert_eq!(diff(&before, &after)[0].kind, ChangeKind::Work);
}

#[test]
fn a_table_that_was_renamed_is_the_same_table() {
    let before = plan("small_seq");
    let mut after = before.clone();
    after.root.relation = Some("all_orders".to_owned());
    after.root.alias = Some("all_orders".to_owned());
    let mut names = dbproof_model::PlanNames::default();
    let key = |name: &str| ("public".to_owned(), name.to_owned());
    names.relations.insert(7, key("small_orders"));
    let mut now = dbproof_model::PlanNames::default();
    now.relations.insert(7, key("all_orders"));
    names.learn_renames(&now);
    let mut renamed = before.clone();
    resolve(&mut renamed, &names);
    assert_eq!(renamed.root.relation.as_deref(), Some("all_orders"));
    check_plans(&renamed, &after, &[]);
    // A table that took over the name of another stands for it.
    let mut swapped = dbproof_model::PlanNames {
        relations: [(7, key("small_orders")), (8, key("next"))].into(),
        ..dbproof_model::PlanNames::default()
    };
    swapped.learn_renames(&dbproof_model::PlanNames {
        relations: [(7, key("old")), (8, key("small_orders"))].into(),
        ..dbproof_model::PlanNames::default()
    });
    assert!(swapped.renamed.is_empty());
    // A table of the same name is not one that was renamed.
    now.relations = [(8, key("small_orders"))].into();
    let mut names = dbproof_model::PlanNames {
        relations: [(7, key("small_orders"))].into(),
        ..dbproof_model::PlanNames::default()
    };
    names.learn_renames(&now);
    assert!(names.renamed.is_empty());
}
