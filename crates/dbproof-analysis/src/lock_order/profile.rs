//! What matters of a transaction for the search: [`Profile`]. Transactions that lock alike have one
//! profile, however their statements look.

use super::LockMode;
use super::domains::Domain;

/// The locks that a transaction takes one after the other, as far as anybody may wait for them.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Profile {
    /// The locks, in the order in which they are taken.
    pub(super) locks: Vec<TakenLock>,
    /// The values that their keys are made of.
    pub(super) values: Vec<KeyValue>,
}

/// A lock as a transaction takes it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct TakenLock {
    /// The set of objects that it is one of: the rows of a relation, a relation itself, the keys of an
    /// index. Only locks of one such set can be on the same object.
    pub(super) bucket: usize,
    /// Its mode.
    pub(super) mode: LockMode,
    /// The key of its object, as indices into [`Profile::values`]; empty for a relation.
    pub(super) key: Vec<usize>,
    /// The statement that takes it: its number among those that take any.
    pub(super) step: usize,
    /// Its place among the locks of that statement, where it is known; between those of one place it is
    /// not.
    pub(super) order: Option<usize>,
    /// The same for statements that can be taken to lock their rows in the same order, though in which
    /// one is not known.
    pub(super) same_order: Option<u64>,
    /// Whether it is waited for until it is free.
    pub(super) waits: bool,
    /// From this step on it may be free again.
    pub(super) surely_until: usize,
    /// From this step on it is free again.
    pub(super) held_until: usize,
}

/// A value of a key.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct KeyValue {
    /// What it is a key of.
    pub(super) domain: Domain,
    /// Whether it can be another one.
    pub(super) kind: ValueKind,
    /// Of values of the same domain and group, the greater has the greater rank: the order in which the
    /// application was seen to have them.
    pub(super) rank: usize,
    /// Values of different groups are in no order that was seen.
    pub(super) group: usize,
}

/// Whether a value can be another one in another transaction that does the same.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum ValueKind {
    /// It stands in the statements, so it can.
    Free,
    /// It is the same in all of them.
    Constant(String),
    /// It is the key of a row that was found by other values, which can be others: then the row is
    /// another one too.
    Found {
        /// The key in the exemplar.
        text: String,
        /// The values that it was found by.
        by: Vec<usize>,
    },
    /// It was made for this transaction: no other has it.
    Fresh,
}

impl Profile {
    /// Whether the transaction holds the first of its locks while it asks for the second.
    pub(super) fn holds_while_asking(&self, held: usize, asked: usize) -> bool {
        let (h, q) = (&self.locks[held], &self.locks[asked]);
        if h.step != q.step {
            return h.step < q.step && q.step < h.held_until;
        }
        match (h.order, q.order) {
            (Some(h), Some(q)) if h != q => h < q,
            _ => held != asked && (h.bucket, &h.key) != (q.bucket, &q.key),
        }
    }

    /// Whether the transaction holds the first of its locks in any case when it asks for the second.
    pub(super) fn surely_holds(&self, held: usize, asked: usize) -> bool {
        let (h, q) = (&self.locks[held], &self.locks[asked]);
        if h.step != q.step {
            return h.step < q.step && q.step < h.surely_until;
        }
        matches!((h.order, q.order), (Some(h), Some(q)) if h < q)
    }

    /// Whether both are taken by one statement in an order that is not known, and the order is the same
    /// whenever that statement runs.
    pub(super) fn order_within(&self, held: usize, asked: usize) -> Option<u64> {
        let (h, q) = (&self.locks[held], &self.locks[asked]);
        let is_known = matches!((h.order, q.order), (Some(h), Some(q)) if h != q);
        let is_within = h.step == q.step && !is_known;
        h.same_order.filter(|_| is_within)
    }
}
