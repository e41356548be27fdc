//! What repeats in a window, and where the values come from: [`Judged`].

use std::cell::OnceCell;
use std::sync::Arc;

use dbproof_model::GroupVerdict;
use rustc_hash::{FxHashMap, FxHashSet};

use super::Thresholds;
use super::identity::{ColumnId, Identity};
use super::reading::{Control, Resolved, Resolver};
use super::spread::{self, Reach};
use super::window::{Run, Unit, Window};
use super::{chain, fanout, nested, pauses, repetition};
use crate::traffic::ValueHash;

/// A loop outside of a transaction may stall for so many burst gaps.
const STALLED_GAPS: u64 = 8;
/// A pool may take so many burst gaps to open a connection: on a busy machine, a process of the server and
/// the cryptography of a password take their time. Units are kept for as long.
const OPENING_GAPS: u64 = 20;

/// The executions of a window in the order in which they were sent, ready to be judged.
#[derive(Debug)]
pub(super) struct Judged<'w> {
    pub(super) runs: &'w [Run],
    pub(super) units: &'w [Unit],
    pub(super) thresholds: &'w Thresholds,
    resolved: Vec<Arc<Resolved>>,
    /// Whether each run counts: it did not fail, it was not rolled back by a failure to be tried
    /// again, it touches the application's own relations, and it is not part of a finding yet.
    counts: Vec<bool>,
    /// The runs of all units, unit by unit, and where each unit's begin.
    in_units: Vec<u32>,
    begins: Vec<u32>,
    /// What writing statements returned, by what it is alike to.
    written: OnceCell<FxHashMap<ColumnId, FxHashSet<ValueHash>>>,
    /// The writing statements by database and relation, in order.
    writes: OnceCell<FxHashMap<(u32, &'w str), Vec<Write>>>,
    /// The run that each run's session sent next.
    next: OnceCell<Vec<Option<u32>>>,
}

/// A writing statement: its session, and the time in which others begin to see what it wrote.
#[derive(Debug, Clone, Copy)]
struct Write {
    session: u32,
    from_us: u64,
    until_us: u64,
}

/// Repeated executions of one template in one place. Runs are indices into [`Judged::runs`].
#[derive(Debug)]
pub(super) struct Sighting {
    pub(super) verdict: GroupVerdict,
    pub(super) unit: u32,
    pub(super) children: Vec<u32>,
    pub(super) distinct: usize,
    /// The key whose value differs.
    pub(super) position: Option<usize>,
    pub(super) source: Option<Source>,
    /// Whether values are left that nobody has asked for yet.
    pub(super) may_go_on: bool,
}

/// Where the values of a sighting come from.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) column: ColumnId,
    /// The runs whose results supplied them.
    pub(super) runs: Vec<u32>,
    /// Children that were sent after the first of these results was there.
    pub(super) asked: usize,
}

/// The runs of one template in one unit, in order.
#[derive(Debug)]
pub(super) struct Repeated {
    pub(super) template: u32,
    pub(super) runs: Vec<u32>,
}

impl<'w> Judged<'w> {
    /// Puts the window in order.
    pub(super) fn of(
        window: &'w mut Window,
        resolver: &mut Resolver,
        identity: &mut Identity,
        thresholds: &'w Thresholds,
    ) -> Self {
        if !window.runs.is_sorted_by_key(|run| run.executed.sent_us) {
            window.runs.sort_by_key(|run| run.executed.sent_us);
        }
        let window: &'w Window = window;
        let runs = window.runs.as_slice();
        let mut counts: Vec<bool> = runs
            .iter()
            .map(|run| run.reading.is_application && run.executed.failed.is_none() && !run.taken)
            .collect();
        undo_failures(runs, &mut counts);
        let found = runs
            .iter()
            .map(|run| resolver.of(&run.reading, identity))
            .collect();
        let (in_units, begins) = by_unit(runs, window.units.len());
        Self {
            runs,
            units: &window.units,
            thresholds,
            resolved: found,
            counts,
            in_units,
            begins,
            written: OnceCell::new(),
            writes: OnceCell::new(),
            next: OnceCell::new(),
        }
    }

