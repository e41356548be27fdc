//! When sessions lose patience: [`Deadlines`].

use std::collections::{BTreeSet, HashMap};
use std::time::Instant;

/// Which session: its slot, and the number of the connection that holds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Key {
    pub(super) slot: usize,
    pub(super) connection: u64,
}

/// The deadline of each session that has one.
#[derive(Debug, Default)]
pub(super) struct Deadlines {
    of: HashMap<Key, Instant>,
    order: BTreeSet<(Instant, Key)>,
}

impl Deadlines {
    /// Sets the session's deadline, in place of the one that it had.
    pub(super) fn set(&mut self, key: Key, at: Instant) {
        self.clear(key);
        self.of.insert(key, at);
        self.order.insert((at, key));
    }

    pub(super) fn clear(&mut self, key: Key) {
        if let Some(at) = self.of.remove(&key) {
            self.order.remove(&(at, key));
        }
    }

    /// The earliest deadline.
    pub(super) fn next(&self) -> Option<Instant> {
        self.order.first().map(|(at, _)| *at)
    }

    /// Takes a session whose deadline is over.
    pub(super) fn take_due(&mut self, now: Instant) -> Option<Key> {
        let (at, key) = *self.order.first()?;
        if at > now {
            return None;
        }
        self.clear(key);
        Some(key)
    }
}
