//! Values that come out of one earlier result of the same unit: [`find`].

use rustc_hash::{FxHashMap, FxHashSet};

use super::chain;
use super::identity::ColumnId;
use super::judge::{Judged, Repeated, Sighting, Source};
use crate::traffic::ValueHash;

/// Templates can be proven by each other in so many steps.
const DEEPEST_NESTING: usize = 8;

/// What the results of a unit could have supplied: runs and hashed columns, by what they are alike to.
type Supply = FxHashMap<ColumnId, Vec<(u32, u16)>>;

/// The fan-outs within a unit of work, of the runs that are not explained yet.
pub(super) fn find(judged: &Judged<'_>, unit: u32, seen: &[bool]) -> Vec<Sighting> {
    let mut repeated = judged.repeated(unit, |run| !seen[run as usize]);
    repeated.retain(|r| r.runs.len() as u64 >= judged.thresholds.proven_children);
    if repeated.is_empty() {
        return Vec::new();
    }
    let mut search = Search {
        judged,
        unit,
        supply: supply(judged, unit),
        proven: FxHashSet::default(),
    };
    let mut sightings = Vec::new();
    // A template can be proven by another one that is proven itself, in any order.
    for _ in 0..DEEPEST_NESTING {
        let before = sightings.len();
        for one in &mut repeated {
            while let Some(found) = search.fan_outs(one) {
                search.proven.insert(one.template);
                let children: FxHashSet<u32> =
                    found.iter().flat_map(|s| &s.children).copied().collect();
                one.runs.retain(|run| !children.contains(run));
                sightings.extend(found);
            }
        }
        if sightings.len() == before {
            break;
        }
    }
    sightings
}

fn supply(judged: &Judged<'_>, unit: u32) -> Supply {
    let mut supply = Supply::default();
    for run in judged
        .unit_runs(unit)
        .iter()
        .filter(|run| judged.counts(**run))
    {
        for (at, column) in (0_u16..).zip(&judged.resolved(*run).results) {
            for alike in column.iter().flat_map(|column| &column.closure) {
                supply.entry(*alike).or_default().push((*run, at));
            }
        }
    }
    supply
}

struct Search<'j, 'w> {
    judged: &'j Judged<'w>,
    unit: u32,
    supply: Supply,
    /// The templates of the unit that are proven already.
    proven: FxHashSet<u32>,
}

/// Which results supplied which children, all results being of one template and column.
#[derive(Debug)]
struct Match {
    parent: u32,
    column: ColumnId,
    /// Children and the results (run and hashed column) that their values come from.
    children: Vec<(u32, (u32, u16))>,
    /// When the first of the results was there, and the last one that supplied a child.
    first_us: u64,
    last_us: u64,
    /// How many results of the template there are.
    results: usize,
    /// Children sent after that.
    asked: usize,
}

/// How well a match proves. A result that fans out itself explains more than one that passes a value
/// on, what was read more than what was written, and what came last more than what came before.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
struct Proof {
    fans_out: bool,
    is_read: bool,
    /// The share of the children that it supplied.
    coverage: f64,
    last_us: u64,
}

impl Search<'_, '_> {
    /// The fan-outs that explain most of a template's runs.
    fn fan_outs(&self, repeated: &Repeated) -> Option<Vec<Sighting>> {
        let thresholds = self.judged.thresholds;
        let children = &repeated.runs;
        let first = self.judged.run(*children.first()?);
        // Two rows written one by one are no loop yet.
        let fewest = if first.reading.is_write() {
            thresholds.duplicate_repeats.max(thresholds.proven_children)
        } else {
            thresholds.proven_children
        };
        if (children.len() as u64) < fewest {
            return None;
        }
        let mut best: Option<(Proof, usize, Match)> = None;
        let mut shared: Option<Vec<Sighting>> = None;
        for key in &first.reading.keys {
            let matches = self.matches(repeated, key.position);
            shared = shared.or_else(|| self.together(&matches, children, key.position));
            for found in matches {
                let Some(proof) = self.proof(&found, key.position) else {
                    continue;
                };
                if best.as_ref().is_none_or(|(known, ..)| proof > *known) {
                    best = Some((proof, key.position, found));
                }
            }
        }
        match best {
            Some((_, position, found)) => {
                let asked = found.asked;
                Some(vec![self.sighting(position, &found, asked)])
            }
            None => shared,
        }
    }

