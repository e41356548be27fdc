//! Children of one result that are spread over units: [`find`].

use rustc_hash::{FxHashMap, FxHashSet};

use super::identity::ColumnId;
use super::judge::{Judged, Sighting, Source};
use crate::traffic::ValueHash;

/// Only so many later executions are looked at for the children of one result, per row.
const LOOKED_AT_PER_ROW: usize = 8;

/// Results that could have supplied, by what they are alike to, in the order of their delivery.
type Supply = FxHashMap<ColumnId, Vec<(u32, u16)>>;

/// Fan-outs over several connections of a pool, or over a transaction each. Nothing but the values
/// joins them, so nearly all values of the result have to be asked for, in close succession, and
/// there have to be several.
pub(super) fn find(judged: &Judged<'_>, seen: &[bool]) -> Vec<Sighting> {
    let candidates = candidates(judged, seen);
    if candidates.is_empty() {
        return Vec::new();
    }
    let supply = supply(judged);
    let mut sightings = Vec::new();
    for children in candidates {
        let mut taken: FxHashSet<u32> = FxHashSet::default();
        let first = children[0];
        for key in &judged.run(first).reading.keys {
            let mut supplied: Vec<(u32, u16)> = Vec::new();
            for column in judged.key_columns(first, key.position) {
                supplied.extend(supply.get(column).into_iter().flatten());
            }
            supplied.sort_unstable();
            supplied.dedup();
            let mut from = 0;
            for result in supplied {
                if judged.run(result.0).reading.template == judged.run(first).reading.template {
                    continue;
                }
                let delivered = judged.run(result.0).executed.finished_us;
                let sent = |at: usize| judged.run(children[at]).executed.sent_us;
                while from < children.len() && sent(from) < delivered {
                    from += 1;
                }
                while from > 0 && sent(from - 1) >= delivered {
                    from -= 1;
                }
                let spread = Spread {
                    judged,
                    result,
                    position: key.position,
                };
                if let Some(sighting) = spread.sighting(&children[from..], &taken) {
                    taken.extend(&sighting.children);
                    sightings.push(sighting);
                }
            }
        }
    }
    sightings
}

/// The runs of each template that no unit explains, where they are enough.
fn candidates(judged: &Judged<'_>, seen: &[bool]) -> Vec<Vec<u32>> {
    let mut free: Vec<(u32, u32)> = Vec::new();
    for (at, run) in (0_u32..).zip(judged.runs) {
        let is_free = judged.counts(at) && !seen[at as usize] && !run.reading.keys.is_empty();
        if is_free && !judged.units[run.unit as usize].is_tag() {
            free.push((run.reading.template, at));
        }
    }
    free.sort_unstable();
    free.chunk_by(|a, b| a.0 == b.0)
        .filter(|runs| runs.len() as u64 >= judged.thresholds.likely_values)
        .map(|runs| runs.iter().map(|(_, run)| *run).collect())
        .collect()
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
        let (children, asked) = self.children(candidates, taken, &values);
        let distinct = self.judged.distinct(&children, self.position);
        // Others who ask for values of their own meanwhile hit some of the list by chance.
        let is_covered = children.len() as f64 >= thresholds.coverage * asked as f64;
        let is_enough = distinct as u64 >= thresholds.likely_values
            && distinct as f64 >= thresholds.coverage * values.len() as f64;
        (is_covered && is_enough).then(|| Sighting {
            verdict: self.judged.verdict(children[0]),
            unit: self.judged.run(run).unit,
            distinct,
            children,
            position: Some(self.position),
            source: self.judged.resolved(run).results[usize::from(at)]
                .as_ref()
                .map(|resolved| Source {
                    column: resolved.column,
                    runs: vec![run],
                    asked,
                }),
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
        let end = parent.finished_us;
        let end = end.saturating_add(self.judged.thresholds.burst_gap_us());
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
    /// once every value was asked for.
    fn children(
        &self,
        candidates: &[u32],
        taken: &FxHashSet<u32>,
        values: &FxHashSet<ValueHash>,
    ) -> (Vec<u32>, usize) {
        let gap_us = self.judged.thresholds.burst_gap_us();
        let mut end = self.judged.run(self.result.0).executed.finished_us;
        let mut found = Vec::new();
        let mut missing = values.clone();
        let mut looked_at = 0;
        let mut asked = 0;
        let free = candidates.iter().filter(|child| !taken.contains(child));
        for child in free.take(LOOKED_AT_PER_ROW * values.len()) {
            let executed = &self.judged.run(*child).executed;
            if missing.is_empty() || executed.sent_us > end.saturating_add(gap_us) {
                break;
            }
            looked_at += 1;
            let Some(value) = self.judged.key(*child, self.position) else {
                continue;
            };
            if values.contains(&value) {
                missing.remove(&value);
                end = end.max(executed.finished_us);
                found.push(*child);
                asked = looked_at;
            }
        }
        (found, asked)
    }
}
