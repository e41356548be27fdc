//! Children of one result that are spread over units: [`find`].

use rustc_hash::{FxHashMap, FxHashSet};

use super::chain;
use super::identity::ColumnId;
use super::judge::{Judged, Sighting, Source};
use super::pace::{Pace, Pause};
use crate::traffic::ValueHash;

/// Only so many later executions are looked at for the children of one result, per row.
pub(super) const LOOKED_AT_PER_ROW: usize = 8;

/// Results that could have supplied, by what they are alike to, in the order of their delivery.
type Supply = FxHashMap<ColumnId, Vec<(u32, u16)>>;

/// How far what is looked for goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// Over several sessions, outside of transactions, each row once and without a stall. What is found
    /// like that explains more than a list that one session alone has read before.
    Sessions,
    /// Over any units.
    Units,
}

/// Fan-outs over several connections of a pool, or over a transaction each. Nothing but the values
/// joins them, so nearly all values of the result have to be asked for, in close succession, and
/// there have to be several.
pub(super) fn find(judged: &Judged<'_>, seen: &[bool], reach: Reach) -> Vec<Sighting> {
    let candidates = candidates(judged, seen);
    if candidates.is_empty() {
        return Vec::new();
    }
    let supply = supply(judged);
    let mut sightings = Vec::new();
    for children in candidates {
        let mut taken: FxHashSet<u32> = FxHashSet::default();
        for (spread, from) in best_first(judged, &supply, &children, reach) {
            if let Some(sighting) = spread.sighting(&children[from..], &taken) {
                taken.extend(&sighting.children);
                sightings.push(sighting);
            }
        }
    }
    sightings
}

/// The results that could have supplied these children, with the first child that was sent after each:
/// those of the template that explains most of them first, of the latest where several do.
fn best_first<'s, 'w>(
    judged: &'s Judged<'w>,
    supply: &Supply,
    children: &[u32],
    reach: Reach,
) -> Vec<(Spread<'s, 'w>, usize)> {
    let first = children[0];
    let nobody = FxHashSet::default();
    let mut found = Vec::new();
    // How many children a template explains, and when its last result was there.
    let mut ranks: FxHashMap<u32, (usize, u64)> = FxHashMap::default();
    for key in &judged.run(first).reading.keys {
        let mut supplied: Vec<(u32, u16)> = Vec::new();
        for column in judged.key_columns(first, key.position) {
            supplied.extend(supply.get(column).into_iter().flatten());
        }
        supplied.sort_unstable();
        supplied.dedup();
        for result in supplied {
            if !judged.can_fan_out(result.0, first, true) {
                continue;
            }
            let delivered = judged.run(result.0).executed.finished_us;
            let from =
                children.partition_point(|run| judged.run(*run).executed.sent_us < delivered);
            let spread = Spread {
                judged,
                result,
                position: key.position,
                reach,
            };
            if let Some(sighting) = spread.sighting(&children[from..], &nobody) {
                let template = judged.run(result.0).reading.template;
                let rank = ranks.entry(template).or_default();
                *rank = (rank.0.max(sighting.children.len()), rank.1.max(delivered));
                found.push((spread, from));
            }
        }
    }
    found.sort_by_key(|(spread, _)| {
        let template = judged.run(spread.result.0).reading.template;
        (std::cmp::Reverse(ranks[&template]), template)
    });
    found
}

/// Adds to what one unit explains the other children of the same result, which a pool has given to
/// other connections: those that ask meanwhile for values that nobody has asked for yet.
pub(super) fn complete(judged: &Judged<'_>, found: &mut [Sighting], seen: &mut [bool]) {
    let mut free: Option<FxHashMap<u32, Vec<u32>>> = None;
    for sighting in found
        .iter_mut()
        .filter(|s| !judged.units[s.unit as usize].is_tag())
    {
        let (Some(position), Some(source)) = (sighting.position, &mut sighting.source) else {
            continue;
        };
        let [result] = source.runs[..] else { continue };
        let template = judged.run(sighting.children[0]).reading.template;
        let free = free.get_or_insert_with(|| free_runs(judged, seen));
        let candidates = free.get(&template).map(Vec::as_slice).unwrap_or_default();
        let at = judged.resolved(result).results.iter().position(|column| {
            column
                .as_ref()
                .is_some_and(|column| column.column == source.column)
        });
        let Some(at) = at.filter(|_| !candidates.is_empty()) else {
            continue;
        };
        let mut missing = Missing::of(judged.supplied(result, at));
        for child in &sighting.children {
            judged.key(*child, position).map(|key| missing.take(key));
        }
        let ends = sighting
            .children
            .iter()
            .map(|child| judged.run(*child).executed.finished_us);
        let begin_us = judged.run(result).executed.finished_us;
        let end_us = ends.max().unwrap_or(0);
        let mut pace = Pace::new(judged, end_us, sighting.children.len());
        let mut others = Vec::new();
        let from = candidates.partition_point(|c| judged.run(*c).executed.sent_us < begin_us);
        for child in &candidates[from..] {
            let pause = pace.before(result, *child);
            if missing.is_empty() || pause == Pause::End {
                break;
            }
            let key = judged
                .key(*child, position)
                .filter(|_| !seen[*child as usize]);
            if key.is_some_and(|key| missing.take(key)) {
                pace.take(*child, pause);
                others.push((*child, pause));
            }
        }
        if !pace.is_steady() {
            // What comes after the first long pause is somebody else's.
            let at = others.iter().position(|(_, pause)| *pause != Pause::Short);
            others.truncate(at.unwrap_or(others.len()));
        }
        for (child, _) in others {
            seen[child as usize] = true;
            sighting.children.push(child);
            source.asked += 1;
        }
        sighting.distinct = judged.distinct(&sighting.children, position);
    }
}