    /// The matches of the children with the results of each template and column.
    fn matches(&self, repeated: &Repeated, position: usize) -> Vec<Match> {
        let children = &repeated.runs;
        let mut supplied: Vec<(u32, u16)> = Vec::new();
        for column in self.judged.key_columns(children[0], position) {
            supplied.extend(self.supply.get(column).into_iter().flatten());
        }
        let is_guess = self.judged.units[self.unit as usize].is_burst();
        supplied.retain(|(run, _)| self.judged.can_fan_out(*run, children[0], is_guess));
        supplied.sort_unstable();
        supplied.dedup();
        let mut order: Vec<(u32, ColumnId)> = Vec::new();
        let mut sources: FxHashMap<(u32, ColumnId), Vec<(u32, u16)>> = FxHashMap::default();
        for (run, at) in supplied {
            let column = self.judged.resolved(run).results[usize::from(at)].as_ref();
            let Some(column) = column.map(|column| column.column) else {
                continue;
            };
            let source = (self.judged.run(run).reading.template, column);
            let known = sources.entry(source).or_default();
            if known.is_empty() {
                order.push(source);
            }
            known.push((run, at));
        }
        order
            .into_iter()
            .map(|source| self.matched(source, &sources[&source], children, position))
            .collect()
    }

    fn matched(
        &self,
        (parent, column): (u32, ColumnId),
        results: &[(u32, u16)],
        children: &[u32],
        position: usize,
    ) -> Match {
        let judged = self.judged;
        let delivered = |(run, _): (u32, u16)| judged.run(run).executed.finished_us;
        // For each value the results that hold it, the last one first.
        let mut last: FxHashMap<ValueHash, u32> = FxHashMap::default();
        let mut holders: Vec<((u32, u16), Option<u32>)> = Vec::new();
        for result in results {
            for value in judged.supplied(result.0, usize::from(result.1)) {
                let place = u32::try_from(holders.len()).unwrap_or(u32::MAX);
                let before = last.insert(value, place);
                if before.is_none_or(|before| holders[before as usize].0 != *result) {
                    holders.push((*result, before));
                } else {
                    last.extend(before.map(|before| (value, before)));
                }
            }
        }
        let first_us = results.iter().map(|result| delivered(*result)).min();
        let mut found = Match {
            parent,
            column,
            children: Vec::new(),
            first_us: first_us.unwrap_or(u64::MAX),
            last_us: 0,
            results: results.len(),
            asked: 0,
        };
        for child in children {
            let sent_us = judged.run(*child).executed.sent_us;
            if sent_us < found.first_us {
                continue;
            }
            found.asked += 1;
            let Some(value) = judged.key(*child, position) else {
                continue;
            };
            let mut next = last.get(&value).copied();
            while let Some(place) = next {
                let (result, before) = holders[place as usize];
                if delivered(result) <= sent_us && result.0 < *child {
                    found.children.push((*child, result));
                    found.last_us = found.last_us.max(delivered(result));
                    break;
                }
                next = before;
            }
        }
        found
    }

    /// Whether a match is a proof: directly, by one result that fans out, or through a parent that
    /// is proven itself; and with which coverage.
    fn proof(&self, found: &Match, position: usize) -> Option<Proof> {
        let thresholds = self.judged.thresholds;
        let coverage = found.children.len() as f64 / found.asked.max(1) as f64;
        if (found.children.len() as u64) < thresholds.proven_children {
            return None;
        }
        let by_result = self.by_result(found, position);
        let distinct: FxHashSet<ValueHash> = by_result.values().flatten().copied().collect();
        // Of a truncated result, the rows that were not kept can have supplied the rest.
        let is_covered = coverage >= thresholds.coverage
            || by_result.iter().any(|(result, values)| {
                self.is_truncated(*result)
                    && values.len() as u64 >= thresholds.likely_values
                    && values.len() as f64 >= thresholds.coverage * self.width(*result) as f64
            });
        if (distinct.len() as u64) < thresholds.proven_children
            || !is_covered
            || chain::is_walk(self.judged, &found.children, position)
        {
            return None;
        }
        let fans_out = by_result
            .iter()
            .any(|(result, values)| self.fans_out(*result, values.len()));
        // Who passes a value on does so for most of its rows.
        let passes_on = self.proven.contains(&found.parent) && 2 * by_result.len() >= found.results;
        (fans_out || passes_on).then(|| Proof {
            fans_out,
            is_read: !self.judged.run(found.children[0].1.0).reading.is_write(),
            coverage,
            last_us: found.last_us,
        })
    }

