//! The capture of an application's database traffic.
//!
//! * [`tee`]: passes traffic on between applications and a server, unchanged.
//! * [`tap`]: the seam between the tee and what reads the traffic.
//! * [`log`]: PostgreSQL's own logs as executions.
//! * [`trace`]: what was captured, as a file.

pub mod log;
pub mod tap;
pub mod tee;
pub mod trace;
