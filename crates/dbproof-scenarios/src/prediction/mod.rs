//! Deadlocks predicted from captured transactions.
//!
//! * `sandbox`: databases of dbproof's own that the transactions are run in again: [`Sandboxes`].
//! * [`confirm`]: runs a candidate, to see whether it deadlocks.
//! * `predict`: from captured transactions to predictions; `told`: what the record tells of one.

pub mod confirm;
mod predict;
mod sandbox;
mod told;

pub use predict::{PredictOptions, Predicted, predict};
pub use sandbox::{Made, MadeFrom, NotDone, SandboxLimits, Sandboxes};
