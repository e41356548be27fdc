//! The classes of transactions that were found: [`Table`].

use rustc_hash::{FxHashMap, FxHashSet};

use super::class::{TransactionClass, TransactionStatement};
use super::depths::Depths;
use super::found::{Found, MOST_STATEMENTS, Origin, Unfit};
use super::item::Item;
use crate::traffic::Tags;

/// As many classes are told apart, of transactions that are certain; as many again of others.
pub(super) const MOST_CLASSES: usize = 400;
/// Classes of one sequence of statements, which differ in how their values compare.
const MOST_PATTERNS: u32 = 24;
/// Bytes of all exemplars.
const MOST_BYTES: usize = 32 << 20;
/// Sessions of a class that are counted.
const MOST_SESSIONS: usize = 1_000;

/// The classes of transactions that were found.
#[derive(Debug, Default)]
pub(super) struct Table {
    entries: Vec<Entry>,
    by_key: FxHashMap<(u64, Origin), usize>,
    /// How many classes there are of a sequence.
    patterns: FxHashMap<u64, u32>,
    /// Classes that are certain.
    kept: usize,
    bytes: usize,
    lost: Lost,
}

/// A class, and the transaction that stands for it.
#[derive(Debug)]
struct Entry {
    exemplar: Found,
    count: u64,
    sessions: FxHashSet<u32>,
    is_rolled_back: bool,
}

/// How many transactions are in no class, by the reason.
#[derive(Debug, Default)]
pub(super) struct Lost {
    others: u64,
    patterns: u64,
    long: u64,
    unsent: u64,
    copies: u64,
}

impl Table {
    /// Takes transactions of one class.
    pub(super) fn add(&mut self, found: Found, count: u64) {
        if let Some(at) = self.by_key.get(&(found.key, found.origin)) {
            self.bytes -= self.entries[*at].exemplar.bytes();
            self.entries[*at].take(found, count);
            self.bytes += self.entries[*at].exemplar.bytes();
            return;
        }
        let is_kept = found.origin == Origin::Kept;
        let others = self.entries.len() - self.kept;
        let known = if is_kept { self.kept } else { others };
        if known >= MOST_CLASSES || self.bytes + found.bytes() > MOST_BYTES {
            self.lost.others += count * u64::from(is_kept);
            return;
        }
        let patterns = self.patterns.entry(found.sequence).or_default();
        if is_kept && *patterns >= MOST_PATTERNS {
            self.lost.patterns += count;
            return;
        }
        *patterns += u32::from(is_kept);
        self.kept += usize::from(is_kept);
        self.bytes += found.bytes();
        self.by_key
            .insert((found.key, found.origin), self.entries.len());
        self.entries.push(Entry::of(found, count));
    }

    /// A transaction is in no class.
    pub(super) fn leave_out(&mut self, unfit: Unfit) {
        match unfit {
            Unfit::Other => {}
            Unfit::Long => self.lost.long += 1,
            Unfit::Unsent => self.lost.unsent += 1,
            Unfit::Copies => self.lost.copies += 1,
        }
    }

    /// The classes, each with the numbers of its exemplar's executions, and what was lost. What of
    /// the uncertain ones is one, the depths of each database tell.
    pub(super) fn finish(
        self,
        depths: &[Depths],
    ) -> (Vec<(TransactionClass, Vec<u64>)>, Vec<String>) {
        let none = Depths::default();
        let mut merged: Vec<Entry> = Vec::new();
        let mut by_key: FxHashMap<u64, usize> = FxHashMap::default();
        for entry in self.entries {
            let of = depths.get(entry.exemplar.setting.database as usize);
            if !of.unwrap_or(&none).holds(entry.exemplar.origin) {
                continue;
            }
            if let Some(at) = by_key.get(&entry.exemplar.key) {
                merged[*at].merge(entry);
            } else {
                by_key.insert(entry.exemplar.key, merged.len());
                merged.push(entry);
            }
        }
        // The certain ones first, and those that were seen most.
        merged.sort_by_key(|entry| (entry.is_rolled_back, std::cmp::Reverse(entry.count)));
        let rest = merged.get(MOST_CLASSES..).unwrap_or_default();
        let mut lost = self.lost;
        lost.others += rest.iter().map(|entry| entry.count).sum::<u64>();
        merged.truncate(MOST_CLASSES);
        merged.sort_by_key(|entry| entry.exemplar.items.first().map(|item| item.number));
        let mut names: FxHashMap<String, u32> = FxHashMap::default();
        let classes = merged.into_iter().map(|entry| entry.class(&mut names));
        (classes.collect(), lost.told())
    }
}

