//! What explains and decides nothing: workers, just-in-time compilation, cost alone.

use dbproof_model::{Finding, Plan};

use crate::findings::query_work::QueryWork;
use crate::findings::{cost_changed, jit_changed, workers_changed};

/// A cost must double, or halve …
const COST_FACTOR: f64 = 2.0;
/// … and differ by this much, to be worth a word: about as much as reading 100 blocks in order.
const COST_MIN: f64 = 100.0;

/// The findings; all are information. `same_plan` tells that neither shape nor work differ.
pub(super) fn findings(
    before: &Plan,
    after: &Plan,
    work: &QueryWork<'_>,
    same_plan: bool,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    let workers = (workers(before), workers(after));
    if workers.0 != workers.1 {
        findings.push(workers_changed::finding(work, workers));
    }
    if before.jit != after.jit {
        findings.push(jit_changed::finding(work, after.jit));
    }
    let costs = (before.root.total_cost, after.root.total_cost);
    let (least, most) = (costs.0.min(costs.1), costs.0.max(costs.1));
    if same_plan && most >= least * COST_FACTOR && most - least >= COST_MIN {
        findings.push(cost_changed::finding(work, costs));
    }
    findings
}

/// The workers that all Gathers together want.
fn workers(plan: &Plan) -> u64 {
    plan.root
        .walk()
        .filter_map(|node| node.workers_planned)
        .sum()
}
