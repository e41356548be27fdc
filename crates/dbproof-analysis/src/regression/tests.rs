//! Judgements of pairs of plans that a real server gave.

use dbproof_model::PlanNode;
use serde_json::Value;

use super::*;

/// A plan of `tests/plans`, as a side.
macro_rules! side {
    ($name:literal) => {
        side_of(include_str!(concat!("../../tests/plans/", $name, ".json")))
    };
}

fn side_of(json: &str) -> Side {
    let explain: Value = serde_json::from_str(json).unwrap();
    let mut plan: Plan = plan::parse(&explain).unwrap();
    // They were recorded with settings such as enable_seqscan, to have the plan that is wanted.
    plan.settings.clear();
    let row_count = plan.root.actual_rows.unwrap_or_default();
    Side {
        plan,
        row_count,
        rows_digest: None,
        statement: None,
    }
}

fn judged(before: &Side, after: &Side) -> Judgement {
    let judgement = judge("query", None, before, after, &Tolerances::default());
    let has_error = judgement.findings.iter().any(|f| f.severity == Error);
    assert_eq!(
        judgement.verdict == Regressed,
        has_error,
        "a regression and an error go together: {:?}",
        judgement.findings
    );
    judgement
}

#[track_caller]
fn check(before: &Side, after: &Side, verdict: RegressVerdict, findings: &[(&str, Severity)]) {
    let judgement = judged(before, after);
    let found: Vec<(&str, Severity)> = judgement
        .findings
        .iter()
        .map(|f| (f.code.as_str(), f.severity))
        .collect();
    assert_eq!(
        (judgement.verdict, found.as_slice()),
        (verdict, findings),
        "{judgement:#?}"
    );
}

use super::RegressVerdict::{Changed, Improved, Inconclusive, Regressed, Unchanged};
use Severity::{Error, Info, Warning};

#[test]
fn a_plan_is_unchanged_against_itself() {
    for side in [
        side!("history_index"),
        side!("history_seq"),
        side!("join_index"),
        side!("join_hash"),
        side!("cte"),
        side!("hash_disk"),
        side!("never_executed"),
        side!("subplan"),
        side!("partitions"),
    ] {
        check(&side, &side.clone(), Unchanged, &[]);
    }
}

#[test]
fn an_index_lost_on_a_small_table_is_a_regression() {
    check(
        &side!("small_index"),
        &side!("small_seq"),
        Regressed,
        &[("index-scan-lost", Error)],
    );
    let judgement = judged(&side!("small_index"), &side!("small_seq"));
    let finding = &judgement.findings[0];
    insta::assert_snapshot!(finding.message, @"small_orders is read by a Seq Scan where it was by Bitmap Heap Scan using small_orders_user: 2,500 rows to keep 5, 41 blocks where it was 7; the query touches 41 blocks where it touched 7");
    let remedy = finding.remedy.as_ref().unwrap();
    insta::assert_snapshot!(
        remedy.sql.as_ref().unwrap(),
        @"CREATE INDEX CONCURRENTLY ON small_orders (user_id);"
    );
    assert_eq!(
        judgement.reasons,
        [
            "7 → 41 blocks",
            "small_orders: Bitmap Heap Scan using small_orders_user → Seq Scan"
        ]
    );
}

#[test]
fn an_index_lost_under_a_sort_asks_for_the_order_as_well() {
    let judgement = judged(&side!("history_index"), &side!("history_seq"));
    let sql = judgement.findings[0]
        .remedy
        .as_ref()
        .unwrap()
        .sql
        .clone()
        .unwrap();
    insta::assert_snapshot!(sql, @"CREATE INDEX CONCURRENTLY ON orders (user_id, created_at);");
    assert_eq!(judgement.verdict, Regressed);
}

#[test]
fn an_index_gained_is_an_improvement() {
    check(
        &side!("small_seq"),
        &side!("small_index"),
        Improved,
        &[("plan-improved", Info)],
    );
    let judgement = judged(&side!("history_seq"), &side!("history_index"));
    insta::assert_snapshot!(judgement.findings[0].message, @"the query touches 12 blocks where it touched 167: orders: Seq Scan → Bitmap Heap Scan using orders_user_created");
    assert!(judgement.buffers_ratio.unwrap() < 0.1);
}

#[test]
fn an_index_lost_where_blocks_barely_differ_is_information() {
    let before = side!("small_index");
    let mut after = side!("small_seq");
    after.plan.root.buffers.shared_hit = 9;
    after.plan.root.buffers.shared_read = 0;
    // The real one removes 2,495 rows, which nine blocks could not hold.
    after.plan.root.rows_removed_by_filter = Some(400.0);
    check(&before, &after, Changed, &[("index-scan-lost", Info)]);
}

#[test]
fn the_tolerance_is_the_callers() {
    let wide = Tolerances {
        blocks_min: 1000,
        ..Tolerances::default()
    };
    let judgement = judge(
        "query",
        None,
        &side!("small_index"),
        &side!("small_seq"),
        &wide,
    );
    assert_eq!(judgement.verdict, Changed);
}

