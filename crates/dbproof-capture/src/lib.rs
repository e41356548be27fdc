//! The capture of an application's database traffic.
//!
//! * [`tap`]: the seam between the tee, which passes traffic on, and what reads it.

pub mod tap;
