//! EXPLAIN's JSON as a tree, and what can be told from one or two such trees.
//!
//! [`parse`] gives the [`Plan`](dbproof_model::Plan); [`summarise`] its totals; [`self_work`] what
//! each node did by itself; [`diff`] what differs between two trees; [`q_error`] how far the
//! planner's estimate was off; [`hashes`] tells two plans apart by a word. [`mask_values`] takes the literals out of EXPLAIN's JSON before it
//! is kept.

mod diff;
mod estimate;
mod hashes;
mod index;
mod lines;
mod mask;
mod matching;
mod node;
mod outline;
mod parse;
mod resolve;
#[cfg(test)]
pub(crate) mod shapes;
mod summary;
#[cfg(test)]
mod tests;
mod work;

pub use diff::diff;
pub(crate) use diff::spill_of;
pub use estimate::q_error;
pub use hashes::hashes;
pub(crate) use index::{index_for, index_for_entry};
pub(crate) use lines::lines;
pub use mask::{mask_expression, mask_values};
pub(crate) use matching::{Matching, family, match_trees};
pub(crate) use node::{
    cumulative, describe, does_the_same, index_definitions, over_loops, relation,
};
pub(crate) use outline::{Outline, Role};
pub use parse::{PlanError, parse};
pub use resolve::resolve;
pub use summary::{access, relations, rows_processed, summarise, total_buffers};
pub use work::{SelfWork, self_work};
