//! What triggers did more than before: [`finding`]; and the rest of what is in no node:
//! [`beside_the_plan`].

use std::collections::BTreeMap;

use dbproof_model::Finding;

use super::signals::{Direction, Signals};
use super::{Rise, Side};
use crate::findings::query_work::QueryWork;
use crate::findings::trigger_work::{self, Triggered};
use crate::plan::total_buffers;

/// The finding for triggers that are new or run more often, or else for all, where they touch what
/// the plan does not; where work rose at all.
pub(super) fn finding(
    before: &Side,
    after: &Side,
    work: &QueryWork<'_>,
    signals: &Signals,
    direction: Direction,
) -> Option<Finding> {
    if !matches!(direction, Direction::MoreBlocks | Direction::MoreWrites) {
        return None;
    }
    let mut triggers: Vec<(&str, &str, f64, f64)> = after
        .plan
        .triggers
        .iter()
        .map(|(name, runs)| {
            let was = before
                .plan
                .triggers
                .get(name)
                .map_or(0.0, |runs| runs.calls);
            let relation = runs.relation.as_deref().unwrap_or("its table");
            (name.as_str(), relation, was, runs.calls)
        })
        .collect();
    let runs_more = |(.., was, is): &(&str, &str, f64, f64)| is > was;
    if triggers.iter().any(runs_more) {
        triggers.retain(runs_more);
    } else {
        // They run as often as before: are the blocks theirs?
        let rise = signals.shared.1.saturating_sub(signals.shared.0);
        let (was, is) = blocks_beside(before, after, signals);
        let theirs = is.saturating_sub(was);
        if direction == Direction::MoreBlocks && theirs * 2 < rise {
            return None;
        }
    }
    (!triggers.is_empty()).then(|| {
        let triggered = Triggered {
            triggers: &triggers,
            rows_written: signals.written,
            most: most(before, after),
        };
        trigger_work::finding(work, &triggered)
    })
}

/// Where the statement's blocks rose outside of its plan: without triggers, in fetching the large
/// values of a relation that are stored out of line.
pub(super) fn beside_the_plan(before: &Side, after: &Side, signals: &Signals) -> Option<Rise> {
    let (was, is) = blocks_beside(before, after, signals);
    let (relation, ..) = most(before, after)?;
    Some(Rise {
        what: if after.plan.triggers.is_empty() {
            format!("large values of {relation} that are stored out of line (TOAST)")
        } else {
            format!("triggers that use {relation}")
        },
        is_relation: false,
        before: was,
        after: is,
    })
}

/// The blocks of both sides that are in no node.
fn blocks_beside(before: &Side, after: &Side, signals: &Signals) -> (u64, u64) {
    let beside =
        |side: &Side, total: u64| total.saturating_sub(total_buffers(&side.plan).shared_total());
    (
        beside(before, signals.shared.0),
        beside(after, signals.shared.1),
    )
}

/// The relation whose blocks rose most.
fn most<'a>(before: &Side, after: &'a Side) -> Option<(&'a str, u64, u64)> {
    let empty = BTreeMap::new();
    let was = before.statement.as_ref().map_or(&empty, |s| &s.blocks);
    after
        .statement
        .iter()
        .flat_map(|s| &s.blocks)
        .map(|(name, is)| (name.as_str(), was.get(name).copied().unwrap_or(0), *is))
        .filter(|(_, was, is)| is > was)
        .max_by_key(|(_, was, is)| is - was)
}