    /// Finds all that repeats in the units that are over. What is found over several units is found
    /// in the others as well.
    pub(super) fn sightings(&self, closed: &[bool]) -> Vec<Sighting> {
        let apart = pauses::apart(self);
        let mut seen = apart.runs;
        let mut sightings = Vec::new();
        for sighting in spread::find(self, &seen, Reach::Sessions) {
            mark(&mut seen, &sighting);
            sightings.push(sighting);
        }
        for unit in self.unit_numbers() {
            let mut found = fanout::find(self, unit, &seen);
            for sighting in &found {
                mark(&mut seen, sighting);
            }
            if closed[unit as usize] {
                sightings.append(&mut found);
            }
        }
        spread::complete(self, &mut sightings, &mut seen);
        for run in &apart.doubtful {
            seen[*run as usize] = false;
        }
        for sighting in spread::find(self, &seen, Reach::Units) {
            mark(&mut seen, &sighting);
            if !self.is_under_way(&sighting, closed) {
                sightings.push(sighting);
            }
        }
        nested::find(self, &mut sightings, &mut seen);
        for run in &apart.doubtful {
            seen[*run as usize] = true;
        }
        sightings.retain(|sighting| !self.is_under_way(sighting, closed));
        for unit in self.unit_numbers().filter(|unit| closed[*unit as usize]) {
            for repeated in self.repeated(unit, |run| !seen[run as usize]) {
                let found = chain::find(self, unit, &repeated)
                    .or_else(|| repetition::find(self, unit, &repeated));
                sightings.extend(found);
            }
        }
        sightings
    }

    /// Whether the window ends within a loop over several units, so that the next one tells more.
    fn is_under_way(&self, sighting: &Sighting, closed: &[bool]) -> bool {
        let runs = sighting.source.iter().flat_map(|source| &source.runs);
        let end_us = |run: &u32| self.run(*run).executed.finished_us;
        let last_us = sighting.children.iter().map(end_us).max();
        let is_late = self.runs.last().zip(last_us).is_some_and(|(last, end_us)| {
            last.executed.sent_us > end_us.saturating_add(self.longest_opening_us())
        });
        let mut all = runs.chain(&sighting.children);
        sighting.may_go_on && !is_late && all.all(|run| !closed[self.run(*run).unit as usize])
    }

    pub(super) fn unit_numbers(&self) -> std::ops::Range<u32> {
        0..u32::try_from(self.units.len()).unwrap_or(u32::MAX)
    }

