//! Deadlocks predicted from captured transactions.
//!
//! * `sandbox`: databases of dbproof's own that the transactions are run in again: [`Sandboxes`].

mod sandbox;

pub use sandbox::{Made, MadeFrom, NotDone, SandboxLimits, Sandboxes};
