//! The judgement of one query before and after a change: [`judge`].
//!
//! Deterministic signals decide first: blocks, spill blocks, rows and the shape of the plan. Times,
//! judged by [`crate::comparison`], come second ([`with_time`]). The planner's cost explains and
//! decides nothing.

mod beside;
mod detect;
mod rises;
mod scans;
mod settings;
#[cfg(test)]
mod shapes;
mod signals;
#[cfg(test)]
mod tests;
mod time;
mod triggers;
mod writes;

use std::cmp::Reverse;
use std::collections::BTreeMap;

use dbproof_model::{
    ChangeKind, Finding, Location, Plan, PlanChange, RegressVerdict, Severity, StatementWork,
};

use crate::figures;
use crate::findings::query_work::QueryWork;
use crate::findings::{more_blocks, more_rows, plan_improved, result_rows_differ};
use crate::plan;
use signals::Signals;

pub(crate) use rises::Rise;
pub(crate) use signals::{Direction, blocks_beside_the_plan, direction_of_blocks};
pub use time::with_time;

/// A query's plan and result on one side of the change.
#[derive(Debug, Clone, PartialEq)]
pub struct Side {
    /// The analysed plan.
    pub plan: Plan,
    /// The number of rows returned.
    pub row_count: f64,
    /// A digest of the result's rows, where it is known. Two sides that both have one must agree.
    pub rows_digest: Option<u64>,
    /// The work of the statement with its triggers, where it has any.
    pub statement: Option<StatementWork>,
}

/// How much more or less work counts as a change.
#[derive(Debug, Clone, PartialEq)]
pub struct Tolerances {
    /// Blocks must differ by more than this many percent of before …
    pub blocks_percent: f64,
    /// … and by at least this many blocks.
    pub blocks_min: u64,
}

impl Default for Tolerances {
    fn default() -> Self {
        Tolerances {
            blocks_percent: 10.0,
            blocks_min: 16,
        }
    }
}

/// What became of a query, and why.
#[derive(Debug, Clone, PartialEq)]
pub struct Judgement {
    /// The verdict. It is `regressed` exactly where one of the findings is an error.
    pub verdict: RegressVerdict,
    /// What differs between the plans.
    pub changes: Vec<PlanChange>,
    /// What is to be said about it, errors first.
    pub findings: Vec<Finding>,
    /// Why, in a few words each.
    pub reasons: Vec<String>,
    /// Shared blocks (hit and read) after divided by before; absent where one is 0.
    pub buffers_ratio: Option<f64>,
    /// The planner's cost after divided by before; it explains, and decides nothing.
    pub cost_ratio: Option<f64>,
}

/// Judges a query by its work before and after.
///
/// Other result rows regress it. Else blocks decide, shared and spilled, and those of triggers with
/// them: beyond the tolerances more is `regressed`, fewer `improved`. At about equal blocks, rows
/// written decide, which only triggers can change, and then rows processed where they doubled or
/// halved. Else another shape of the plan is `changed` where it touches any block, and the same is
/// `unchanged`. A side whose plan was not executed leaves it `inconclusive`.
#[must_use]
pub fn judge(
    query_name: &str,
    location: Option<Location>,
    before: &Side,
    after: &Side,
    tolerances: &Tolerances,
) -> Judgement {
    let changes = plan::diff(&before.plan, &after.plan);
    let signals = Signals::new(before, after);
    let executed = [before, after]
        .iter()
        .all(|side| side.plan.root.actual_loops.is_some());
    let direction = if executed {
        signals.direction(tolerances)
    } else {
        Direction::Level
    };
    let work = QueryWork {
        query: query_name,
        location,
        blocks_before: signals.shared.0,
        blocks_after: signals.shared.1,
        worse: direction == Direction::MoreBlocks,
    };
    let verdict = match direction {
        _ if signals.other_rows => RegressVerdict::Regressed,
        _ if !executed => RegressVerdict::Inconclusive,
        Direction::MoreBlocks | Direction::MoreRows | Direction::MoreWrites => {
            RegressVerdict::Regressed
        }
        Direction::Less => RegressVerdict::Improved,
        // Without a block on either side there is nothing that another shape could do otherwise.
        Direction::Level if signals.shared != (0, 0) && changes.iter().any(changes_shape) => {
            RegressVerdict::Changed
        }
        Direction::Level => RegressVerdict::Unchanged,
    };
    let mut findings = Vec::new();
    if signals.other_rows {
        findings.push(result_rows_differ::finding(
            &work,
            before.plan.root.operation.is_some(),
            (before.row_count, after.row_count),
        ));
    }
    if executed {
        let trees = detect::Trees::new(&before.plan, &after.plan);
        let triggered = triggers::finding(before, after, &work, &signals, direction);
        let told = findings_about_work(
            &work,
            (&signals, direction),
            &trees,
            &changes,
            (
                triggered,
                triggers::beside_the_plan(before, after, &signals),
            ),
            tolerances,
        );
        findings.extend(told);
        findings.extend(beside::findings(
            &before.plan,
            &after.plan,
            &work,
            verdict == RegressVerdict::Unchanged,
        ));
        findings.extend(settings::finding(
            &before.plan,
            &after.plan,
            &work,
            direction,
        ));
    }
    findings.sort_by_key(|finding| Reverse(finding.severity));
    let mut reasons = signals.reasons(executed, direction);
    reasons.extend(
        changes
            .iter()
            .filter(|change| changes_shape(change))
            .map(reason),
    );
    Judgement {
        verdict,
        findings,
        reasons,
        buffers_ratio: figures::ratio(
            figures::float(signals.shared.0),
            figures::float(signals.shared.1),
        ),
        cost_ratio: figures::ratio(before.plan.root.total_cost, after.plan.root.total_cost),
        changes,
    }
}

