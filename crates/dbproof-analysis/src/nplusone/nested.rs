//! Children of several parents, which are children themselves and are spread over units: [`find`].

use std::collections::BTreeMap;

use rustc_hash::{FxHashMap, FxHashSet};

use super::identity::ColumnId;
use super::judge::{Judged, Sighting, Source};
use super::pace::{Pace, Pause};
use super::spread::{LOOKED_AT_PER_ROW, Missing, free_runs};
use crate::traffic::ValueHash;

/// More lists than these in close succession are no lists of one page that are worked through at once,
/// but the traffic of a busy application; what each of them supplies is looked for on its own.
const MOST_LISTS: usize = 64;

/// The loops within loops that a pool spread over several connections: the children of one loop are
/// the parents of the next. Nothing but the values joins them, so nearly all values of all parents
/// have to be asked for, each as often as the parents hold it, while the parents come or soon after.
pub(super) fn find(judged: &Judged<'_>, sightings: &mut Vec<Sighting>, seen: &mut [bool]) {
    let mut all = earlier(judged);
    let known = all.len();
    all.append(sightings);
    find_in(judged, &mut all, 0, seen);
    *sightings = all.split_off(known);
    // Parents need not be children themselves: several lists can be worked through at once.
    let mut all = lists(judged);
    let known = all.len();
    all.append(sightings);
    find_in(judged, &mut all, known, seen);
    *sightings = all.split_off(known);
}

/// The results of each template with several rows, as far as they came in close succession.
fn lists(judged: &Judged<'_>) -> Vec<Sighting> {
    let mut by_template: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    for (at, run) in (0_u32..).zip(judged.runs) {
        let result = run.executed.result.as_ref();
        let is_list = result.is_some_and(|result| result.kept_rows() > 1);
        if is_list && run.reading.is_application && run.executed.failed.is_none() {
            by_template
                .entry(run.reading.template)
                .or_default()
                .push(at);
        }
    }
    let gap_us = judged.thresholds.burst_gap_us();
    let is_close = |a: &u32, b: &u32| {
        let end_us = judged.run(*a).executed.finished_us;
        judged.run(*b).executed.sent_us <= end_us.saturating_add(gap_us)
    };
    let all = by_template
        .values()
        .flat_map(|runs| runs.chunk_by(is_close));
    let several = all.filter(|runs| (2..=MOST_LISTS).contains(&runs.len()));
    several
        .filter_map(|runs| looped(judged, runs.to_vec()))
        .collect()
}

/// These runs as the children of a loop whose parents are not known.
fn looped(judged: &Judged<'_>, children: Vec<u32>) -> Option<Sighting> {
    let first = children[0];
    let column = judged
        .resolved(first)
        .results
        .iter()
        .flatten()
        .next()?
        .column;
    Some(Sighting {
        verdict: judged.verdict(first),
        unit: judged.run(first).unit,
        distinct: children.len(),
        position: None,
        may_go_on: false,
        source: Some(Source {
            column,
            runs: Vec::new(),
            asked: children.len(),
        }),
        children,
    })
}

/// The proven loops that were found before, as far as the window still holds them.
fn earlier(judged: &Judged<'_>) -> Vec<Sighting> {
    let mut loops: BTreeMap<u64, Vec<u32>> = BTreeMap::new();
    for (at, run) in (0_u32..).zip(judged.runs) {
        if let Some(number) = run.looped {
            loops.entry(number).or_default().push(at);
        }
    }
    let children = loops.into_values();
    children.filter_map(|runs| looped(judged, runs)).collect()
}

/// Finds the loops within these; those before `found` are but parents, and say nothing of children.
fn find_in(judged: &Judged<'_>, sightings: &mut Vec<Sighting>, found: usize, seen: &mut [bool]) {
    if !sightings.iter().any(|sighting| is_outer(judged, sighting)) {
        return;
    }
    let free: Vec<Vec<u32>> = free_runs(judged, seen).into_values().collect();
    let mut by_column: FxHashMap<ColumnId, Vec<(usize, usize)>> = FxHashMap::default();
    for (number, runs) in free.iter().enumerate() {
        for key in &judged.run(runs[0]).reading.keys {
            for column in judged.key_columns(runs[0], key.position) {
                let known = by_column.entry(*column).or_default();
                known.push((number, key.position));
            }
        }
    }
    let mut next = 0;
    while let Some(outer) = sightings.get(next) {
        if is_outer(judged, outer) {
            let mut wanted: Vec<(usize, usize, usize)> = Vec::new();
            for (at, column) in judged
                .resolved(outer.children[0])
                .results
                .iter()
                .enumerate()
            {
                let alike = column.iter().flat_map(|column| &column.closure);
                let alike = alike.filter_map(|column| by_column.get(column)).flatten();
                wanted.extend(alike.map(|(number, position)| (*number, *position, at)));
            }
            wanted
                .sort_unstable_by_key(|(number, position, at)| (free[*number][0], *position, *at));
            wanted.dedup();
            for (number, position, at) in wanted {
                let inner = Inner {
                    judged,
                    outer: &sightings[next],
                    sightings: &sightings[found..],
                    at,
                    position,
                };
                if let Some(one) = inner.sighting(&free[number], seen) {
                    for child in &one.children {
                        seen[*child as usize] = true;
                    }
                    sightings.push(one);
                }
            }
        }
        next += 1;
    }
}