    pub(super) fn run(&self, run: u32) -> &'w Run {
        &self.runs[run as usize]
    }

    pub(super) fn counts(&self, run: u32) -> bool {
        self.counts[run as usize]
    }

    pub(super) fn resolved(&self, run: u32) -> &Resolved {
        &self.resolved[run as usize]
    }

    /// All runs of a unit, in order.
    pub(super) fn unit_runs(&self, unit: u32) -> &[u32] {
        let begin = self.begins[unit as usize] as usize;
        let end = self.begins[unit as usize + 1] as usize;
        &self.in_units[begin..end]
    }

    /// The templates that run more than once in a unit, of the runs that count.
    pub(super) fn repeated(&self, unit: u32, also: impl Fn(u32) -> bool) -> Vec<Repeated> {
        let all = self.unit_runs(unit);
        if all.len() < 2 {
            return Vec::new();
        }
        let mut templates: Vec<(u32, u32)> = all
            .iter()
            .filter(|run| self.counts(**run) && also(**run))
            .map(|run| (self.run(*run).reading.template, *run))
            .collect();
        templates.sort_unstable();
        let same = templates.chunk_by(|a, b| a.0 == b.0);
        let mut repeated: Vec<Repeated> = same
            .filter(|runs| runs.len() > 1)
            .map(|runs| Repeated {
                template: runs[0].0,
                runs: runs.iter().map(|(_, run)| *run).collect(),
            })
            .collect();
        repeated.sort_unstable_by_key(|repeated| repeated.runs[0]);
        repeated
    }

    /// The value of a run at a position.
    pub(super) fn value(&self, run: u32, position: usize) -> Option<ValueHash> {
        self.run(run)
            .executed
            .values
            .get(position)
            .copied()
            .flatten()
    }

    /// The value of a run at a position, if that is a key of it.
    pub(super) fn key(&self, run: u32, position: usize) -> Option<ValueHash> {
        self.run(run).reading.key_at(position)?;
        self.value(run, position)
    }

    /// The columns that a run's key at a position can be, with all that foreign keys lead to.
    pub(super) fn key_columns(&self, run: u32, position: usize) -> &[ColumnId] {
        let keys = &self.run(run).reading.keys;
        let at = keys.iter().position(|key| key.position == position);
        at.map(|at| &*self.resolved(run).keys[at])
            .unwrap_or_default()
    }

    /// The values of a column of a run's result; `at` counts the hashed columns.
    pub(super) fn supplied(&self, run: u32, at: usize) -> impl Iterator<Item = ValueHash> + Clone {
        let result = self.run(run).executed.result.as_ref();
        let width = result.map_or(1, |result| result.shape.hashed.len().max(1));
        let values = result.map(|result| &*result.values).unwrap_or_default();
        values
            .iter()
            .skip(at)
            .step_by(width)
            .filter_map(|value| *value)
    }

    /// Whether the values of a result's column belong to its rows and to no others: it is a key, or
    /// they all differ. Where they do not, as with a status, the same values can come from elsewhere.
    pub(super) fn singles_out(&self, run: u32, at: usize) -> bool {
        self.is_key_column(run, at) || {
            let values = self.supplied(run, at);
            values.clone().collect::<FxHashSet<_>>().len() == values.count()
        }
    }

    /// Whether a result's column is unique, or part of a foreign key.
    pub(super) fn is_key_column(&self, run: u32, at: usize) -> bool {
        self.resolved(run).results[at]
            .as_ref()
            .is_some_and(|column| column.is_key)
    }

    /// How many different values these runs have at a position.
    pub(super) fn distinct(&self, runs: &[u32], position: usize) -> usize {
        let keys = runs.iter().filter_map(|run| self.key(*run, position));
        keys.collect::<FxHashSet<_>>().len()
    }

    /// The same without the values that a writing statement returned. A test asks for the rows that
    /// were made for it, and the next test for others.
    pub(super) fn distinct_unwritten(&self, runs: &[u32], position: usize) -> usize {
        let written = self.written.get_or_init(|| self.written());
        let columns = runs.first().map(|run| self.key_columns(*run, position));
        let alike: Vec<_> = columns
            .into_iter()
            .flatten()
            .filter_map(|column| written.get(column))
            .collect();
        let keys = runs.iter().filter_map(|run| self.key(*run, position));
        let unwritten = keys.filter(|key| !alike.iter().any(|values| values.contains(key)));
        unwritten.collect::<FxHashSet<_>>().len()
    }

    fn written(&self) -> FxHashMap<ColumnId, FxHashSet<ValueHash>> {
        let mut written: FxHashMap<ColumnId, FxHashSet<ValueHash>> = FxHashMap::default();
        for (run, _) in (0_u32..)
            .zip(self.runs)
            .filter(|(_, run)| run.reading.is_write())
        {
            for (at, column) in self.resolved(run).results.iter().enumerate() {
                for alike in column.iter().flat_map(|column| &column.closure) {
                    written
                        .entry(*alike)
                        .or_default()
                        .extend(self.supplied(run, at));
                }
            }
        }
        written
    }

    /// Whether another session may have written to a relation of two executions between them, as far
    /// as was captured.
    pub(super) fn others_wrote_between(&self, first: u32, second: u32) -> bool {
        let writes = self.writes.get_or_init(|| self.writes());
        if writes.is_empty() {
            return false;
        }
        let (first, second) = (self.run(first), self.run(second));
        let relations = &first.reading.statement.parsed().relations;
        relations.iter().any(|relation| {
            let key = (first.reading.database, relation.name.as_str());
            let writes = writes.get(&key).map(Vec::as_slice).unwrap_or_default();
            let end = writes.partition_point(|w| w.from_us <= second.executed.finished_us);
            writes[..end].iter().rev().any(|write| {
                write.session != first.executed.session && write.until_us >= first.executed.sent_us
            })
        })
    }

    /// The run that the session of a run sent next.
    pub(super) fn next_of_session(&self, run: u32) -> Option<u32> {
        let next = self.next.get_or_init(|| {
            let mut last: FxHashMap<u32, usize> = FxHashMap::default();
            let mut next = vec![None; self.runs.len()];
            for (at, run) in (0_u32..).zip(self.runs) {
                if let Some(before) = last.insert(run.executed.session, at as usize) {
                    next[before] = Some(at);
                }
            }
            next
        });
        next[run as usize]
    }

    fn writes(&self) -> FxHashMap<(u32, &'w str), Vec<Write>> {
        let mut writes: FxHashMap<(u32, &'w str), Vec<Write>> = FxHashMap::default();
        for run in self.runs {
            if !run.reading.is_write() || run.executed.failed.is_some() {
                continue;
            }
            // What a transaction wrote is seen once it has ended.
            let unit = run.executed.transaction.map(|_| self.unit_runs(run.unit));
            let end = unit.and_then(|runs| runs.last());
            let write = Write {
                session: run.executed.session,
                from_us: run.executed.sent_us,
                until_us: end.map_or(run.executed.finished_us, |end| {
                    self.run(*end)
                        .executed
                        .finished_us
                        .max(run.executed.finished_us)
                }),
            };
            for relation in &run.reading.statement.parsed().relations {
                let key = (run.reading.database, relation.name.as_str());
                writes.entry(key).or_default().push(write);
            }
        }
        writes
    }

    /// Whether a run's result can be what the runs of a template work through. In a burst, which can
    /// hold several requests or tests, reading what was written before is no sign of a loop.
    pub(super) fn can_fan_out(&self, result: u32, child: u32, is_guess: bool) -> bool {
        let (parent, child) = (&self.run(result).reading, &self.run(child).reading);
        parent.template != child.template && !(is_guess && parent.is_write() && !child.is_write())
    }

    /// How long after the last one a child of a result may be sent, in microseconds. A stall on a busy
    /// machine ends a burst, but the values tell that the session goes on with the same loop.
    pub(super) fn patience_us(&self, result: u32, child: u32) -> u64 {
        let is_burst = |run: u32| self.units[self.run(run).unit as usize].is_burst();
        let (parent, next) = (&self.run(result).executed, &self.run(child).executed);
        let goes_on = parent.session == next.session && is_burst(result) && is_burst(child);
        if goes_on {
            self.most_patience_us()
        } else {
            self.thresholds.burst_gap_us()
        }
    }

    pub(super) fn most_patience_us(&self) -> u64 {
        STALLED_GAPS * self.thresholds.burst_gap_us()
    }

    /// How long a loop may wait for a new connection, in microseconds.
    pub(super) fn longest_opening_us(&self) -> u64 {
        OPENING_GAPS * self.thresholds.burst_gap_us()
    }

    pub(super) fn verdict(&self, child: u32) -> GroupVerdict {
        if self.run(child).reading.is_write() {
            GroupVerdict::WriteLoop
        } else {
            GroupVerdict::Proven
        }
    }
}

