//! Deadlocks predicted from captured transactions.
//!
//! * `sandbox`: databases of dbproof's own that the transactions are run in again: [`Sandboxes`]; `making`:
//!   how they are made; `states`: the states that transactions met.
//! * `replay`: a history, done again; `entry`: how a statement of it is; `refused`: what never is.
//! * `exemplar`: one transaction, run alone.
//! * `migration`: a migration as further transactions; `migrating`: run in the sandboxes; `concurrently`:
//!   its statements outside of transactions.
//! * `copied`: a copy of a database, which leads nowhere.
//! * [`confirm`]: runs a candidate, to see whether it deadlocks.
//! * `predict`: from captured transactions to predictions.

mod concurrently;
pub mod confirm;
mod copied;
mod entry;
mod exemplar;
mod making;
mod migrating;
mod migration;
mod predict;
mod refused;
mod replay;
mod sandbox;
mod states;

pub use migration::MigrationPlan;
pub use predict::{CONFIRMED, PredictOptions, Predicted, predict, predict_beside};
pub use sandbox::{Made, MadeFrom, NotDone, SandboxLimits, Sandboxes};
