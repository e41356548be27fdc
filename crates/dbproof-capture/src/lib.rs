//! The capture of an application's database traffic.
//!
//! * [`capture`]: the whole: what applications execute, batch by batch.
//! * [`tee`]: passes traffic on between applications and a server, unchanged.
//! * [`tap`]: the seam between the tee and what reads the traffic.
//! * [`protocol`]: the bytes of a session as the statements that were executed.
//! * [`log`]: PostgreSQL's own logs as executions.
//! * [`trace`]: what was captured, as a file.

pub mod capture;
pub mod log;
pub mod protocol;
pub mod tap;
pub mod tee;
pub mod trace;
