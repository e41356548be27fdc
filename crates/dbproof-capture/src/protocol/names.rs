//! What goes by a name in a session: [`Names`].

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use dbproof_analysis::traffic::ValueHasher;

use super::not_read::NotRead;

/// Names kept of each sort. A server would need gigabytes for as many.
const MOST_NAMES: usize = 100_000;

/// The name of a prepared statement or of a portal, as a keyed hash; `None` is the empty name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Name(Option<std::num::NonZeroU64>);

impl Name {
    pub(super) const UNNAMED: Self = Self(None);

    pub(super) fn of(name: &[u8], hasher: &ValueHasher) -> Self {
        if name.is_empty() {
            return Self::UNNAMED;
        }
        Self(Some(hasher.raw(name).0))
    }

    pub(super) fn is_unnamed(self) -> bool {
        self.0.is_none()
    }
}

/// What goes by a name. Most sessions use the empty name alone.
#[derive(Debug)]
pub(super) struct Names<T> {
    unnamed: Option<T>,
    named: HashMap<Name, T, BuildHasherDefault<Hashed>>,
}

impl<T> Default for Names<T> {
    fn default() -> Self {
        Self {
            unnamed: None,
            named: HashMap::default(),
        }
    }
}

impl<T> Names<T> {
    pub(super) fn get(&self, name: Name) -> Option<&T> {
        if name.is_unnamed() {
            self.unnamed.as_ref()
        } else {
            self.named.get(&name)
        }
    }

    pub(super) fn get_mut(&mut self, name: Name) -> Option<&mut T> {
        if name.is_unnamed() {
            self.unnamed.as_mut()
        } else {
            self.named.get_mut(&name)
        }
    }

    /// Gives something a name, and returns what had it before.
    pub(super) fn insert(&mut self, name: Name, it: T) -> Result<Option<T>, NotRead> {
        if name.is_unnamed() {
            return Ok(self.unnamed.replace(it));
        }
        if self.named.len() >= MOST_NAMES {
            return Err(NotRead::Names(MOST_NAMES));
        }
        Ok(self.named.insert(name, it))
    }

    pub(super) fn remove(&mut self, name: Name) -> Option<T> {
        if name.is_unnamed() {
            self.unnamed.take()
        } else {
            self.named.remove(&name)
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.unnamed.is_none() && self.named.is_empty()
    }

    /// Takes out all for which `leaves` is true, and hands them on, in no order.
    pub(super) fn take_if(&mut self, leaves: impl Fn(&T) -> bool, mut taken: impl FnMut(T)) {
        if let Some(unnamed) = self.unnamed.take_if(|it| leaves(it)) {
            taken(unnamed);
        }
        if !self.named.is_empty() {
            self.named
                .extract_if(|_, it| leaves(it))
                .for_each(|(_, it)| taken(it));
        }
    }

    /// Forgets those with a name; `DEALLOCATE ALL` and `DISCARD ALL` leave the unnamed one alone.
    pub(super) fn clear_named(&mut self) {
        self.named.clear();
    }
}

/// Names are hashes already.
#[derive(Debug, Default)]
struct Hashed(u64);

impl Hasher for Hashed {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 ^= hash;
    }

    fn write_isize(&mut self, _: isize) {}

    fn finish(&self) -> u64 {
        self.0
    }
}
