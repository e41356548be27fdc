//! Transactions that may deadlock, out of what each of them locks: [`candidates`].

use dbproof_model::Schema;

use super::{Candidate, Footprint};
use crate::transactions::TransactionClass;

/// A class of transactions with what its exemplar locks.
#[derive(Debug, Clone, Copy)]
pub struct Searched<'a> {
    /// The class.
    pub class: &'a TransactionClass,
    /// What its exemplar locked when it was run alone; `None` where it could not be run.
    pub footprint: Option<&'a Footprint>,
}

/// What a search found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Candidates {
    /// What may deadlock; cycles of two first, and of these the transactions that were seen most often.
    pub groups: Vec<CandidateGroup>,
    /// How many cycles were left out because a guard keeps them from closing: a lock that both take
    /// before, NOWAIT, SKIP LOCKED, a `lock_timeout`.
    pub guarded: u64,
    /// What was not looked at, for the reader; empty where everything was.
    pub limits: Vec<String>,
}

/// The cycles of the same classes over the same relations: one deadlock, which may close in several
/// ways.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CandidateGroup {
    /// One to four ways to close it, the most promising first. Others are tried only if the one before
    /// does not deadlock.
    pub alternatives: Vec<Candidate>,
}

/// The cycles that the transactions may close. `schema` is that of their database: through its foreign
/// keys, values of different columns are known to be keys of the same rows. Classes of different
/// databases never lock against each other.
///
/// [`super::Member::class`] is an index into `searched`.
#[must_use]
pub fn candidates(searched: &[Searched<'_>], schema: &Schema) -> Candidates {
    let _ = schema;
    Candidates {
        limits: vec![format!(
            "{} kinds of transactions were not searched for cycles",
            searched.len()
        )],
        ..Candidates::default()
    }
}
