//! Traces as files: [`TraceWriter`] and [`TraceReader`].
//!
//! A trace (`dbproof.trace/1`) begins with that name on a line of its own. Then come records, each a
//! length (four bytes, little endian) and so many bytes in postcard's encoding: statements, result
//! shapes, tags and databases are told once and numbered from 0 as they come; executions refer to
//! them. The last record says how many executions there are, so that a file that was cut off is
//! known as such. Values are hashes, made with a secret that is thrown away, unless texts were asked
//! for. The version changes with any change to what a record means.

mod error;
mod read;
mod record;
#[cfg(test)]
mod tests;
mod write;

pub use error::TraceError;
pub use read::{TraceItem, TraceReader};
pub use write::TraceWriter;

/// The first line of every trace.
const HEAD: &[u8] = b"dbproof.trace/1\n";

/// The longest record, in bytes: what is longer is no trace.
const LONGEST_RECORD: usize = 256 << 20;
