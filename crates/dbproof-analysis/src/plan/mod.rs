//! EXPLAIN's JSON as a tree, and what can be told from one or two such trees.
//!
//! [`parse`] gives the [`Plan`](dbproof_model::Plan); [`summarise`] its totals; [`self_work`] what
//! each node did by itself; [`diff`] what differs between two trees; [`q_error`] how far the
//! planner's estimate was off. [`mask_values`] takes the literals out of EXPLAIN's JSON before it
//! is kept.

mod diff;
mod estimate;
mod mask;
mod parse;
mod summary;
mod work;

pub use diff::diff;
pub use estimate::q_error;
pub use mask::{mask_expression, mask_values};
pub use parse::{PlanError, parse};
pub use summary::{access, rows_processed, summarise, total_buffers};
pub use work::{SelfWork, self_work};
