//! Repetition whose values come from nowhere that was seen: [`find`].

use std::collections::{HashMap, HashSet};

use dbproof_model::GroupVerdict;

use super::Thresholds;
use super::groups::Sighting;
use super::runs::{Run, Runs, Unit};
use crate::sql::{SlotKind, StatementKind};

/// Likely N+1s, write loops and duplicates within units of work.
pub(super) fn find(
    runs: &Runs<'_>,
    seen: &HashSet<usize>,
    thresholds: &Thresholds,
) -> Vec<Sighting> {
    let mut sightings = Vec::new();
    for (index, unit) in runs.units.iter().enumerate() {
        for (template, children) in runs.by_template(unit) {
            let children: Vec<usize> = children.into_iter().filter(|c| !seen.contains(c)).collect();
            let Some(first) = children.first().map(|child| &runs.all[*child]) else {
                continue;
            };
            let repeated = Repeated {
                runs,
                unit,
                children: &children,
            };
            let (verdict, position, distinct, children) = if first.is_write() {
                let Some((position, distinct)) = repeated.written(thresholds) else {
                    continue;
                };
                (GroupVerdict::WriteLoop, position, distinct, children)
            } else if let Some((position, distinct)) = repeated.varying(thresholds.likely_values) {
                (GroupVerdict::Likely, Some(position), distinct, children)
            } else {
                let same = repeated.duplicates(thresholds);
                let values: HashSet<_> = same.iter().map(|run| runs.all[*run].values()).collect();
                if same.is_empty() {
                    continue;
                }
                let distinct = values.len();
                (GroupVerdict::Duplicate, None, distinct, same)
            };
            let units = vec![index];
            sightings.push(Sighting {
                verdict,
                template,
                units,
                children,
                distinct,
                position,
                source: None,
            });
        }
    }
    sightings
}

/// The executions of one template in one unit that nothing has explained.
struct Repeated<'r, 'a> {
    runs: &'r Runs<'a>,
    unit: &'r Unit,
    children: &'r [usize],
}

impl<'r, 'a> Repeated<'r, 'a> {
    fn all(&self) -> impl Iterator<Item = &'r Run<'a>> + use<'r, 'a> {
        let runs = self.runs;
        self.children.iter().map(move |child| &runs.all[*child])
    }

    /// The key with the most distinct values, if they are enough. Where LIMIT or OFFSET differ as
    /// well, pages are turned and no rows looked up.
    fn varying(&self, enough: u64) -> Option<(usize, usize)> {
        let kinds = [SlotKind::Limit, SlotKind::Offset];
        let windows: HashSet<_> = self.all().map(|run| run.values_of(&kinds)).collect();
        if windows.len() > 1 {
            return None;
        }
        let mut values: HashMap<usize, HashSet<&str>> = HashMap::new();
        for run in self.all() {
            for key in run.keys() {
                values.entry(key.position).or_default().insert(key.value);
            }
        }
        let counts = values
            .into_iter()
            .map(|(position, values)| (values.len(), position));
        let (distinct, position) = counts.max_by_key(|(count, at)| (*count, usize::MAX - at))?;
        (distinct as u64 >= enough).then_some((position, distinct))
    }

    /// The rows written one by one, if they are enough.
    fn written(&self, thresholds: &Thresholds) -> Option<(Option<usize>, usize)> {
        let is_insert = self
            .all()
            .any(|run| run.parsed.kind == StatementKind::Insert);
        if !is_insert {
            return self
                .varying(thresholds.likely_values)
                .map(|(at, n)| (Some(at), n));
        }
        // A statement that inserts several rows is a batch.
        let is_batch = self.all().any(|run| {
            let mut positions = HashSet::new();
            let inserted = run
                .parsed
                .slots
                .iter()
                .filter(|s| s.kind == SlotKind::Inserted);
            inserted
                .into_iter()
                .any(|slot| !positions.insert(slot.position))
        });
        let rows: HashSet<_> = self
            .all()
            .map(|run| run.values_of(&[SlotKind::Inserted]))
            .collect();
        (!is_batch && rows.len() as u64 >= thresholds.likely_values).then_some((None, rows.len()))
    }

    /// The executions that ask again for what is known: the same values, the same rows, and nothing
    /// in between that could have changed them. Waiting and asking again is polling.
    fn duplicates(&self, thresholds: &Thresholds) -> Vec<usize> {
        let gap = thresholds.burst_gap_us();
        let mine: HashSet<usize> = self.children.iter().copied().collect();
        let mut alike: HashMap<Vec<Option<&str>>, Vec<usize>> = HashMap::new();
        let mut found = Vec::new();
        let mut last_end: Option<(usize, u64)> = None;
        for at in &self.unit.runs {
            let run = &self.runs.all[*at];
            if run.is_write() && self.touches_same(run) {
                found.extend(enough(alike.drain(), thresholds));
            }
            if mine.contains(at) && !run.parsed.shape.contains("skip locked") {
                let before = alike.entry(run.values()).or_default();
                let changed = before.last().is_some_and(|last| {
                    self.runs.all[*last].execution.result.rows != run.execution.result.rows
                });
                let waited = last_end.is_some_and(|(last, end)| {
                    before.last() == Some(&last) && run.execution.sent_us > end + gap
                });
                if changed || waited {
                    found.extend(enough([(Vec::new(), std::mem::take(before))], thresholds));
                }
                before.push(*at);
            }
            last_end = Some((*at, run.execution.finished_us));
        }
        found.extend(enough(alike, thresholds));
        found.sort_unstable();
        found
    }

    fn touches_same(&self, write: &Run<'_>) -> bool {
        let read = self.all().next().map(|run| &run.parsed.relations);
        let same = |name: &str| read.is_some_and(|read| read.iter().any(|r| r.name == name));
        write
            .parsed
            .relations
            .iter()
            .any(|relation| same(&relation.name))
    }
}

fn enough<'a>(
    alike: impl IntoIterator<Item = (Vec<Option<&'a str>>, Vec<usize>)>,
    thresholds: &Thresholds,
) -> Vec<usize> {
    let groups = alike.into_iter().map(|(_, runs)| runs);
    groups
        .filter(|runs| runs.len() as u64 >= thresholds.duplicate_repeats)
        .flatten()
        .collect()
}
