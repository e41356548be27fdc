//! What tests wrap around everything, told from what an application rolls back: [`Depths`].
//!
//! A test suite runs each test in a transaction that is rolled back, and the application's own
//! transactions are savepoints in it: at depth 1 (Rails, `SQLAlchemy`, asyncpg) or 2 (Django, where
//! the class of the test has a transaction and the test itself a savepoint). So a block that was
//! rolled back and held something that was released is such a wrapper, and so are then all blocks of
//! that depth that were rolled back: a test of code without transactions holds nothing.

use super::blocks::Block;
use super::found::Origin;
use super::item::Item;

/// As deep as blocks are told apart.
const DEEPEST: usize = 7;

/// How often blocks were kept and rolled back, by their depth: 0 is a transaction, 1 a savepoint in
/// it. Only blocks that locked count, and only such in blocks that were rolled back.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Depths {
    kept: [u64; DEEPEST + 1],
    rolled_back: [u64; DEEPEST + 1],
    /// Such that were rolled back and held a block that was kept.
    held_kept: [u64; DEEPEST + 1],
    /// Transactions that were rolled back and had savepoints in them.
    had_savepoints: u64,
    /// Savepoints that were released in any transaction.
    released: u64,
}

impl Depths {
    pub(super) fn at(depth: usize) -> u8 {
        u8::try_from(depth.min(DEEPEST)).unwrap_or(u8::MAX)
    }

    /// Counts a block, and not those inside of it.
    pub(super) fn count(&mut self, block: &Block, items: &[Item], depth: usize) {
        if !block.has_locked(items) {
            return;
        }
        let at = usize::from(Self::at(depth));
        if block.is_kept {
            self.kept[at] += 1;
        } else {
            self.rolled_back[at] += 1;
            self.held_kept[at] += u64::from(block.holds_kept(items));
        }
        if depth == 0 {
            self.had_savepoints += u64::from(!block.is_kept && !block.inner.is_empty());
            let released = block.is_kept && block.holds_kept(items);
            self.released += u64::from(released);
        }
    }

    /// A transaction was rolled back in which blocks of these depths had been kept.
    pub(super) fn count_kept(&mut self, depths: impl Iterator<Item = usize>) {
        for depth in depths {
            self.kept[usize::from(Self::at(depth))] += 1;
            for around in 0..depth.min(DEEPEST) {
                self.rolled_back[around] += 1;
                self.held_kept[around] += 1;
            }
        }
    }

    /// Whether blocks that are rolled back at a depth are what tests wrap around everything.
    fn is_wrapper(&self, depth: usize) -> bool {
        let never_kept = match depth {
            0 => self.had_savepoints > 0 && self.released == 0 && self.kept[1] == 0,
            1 => self.kept[1] == 0,
            _ => false,
        };
        let is_one = self.rolled_back[depth] > 0 && (self.held_kept[depth] > 0 || never_kept);
        is_one && (depth == 0 || self.is_wrapper(depth - 1))
    }

    /// Whether something is a transaction, given where it stands.
    pub(super) fn holds(&self, origin: Origin) -> bool {
        match origin {
            Origin::Kept => true,
            Origin::Alone(depth) => self.is_wrapper(usize::from(depth)),
            Origin::RolledBack(0) => !self.is_wrapper(0),
            Origin::RolledBack(depth) => {
                let depth = usize::from(depth);
                self.is_wrapper(depth - 1) && !self.is_wrapper(depth)
            }
        }
    }
}
