//! How long the diff of two plans of 200 nodes takes. Not part of the tests: `make bench-diff`.
//!
//! The plans are put together from those that real servers gave (`tests/shapes`): side by side under
//! an Append, as a large UNION ALL has them, and as one join of a hundred relations, which is what
//! matching finds hardest.

use std::hint::black_box;
use std::time::{Duration, Instant};

use dbproof_analysis::plan::{diff, parse};
use dbproof_model::{Plan, PlanNode};
use serde_json::{Map, Value};

const NODES: usize = 200;
const REPEATS: usize = 400;

fn main() {
    let old = captured(include_str!("../tests/shapes/14.json"));
    let new = captured(include_str!("../tests/shapes/18.json"));
    let (wide_old, wide_new) = (side_by_side(&old), side_by_side(&new));
    let join = |turned| joined(&old["nested_loop"], turned);
    println!("| two plans of {NODES} nodes | changes | least | p50 | p99 |");
    println!("|---|---|---|---|---|");
    row(
        "many scans, joins and subplans, the same",
        &wide_old,
        &wide_old,
    );
    row(
        "many scans, joins and subplans, of 14 and 18",
        &wide_old,
        &wide_new,
    );
    row(
        "a join of 100 relations, the same",
        &join(false),
        &join(false),
    );
    row(
        "a join of 100 relations, in the opposite order",
        &join(false),
        &join(true),
    );
}

fn captured(text: &str) -> std::collections::BTreeMap<String, Plan> {
    let mut file: Map<String, Value> = serde_json::from_str(text).expect("a capture");
    file.remove("names");
    file.into_iter()
        .map(|(shape, explain)| (shape, parse(&explain).expect("a plan")))
        .collect()
}

/// All shapes under one Append, as far as there is room for them, then copies of a single node.
fn side_by_side(plans: &std::collections::BTreeMap<String, Plan>) -> Plan {
    let mut whole = plans["append_all"].clone();
    let filler = plans["seq_scan"].root.clone();
    whole.root.children.clear();
    let mut left = NODES - 1;
    for plan in plans.values() {
        let size = plan.root.walk().count();
        if size <= left {
            left -= size;
            whole.root.children.push(plan.root.clone());
        }
    }
    whole
        .root
        .children
        .extend(std::iter::repeat_n(filler, left));
    assert_eq!(whole.root.walk().count(), NODES);
    whole
}

/// A left-deep join of the scans of a join of two, over and over, each under an alias of its own; and
/// a Materialize, to make the number even.
fn joined(two: &Plan, turned: bool) -> Plan {
    let scan = |number: usize| -> PlanNode {
        let mut scan = two.root.children[0].clone();
        scan.children.clear();
        scan.alias = Some(format!("u{number}"));
        scan.relation = Some(format!("users_{}", number % 40));
        scan
    };
    let number = |position: usize| {
        if turned {
            NODES / 2 - 1 - position
        } else {
            position
        }
    };
    let mut tree = scan(number(0));
    for position in 1..NODES / 2 {
        let mut join = two.root.clone();
        join.children = vec![tree, scan(number(position))];
        tree = join;
    }
    let mut whole = two.clone();
    whole.root = PlanNode {
        node_type: "Materialize".to_owned(),
        children: vec![tree],
        ..PlanNode::default()
    };
    assert_eq!(whole.root.walk().count(), NODES);
    whole
}

fn row(what: &str, before: &Plan, after: &Plan) {
    let mut times: Vec<Duration> = (0..REPEATS)
        .map(|_| {
            let began = Instant::now();
            black_box(diff(black_box(before), black_box(after)));
            began.elapsed()
        })
        .collect();
    times.sort();
    let told = |share: usize| times[REPEATS * share / 100].as_secs_f64() * 1000.0;
    println!(
        "| {what} | {} | {:.3} ms | {:.3} ms | {:.3} ms |",
        diff(before, after).len(),
        told(0),
        told(50),
        told(99)
    );
}
