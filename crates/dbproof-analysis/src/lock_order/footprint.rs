//! What a transaction locks, statement by statement: [`Footprint`].

use super::LockMode;

/// What a transaction locks when it runs alone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Footprint {
    /// One entry a statement, in the order of the statements; those that lock nothing new included.
    pub steps: Vec<FootprintStep>,
    /// What COMMIT takes: foreign keys that are checked at the end only (`INITIALLY DEFERRED`, as
    /// Django makes all of its own) lock the row that they refer to then.
    pub commit: FootprintStep,
    /// What could not be read, for the reader: a table too large to be searched for locked rows.
    pub unread: Vec<String>,
}

/// What one statement locks in addition to what the transaction has locked before it. A lock that
/// gets stronger is listed again with its new mode.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FootprintStep {
    /// The new locks; in the order in which they were taken where `is_ordered` says so.
    pub locks: Vec<Lock>,
    /// Locks that earlier statements took and that the transaction does not hold any more: those of a
    /// savepoint that was rolled back.
    pub released: Vec<Lock>,
    /// Whether the order of `locks` is known.
    pub is_ordered: bool,
    /// What the statement does where a lock is not free.
    pub waiting: Waiting,
    /// The SQLSTATE that the statement failed with, where it did. The footprint ends with it, unless
    /// the transaction goes on by rolling back to a savepoint.
    pub failed: Option<String>,
}

/// What a statement does where a row that it wants to lock is not free.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Waiting {
    /// It waits.
    #[default]
    Waits,
    /// It fails at once: `NOWAIT`, or an advisory lock that is only tried.
    Fails,
    /// It leaves the row out: `SKIP LOCKED`.
    Skips,
}

/// A lock: on what, and in which mode.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Lock {
    /// On what.
    pub object: LockObject,
    /// In which mode.
    pub mode: LockMode,
}

/// What is locked. Names are qualified with the schema: `public.orders`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum LockObject {
    /// A relation as a whole.
    Relation(String),
    /// A row, by its primary key (or, where there is none, by the shortest unique key that has no
    /// NULL, or by its place in the file, written `ctid`).
    Row {
        /// The relation.
        relation: String,
        /// The columns of the key and their values as text, in the order of the key.
        key: Vec<(String, String)>,
    },
    /// A key in a unique index that is not committed yet.
    UniqueKey {
        /// The relation.
        relation: String,
        /// The index.
        index: String,
        /// The columns of the key and their values as text.
        key: Vec<(String, String)>,
    },
    /// An advisory lock, by its key as SQL: `42` or `1, 2`.
    Advisory(String),
}

impl LockObject {
    /// The relation that it is, or is in.
    #[must_use]
    pub fn relation(&self) -> Option<&str> {
        match self {
            Self::Relation(relation)
            | Self::Row { relation, .. }
            | Self::UniqueKey { relation, .. } => Some(relation),
            Self::Advisory(_) => None,
        }
    }
}
