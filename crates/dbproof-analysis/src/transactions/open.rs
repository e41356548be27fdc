//! A transaction that is open: [`Open`].

use std::sync::Arc;

use super::act::Act;
use super::blocks::Block;
use super::depths::Depths;
use super::found::{Found, Origin, Setting, Unfit};
use super::item::{Item, Role};
use super::table::Table;

/// A transaction of more statements than this is cut: what was released of it is kept, and the rest
/// forgotten. Test classes run everything in one.
const MOST_ITEMS: usize = 5_000;
/// The same for the bytes of its statements.
const MOST_BYTES: usize = 8 << 20;
/// As many transactions are remembered of what was cut off.
const MOST_FOLDED: usize = 400;

/// Executions in a row of one statement that only reads that are kept.
const MOST_REPEATED_READS: usize = 3;

/// A transaction that is open; of a session that sends several statements at once, those.
#[derive(Debug)]
pub(super) struct Open {
    /// The number of the explicit transaction; `None` where there is none.
    pub(super) transaction: Option<u32>,
    /// The series of the statements, where there is no explicit transaction.
    pub(super) series: u32,
    pub(super) setting: Setting,
    items: Vec<Item>,
    bytes: usize,
    /// The savepoints that were open where it was cut, if it was.
    cut: Option<Vec<String>>,
    /// What had been released before it was cut: the depth, and a transaction with its count.
    folded: Vec<(usize, Found, u64)>,
}

impl Open {
    pub(super) fn new(transaction: Option<u32>, series: u32, setting: Setting) -> Self {
        Self {
            transaction,
            series,
            setting,
            items: Vec::new(),
            bytes: 0,
            cut: None,
            folded: Vec::new(),
        }
    }

    /// Takes a statement in; by how many bytes the transaction has grown, or shrunk.
    pub(super) fn take(&mut self, item: Item) -> isize {
        let before = self.bytes;
        self.bytes += item.bytes();
        self.items.push(item);
        if self.items.len() >= MOST_ITEMS || self.bytes > MOST_BYTES {
            self.fold();
        }
        self.bytes.cast_signed() - before.cast_signed()
    }

    /// Whether its last statements are executions of this one; of what only reads, more tell nothing.
    pub(super) fn repeats(&self, role: &Arc<Role>) -> bool {
        let last = self.items.iter().rev().take(MOST_REPEATED_READS);
        let same = last.filter(|item| Arc::ptr_eq(&item.role, role));
        same.count() == MOST_REPEATED_READS
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Keeps what was released, and forgets the rest; but for what was done since the outermost
    /// savepoint that is open, where that is not most of it: it may be released yet.
    pub(super) fn fold(&mut self) {
        let before = self.cut.take().unwrap_or_default();
        let at = Block::open_since(&self.items, &before);
        let at = at.filter(|at| self.items.len() - at < MOST_ITEMS / 2);
        let rest = self.items.split_off(at.unwrap_or(self.items.len()));
        let block = Block::of(&self.items, false, Some(&before));
        let mut kept = Vec::new();
        self.kept(&block, 0, &mut kept);
        for (depth, found) in kept {
            self.keep(depth, found);
        }
        self.cut = Some(Block::open_after(&self.items, &before));
        self.items = rest;
        let folded = self.folded.iter().map(|(_, found, _)| found.bytes());
        let items = self.items.iter().map(Item::bytes);
        self.bytes = folded.chain(items).sum();
    }

    fn keep(&mut self, depth: usize, found: Found) {
        let is_full = self.folded.len() >= MOST_FOLDED;
        let mut known = self.folded.iter_mut();
        match known.find(|(_, known, _)| known.key == found.key) {
            Some((_, known, count)) => {
                *count += 1;
                if found.rank() < known.rank() {
                    *known = found;
                }
            }
            None if is_full => {}
            None => self.folded.push((depth, found, 1)),
        }
    }

    fn kept(&self, block: &Block, depth: usize, into: &mut Vec<(usize, Found)>) {
        for inner in &block.inner {
            if inner.is_kept && !inner.is_cut {
                if let Ok(found) = self.found(inner, Origin::Kept) {
                    into.push((depth + 1, found));
                }
            } else {
                self.kept(inner, depth + 1, into);
            }
        }
    }

    fn found(&self, block: &Block, origin: Origin) -> Result<Found, Unfit> {
        let items = self.items[block.items.clone()].iter();
        let mut found = Found::of(items, &self.setting, origin)?;
        let is_whole = block.items.len() == self.items.len();
        found.is_in_test = origin == Origin::Kept && !is_whole;
        Ok(found)
    }

    /// The transaction has ended; what was one is told to the table.
    pub(super) fn end(mut self, commits: bool, table: &mut Table, depths: &mut Depths) {
        // What a cursor locks, it locks when it is read from, and is told of when it is closed.
        if !self.items.is_sorted_by_key(|item| item.sent_us) {
            self.items.sort_by_key(|item| item.sent_us);
        }
        let is_kept = commits && !self.is_aborted();
        let block = Block::of(&self.items, is_kept, self.cut.as_deref());
        if is_kept && self.cut.is_some() {
            table.leave_out(Unfit::Long);
            return;
        }
        depths.count_kept(self.folded.iter().map(|(depth, ..)| *depth));
        for (_, mut found, count) in std::mem::take(&mut self.folded) {
            found.is_in_test = true;
            table.add(found, count);
        }
        if self.transaction.is_none() {
            self.at_once(&block, table);
        } else {
            self.tell(&block, 0, table, depths);
        }
    }

    /// Statements that were sent at once are a transaction, whether or not they came through.
    fn at_once(&self, block: &Block, table: &mut Table) {
        match Found::of(self.items.iter(), &self.setting, Origin::Kept) {
            Ok(mut found) => {
                found.is_rolled_back = !block.is_kept;
                table.add(found, 1);
            }
            Err(unfit) => table.leave_out(unfit),
        }
    }

    fn is_aborted(&self) -> bool {
        let mut is_aborted = false;
        for item in &self.items {
            match item.role.act {
                _ if item.failed.is_some() => is_aborted = true,
                Act::RollbackTo(_) => is_aborted = false,
                _ => {}
            }
        }
        is_aborted
    }

    /// Tells of a block that is in none that was kept.
    fn tell(&self, block: &Block, depth: usize, table: &mut Table, depths: &mut Depths) {
        depths.count(block, &self.items, depth);
        let mut add = |found: Result<Found, Unfit>| match found {
            Ok(found) => table.add(found, 1),
            Err(unfit) => table.leave_out(unfit),
        };
        if block.is_kept {
            let cut = block.is_cut.then_some(Err(Unfit::Long));
            add(cut.unwrap_or_else(|| self.found(block, Origin::Kept)));
            return;
        }
        let at = Depths::at(depth);
        if !block.is_cut
            && !block.holds_kept(&self.items)
            && let Ok(found) = self.found(block, Origin::RolledBack(at))
        {
            table.add(found, 1);
        }
        for own in block.own() {
            let alone = self.items.get(own..=own).unwrap_or_default().iter();
            if let Ok(found) = Found::of(alone, &self.setting, Origin::Alone(at)) {
                table.add(found, 1);
            }
        }
        for inner in &block.inner {
            self.tell(inner, depth + 1, table, depths);
        }
    }
}
