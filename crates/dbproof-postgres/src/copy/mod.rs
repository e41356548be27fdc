//! Loading of generated rows by COPY: [`fill`] and [`fill_in_transaction`].
//!
//! * `target`: the real types of a table's columns, from the catalog.
//! * `binary` and `text`: rows in the two formats of COPY. Binary is the rule; the text format is for
//!   a type without an encoder here, and for values that only the server can judge.
//! * `source`: threads that generate and encode, a bounded number of chunks ahead.
//! * `deferred`: indexes and foreign keys, taken away before the load and made anew after it.
//! * `sequences`: what the next `INSERT` will be given.
//!
//! The rows of a table reach it in order over one connection, so that its pages are the same in
//! every run, and different tables are loaded at the same time. Only a table of more than
//! [`SHARED_FROM`] rows is shared between connections, chunk by chunk.

mod analysed;
mod binary;
mod deferred;
mod error;
mod fill;
mod in_transaction;
mod load;
mod sequences;
mod source;
mod target;
mod text;

pub use analysed::analyse;
pub use error::LoadError;
pub use fill::fill;
pub use in_transaction::{fill_in_transaction, is_empty};
pub use load::{Loading, Progress};
pub(crate) use target::escape_relation;

/// From how many rows on a table is loaded over several connections. Its rows are then still
/// nearly in order, but not the same ones in every page from run to run.
pub const SHARED_FROM: u64 = 1_000_000;

/// What was loaded into one table.
#[derive(Debug, Clone, PartialEq)]
pub struct Filled {
    /// The table, as the specification names it.
    pub table: String,
    /// Its rows.
    pub rows: u64,
    /// From the first byte to the last, without indexes and keys.
    pub seconds: f64,
}
