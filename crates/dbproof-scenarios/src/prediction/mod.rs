//! Deadlocks predicted from captured transactions.
//!
//! * `sandbox`: databases of dbproof's own that the transactions are run in again: [`Sandboxes`]; `making`:
//!   how they are made; `states`: the states that transactions met.
//! * `replay`: a history, done again; `entry`: how a statement of it is; `refused`: what never is.
//! * `exemplar`: one transaction, run alone.
//! * `copied`: a copy of a database, which leads nowhere.
//! * [`confirm`]: runs a candidate, to see whether it deadlocks.
//! * `predict`: from captured transactions to predictions.

pub mod confirm;
mod copied;
mod entry;
mod exemplar;
mod making;
mod predict;
mod refused;
mod replay;
mod sandbox;
mod states;

pub use predict::{CONFIRMED, PredictOptions, Predicted, predict};
pub use sandbox::{Made, MadeFrom, NotDone, SandboxLimits, Sandboxes};