/// Whether a loop's children can be parents: several, proven, and read. A tag joins its statements
/// without further evidence.
fn is_outer(judged: &Judged<'_>, sighting: &Sighting) -> bool {
    let first = judged.run(sighting.children[0]);
    sighting.source.is_some()
        && !first.reading.is_write()
        && !judged.units[sighting.unit as usize].is_tag()
}

/// How the children of a loop's children are looked for.
struct Inner<'n, 'w> {
    judged: &'n Judged<'w>,
    outer: &'n Sighting,
    sightings: &'n [Sighting],
    /// The hashed column of the parents' results, and the key of the children.
    at: usize,
    position: usize,
}

impl Inner<'_, '_> {
    fn sighting(&self, free: &[u32], seen: &[bool]) -> Option<Sighting> {
        let judged = self.judged;
        let thresholds = judged.thresholds;
        let mut parents = self.outer.children.clone();
        let delivered_us = |run: u32| judged.run(run).executed.finished_us;
        parents.sort_unstable_by_key(|run| delivered_us(*run));
        let begin_us = delivered_us(parents[0]);
        let from = free.partition_point(|run| judged.run(*run).executed.sent_us < begin_us);
        let is_free = |run: &u32| !seen[*run as usize];
        let can_begin = judged.can_fan_out(parents[0], free[0], true);
        if !can_begin || !free[from..].iter().any(is_free) {
            return None;
        }
        let mut holders: FxHashMap<ValueHash, Vec<u32>> = FxHashMap::default();
        for parent in &parents {
            for value in judged.supplied(*parent, self.at) {
                holders.entry(value).or_default().push(*parent);
            }
        }
        if (holders.len() as u64) < thresholds.likely_values {
            return None;
        }
        let all = parents
            .iter()
            .flat_map(|run| judged.supplied(*run, self.at));
        let mut missing = Missing::of(all.clone());
        let known = self.known(&parents, &holders, judged.run(free[0]).reading.template);
        for child in &known {
            judged
                .key(*child, self.position)
                .map(|key| missing.take(key));
        }
        let mut pace = Pace::new(judged, begin_us, known.len());
        let others = parents.iter().chain(&known);
        let mut others_us: Vec<u64> = others.map(|run| delivered_us(*run)).collect();
        others_us.sort_unstable();
        let mut others_us = others_us.into_iter().peekable();
        let candidates = free[from..].iter().filter(|run| is_free(run));
        let (mut looked_at, mut asked) = (0, 0);
        let mut found: Vec<(u32, u32)> = Vec::new();
        for child in candidates.take(LOOKED_AT_PER_ROW * all.count()) {
            let sent_us = judged.run(*child).executed.sent_us;
            while let Some(us) = others_us.next_if(|us| *us <= sent_us) {
                pace.is_on_at(us);
            }
            let pause = pace.before(parents[0], *child);
            if missing.is_empty() || pause == Pause::End {
                break;
            }
            looked_at += 1;
            let key = judged.key(*child, self.position);
            let parent = key.and_then(|key| {
                let before = holders.get(&key)?.iter();
                before
                    .rev()
                    .find(|parent| delivered_us(**parent) <= sent_us)
            });
            if let (Some(key), Some(parent)) = (key, parent)
                && missing.take(key)
            {
                pace.take(*child, pause);
                found.push((*child, *parent));
                asked = looked_at;
            }
        }
        let missed = missing.distinct() as f64;
        let is_covered = found.len() as f64 >= thresholds.coverage * asked as f64
            && missed <= (1.0 - thresholds.coverage) * holders.len() as f64;
        if found.is_empty() || !is_covered || !pace.is_steady() {
            return None;
        }
        let mut runs: Vec<u32> = found.iter().map(|(_, parent)| *parent).collect();
        runs.sort_unstable();
        runs.dedup();
        let children: Vec<u32> = found.into_iter().map(|(child, _)| child).collect();
        let column = judged.resolved(runs[0]).results[self.at].as_ref()?.column;
        Some(Sighting {
            verdict: judged.verdict(children[0]),
            unit: self.outer.unit,
            distinct: judged.distinct(&children, self.position),
            children,
            position: Some(self.position),
            may_go_on: !missing.is_empty(),
            source: Some(Source {
                column,
                runs,
                asked,
            }),
        })
    }

    /// The children of a template that are known to come from one of these parents.
    fn known(
        &self,
        parents: &[u32],
        holders: &FxHashMap<ValueHash, Vec<u32>>,
        template: u32,
    ) -> Vec<u32> {
        let parents: FxHashSet<u32> = parents.iter().copied().collect();
        let delivered_us = |run: u32| self.judged.run(run).executed.finished_us;
        let begin_us = parents.iter().map(|run| delivered_us(*run)).min();
        let is_theirs = |sighting: &&Sighting| {
            let first = self.judged.run(sighting.children[0]);
            let Some(source) = sighting.source.as_ref() else {
                return false;
            };
            if first.reading.template != template {
                return false;
            }
            if !source.runs.is_empty() {
                return source.runs.iter().any(|run| parents.contains(run));
            }
            // Of a loop that was found before, the parents are not kept.
            let key = self.judged.key(sighting.children[0], self.position);
            Some(first.executed.sent_us) >= begin_us
                && key.is_some_and(|key| holders.contains_key(&key))
        };
        let theirs = self.sightings.iter().filter(is_theirs);
        theirs.flat_map(|s| s.children.iter().copied()).collect()
    }
}
