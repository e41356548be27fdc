//! The capture of an application's database traffic.
//!
//! * [`tee`]: passes traffic on between applications and a server, unchanged.
//! * [`tap`]: the seam between the tee and what reads the traffic.

pub mod tap;
pub mod tee;
