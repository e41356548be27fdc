//! The ratio of two sides from interleaved pairs, and what it proves.
//!
//! Times come in sessions, one for each connection, of pairs (before, after) in milliseconds with
//! equal parameters. The bias of a comparison belongs to the connection, for a session's life, so
//! a session counts as one observation however many pairs it holds.

mod ratio;

pub use ratio::ratio;