#[test]
fn many_more_rows_at_level_blocks_are_a_regression() {
    let before = side!("history_seq");
    let mut after = before.clone();
    after.plan.root.children[0].rows_removed_by_join_filter = Some(90_000.0);
    check(&before, &after, Regressed, &[("more-rows", Error)]);
}

#[test]
fn a_spill_regresses_by_its_blocks() {
    check(
        &side!("sort_memory"),
        &side!("sort_disk"),
        Regressed,
        &[("new-spill", Error)],
    );
    check(
        &side!("hash_memory"),
        &side!("hash_disk"),
        Regressed,
        &[("new-spill", Error)],
    );
    check(
        &side!("sort_disk"),
        &side!("sort_memory"),
        Improved,
        &[("plan-improved", Info)],
    );
}

#[test]
fn a_join_over_a_lost_index_names_the_relation() {
    check(
        &side!("join_index"),
        &side!("join_seq"),
        Regressed,
        &[("index-scan-lost", Error)],
    );
    let judgement = judged(&side!("join_index"), &side!("join_seq"));
    assert_eq!(judgement.findings[0].evidence["relation"], "orders");
}

#[test]
fn other_rows_regress_whatever_the_work() {
    let before = side!("history_index");
    let fewer = Side {
        row_count: 3.0,
        ..before.clone()
    };
    check(&before, &fewer, Regressed, &[("result-rows-differ", Error)]);
    let digested = |digest| Side {
        rows_digest: Some(digest),
        ..before.clone()
    };
    check(
        &digested(1),
        &digested(2),
        Regressed,
        &[("result-rows-differ", Error)],
    );
    check(&digested(1), &digested(1), Unchanged, &[]);
    check(&digested(1), &before, Unchanged, &[]);
}

#[test]
fn a_plan_that_was_not_executed_decides_nothing() {
    let estimated = Side {
        row_count: 30.0,
        ..side!("estimated_only")
    };
    check(&side!("join_index"), &estimated, Inconclusive, &[]);
}

#[test]
fn more_blocks_without_another_shape_are_a_regression_too() {
    let before = side!("history_seq");
    let mut after = before.clone();
    grow(&mut after.plan.root, 3);
    check(&before, &after, Regressed, &[("more-blocks", Error)]);
    insta::assert_snapshot!(judged(&before, &after).findings[0].message, @"the query touches 501 blocks where it touched 167; most of it in orders, 501 blocks where it was 167");
}

fn grow(node: &mut PlanNode, factor: u64) {
    node.buffers.shared_hit *= factor;
    node.buffers.shared_read *= factor;
    node.children
        .iter_mut()
        .for_each(|child| grow(child, factor));
}

#[test]
fn an_estimate_gone_wrong_is_a_warning_and_not_under_a_limit() {
    let before = side!("small_seq");
    let mut after = before.clone();
    after.plan.root.plan_rows = 5000.0;
    check(&before, &after, Unchanged, &[("estimate-off", Warning)]);
    let limited = side!("cte");
    let mut after = limited.clone();
    after.plan.root.plan_rows = 90_000.0;
    after.plan.root.children[2].plan_rows = 90_000.0;
    let judgement = judged(&limited, &after);
    assert!(judgement.findings.len() <= 1);
}

#[test]
fn an_index_only_scan_lost_is_a_warning() {
    let before = side!("index_only");
    let mut after = before.clone();
    after.plan.root.node_type = "Index Scan".to_owned();
    check(
        &before,
        &after,
        Changed,
        &[("index-only-scan-lost", Warning)],
    );
}

#[test]
fn a_filter_that_keeps_little_is_a_warning_only_where_it_got_worse() {
    let after = side!("small_seq");
    let mut before = after.clone();
    before.plan.root.rows_removed_by_filter = Some(40.0);
    let judgement = judged(&before, &after);
    assert!(
        judgement
            .findings
            .iter()
            .any(|f| f.code == "filter-efficiency"),
        "{judgement:#?}"
    );
    check(&after, &after.clone(), Unchanged, &[]);
}

#[test]
fn a_loop_that_runs_ten_times_as_often_is_told() {
    let before = side!("join_index");
    let mut after = before.clone();
    let inner = &mut after.plan.root.children[1];
    inner.actual_loops = Some(100.0);
    inner.actual_rows = Some(0.3);
    check(&before, &after, Unchanged, &[("loops-multiplied", Warning)]);
}

#[test]
fn a_join_that_became_a_loop_is_told_by_what_runs_in_it() {
    check(
        &side!("pair_hash"),
        &side!("pair_loop"),
        Regressed,
        &[("loops-multiplied", Error)],
    );
    insta::assert_snapshot!(judged(&side!("pair_hash"), &side!("pair_loop")).findings[0].message, @"Index Scan using users_pkey on users runs 20,000 times where it ran 1; the query touches 737 blocks where it touched 170");
    check(
        &side!("pair_loop"),
        &side!("pair_hash"),
        Improved,
        &[("plan-improved", Info)],
    );
}

