//! Whether a loaded table looks as it was asked to: [`check_skew`] holds the planner's statistics
//! against the specification.
//!
//! The planner's statistics are taken from a random sample of 300 rows for each unit of the
//! statistics target (PostgreSQL documentation, `ANALYZE`; the factor is from Chaudhuri, Motwani and
//! Narasayya, "Random sampling for histogram construction: how much is enough?", SIGMOD 1998). So a
//! figure may differ from what was asked for by that sample's error and no more. Tolerances are bounds
//! that hold for any sample size ([`bounds`]), each at an error of one in a million, so that a seed
//! with hundreds of checks raises no false alarm in ten thousand.

mod bounds;
mod estimator;
mod expectation;
mod frequencies;
mod judge;
mod statistics;

pub(crate) use expectation::{Expectation, Order, Values};
pub(crate) use frequencies::Frequencies;
pub use judge::check_skew;
pub use statistics::{ColumnStatistics, TableStatistics};
