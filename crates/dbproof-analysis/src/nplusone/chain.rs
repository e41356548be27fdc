//! Values that come out of the same statement's own results: [`find`].

use std::collections::BTreeMap;

use dbproof_model::GroupVerdict;
use rustc_hash::FxHashSet;

use super::judge::{Judged, Repeated, Sighting};
use super::reading::Key;
use crate::traffic::ValueHash;

/// Links from which on a row of executions is a chain.
const FEWEST_LINKS: usize = 2;

/// Keyset paging, where the last row of a page begins the next one, or a walk of a tree, where a row
/// leads to its parent or its children.
pub(super) fn find(judged: &Judged<'_>, unit: u32, repeated: &Repeated) -> Option<Sighting> {
    let links = repeated.runs.as_slice();
    let first = judged.run(*links.first()?);
    if links.len() <= FEWEST_LINKS || first.reading.is_write() {
        return None;
    }
    let walk = Walk { judged, links };
    let wanted = judged.thresholds.coverage * (links.len() - 1) as f64;
    let is_enough = |steps: usize| steps >= FEWEST_LINKS && steps as f64 >= wanted;
    if !is_enough(walk.pages()) && !is_enough(walk.steps()) {
        return None;
    }
    let values: FxHashSet<_> = links
        .iter()
        .map(|link| &judged.run(*link).executed.values)
        .collect();
    Some(Sighting {
        verdict: GroupVerdict::Chain,
        unit,
        distinct: values.len(),
        children: links.to_vec(),
        position: None,
        source: None,
        may_go_on: false,
    })
}

/// Whether executions that a list could have supplied are a walk of their own all the same: each value
/// comes out of an execution before, in an order that is not the list's. A walk that asks for the whole
/// list in its order could be batched, whatever it follows.
///
/// `children` are executions of one template with the result, a run and a hashed column, that holds the
/// value that each of them has at `position`.
pub(super) fn is_walk(
    judged: &Judged<'_>,
    children: &[(u32, (u32, u16))],
    position: usize,
) -> bool {
    let links: Vec<u32> = children.iter().map(|(child, _)| *child).collect();
    let walk = Walk {
        judged,
        links: &links,
    };
    let wanted = judged.thresholds.coverage * links.len().saturating_sub(1) as f64;
    let steps = walk.steps_at(position);
    steps > 0 && steps as f64 >= wanted && !is_in_order_of_lists(judged, children, position)
}

/// Whether every value of these results is asked for, in the order in which the rows first hold them.
fn is_in_order_of_lists(
    judged: &Judged<'_>,
    children: &[(u32, (u32, u16))],
    position: usize,
) -> bool {
    let mut asked: BTreeMap<(u32, u16), Vec<ValueHash>> = BTreeMap::new();
    for (child, result) in children {
        asked
            .entry(*result)
            .or_default()
            .extend(judged.key(*child, position));
    }
    asked.into_iter().all(|((run, at), values)| {
        let listed = judged.supplied(run, usize::from(at));
        first_of_each(values.into_iter()).eq(&first_of_each(listed))
    })
}

/// The values without those that were there before.
fn first_of_each(values: impl Iterator<Item = ValueHash>) -> Vec<ValueHash> {
    let mut known = FxHashSet::default();
    values.filter(|value| known.insert(*value)).collect()
}

/// The executions of one template in one unit, in order.
struct Walk<'j, 'w> {
    judged: &'j Judged<'w>,
    links: &'j [u32],
}

impl Walk<'_, '_> {
    /// How many executions begin where the one before ended.
    fn pages(&self) -> usize {
        let first = &self.judged.run(self.links[0]).reading;
        if first.ranges.is_empty() {
            return 0;
        }
        let pairs = self.links.windows(2);
        pairs
            .filter(|pair| self.continues(pair[0], pair[1]))
            .count()
    }

    fn continues(&self, page: u32, next: u32) -> bool {
        let reading = &self.judged.run(next).reading;
        reading.ranges.iter().enumerate().any(|(nth, range)| {
            let value = self.judged.value(next, range.position);
            value.is_some_and(|value| self.ends_with(page, next, (nth, *range), value))
        })
    }

    /// Whether the last row of a page holds a value in the column that it is compared with. Where
    /// no schema tells, the column's name has to do: chance does not hit the last row each time.
    fn ends_with(
        &self,
        page: u32,
        next: u32,
        (nth, range): (usize, Key),
        value: ValueHash,
    ) -> bool {
        let executed = &self.judged.run(page).executed;
        let Some(result) = executed.result.as_ref() else {
            return false;
        };
        let kept = result.kept_rows();
        if kept == 0 || kept as u64 != executed.rows {
            return false;
        }
        let width = result.shape.hashed.len();
        let last = &result.values[(kept - 1) * width..kept * width];
        let compared = &self.judged.resolved(next).ranges[nth];
        let named = self.judged.run(next).reading.column(range);
        last.iter().enumerate().any(|(at, last)| {
            let column = result
                .shape
                .columns
                .get(usize::from(result.shape.hashed[at]));
            let is_it = match (&self.judged.resolved(page).results[at], compared.is_empty()) {
                (Some(resolved), false) => compared.contains(&resolved.column),
                _ => column
                    .zip(named)
                    .is_some_and(|(c, named)| c.name == named.column),
            };
            is_it && *last == Some(value)
        })
    }

    /// How many executions ask for a value that came out of an execution before, and that was not
    /// asked for yet.
    fn steps(&self) -> usize {
        let keys = &self.judged.run(self.links[0]).reading.keys;
        let steps = keys.iter().map(|key| self.steps_at(key.position));
        steps.max().unwrap_or(0)
    }

    fn steps_at(&self, position: usize) -> usize {
        let columns = self.judged.key_columns(self.links[0], position);
        let mut offered: FxHashSet<ValueHash> = FxHashSet::default();
        let mut asked: FxHashSet<ValueHash> = FxHashSet::default();
        let mut steps = 0;
        for link in self.links {
            let Some(value) = self.judged.key(*link, position) else {
                continue;
            };
            let is_new = asked.insert(value);
            if is_new && offered.contains(&value) {
                steps += 1;
            }
            for (at, resolved) in self.judged.resolved(*link).results.iter().enumerate() {
                if resolved
                    .as_ref()
                    .is_some_and(|resolved| resolved.is_alike(columns))
                {
                    offered.extend(self.judged.supplied(*link, at));
                }
            }
        }
        steps
    }
}
