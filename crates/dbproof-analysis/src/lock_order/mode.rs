//! Modes of locks and which of them exclude each other: [`LockMode`].

/// The mode of a lock, by the kind of object that it is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum LockMode {
    /// Of a relation.
    Relation(RelationMode),
    /// Of a row.
    Row(RowMode),
    /// Of an advisory lock, for several at once.
    AdvisoryShared,
    /// Of an advisory lock, for one alone.
    AdvisoryExclusive,
    /// Of a key that was entered into a unique index and is not committed yet: whoever enters the same
    /// key waits for the end of the transaction.
    UniqueKey,
    /// Of a key in a unique index whose row was updated or deleted and that is not committed yet: whoever
    /// enters the same key waits for the end of the transaction. It is held and never asked for, because
    /// whoever updates or deletes a row waits for the row: [`LockMode::is_asked_for`].
    OldUniqueKey,
}

/// The eight modes of a relation's lock, the weakest first ("Table-Level Locks" in PostgreSQL's
/// documentation, section Explicit Locking).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RelationMode {
    /// ACCESS SHARE: reading.
    AccessShare,
    /// ROW SHARE: SELECT … FOR UPDATE and its like.
    RowShare,
    /// ROW EXCLUSIVE: INSERT, UPDATE, DELETE, MERGE.
    RowExclusive,
    /// SHARE UPDATE EXCLUSIVE: VACUUM, ANALYZE, CREATE INDEX CONCURRENTLY.
    ShareUpdateExclusive,
    /// SHARE: CREATE INDEX.
    Share,
    /// SHARE ROW EXCLUSIVE: CREATE TRIGGER, a new foreign key.
    ShareRowExclusive,
    /// EXCLUSIVE: REFRESH MATERIALIZED VIEW CONCURRENTLY.
    Exclusive,
    /// ACCESS EXCLUSIVE: most of ALTER TABLE, DROP, TRUNCATE.
    AccessExclusive,
}

/// The four modes of a row's lock, the weakest first ("Row-Level Locks", ibid.).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RowMode {
    /// FOR KEY SHARE: what a foreign key's check takes on the row that is referred to.
    KeyShare,
    /// FOR SHARE.
    Share,
    /// FOR NO KEY UPDATE: an UPDATE that leaves the row's keys alone.
    NoKeyUpdate,
    /// FOR UPDATE: DELETE, and an UPDATE of a key.
    Update,
}

impl LockMode {
    /// Whether two transactions cannot hold these on one object at the same time.
    #[must_use]
    pub fn conflicts_with(self, other: Self) -> bool {
        match (self, other) {
            (LockMode::Relation(a), LockMode::Relation(b)) => a.conflicts_with(b),
            (LockMode::Row(a), LockMode::Row(b)) => a.conflicts_with(b),
            (LockMode::AdvisoryShared, LockMode::AdvisoryShared) => false,
            (
                LockMode::AdvisoryShared | LockMode::AdvisoryExclusive,
                LockMode::AdvisoryShared | LockMode::AdvisoryExclusive,
            )
            | (LockMode::UniqueKey, LockMode::UniqueKey | LockMode::OldUniqueKey)
            | (LockMode::OldUniqueKey, LockMode::UniqueKey) => true,
            _ => false,
        }
    }

    /// Whether a statement that takes it may have to wait for it.
    #[must_use]
    pub fn is_asked_for(self) -> bool {
        self != LockMode::OldUniqueKey
    }
}

impl RelationMode {
    /// All of them, the weakest first.
    pub const ALL: [Self; 8] = [
        Self::AccessShare,
        Self::RowShare,
        Self::RowExclusive,
        Self::ShareUpdateExclusive,
        Self::Share,
        Self::ShareRowExclusive,
        Self::Exclusive,
        Self::AccessExclusive,
    ];

    /// Whether two transactions cannot hold these on one relation at the same time (table 13.2,
    /// "Conflicting Lock Modes").
    #[must_use]
    pub fn conflicts_with(self, other: Self) -> bool {
        use RelationMode as M;
        let (weak, strong) = (self.min(other), self.max(other));
        match weak {
            M::AccessShare => strong == M::AccessExclusive,
            M::RowShare => strong >= M::Exclusive,
            M::RowExclusive => strong >= M::Share,
            M::Share => strong != M::Share,
            // The first of these is the one mode, but for the strongest three, that excludes itself.
            M::ShareUpdateExclusive | M::ShareRowExclusive | M::Exclusive | M::AccessExclusive => {
                true
            }
        }
    }

