//! Filling a database with the rows of `data/*.toml`.

mod data;

pub(crate) use data::SeedData;

/// How many connections and threads a load uses where nothing is said: one for each processor, and
/// few enough for a server with the default number of connections.
#[must_use]
pub fn default_threads() -> usize {
    std::thread::available_parallelism().map_or(1, |cores| cores.get().min(16))
}
