//! States of a database that transactions met: [`States`].

use std::collections::{BTreeMap, BTreeSet};

use dbproof_analysis::sql::tokenize;
use dbproof_analysis::transactions::{History, HistoryEntry};
use dbproof_postgres::{Address, Databases, PostgresError};

use super::replay::Replay;
use super::sandbox::SandboxLimits;

/// Replayed entries after which the state is kept, to begin from there again.
const POINT_AFTER: usize = 2_000;
/// States that are kept on the way.
const MOST_POINTS: usize = 8;
/// States that are kept to copy them again.
const MOST_KEPT: usize = 4;

/// What the states of one captured database are made from.
#[derive(Debug, Default)]
pub(super) struct States {
    /// The state as it was before the entry with this index; the earliest first. A copy that was made in
    /// the end has one, before all of them.
    pub(super) points: Vec<(usize, Address)>,
    /// Where each class's exemplar begins in the history.
    pub(super) places: BTreeMap<usize, usize>,
    /// Where the first exemplar begins: up to there, the history is done as it was.
    pub(super) first: usize,
    kept: Vec<(BTreeSet<usize>, Address)>,
}

impl States {
    /// Of a database whose history is done again; of these classes' exemplars it tells the places.
    pub(super) fn of_history(history: &History, classes: &[usize]) -> Self {
        let entries = &history.entries;
        let mut begins: BTreeMap<usize, usize> = BTreeMap::new();
        for (at, entry) in entries.iter().enumerate() {
            if let Some(class) = entry.exemplar_of {
                begins.entry(class).or_insert(at);
            }
        }
        let first = begins.values().copied().min();
        // Without any, what makes the schema ends the beginning.
        let first = first.unwrap_or_else(|| {
            let last = entries
                .iter()
                .rposition(|entry| makes_schema(&entry.sent.sql));
            last.map_or(0, |at| at + 1)
        });
        let place = |class: &usize| begins.get(class).copied().unwrap_or(entries.len());
        States {
            first,
            places: classes.iter().map(|class| (*class, place(class))).collect(),
            ..States::default()
        }
    }

    /// Of a copy of a database, which every exemplar meets as it is.
    pub(super) fn of_copy(address: Address) -> Self {
        States {
            points: vec![(0, address)],
            ..States::default()
        }
    }

    /// Whether the state before this entry is to be kept.
    pub(super) fn is_point_due(&self, at: usize) -> bool {
        let last = self.points.last();
        let is_far = last.is_none_or(|(last, _)| at - last >= POINT_AFTER);
        at > 0 && is_far && self.points.len() < MOST_POINTS
    }

    /// The database to copy for these classes; nobody is connected to it.
    pub(super) async fn of(
        &mut self,
        databases: &Databases,
        entries: &[HistoryEntry],
        classes: &BTreeSet<usize>,
        name: &str,
        limits: SandboxLimits,
    ) -> Result<Address, PostgresError> {
        if let Some((_, kept)) = self.kept.iter().find(|(of, _)| of == classes) {
            return Ok(kept.clone());
        }
        let places = classes.iter().filter_map(|class| self.places.get(class));
        let (begin, end) = (places.clone().min(), places.max());
        let (begin, end) = (begin.copied().unwrap_or(0), end.copied().unwrap_or(0));
        let point = self.points.iter().rev().find(|(at, _)| *at <= begin);
        // Nothing was done between the point and the last place, so that it is the state itself.
        if let Some((at, address)) = point
            && *at == end
        {
            return Ok(address.clone());
        }
        let (from, address) = match point {
            Some((at, address)) => (*at, databases.clone(address, name).await?),
            None => (0, databases.create_default(name).await?),
        };
        let done = self
            .replay(&address, entries, from..end, classes, limits)
            .await;
        if let Err(error) = done {
            databases.drop(&address).await?;
            return Err(error);
        }
        if self.kept.len() == MOST_KEPT {
            let (_, oldest) = self.kept.remove(0);
            databases.drop(&oldest).await?;
        }
        self.kept.push((classes.clone(), address.clone()));
        Ok(address)
    }

    async fn replay(
        &self,
        address: &Address,
        entries: &[HistoryEntry],
        range: std::ops::Range<usize>,
        without: &BTreeSet<usize>,
        limits: SandboxLimits,
    ) -> Result<(), PostgresError> {
        let middle = self.first.clamp(range.start, range.end);
        let mut replay = Replay::new(address, limits);
        replay
            .run(&entries[range.start..middle], without, false)
            .await?;
        replay
            .run(&entries[middle..range.end], without, true)
            .await?;
        replay.close().await;
        Ok(())
    }

    /// A database is not there any more.
    pub(super) fn forget(&mut self, gone: &Address) {
        let is_gone = |address: &Address| address.database() == gone.database();
        self.kept.retain(|(_, address)| !is_gone(address));
    }

    /// All databases that are kept.
    pub(super) fn all(&self) -> impl Iterator<Item = &Address> {
        let points = self.points.iter().map(|(_, address)| address);
        points.chain(self.kept.iter().map(|(_, address)| address))
    }
}

fn makes_schema(sql: &str) -> bool {
    let tokens = tokenize(sql);
    let first = tokens.iter().find(|token| token.is_significant());
    first.is_some_and(|token| token.is_word("create") || token.is_word("alter"))
}