    /// The name that `pg_locks.mode` has for it.
    #[must_use]
    pub fn as_pg_locks(self) -> &'static str {
        match self {
            Self::AccessShare => "AccessShareLock",
            Self::RowShare => "RowShareLock",
            Self::RowExclusive => "RowExclusiveLock",
            Self::ShareUpdateExclusive => "ShareUpdateExclusiveLock",
            Self::Share => "ShareLock",
            Self::ShareRowExclusive => "ShareRowExclusiveLock",
            Self::Exclusive => "ExclusiveLock",
            Self::AccessExclusive => "AccessExclusiveLock",
        }
    }

    /// As LOCK TABLE has it: `ROW EXCLUSIVE`.
    #[must_use]
    pub fn as_clause(self) -> &'static str {
        match self {
            Self::AccessShare => "ACCESS SHARE",
            Self::RowShare => "ROW SHARE",
            Self::RowExclusive => "ROW EXCLUSIVE",
            Self::ShareUpdateExclusive => "SHARE UPDATE EXCLUSIVE",
            Self::Share => "SHARE",
            Self::ShareRowExclusive => "SHARE ROW EXCLUSIVE",
            Self::Exclusive => "EXCLUSIVE",
            Self::AccessExclusive => "ACCESS EXCLUSIVE",
        }
    }

    /// The mode that `pg_locks.mode` calls so.
    #[must_use]
    pub fn from_pg_locks(mode: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|m| m.as_pg_locks() == mode)
    }
}

impl RowMode {
    /// All of them, the weakest first.
    pub const ALL: [Self; 4] = [Self::KeyShare, Self::Share, Self::NoKeyUpdate, Self::Update];

    /// Whether two transactions cannot hold these on one row at the same time (table 13.3,
    /// "Conflicting Row-Level Locks").
    #[must_use]
    pub fn conflicts_with(self, other: Self) -> bool {
        let (weak, strong) = (self.min(other), self.max(other));
        match weak {
            Self::KeyShare => strong == Self::Update,
            Self::Share => strong >= Self::NoKeyUpdate,
            Self::NoKeyUpdate | Self::Update => true,
        }
    }

    /// As a locking clause has it: `FOR NO KEY UPDATE`.
    #[must_use]
    pub fn as_clause(self) -> &'static str {
        match self {
            Self::KeyShare => "FOR KEY SHARE",
            Self::Share => "FOR SHARE",
            Self::NoKeyUpdate => "FOR NO KEY UPDATE",
            Self::Update => "FOR UPDATE",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Table 13.2 of PostgreSQL's documentation: for each mode, those that it conflicts with.
    const RELATION: [&str; 8] = [
        ".......X", "......XX", "....XXXX", "...XXXXX", "..XX.XXX", "..XXXXXX", ".XXXXXXX",
        "XXXXXXXX",
    ];
    /// Table 13.3.
    const ROW: [&str; 4] = ["...X", "..XX", ".XXX", "XXXX"];

    #[test]
    fn relation_modes_conflict_as_the_documentation_says() {
        for (a, row) in RelationMode::ALL.into_iter().zip(RELATION) {
            for (b, mark) in RelationMode::ALL.into_iter().zip(row.chars()) {
                assert_eq!(a.conflicts_with(b), mark == 'X', "{a:?} {b:?}");
            }
        }
    }

    #[test]
    fn row_modes_conflict_as_the_documentation_says() {
        for (a, row) in RowMode::ALL.into_iter().zip(ROW) {
            for (b, mark) in RowMode::ALL.into_iter().zip(row.chars()) {
                assert_eq!(a.conflicts_with(b), mark == 'X', "{a:?} {b:?}");
            }
        }
    }

    #[test]
    fn modes_of_different_kinds_never_conflict() {
        let row = LockMode::Row(RowMode::Update);
        let relation = LockMode::Relation(RelationMode::AccessExclusive);
        assert!(!row.conflicts_with(relation) && !relation.conflicts_with(LockMode::UniqueKey));
        assert!(!LockMode::AdvisoryShared.conflicts_with(LockMode::AdvisoryShared));
        assert!(LockMode::AdvisoryShared.conflicts_with(LockMode::AdvisoryExclusive));
    }

    #[test]
    fn whoever_enters_a_key_waits_for_its_old_row_and_not_the_other_way_round() {
        let (new, old) = (LockMode::UniqueKey, LockMode::OldUniqueKey);
        assert!(new.conflicts_with(new) && new.conflicts_with(old) && old.conflicts_with(new));
        assert!(!old.conflicts_with(old));
        assert!(new.is_asked_for() && !old.is_asked_for());
    }

    #[test]
    fn names_of_pg_locks_are_read_back() {
        for mode in RelationMode::ALL {
            assert_eq!(RelationMode::from_pg_locks(mode.as_pg_locks()), Some(mode));
        }
        assert_eq!(RelationMode::from_pg_locks("SIReadLock"), None);
    }
}
