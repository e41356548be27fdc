//! Values that come out of the same statement's own results: [`find`].

use std::collections::{HashMap, HashSet};

use dbproof_model::GroupVerdict;

use super::Thresholds;
use super::fanout::Supply;
use super::groups::Sighting;
use super::identity::Identity;
use super::runs::{Run, Runs};
use crate::sql::{ComparedColumn, Comparison, SlotKind};

/// Links from which on a row of executions is a chain.
const FEWEST_LINKS: usize = 2;

/// Keyset paging, where the last row of a page begins the next one, and walks of a tree, where a
/// row leads to its parent or its children.
pub(super) fn find(
    runs: &Runs<'_>,
    supply: &Supply<'_>,
    seen: &HashSet<usize>,
    thresholds: &Thresholds,
) -> Vec<Sighting> {
    let mut sightings = Vec::new();
    for (index, unit) in runs.units.iter().enumerate() {
        for (template, links) in runs.by_template(unit) {
            let links: Vec<usize> = links
                .into_iter()
                .filter(|run| !seen.contains(run))
                .collect();
            if links.len() <= FEWEST_LINKS || runs.all[links[0]].is_write() {
                continue;
            }
            let walk = Walk {
                runs,
                supply,
                links: &links,
            };
            let steps = walk.pages().max(walk.steps());
            let wanted = thresholds.coverage * (links.len() - 1) as f64;
            if steps >= FEWEST_LINKS && steps as f64 >= wanted {
                sightings.push(Sighting {
                    verdict: GroupVerdict::Chain,
                    template,
                    units: vec![index],
                    distinct: links
                        .iter()
                        .map(|link| runs.all[*link].values())
                        .collect::<HashSet<_>>()
                        .len(),
                    children: links,
                    position: None,
                    source: None,
                });
            }
        }
    }
    sightings
}

/// The executions of one template in one unit, in order.
struct Walk<'w, 'a> {
    runs: &'w Runs<'a>,
    supply: &'w Supply<'a>,
    links: &'w [usize],
}

impl Walk<'_, '_> {
    /// How many executions begin where the one before ended.
    fn pages(&self) -> usize {
        let pairs = self.links.windows(2);
        pairs
            .filter(|pair| self.continues(&self.runs.all[pair[0]], &self.runs.all[pair[1]]))
            .count()
    }

    fn continues(&self, page: &Run<'_>, next: &Run<'_>) -> bool {
        next.parsed.slots.iter().any(|slot| {
            let value = slot.value(&next.execution.parameters);
            let column = slot
                .compared
                .as_ref()
                .filter(|c| c.comparison == Comparison::Range);
            let (Some(value), Some(column)) = (value, column) else {
                return false;
            };
            slot.kind == SlotKind::Value && self.ends_with(page, column, value)
        })
    }

    /// Whether the last row of a page holds a value in the column that it is compared with. Where
    /// no schema tells, the column's name has to do: chance does not hit the last row each time.
    fn ends_with(&self, page: &Run<'_>, column: &ComparedColumn, value: &str) -> bool {
        let result = &page.execution.result;
        let compared = self.supply.identity().compared(column);
        let Some(last) = result
            .rows
            .last()
            .filter(|_| result.rows.len() as u64 == result.row_count)
        else {
            return false;
        };
        result.columns.iter().zip(last).any(|(result, last)| {
            let is_it = match (compared, Identity::result(result)) {
                (Some(compared), Some(result)) => compared == result,
                _ => result.name == column.column,
            };
            is_it && last.as_deref() == Some(value)
        })
    }

    /// How many executions ask for a value that came out of an execution before, and that was not
    /// asked for yet.
    fn steps(&self) -> usize {
        let first = &self.runs.all[self.links[0]];
        let positions = first.keys().map(|key| key.position);
        positions
            .map(|position| self.steps_at(position))
            .max()
            .unwrap_or(0)
    }

    fn steps_at(&self, position: usize) -> usize {
        let first = &self.runs.all[self.links[0]];
        let mut own: HashMap<usize, Vec<&HashSet<&str>>> = HashMap::new();
        for supplied in self.supply.of_key(first, position, Some(first.unit)) {
            own.entry(supplied.run).or_default().push(&supplied.values);
        }
        let mut offered: HashSet<&str> = HashSet::new();
        let mut asked: HashSet<&str> = HashSet::new();
        let mut steps = 0;
        for link in self.links {
            let Some(key) = self.runs.all[*link].key(position) else {
                continue;
            };
            let is_new = asked.insert(key.value);
            if is_new && offered.contains(key.value) {
                steps += 1;
            }
            offered.extend(
                own.get(link)
                    .into_iter()
                    .flatten()
                    .copied()
                    .flatten()
                    .copied(),
            );
        }
        steps
    }
}