#[test]
fn a_relation_read_in_a_loop_asks_for_the_joins_index() {
    let judgement = judged(&side!("pair_hash"), &side!("pair_nested"));
    let codes: Vec<&str> = judgement.findings.iter().map(|f| f.code.as_str()).collect();
    assert_eq!(codes, ["nested-loop-over-seq-scan", "index-scan-lost"]);
    assert_eq!(judgement.findings[1].severity, Info, "users has 15 blocks");
    let nested = &judgement.findings;
    insta::assert_snapshot!(nested[0].message, @"a nested loop reads all of orders 19 times, 20,000 rows each time; the query touches 3,188 blocks where it touched 170");
    insta::assert_snapshot!(nested[0].remedy.as_ref().unwrap().sql.as_ref().unwrap(), @"CREATE INDEX CONCURRENTLY ON orders (user_id);");
}

#[test]
fn a_sort_that_an_index_spared_is_told_beside_the_blocks() {
    let judgement = judged(&side!("latest_ordered"), &side!("latest_sorted"));
    let codes: Vec<&str> = judgement.findings.iter().map(|f| f.code.as_str()).collect();
    assert_eq!(codes, ["more-blocks", "sort-added"]);
    insta::assert_snapshot!(judgement.findings[1].message, @"5,000 rows of orders are sorted by orders.created_at, which they were not before");
    insta::assert_snapshot!(judgement.findings[1].remedy.as_ref().unwrap().sql.as_ref().unwrap(), @"CREATE INDEX CONCURRENTLY ON orders (status, created_at);");
}

#[test]
fn shapes_are_compared_without_triggers() {
    let with = side!("trigger_fk").plan;
    let mut without = with.clone();
    without.triggers.clear();
    assert!(!with.triggers.is_empty() && same_shape(&with, &without));
    assert!(!same_shape(
        &side!("history_index").plan,
        &side!("history_seq").plan
    ));
}

#[test]
fn settings_that_differ_are_named_where_work_rose() {
    let (before, mut after) = (side!("history_index"), side!("history_seq"));
    after.plan.settings = BTreeMap::from([
        ("random_page_cost".to_owned(), "200".to_owned()),
        ("plan_cache_mode".to_owned(), "force_custom_plan".to_owned()),
    ]);
    let lost = ("index-scan-lost", Error);
    check(
        &before,
        &after,
        Regressed,
        &[lost, ("setting-changed", Warning)],
    );
    let judgement = judged(&after, &before);
    let told = |f: &Finding| f.code == "setting-changed";
    assert!(
        !judgement.findings.iter().any(told),
        "less work blames no setting"
    );
}

/// An update of rows found by an index: `own` blocks are those of writing.
fn update(own: u64, indexes: &[&str]) -> Side {
    let mut side = side!("history_index");
    let scan = side.plan.root.clone();
    let mut buffers = scan.buffers;
    buffers.shared_hit += own;
    side.plan.root = PlanNode {
        node_type: "ModifyTable".to_owned(),
        operation: Some("Update".to_owned()),
        relation: Some("orders".to_owned()),
        maintained_indexes: indexes.iter().map(|on| (*on).to_owned()).collect(),
        actual_loops: Some(1.0),
        actual_rows: Some(0.0),
        buffers,
        children: vec![scan],
        ..PlanNode::default()
    };
    side
}

#[test]
fn writing_that_pays_for_a_new_index_names_it() {
    let before = update(40, &["btree (id)"]);
    let after = update(240, &["btree (id)", "btree (status)"]);
    let maintained = [("index-maintenance", Error)];
    check(&before, &after, Regressed, &maintained);
    // More of the same cost is not the doing of indexes that are not there.
    let wider = update(240, &["btree (id)"]);
    check(&before, &wider, Regressed, &[("more-blocks", Error)]);
    let message = &judged(&before, &wider).findings[0].message;
    assert!(message.contains("most of it in Update on orders, 240 blocks where it was 40"));
    check(
        &before,
        &update(42, &["btree (id)", "btree (status)"]),
        Unchanged,
        &[],
    );
}

#[test]
fn large_values_that_are_returned_are_named() {
    let side = |toast: u64| {
        let mut side = side!("history_index");
        let plan = plan::total_buffers(&side.plan).shared_total();
        side.statement = Some(StatementWork {
            blocks: BTreeMap::from([("orders".to_owned(), plan + toast)]),
            rows_written: 0,
        });
        side
    };
    let judgement = judged(&side(0), &side(500));
    assert_eq!(judgement.verdict, Regressed);
    let message = &judgement.findings[0].message;
    assert!(
        message.contains("large values of orders that are stored out of line (TOAST), 500 blocks"),
        "{message}"
    );
}
