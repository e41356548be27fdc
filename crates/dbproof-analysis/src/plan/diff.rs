//! What differs between two plan trees: [`diff`].

use dbproof_model::{Plan, PlanChange};

/// What differs between two plan trees.
#[must_use]
pub fn diff(_before: &Plan, _after: &Plan) -> Vec<PlanChange> {
    Vec::new()
}
