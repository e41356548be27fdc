//! Latency summaries, and the gate that holds one figure of them against a threshold.
//!
//! All times are milliseconds. A quantile is the nearest rank: the smallest sample that at least
//! the given share of all samples does not exceed, an observed value and never an interpolation
//! (definition 1 of Hyndman and Fan, "Sample Quantiles in Statistical Packages", 1996).

mod bounds;
mod condensed;
mod distribution;
mod histogram;
mod summary;

pub use bounds::{CONFIDENCE, bounds, gate, samples_needed};
pub(crate) use bounds::{lower_rank, upper_rank};
pub use distribution::{Distribution, RAW_SAMPLES};
pub use histogram::histogram;
pub use summary::{Summary, durations, summarise};
