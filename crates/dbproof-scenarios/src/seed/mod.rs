//! Filling a database with the rows of `data/*.toml`: [`seed`].
//!
//! * `data`: the rows that the files ask for.
//! * `run`: a new database, or one that is there, from start to end.
//! * `infer`: a first `data/*.toml` from a database that has rows.
//! * `skew`: the planner's statistics against what was asked for.

mod data;
mod infer;
mod options;
mod run;
mod skew;

pub(crate) use data::{MissingData, SeedData};
pub(crate) use infer::file_name;
pub use infer::{InferOptions, InferredFile, infer};
pub use options::{Destination, SeedEvent, SeedObserver, SeedOptions};
pub use run::seed;

/// How many connections and threads a load uses where nothing is said: one for each processor, and
/// few enough for a server with the default number of connections.
#[must_use]
pub fn default_threads() -> usize {
    std::thread::available_parallelism().map_or(1, |cores| cores.get().min(16))
}
