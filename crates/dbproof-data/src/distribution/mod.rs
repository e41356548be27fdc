//! Distributions beyond those of `rand_distr`: the bounded [`Zipf`].

mod zipf;

pub use zipf::{Zipf, ZipfError};