fn mark(seen: &mut [bool], sighting: &Sighting) {
    for child in &sighting.children {
        seen[*child as usize] = true;
    }
}

/// The runs of each unit, one after the other.
fn by_unit(runs: &[Run], units: usize) -> (Vec<u32>, Vec<u32>) {
    let mut begins = vec![0_u32; units + 1];
    for run in runs {
        begins[run.unit as usize + 1] += 1;
    }
    for unit in 0..units {
        begins[unit + 1] += begins[unit];
    }
    let mut next = begins.clone();
    let mut all = vec![0_u32; runs.len()];
    for (at, run) in (0_u32..).zip(runs) {
        let place = &mut next[run.unit as usize];
        all[*place as usize] = at;
        *place += 1;
    }
    (all, begins)
}

/// What a failure has undone does not count: the whole transaction, or what was done since a
/// savepoint that it went back to. Where an application rolls back without a failure, as tests do,
/// what was asked was asked.
fn undo_failures(runs: &[Run], counts: &mut [bool]) {
    let of = |run: &Run| Some((run.executed.session, run.executed.transaction?));
    let failed = runs.iter().filter(|run| run.executed.failed.is_some());
    let failed: FxHashSet<_> = failed.filter_map(of).collect();
    if failed.is_empty() {
        return;
    }
    let mut transactions: FxHashMap<(u32, u32), Vec<usize>> = FxHashMap::default();
    for (at, run) in runs.iter().enumerate() {
        if let Some(key) = of(run).filter(|key| failed.contains(key)) {
            transactions.entry(key).or_default().push(at);
        }
    }
    for members in transactions.into_values() {
        let mut savepoints: Vec<(&str, usize)> = Vec::new();
        let mut has_failed = false;
        for (place, at) in members.iter().enumerate() {
            let run = &runs[*at];
            has_failed |= run.executed.failed.is_some();
            match &run.reading.control {
                Control::Savepoint(name) => savepoints.push((name, place)),
                Control::RollbackTo(name) => {
                    let known = savepoints.iter().rposition(|(known, _)| *known == &**name);
                    if let Some(known) = known.filter(|_| has_failed) {
                        savepoints.truncate(known + 1);
                        has_failed = false;
                        for undone in &members[savepoints[known].1..place] {
                            counts[*undone] = false;
                        }
                    }
                }
                Control::None | Control::End | Control::Truncate => {}
            }
        }
        if has_failed {
            for undone in members {
                counts[undone] = false;
            }
        }
    }
}
