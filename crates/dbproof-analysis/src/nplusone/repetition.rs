//! Repetition whose values come from nowhere that was seen: [`find`].

use dbproof_model::GroupVerdict;
use rustc_hash::{FxHashMap, FxHashSet};

use super::judge::{Judged, Repeated, Sighting};
use crate::traffic::ValueHash;

/// Only so many other statements stand between the same one in one loop of a burst.
const MOST_BETWEEN: usize = 3;

/// The values of one execution at some positions.
type Values = Vec<Option<ValueHash>>;

/// A likely N+1, a write loop or duplicates: the executions of one template in one unit of work that
/// nothing has explained.
pub(super) fn find(judged: &Judged<'_>, unit: u32, repeated: &Repeated) -> Option<Sighting> {
    let search = Search {
        judged,
        unit,
        children: &repeated.runs,
    };
    let first = judged.run(*repeated.runs.first()?);
    let all = || repeated.runs.clone();
    let enough = judged.thresholds.likely_values;
    let (verdict, position, distinct, children) = if first.reading.is_write() {
        let (position, distinct) = search.written()?;
        (GroupVerdict::WriteLoop, position, distinct, all())
    } else if let Some((position, distinct)) = search.varying(enough) {
        (GroupVerdict::Likely, Some(position), distinct, all())
    } else {
        let same = search.duplicates();
        let values: FxHashSet<_> = same
            .iter()
            .map(|run| &judged.run(*run).executed.values)
            .collect();
        (!same.is_empty()).then(|| (GroupVerdict::Duplicate, None, values.len(), same.clone()))?
    };
    Some(Sighting {
        verdict,
        unit,
        children,
        distinct,
        position,
        source: None,
        may_go_on: false,
    })
}

/// An execution that asks for the same again, its place in the unit, and whether it waited before, with
/// nothing in between.
struct Again {
    run: u32,
    place: usize,
    has_waited: bool,
}

struct Search<'j, 'w> {
    judged: &'j Judged<'w>,
    unit: u32,
    children: &'j [u32],
}

impl Search<'_, '_> {
    fn values(&self, run: u32, positions: &[usize]) -> Values {
        let values = positions.iter().map(|at| self.judged.value(run, *at));
        values.collect()
    }

    /// The key with the most distinct values, if they are enough. Where LIMIT or OFFSET differ as
    /// well, pages are turned and no rows looked up.
    fn varying(&self, enough: u64) -> Option<(usize, usize)> {
        if (self.children.len() as u64) < enough {
            return None;
        }
        let first = &self.judged.run(self.children[0]).reading;
        if !first.windows.is_empty() {
            let windows = |run: &u32| self.values(*run, &first.windows);
            let same = windows(&self.children[0]);
            if self.children.iter().any(|run| windows(run) != same) {
                return None;
            }
        }
        let is_guess = self.judged.units[self.unit as usize].is_burst() && !first.is_write();
        let counts = first.keys.iter().map(|key| {
            let mut distinct = self.judged.distinct(self.children, key.position);
            if is_guess && distinct as u64 >= enough {
                distinct = self.judged.distinct_unwritten(self.children, key.position);
            }
            (distinct, key.position)
        });
        let (distinct, position) = counts.max_by_key(|(count, at)| (*count, usize::MAX - at))?;
        (distinct as u64 >= enough).then_some((position, distinct))
    }

    /// The rows written one by one, if they are enough.
    fn written(&self) -> Option<(Option<usize>, usize)> {
        let enough = self.judged.thresholds.likely_values;
        let first = &self.judged.run(self.children[0]).reading;
        if !first.is_insert() || first.inserted.is_empty() {
            return self.varying(enough).map(|(at, n)| (Some(at), n));
        }
        // A statement that inserts several rows is a batch.
        if self
            .children
            .iter()
            .any(|run| self.judged.run(*run).reading.is_batch)
        {
            return None;
        }
        let rows = self
            .children
            .iter()
            .map(|run| self.values(*run, &first.inserted));
        let rows = rows.collect::<FxHashSet<_>>().len();
        (rows as u64 >= enough).then_some((None, rows))
    }

