//! Two plans as baselines keep them, held against each other: [`compare`].

use dbproof_model::{BaselinePlan, BaselineVerdict};

use crate::figures::{count, counted, float};
use crate::regression::{Direction, Tolerances, direction_of_blocks};

/// What became of a plan, and why in a few words each.
///
/// Another number of rows for the same values is `regressed`. Else blocks decide, shared and spilled, beyond the
/// tolerances; at about equal blocks another shape is `changed`, and the same is `kept`.
#[must_use]
pub fn compare(
    kept: &BaselinePlan,
    now: &BaselinePlan,
    tolerances: &Tolerances,
) -> (BaselineVerdict, Vec<String>) {
    let shared = (kept.blocks, now.blocks);
    let spilled = (kept.spill_blocks, now.spill_blocks);
    // Other values have other rows.
    let other_rows =
        kept.values == now.values && kept.rows.zip(now.rows).is_some_and(|(was, is)| was != is);
    let other_shape = kept.nodes != now.nodes;
    let verdict = match direction_of_blocks(shared, spilled, tolerances) {
        _ if other_rows => BaselineVerdict::Regressed,
        Some(Direction::Less) => BaselineVerdict::Improved,
        Some(Direction::Level) | None if other_shape => BaselineVerdict::Changed,
        None => BaselineVerdict::Kept,
        Some(Direction::Level) => BaselineVerdict::Changed,
        Some(_) => BaselineVerdict::Regressed,
    };
    if verdict == BaselineVerdict::Kept {
        return (verdict, Vec::new());
    }
    let mut reasons = Vec::new();
    if let (Some(was), Some(is), true) = (kept.rows, now.rows, other_rows) {
        reasons.push(format!("{} returned", step((was, is), "row")));
    }
    if shared.0 != shared.1 {
        reasons.push(step(shared, "block"));
    }
    if spilled.0 != spilled.1 {
        reasons.push(step(spilled, "spill block"));
    }
    if other_shape {
        reasons.push(shape(&kept.nodes, &now.nodes));
    }
    (verdict, reasons)
}

fn step((was, is): (u64, u64), noun: &str) -> String {
    format!("{} → {}", count(float(was)), counted(float(is), noun))
}

/// The lines that one tree has more of than the other: `Bitmap Heap Scan on orders → Seq Scan on
/// orders`.
fn shape(kept: &[String], now: &[String]) -> String {
    let gone = beyond(kept, now);
    let new = beyond(now, kept);
    match (gone.is_empty(), new.is_empty()) {
        (true, true) => "the same nodes in another order".to_owned(),
        (true, false) => format!("{} added", new.join(", ")),
        (false, true) => format!("{} gone", gone.join(", ")),
        (false, false) => format!("{} → {}", gone.join(", "), new.join(", ")),
    }
}

/// What of `lines` is left when each of `others` has taken one like itself, wherever it stands.
fn beyond<'a>(lines: &'a [String], others: &[String]) -> Vec<&'a str> {
    let mut others: Vec<&str> = others.iter().map(|line| line.trim_start()).collect();
    let mut left = Vec::new();
    for line in lines.iter().map(|line| line.trim_start()) {
        match others.iter().position(|other| *other == line) {
            Some(at) => {
                others.swap_remove(at);
            }
            None => left.push(line),
        }
    }
    left
}
