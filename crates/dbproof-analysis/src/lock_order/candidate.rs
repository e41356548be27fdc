//! Transactions that may lock against each other: [`Candidate`].

use super::Lock;
use crate::traffic::SentText;

/// A cycle: each member holds what the one before it asks for, and the last one holds what the
/// first asks for. To be confirmed by running it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Two to four transactions; the same class can stand twice, for two of its transactions.
    pub members: Vec<Member>,
}

/// A transaction of a cycle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Its class, as an index into the classes that were searched.
    pub class: usize,
    /// Its statements, with values that meet those of the other members.
    pub statements: Vec<SentText>,
    /// What it holds that another member asks for.
    pub held: Taken,
    /// What it asks for that another member holds. Taken by the same statement as `held`, or by a
    /// later one.
    pub asked: Taken,
}

/// A lock, and the statement that takes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// The statement, as an index into the statements of the transaction.
    pub statement: usize,
    /// The lock.
    pub lock: Lock,
}
