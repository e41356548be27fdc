//! What accepting today's plans writes: [`settle`].

use dbproof_model::{Baseline, BaselineVerdict};

use super::compare;
use crate::regression::Tolerances;

/// The baseline to write where `kept` is what was accepted before, if anything was, and `now` what
/// the last run saw.
///
/// A file changes only where a plan did: while every set is kept within the tolerances, so is the
/// file, base and figures included. A set whose plan is kept keeps its figures, so that they cannot
/// creep up within the tolerances from one acceptance to the next.
#[must_use]
pub fn settle(kept: Option<&Baseline>, now: &Baseline, tolerances: &Tolerances) -> Baseline {
    let Some(kept) = kept.filter(|kept| kept.statement == now.statement) else {
        return now.clone();
    };
    let mut settled = now.clone();
    let mut all_kept = kept.sets.len() == now.sets.len();
    for set in &mut settled.sets {
        let was = kept.sets.iter().find(|was| was.label == set.label);
        let same = was.filter(|was| {
            // Rows that are compared from now on, or no longer, are to be written too.
            was.plan.rows.is_some() == set.plan.rows.is_some()
                && compare(&was.plan, &set.plan, tolerances).0 == BaselineVerdict::Kept
        });
        match same {
            Some(was) => set.plan.clone_from(&was.plan),
            None => all_kept = false,
        }
    }
    if all_kept { kept.clone() } else { settled }
}