    /// The values that each result supplied.
    fn by_result(
        &self,
        found: &Match,
        position: usize,
    ) -> FxHashMap<(u32, u16), FxHashSet<ValueHash>> {
        let mut by_result: FxHashMap<(u32, u16), FxHashSet<ValueHash>> = FxHashMap::default();
        for (child, result) in &found.children {
            let value = self.judged.key(*child, position);
            by_result.entry(*result).or_default().extend(value);
        }
        by_result
    }

    /// Whether so many children belong to a result for sure. Where a list is long, a few lookups can
    /// follow it by chance: fewer in a burst, which is but a guess at a unit. Values of a column that
    /// is no key, such as a status, can be known from elsewhere.
    fn fans_out(&self, result: (u32, u16), values: usize) -> bool {
        let thresholds = self.judged.thresholds;
        let (run, at) = (result.0, usize::from(result.1));
        if !self.judged.is_key_column(run, at) {
            let is_enough = values as u64 >= thresholds.likely_values;
            return is_enough && self.judged.singles_out(run, at);
        }
        let surely = if self.judged.units[self.unit as usize].is_burst() {
            thresholds.likely_values
        } else {
            thresholds.duplicate_repeats
        };
        values as u64 >= thresholds.proven_children
            && (values as u64 >= surely || 2 * values >= self.width(result))
    }

    /// How many different values a result holds.
    fn width(&self, (run, at): (u32, u16)) -> usize {
        let values = self.judged.supplied(run, usize::from(at));
        values.collect::<FxHashSet<_>>().len()
    }

    fn is_truncated(&self, (run, _): (u32, u16)) -> bool {
        let executed = &self.judged.run(run).executed;
        let kept = executed
            .result
            .as_ref()
            .map_or(0, |result| result.kept_rows());
        (kept as u64) < executed.rows
    }

    /// Several lists that are worked through at the same time: each of them fans out, and all of them
    /// together explain the children.
    fn together(
        &self,
        matches: &[Match],
        children: &[u32],
        position: usize,
    ) -> Option<Vec<Sighting>> {
        let mut by_size: Vec<&Match> = matches.iter().collect();
        by_size.sort_by_key(|found| std::cmp::Reverse(found.children.len()));
        let mut taken: FxHashSet<u32> = FxHashSet::default();
        let mut shares = Vec::new();
        for found in by_size {
            let free = found
                .children
                .iter()
                .filter(|(child, _)| !taken.contains(child));
            let share = Match {
                children: free.copied().collect(),
                ..*found
            };
            let by_result = self.by_result(&share, position);
            if by_result
                .iter()
                .any(|(result, values)| self.fans_out(*result, values.len()))
                && !chain::is_walk(self.judged, &share.children, position)
            {
                taken.extend(share.children.iter().map(|(child, _)| *child));
                shares.push(share);
            }
        }
        let first_us = shares.iter().map(|share| share.first_us).min()?;
        let sent_us = |child: &&u32| self.judged.run(**child).executed.sent_us;
        let asked = children
            .iter()
            .filter(|child| sent_us(child) >= first_us)
            .count();
        let is_covered = taken.len() as f64 >= self.judged.thresholds.coverage * asked as f64;
        (shares.len() > 1 && is_covered).then(|| {
            let all = shares.iter();
            all.map(|share| self.sighting(position, share, share.children.len()))
                .collect()
        })
    }

    fn sighting(&self, position: usize, found: &Match, asked: usize) -> Sighting {
        let children: Vec<u32> = found.children.iter().map(|(child, _)| *child).collect();
        let mut parents: Vec<u32> = found.children.iter().map(|(_, (run, _))| *run).collect();
        parents.sort_unstable();
        parents.dedup();
        Sighting {
            verdict: self.judged.verdict(children[0]),
            unit: self.unit,
            distinct: self.judged.distinct(&children, position),
            children,
            position: Some(position),
            may_go_on: false,
            source: Some(Source {
                column: found.column,
                runs: parents,
                asked,
            }),
        }
    }
}
