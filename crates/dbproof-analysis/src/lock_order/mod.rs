//! In which order transactions take their locks, and where two orders contradict each other.
//!
//! * `mode`: the modes of locks, and which exclude each other.
//! * `footprint`: what a transaction locks when it runs alone.
//! * `candidate`: transactions that may lock against each other.
//! * `candidates`: the search for them.
//! * `describe`: one of them as a record has it, with its remedy.
//!
//! The search knows transactions by what they lock (`profile`), which is read (`build`) from footprints
//! (`taken`) and from the values in statements (`slots`): a row that was locked by a value of the
//! application's own could have been another row (`keys`), also one of a foreign key (`domains`). Cycles
//! are looked for among all of them (`search`), with values made to meet as far as the pattern in which
//! they were seen allows (`unify`), and written as statements (`assign`, `substitute`).

mod assign;
mod build;
mod candidate;
mod candidates;
mod describe;
mod domains;
mod footprint;
mod keys;
mod migration_remedy;
mod mode;
mod profile;
mod remedy;
mod search;
mod slots;
mod substitute;
mod taken;
#[cfg(test)]
mod tests;
mod unify;
mod values;

pub use candidate::{Candidate, Member, Taken};
pub use candidates::{CandidateGroup, Candidates, Searched, candidates};
pub use describe::describe;
pub use footprint::{Footprint, FootprintStep, Lock, LockObject, Waiting};
pub use mode::{LockMode, RelationMode, RowMode};
use profile::{KeyValue, Profile, TakenLock, ValueKind};