impl Entry {
    fn of(found: Found, count: u64) -> Self {
        Self {
            count,
            sessions: FxHashSet::from_iter([found.setting.session]),
            is_rolled_back: found.is_rolled_back,
            exemplar: found,
        }
    }

    fn take(&mut self, found: Found, count: u64) {
        self.count += count;
        self.is_rolled_back &= found.is_rolled_back;
        if self.sessions.len() < MOST_SESSIONS {
            self.sessions.insert(found.setting.session);
        }
        if found.rank() < self.exemplar.rank() {
            self.exemplar = found;
        }
    }

    fn merge(&mut self, other: Self) {
        self.sessions.extend(other.sessions);
        self.take(other.exemplar, other.count);
    }

    fn class(self, names: &mut FxHashMap<String, u32>) -> (TransactionClass, Vec<u64>) {
        let found = self.exemplar;
        let mut name = name(&found.items);
        let same = names.entry(name.clone()).or_default();
        *same += 1;
        if *same > 1 {
            name = format!("{name} ({same})");
        }
        let numbers = found.items.iter().map(|item| item.number).collect();
        let class = TransactionClass {
            name,
            database: found.setting.database,
            statements: found.items.into_iter().filter_map(statement).collect(),
            occurrences: self.count,
            sessions: self.sessions.len() as u64,
            in_test_transaction: found.is_in_test,
            is_rolled_back: self.is_rolled_back,
            begin: found.setting.begin,
            settings: found
                .setting
                .settings
                .iter()
                .map(|(_, sent)| sent.as_ref().clone())
                .collect(),
            migration: None,
        };
        (class, numbers)
    }
}

fn statement(item: Item) -> Option<TransactionStatement> {
    Some(TransactionStatement {
        shape: item.role.shape.clone(),
        kind: item.role.statement.kind(),
        sent: item.sent?.as_ref().clone(),
        tags: item.tags,
        rows: item.rows,
        failed: item
            .failed
            .map(|state| String::from_utf8_lossy(&state).into_owned()),
    })
}

/// What its tags call it, else what its first statement that locks does.
fn name(items: &[Item]) -> String {
    let tagged = items.iter().find_map(|item| of_tags(item.tags.as_deref()?));
    tagged.unwrap_or_else(|| {
        let locks = items
            .iter()
            .find(|item| item.has_locked())
            .or(items.first());
        locks.map(|item| item.role.name()).unwrap_or_default()
    })
}

fn of_tags(tags: &Tags) -> Option<String> {
    if let Some(route) = tags.get("route") {
        return Some(route.to_owned());
    }
    let controller = tags.get("controller");
    let action = tags.get("action").or(tags.get("function"));
    match (controller, action) {
        (Some(controller), Some(action)) => Some(format!("{controller}#{action}")),
        (Some(only), None) | (None, Some(only)) => Some(only.to_owned()),
        (None, None) => {
            let others = ["job", "test", "test_name"];
            let named = others.iter().find_map(|key| tags.get(key));
            named.map(str::to_owned)
        }
    }
}

impl Lost {
    fn told(&self) -> Vec<String> {
        let reasons = [
            (
                self.others,
                format!("of kinds beyond the first {MOST_CLASSES}"),
            ),
            (
                self.patterns,
                format!(
                    "whose values compare in more than {MOST_PATTERNS} ways for one sequence of statements"
                ),
            ),
            (
                self.long,
                format!("of more than {MOST_STATEMENTS} statements"),
            ),
            (
                self.unsent,
                "with a text or a parameter that was too long to be kept".to_owned(),
            ),
            (
                self.copies,
                "that copied rows in (COPY … FROM STDIN), which are not kept".to_owned(),
            ),
        ];
        let told = reasons.into_iter().filter(|(count, _)| *count > 0);
        told.map(|(count, reason)| {
            let transactions = if count == 1 {
                "transaction"
            } else {
                "transactions"
            };
            format!("{count} {transactions} {reason}")
        })
        .collect()
    }
}
