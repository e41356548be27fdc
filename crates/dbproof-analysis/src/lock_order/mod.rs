//! In which order transactions take their locks, and where two orders contradict each other.
//!
//! * `mode`: the modes of locks, and which exclude each other.
//! * `footprint`: what a transaction locks when it runs alone.
//! * `candidate`: transactions that may lock against each other.
//! * `candidates`: the search for them.

mod candidate;
mod candidates;
mod footprint;
mod mode;

pub use candidate::{Candidate, Member, Taken};
pub use candidates::{CandidateGroup, Candidates, Searched, candidates};
pub use footprint::{Footprint, FootprintStep, Lock, LockObject, Waiting};
pub use mode::{LockMode, RelationMode, RowMode};