    /// The executions that ask again for what is known: the same values, the same rows, and nothing
    /// in between that could have changed them. Waiting and asking again is polling, and so is asking
    /// until somebody else has changed the rows; outside of a transaction, so it is where somebody
    /// else writes to the table meanwhile, whatever that changes.
    fn duplicates(&self) -> Vec<u32> {
        let fewest = self.judged.thresholds.duplicate_repeats;
        let first = &self.judged.run(self.children[0]).reading;
        if (self.children.len() as u64) < fewest || first.skips_locked {
            return Vec::new();
        }
        let mut alike: FxHashMap<&[Option<ValueHash>], Vec<Again>> = FxHashMap::default();
        let mut found = Vec::new();
        let mut keep = |runs: Vec<Again>| found.extend(self.kept(&runs));
        let unit_runs = self.judged.unit_runs(self.unit);
        let mut mine = self.children.iter().peekable();
        for (place, at) in unit_runs.iter().enumerate() {
            let run = self.judged.run(*at);
            if run.reading.is_write() && run.reading.touches_same(first) {
                for (_, runs) in alike.drain() {
                    keep(runs);
                }
            }
            if mine.next_if_eq(&at).is_none() {
                continue;
            }
            let before = alike.entry(&run.executed.values).or_default();
            let mut has_waited = false;
            if let Some(last) = before.last() {
                let is_written = self.judged.others_wrote_between(last.run, *at);
                let between = place - last.place - 1;
                if self.rows(last.run) != self.rows(*at) || (self.is_burst() && is_written) {
                    before.clear();
                } else if self.is_burst() && between > MOST_BETWEEN {
                    // A burst can hold several requests.
                    keep(std::mem::take(before));
                } else {
                    has_waited = between == 0 && self.has_waited(last.run, *at);
                }
            }
            before.push(Again {
                run: *at,
                place,
                has_waited,
            });
        }
        alike.into_values().for_each(keep);
        found.sort_unstable();
        found
    }

    /// What is asked for again of these executions, which all have the same values and rows. Who waits
    /// before most of them is polling; few pauses are those of a busy machine.
    fn kept(&self, runs: &[Again]) -> Vec<u32> {
        let fewest = self.judged.thresholds.duplicate_repeats;
        let waits = runs.iter().filter(|again| again.has_waited).count();
        let is_polling = 2 * waits >= runs.len().saturating_sub(1);
        let parts = runs.chunk_by(|_, next| !(is_polling && next.has_waited));
        let kept = parts.filter(|part| {
            let last = part.last().map(|again| again.run);
            part.len() as u64 >= fewest && !last.is_some_and(|last| self.is_waited_for(last))
        });
        kept.flatten().map(|again| again.run).collect()
    }

    fn is_burst(&self) -> bool {
        self.judged.units[self.unit as usize].is_burst()
    }

    /// Whether the session goes on asking the same after the end of the burst, and nothing else, until
    /// somebody has changed the rows. On a busy machine, who polls without waiting waits now and then.
    fn is_waited_for(&self, last: u32) -> bool {
        let mut last = last;
        while let Some(next) = self
            .judged
            .next_of_session(last)
            .filter(|_| self.is_burst())
        {
            let (before, run) = (self.judged.run(last), self.judged.run(next));
            let end_us = before.executed.finished_us;
            let is_same = run.reading.template == before.reading.template
                && run.executed.values == before.executed.values
                && run.executed.sent_us <= end_us.saturating_add(self.judged.most_patience_us());
            if !is_same {
                return false;
            }
            if self.rows(last) != self.rows(next) || self.judged.others_wrote_between(last, next) {
                return true;
            }
            last = next;
        }
        false
    }

    /// Whether the session had nothing to do for longer than a burst's gap.
    fn has_waited(&self, last: u32, next: u32) -> bool {
        let gap_us = self.judged.thresholds.burst_gap_us();
        let end_us = self.judged.run(last).executed.finished_us;
        self.judged.run(next).executed.sent_us > end_us + gap_us
    }

    /// What tells the rows of one execution from those of another.
    fn rows(&self, run: u32) -> (u64, Option<u64>) {
        let executed = &self.judged.run(run).executed;
        (
            executed.rows,
            executed.result.as_ref().map(|result| result.rows),
        )
    }
}
