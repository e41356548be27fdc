//! A transaction that was found in the traffic, and how it is told from others: [`Found`].

use std::hash::{Hash as _, Hasher as _};
use std::sync::Arc;

use rustc_hash::FxHasher;

use super::act::Act;
use super::item::Item;
use super::keys::{Sent, pattern};
use crate::traffic::SentText;

/// Transactions of more statements than this are no classes: too much to run again and again.
pub(super) const MOST_STATEMENTS: usize = 1_000;
/// Of statements that repeat, so many rounds tell one class from another.
const ROUNDS: usize = 3;
/// The longest round, in statements, that is looked for.
const LONGEST_ROUND: usize = 8;

/// Where a transaction stands in what the server saw.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Origin {
    /// It is one for certain: committed, or a savepoint that was released.
    Kept,
    /// All that a block did that was rolled back, so many savepoints deep: it is one unless such
    /// blocks turn out to be what tests wrap around everything.
    RolledBack(u8),
    /// A statement by itself in such a block: it is one if they do.
    Alone(u8),
}

/// What is known of the session that a transaction ran in.
#[derive(Debug, Clone)]
pub(super) struct Setting {
    pub(super) database: u32,
    pub(super) session: u32,
    /// What began it, where that says more than BEGIN.
    pub(super) begin: Option<String>,
    /// What the session had set before, by the name of the parameter.
    pub(super) settings: Vec<(String, Arc<SentText>)>,
    /// Whether a transaction that only reads is one, too.
    pub(super) keeps_readers: bool,
}

/// A transaction.
#[derive(Debug)]
pub(super) struct Found {
    /// Transactions of one class have the same.
    pub(super) key: u64,
    /// The same but for how their values compare.
    pub(super) sequence: u64,
    pub(super) setting: Setting,
    pub(super) items: Vec<Item>,
    pub(super) origin: Origin,
    pub(super) is_rolled_back: bool,
    /// It stands in a transaction that was rolled back.
    pub(super) is_in_test: bool,
}

/// Why a transaction is no class that could be run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unfit {
    /// It locks nothing that could be in a cycle, or it changes the schema, or only cleans up.
    Other,
    /// It has too many statements.
    Long,
    /// The text or a parameter of a statement was too long to be kept.
    Unsent,
    /// It copies rows in, which are not part of any statement.
    Copies,
}

impl Found {
    /// A transaction of these statements.
    pub(super) fn of<'a>(
        items: impl Iterator<Item = &'a Item> + Clone,
        setting: &Setting,
        origin: Origin,
    ) -> Result<Self, Unfit> {
        fits(items.clone(), setting.keeps_readers)?;
        let items: Vec<Item> = items.filter(|item| is_told(item)).cloned().collect();
        let only_reads = !items.iter().any(|item| item.role.act.tells_apart());
        let told: Vec<&Item> = items
            .iter()
            .filter(|item| only_reads || item.role.act.tells_apart())
            .collect();
        let shape = |item: &&Item| item.role.hash ^ u64::from(item.failed.is_some());
        let shapes: Vec<u64> = told.iter().map(shape).collect();
        let kept = rounds(&shapes);
        let mut hasher = FxHasher::default();
        setting.database.hash(&mut hasher);
        setting.begin.hash(&mut hasher);
        let guards = setting
            .settings
            .iter()
            .filter(|(name, _)| name == "lock_timeout");
        guards.count().hash(&mut hasher);
        for at in &kept {
            shapes[*at].hash(&mut hasher);
        }
        let sequence = hasher.finish();
        let sent = kept.iter().filter_map(|at| {
            let item = told[*at];
            Some(Sent {
                statement: &item.role.statement,
                keys: &item.role.keys,
                text: item.sent.as_deref()?,
            })
        });
        let sent: Vec<Sent<'_>> = sent.collect();
        pattern(&sent).hash(&mut hasher);
        Ok(Self {
            key: hasher.finish(),
            sequence,
            setting: setting.clone(),
            items,
            origin,
            is_rolled_back: matches!(origin, Origin::RolledBack(_)),
            is_in_test: false,
        })
    }

    /// The better one stands for its class: first one that was kept, then one without failures, then
    /// one whose statements met rows, then the shortest. Less is better.
    pub(super) fn rank(&self) -> (bool, usize, usize, usize) {
        let failed = self
            .items
            .iter()
            .filter(|item| item.failed.is_some())
            .count();
        let empty = self
            .items
            .iter()
            .filter(|item| item.role.act == Act::Locks && item.rows == 0);
        (self.is_rolled_back, failed, empty.count(), self.items.len())
    }

    /// About how many bytes it holds.
    pub(super) fn bytes(&self) -> usize {
        size_of::<Self>() + self.items.iter().map(Item::bytes).sum::<usize>()
    }
}

/// Whether a statement is a part of what is run again.
fn is_told(item: &Item) -> bool {
    match item.role.act {
        Act::Reads => item.sent.is_some(),
        Act::Nothing | Act::Begin(_) | Act::Commit | Act::Rollback => false,
        _ => true,
    }
}

fn fits<'a>(
    items: impl Iterator<Item = &'a Item> + Clone,
    keeps_readers: bool,
) -> Result<(), Unfit> {
    let mut locks = false;
    let mut unfit = None;
    let mut reads: Vec<u64> = Vec::new();
    for item in items.clone() {
        match item.role.act {
            Act::Schema | Act::CreatesDatabase(..) if item.failed.is_none() => {
                return Err(Unfit::Other);
            }
            Act::CopiesIn(_) => unfit = Some(Unfit::Copies),
            _ if is_told(item) && item.sent.is_none() => unfit = Some(Unfit::Unsent),
            _ => {}
        }
        locks |= item.has_locked();
        let is_new = item.role.act == Act::Reads && !reads.contains(&item.role.hash);
        // Two tell what there is to be told.
        if keeps_readers && reads.len() < 2 && is_new && item.failed.is_none() {
            reads.push(item.role.hash);
        }
    }
    locks |= reads.len() == 2;
    match unfit {
        _ if !locks => Err(Unfit::Other),
        Some(unfit) => Err(unfit),
        None if items.filter(|item| is_told(item)).count() > MOST_STATEMENTS => Err(Unfit::Long),
        None => Ok(()),
    }
}

/// Which of these are kept where what repeats is kept [`ROUNDS`] times alone.
fn rounds(hashes: &[u64]) -> Vec<usize> {
    let mut kept = Vec::with_capacity(hashes.len());
    let mut at = 0;
    while at < hashes.len() {
        let repeats = (1..=LONGEST_ROUND).find_map(|length| {
            let round = hashes.get(at..at + length)?;
            let times = hashes[at..]
                .chunks_exact(length)
                .take_while(|next| *next == round);
            let times = times.count();
            (times > ROUNDS).then_some((length, times))
        });
        let (length, times) = repeats.unwrap_or((1, 1));
        kept.extend(at..at + length * times.min(ROUNDS));
        at += length * times;
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loops_are_cut_to_three_rounds() {
        let check =
            |hashes: &[u64], expected: &[usize]| assert_eq!(rounds(hashes), expected, "{hashes:?}");
        check(&[], &[]);
        check(&[1, 1, 1], &[0, 1, 2]);
        check(&[1, 1, 1, 1, 1], &[0, 1, 2]);
        check(&[9, 1, 2, 1, 2, 1, 2, 1, 2, 8], &[0, 1, 2, 3, 4, 5, 6, 9]);
        check(&[1, 2, 1, 2, 1, 2, 3], &[0, 1, 2, 3, 4, 5, 6]);
    }
}
