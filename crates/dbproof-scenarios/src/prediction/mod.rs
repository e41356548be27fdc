//! Deadlocks predicted from captured transactions.
//!
//! * [`confirm`]: runs a candidate, to see whether it deadlocks.

pub mod confirm;