fn findings_about_work(
    work: &QueryWork<'_>,
    (signals, direction): (&Signals, Direction),
    trees: &detect::Trees<'_>,
    changes: &[PlanChange],
    (triggered, beside): (Option<Finding>, Option<Rise>),
    tolerances: &Tolerances,
) -> Vec<Finding> {
    let improved = direction == Direction::Less;
    let mut findings = detect::findings(trees, work, signals.temp, tolerances, improved);
    findings.extend(triggered);
    findings.extend(writes::findings(trees, work, tolerances));
    let explained = findings.iter().any(|f| f.severity == Severity::Error);
    match direction {
        Direction::MoreBlocks if !explained => {
            let most = rises::largest(trees, beside);
            findings.push(more_blocks::finding(work, signals.temp, most.as_ref()));
        }
        Direction::MoreRows => {
            findings.push(more_rows::finding(work, signals.rows.0, signals.rows.1));
        }
        Direction::Less if !signals.other_rows => {
            let shape: Vec<String> = changes
                .iter()
                .filter(|change| changes_shape(change))
                .map(reason)
                .collect();
            findings.push(plan_improved::finding(work, &shape));
        }
        _ => {}
    }
    findings
}

/// Whether the change is one of the plan's shape, and not of what the same shape did.
fn changes_shape(change: &PlanChange) -> bool {
    !matches!(
        change.kind,
        ChangeKind::Estimate | ChangeKind::Work | ChangeKind::Spill
    )
}

/// Whether two plans are alike in shape: which relations they read, how, and how they join them.
/// Triggers do not count: the planner does not choose them, and an estimated plan does not name them.
#[must_use]
pub fn same_shape(one: &Plan, other: &Plan) -> bool {
    let without_triggers = |plan: &Plan| Plan {
        triggers: BTreeMap::new(),
        ..plan.clone()
    };
    !plan::diff(&without_triggers(one), &without_triggers(other))
        .iter()
        .any(changes_shape)
}

/// Whether one plan reads more blocks than another, shared and spilled together, beyond the
/// tolerances.
#[must_use]
pub fn reads_more(plan: &Plan, than: &Plan, tolerances: &Tolerances) -> bool {
    signals::rises((blocks(than), blocks(plan)), tolerances)
}

/// Blocks of a plan, shared and spilled together.
#[must_use]
pub fn blocks(plan: &Plan) -> u64 {
    let buffers = plan::total_buffers(plan);
    buffers.shared_total() + buffers.temp_total()
}

/// A change in a few words: `orders: Index Scan using orders_user → Seq Scan`.
fn reason(change: &PlanChange) -> String {
    let what = match (&change.from, &change.to) {
        (Some(from), Some(to)) => format!("{from} → {to}"),
        (None, Some(to)) => format!("{to} added"),
        (Some(from), None) => format!("{from} gone"),
        (None, None) => change.kind.as_str().to_owned(),
    };
    match &change.relation {
        Some(relation) => format!("{relation}: {what}"),
        None => what,
    }
}