/// How often each value of a result was not asked for yet.
#[derive(Debug, Clone)]
pub(super) struct Missing(FxHashMap<ValueHash, usize>);

impl Missing {
    pub(super) fn of(values: impl Iterator<Item = ValueHash>) -> Self {
        let mut missing = FxHashMap::default();
        for value in values {
            *missing.entry(value).or_default() += 1;
        }
        Self(missing)
    }

    /// Whether a value was still missing; it no longer is.
    pub(super) fn take(&mut self, value: ValueHash) -> bool {
        let Some(count) = self.0.get_mut(&value) else {
            return false;
        };
        *count -= 1;
        if *count == 0 {
            self.0.remove(&value);
        }
        true
    }

    /// How many values nobody has asked for.
    pub(super) fn distinct(&self) -> usize {
        self.0.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// The runs of each template that no unit explains, in order.
pub(super) fn free_runs(judged: &Judged<'_>, seen: &[bool]) -> FxHashMap<u32, Vec<u32>> {
    let mut free: FxHashMap<u32, Vec<u32>> = FxHashMap::default();
    for (at, run) in (0_u32..).zip(judged.runs) {
        let is_free = judged.counts(at) && !seen[at as usize] && !run.reading.keys.is_empty();
        if is_free && !judged.units[run.unit as usize].is_tag() {
            free.entry(run.reading.template).or_default().push(at);
        }
    }
    free
}

/// The runs of each template that no unit explains, where they are enough.
fn candidates(judged: &Judged<'_>, seen: &[bool]) -> Vec<Vec<u32>> {
    let wanted = judged.thresholds.likely_values;
    let free = free_runs(judged, seen).into_values();
    let mut candidates: Vec<Vec<u32>> = free.filter(|runs| runs.len() as u64 >= wanted).collect();
    candidates.sort_unstable_by_key(|runs| runs[0]);
    candidates
}

fn supply(judged: &Judged<'_>) -> Supply {
    let mut supply = Supply::default();
    for (at, run) in (0_u32..).zip(judged.runs) {
        let kept = run
            .executed
            .result
            .as_ref()
            .map_or(0, |result| result.kept_rows());
        let can_supply = judged.counts(at)
            && kept as u64 >= judged.thresholds.likely_values
            && !judged.units[run.unit as usize].is_tag();
        if !can_supply {
            continue;
        }
        for (column, resolved) in (0_u16..).zip(&judged.resolved(at).results) {
            for alike in resolved.iter().flat_map(|resolved| &resolved.closure) {
                supply.entry(*alike).or_default().push((at, column));
            }
        }
    }
    supply
}

/// One result, and how its children are looked for.
struct Spread<'s, 'w> {
    judged: &'s Judged<'w>,
    /// The run and the hashed column.
    result: (u32, u16),
    position: usize,
    reach: Reach,
}

impl Spread<'_, '_> {
    /// The fan-out of the result over these candidates, which were all sent after it was there.
    fn sighting(&self, candidates: &[u32], taken: &FxHashSet<u32>) -> Option<Sighting> {
        let thresholds = self.judged.thresholds;
        if !self.can_begin(candidates, taken) {
            return None;
        }
        let (run, at) = self.result;
        let values: FxHashSet<ValueHash> = self.judged.supplied(run, usize::from(at)).collect();
        let is_few = (values.len() as u64) < thresholds.likely_values;
        if is_few || !self.judged.singles_out(run, usize::from(at)) {
            return None;
        }
        let (children, asked) = self.children(candidates, taken, &values)?;
        let distinct = self.judged.distinct(&children, self.position);
        // Others who ask for values of their own meanwhile hit some of the list by chance.
        let is_covered = children.len() as f64 >= thresholds.coverage * asked as f64;
        let is_enough = distinct as u64 >= thresholds.likely_values
            && distinct as f64 >= thresholds.coverage * values.len() as f64;
        let is_taken_from_a_queue = || children.iter().all(|child| self.is_found_anew(*child));
        let is_walk = || {
            let links: Vec<_> = children.iter().map(|child| (*child, self.result)).collect();
            chain::is_walk(self.judged, &links, self.position)
        };
        let is_found = is_covered && is_enough && !is_taken_from_a_queue() && !is_walk();
        is_found.then(|| Sighting {
            verdict: self.judged.verdict(children[0]),
            unit: self.judged.run(run).unit,
            distinct,
            children,
            position: Some(self.position),
            // What is found first may be a part of what a longer list explains once it is over.
            may_go_on: self.reach == Reach::Sessions || distinct < values.len(),
            source: self.judged.resolved(run).results[usize::from(at)]
                .as_ref()
                .map(|resolved| Source {
                    column: resolved.column,
                    runs: vec![run],
                    asked,
                }),
        })
    }

    /// Whether the child's own transaction has found its value, in the one row of a statement that did
    /// not ask for it: the next job of a queue is known only once it is taken, whatever list has named
    /// it before.
    fn is_found_anew(&self, child: u32) -> bool {
        let judged = self.judged;
        let unit = judged.run(child).unit;
        let Some(value) = judged.key(child, self.position) else {
            return false;
        };
        if unit == judged.run(self.result.0).unit || judged.units[unit as usize].is_burst() {
            return false;
        }
        let columns = judged.key_columns(child, self.position);
        let before = judged.unit_runs(unit).iter().copied();
        before.take_while(|run| *run < child).any(|run| {
            let is_one = judged.counts(run) && judged.run(run).executed.rows == 1;
            let mut results = judged.resolved(run).results.iter().enumerate();
            is_one
                && results.any(|(at, column)| {
                    let alike = column.iter().flat_map(|column| &column.closure);
                    alike.into_iter().any(|column| columns.contains(column))
                        && judged.supplied(run, at).eq([value])
                })
                && !judged
                    .run(run)
                    .reading
                    .keys
                    .iter()
                    .any(|key| judged.value(run, key.position) == Some(value))
        })
    }

    /// Whether enough of the first candidates ask for the result's values. Cheap, because nearly all
    /// results of a busy application supply nobody.
    fn can_begin(&self, candidates: &[u32], taken: &FxHashSet<u32>) -> bool {
        let wanted = self.judged.thresholds.likely_values;
        let parent = &self.judged.run(self.result.0).executed;
        let kept = parent
            .result
            .as_ref()
            .map_or(0, |result| result.kept_rows());
        let most_misses = 1 + kept / 8;
        let end = parent
            .finished_us
            .saturating_add(self.judged.longest_opening_us());
        let (mut hits, mut misses) = (0, 0);
        for child in candidates {
            // The gap begins anew with each child, and one in ten may be another's.
            if hits == 0 && self.judged.run(*child).executed.sent_us > end {
                return false;
            }
            if hits >= wanted {
                return true;
            }
            if misses > most_misses {
                return false;
            }
            if taken.contains(child) {
                continue;
            }
            let value = self.judged.key(*child, self.position);
            let mut supplied = self
                .judged
                .supplied(self.result.0, usize::from(self.result.1));
            match value.filter(|value| supplied.any(|supplied| supplied == *value)) {
                Some(_) => hits += 1,
                None => misses += 1,
            }
        }
        hits >= wanted
    }

    /// The executions that the result supplied, and how many of the template ran meanwhile. Ends
    /// once every value was asked for. `None` where the pauses are not those of a loop, or where there
    /// are long ones and the values are not asked for once a row.
    fn children(
        &self,
        candidates: &[u32],
        taken: &FxHashSet<u32>,
        values: &FxHashSet<ValueHash>,
    ) -> Option<(Vec<u32>, usize)> {
        let delivered_us = self.judged.run(self.result.0).executed.finished_us;
        let mut pace = Pace::new(self.judged, delivered_us, 0);
        let mut found = Vec::new();
        let mut missing = values.clone();
        let mut once = Missing::of(
            self.judged
                .supplied(self.result.0, usize::from(self.result.1)),
        );
        let mut is_once = true;
        let mut looked_at = 0;
        let mut asked = 0;
        let free = candidates.iter().filter(|child| !taken.contains(child));
        for child in free.take(LOOKED_AT_PER_ROW * values.len()) {
            let pause = pace.before(self.result.0, *child);
            let is_all = missing.is_empty();
            if once.is_empty() || pause == Pause::End || (is_all && pause != Pause::Short) {
                break;
            }
            looked_at += 1;
            let value = self.judged.key(*child, self.position);
            let value = value.filter(|value| values.contains(value));
            let is_row = value.is_some_and(|value| once.take(value));
            // Once every value was asked for, what follows are the other rows that hold them.
            if is_all && !is_row {
                break;
            }
            if let Some(value) = value {
                missing.remove(&value);
                is_once &= is_row;
                pace.take(*child, pause);
                found.push(*child);
                asked = looked_at;
            }
        }
        let is_loop = match self.reach {
            Reach::Sessions => is_once && !pace.has_stalled() && self.is_over_sessions(&found),
            Reach::Units => !pace.has_stalled() || (is_once && pace.is_steady()),
        };
        is_loop.then_some((found, asked))
    }

    /// Whether several sessions sent these, and none in a transaction.
    fn is_over_sessions(&self, children: &[u32]) -> bool {
        let all = || children.iter().chain([&self.result.0]);
        let is_burst =
            |run: &u32| self.judged.units[self.judged.run(*run).unit as usize].is_burst();
        let session = |run: &u32| self.judged.run(*run).executed.session;
        all().all(is_burst) && children.iter().map(session).collect::<FxHashSet<_>>().len() > 1
    }
}
