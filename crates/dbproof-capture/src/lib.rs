//! The capture of an application's database traffic.
//!
//! * [`trace`]: what was captured, as a file.
//! * [`log`]: PostgreSQL's own logs as executions.
//! * [`tap`]: the seam between the tee, which passes traffic on, and what reads it.

pub mod log;
pub mod tap;
pub mod trace;
