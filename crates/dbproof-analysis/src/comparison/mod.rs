//! The ratio of two sides from interleaved pairs, and what it proves.
//!
//! Times come in sessions, one for each connection, of pairs (before, after) in milliseconds with
//! equal parameters. The bias of a comparison belongs to the connection, for a session's life, so
//! more pairs on one connection only make a wrong answer surer; [`judge`] therefore asks the
//! sessions to agree.

mod procedure;
mod ratio;
#[cfg(test)]
mod simulation;
mod wilcoxon;

pub use procedure::{Outcome, Rules, Timing, judge};
pub use ratio::ratio;
