//! Values that come out of one earlier result: [`in_units`] and [`across_units`].

use std::collections::{HashMap, HashSet};

use dbproof_model::GroupVerdict;

use super::Thresholds;
use super::groups::{Sighting, Source};
use super::identity::{ColumnId, Identity};
use super::runs::{Run, Runs, Unit, UnitKind};

/// Only so many rows of one result are looked at; a result of more is truncated.
const MOST_ROWS: usize = 20_000;
/// Only so many later executions are looked at for the children of one result, per row.
const LOOKED_AT_PER_ROW: usize = 8;

/// What results could have supplied: values by column.
#[derive(Debug)]
pub(super) struct Supply<'a> {
    identity: &'a Identity<'a>,
    columns: Vec<Supplied<'a>>,
    /// Which of `columns` hold values of each identity, over all units and unit by unit.
    by_identity: HashMap<(ColumnId, Option<usize>), Vec<usize>>,
}

/// The values of one column of one result.
#[derive(Debug)]
pub(super) struct Supplied<'a> {
    pub(super) run: usize,
    pub(super) column: ColumnId,
    pub(super) values: HashSet<&'a str>,
    truncated: bool,
}

impl<'a> Supply<'a> {
    /// Reads the results of all runs.
    pub(super) fn of(runs: &Runs<'a>, identity: &'a Identity<'a>) -> Self {
        let mut supply = Supply {
            identity,
            columns: Vec::new(),
            by_identity: HashMap::new(),
        };
        for (index, run) in runs.all.iter().enumerate().filter(|(_, run)| run.counts) {
            let result = &run.execution.result;
            for (at, column) in result.columns.iter().enumerate() {
                let Some(id) = Identity::result(column) else {
                    continue;
                };
                let rows = result.rows.iter().take(MOST_ROWS);
                let values = rows.filter_map(|row| row.get(at)?.as_deref()).collect();
                let kept = result.rows.len().min(MOST_ROWS) as u64;
                let truncated = kept < result.row_count;
                for identity in identity.closure(id) {
                    for unit in [None, Some(run.unit)] {
                        let alike = supply.by_identity.entry((identity, unit)).or_default();
                        alike.push(supply.columns.len());
                    }
                }
                supply.columns.push(Supplied {
                    run: index,
                    column: id,
                    values,
                    truncated,
                });
            }
        }
        supply
    }

    /// The result columns, in one unit or in all, whose values can be values of this run's key.
    pub(super) fn of_key(
        &self,
        run: &Run<'_>,
        position: usize,
        unit: Option<usize>,
    ) -> Vec<&Supplied<'a>> {
        let compared = run
            .key(position)
            .and_then(|key| self.identity.compared(key.column));
        let closure = compared
            .map(|column| self.identity.closure(column))
            .unwrap_or_default();
        let alike = closure
            .iter()
            .filter_map(|id| self.by_identity.get(&(*id, unit)));
        let mut found: Vec<usize> = alike.flatten().copied().collect();
        found.sort_unstable();
        found.dedup();
        found.into_iter().map(|at| &self.columns[at]).collect()
    }

    /// Which columns are alike.
    pub(super) fn identity(&self) -> &Identity<'a> {
        self.identity
    }
}

/// Which result supplied which children, all results being of one template and column.
#[derive(Debug)]
struct Match<'s, 'a> {
    parent: usize,
    column: ColumnId,
    /// Children and the results that their values come from.
    children: Vec<(usize, &'s Supplied<'a>)>,
    /// Children sent after the first of these results was there.
    asked: usize,
}

/// Fan-outs within units of work.
pub(super) fn in_units(
    runs: &Runs<'_>,
    supply: &Supply<'_>,
    thresholds: &Thresholds,
) -> Vec<Sighting> {
    let mut sightings = Vec::new();
    for (index, unit) in runs.units.iter().enumerate() {
        let mut proven: HashSet<usize> = HashSet::new();
        let mut repeated = runs.by_template(unit);
        repeated.retain(|(_, children)| children.len() as u64 >= thresholds.proven_children);
        // A template can be proven by another one that is proven itself, in any order.
        loop {
            let before = proven.len();
            for (template, children) in &repeated {
                if proven.contains(template) {
                    continue;
                }
                let context = UnitContext {
                    runs,
                    supply,
                    unit,
                    thresholds,
                    proven: &proven,
                };
                if let Some(sighting) = context.fan_out(index, *template, children) {
                    proven.insert(*template);
                    sightings.push(sighting);
                }
            }
            if proven.len() == before {
                break;
            }
        }
    }
    sightings
}

/// What is needed to judge the templates of one unit.
struct UnitContext<'c, 'a> {
    runs: &'c Runs<'a>,
    supply: &'c Supply<'a>,
    unit: &'c Unit,
    thresholds: &'c Thresholds,
    /// The templates of the unit that are proven already.
    proven: &'c HashSet<usize>,
}

impl<'a> UnitContext<'_, 'a> {
    fn fan_out(&self, unit: usize, template: usize, children: &[usize]) -> Option<Sighting> {
        let first = &self.runs.all[*children.first()?];
        // Two rows written one by one are no loop yet.
        if first.is_write() && (children.len() as u64) < self.thresholds.duplicate_repeats {
            return None;
        }
        let positions: Vec<usize> = first.keys().map(|key| key.position).collect();
        let mut best: Option<(bool, f64, Sighting)> = None;
        for position in positions {
            let of_unit: Vec<_> = self
                .supply
                .of_key(first, position, Some(unit))
                .into_iter()
                .filter(|s| self.runs.all[s.run].template != template)
                .collect();
            for found in self.matches(&of_unit, children, position) {
                let Some((is_direct, coverage)) = self.is_proof(&found, position) else {
                    continue;
                };
                // A result that fans out itself explains more than one that passes a value on.
                if best
                    .as_ref()
                    .is_none_or(|(direct, known, _)| (is_direct, coverage) > (*direct, *known))
                {
                    best = Some((
                        is_direct,
                        coverage,
                        self.sighting(template, unit, position, &found),
                    ));
                }
            }
        }
        best.map(|(_, _, sighting)| sighting)
    }

    /// The matches of the children with the results of each template and column.
    fn matches<'s>(
        &self,
        supplied: &[&'s Supplied<'a>],
        children: &[usize],
        position: usize,
    ) -> Vec<Match<'s, 'a>> {
        let mut sources: Vec<((usize, ColumnId), Vec<&'s Supplied<'a>>)> = Vec::new();
        for one in supplied {
            let key = (self.runs.all[one.run].template, one.column);
            match sources.iter_mut().find(|(known, _)| *known == key) {
                Some((_, results)) => results.push(one),
                None => sources.push((key, vec![one])),
            }
        }
        sources
            .into_iter()
            .map(|((parent, column), results)| {
                self.matched(parent, column, &results, children, position)
            })
            .collect()
    }

    fn matched<'s>(
        &self,
        parent: usize,
        column: ColumnId,
        results: &[&'s Supplied<'a>],
        children: &[usize],
        position: usize,
    ) -> Match<'s, 'a> {
        let mut holders: HashMap<&str, Vec<&'s Supplied<'a>>> = HashMap::new();
        for result in results {
            for value in &result.values {
                holders.entry(value).or_default().push(result);
            }
        }
        let delivered = |s: &Supplied<'_>| self.runs.all[s.run].execution.finished_us;
        let first_delivery = results
            .iter()
            .map(|s| delivered(s))
            .min()
            .unwrap_or(u64::MAX);
        let mut found = Match {
            parent,
            column,
            children: Vec::new(),
            asked: 0,
        };
        for child in children {
            let run = &self.runs.all[*child];
            let sent = run.execution.sent_us;
            if sent < first_delivery {
                continue;
            }
            found.asked += 1;
            let Some(key) = run.key(position) else {
                continue;
            };
            let holders = holders.get(key.value).into_iter().flatten().rev();
            let latest = holders
                .copied()
                .find(|s| delivered(s) <= sent && s.run < *child);
            found.children.extend(latest.map(|result| (*child, result)));
        }
        found
    }

    /// Whether a match is a proof: directly, by one result that fans out, or through a parent that
    /// is proven itself; and with which coverage.
    fn is_proof(&self, found: &Match<'_, '_>, position: usize) -> Option<(bool, f64)> {
        let coverage = found.children.len() as f64 / found.asked.max(1) as f64;
        let mut by_result: HashMap<usize, (HashSet<&str>, &Supplied<'_>)> = HashMap::new();
        for (child, result) in &found.children {
            let value = self.runs.all[*child].key(position)?.value;
            by_result
                .entry(result.run)
                .or_insert_with(|| (HashSet::new(), result))
                .0
                .insert(value);
        }
        let distinct: HashSet<&str> = by_result
            .values()
            .flat_map(|(values, _)| values)
            .copied()
            .collect();
        let is_enough = distinct.len() as u64 >= self.thresholds.proven_children;
        // Of a truncated result, the rows that were not kept can have supplied the rest.
        let is_covered = coverage >= self.thresholds.coverage
            || by_result.values().any(|(values, result)| {
                result.truncated
                    && values.len() as u64 >= self.thresholds.likely_values
                    && values.len() as f64 >= self.thresholds.coverage * result.values.len() as f64
            });
        if !is_enough || !is_covered {
            return None;
        }
        let fans_out = by_result.values().any(|(values, result)| {
            values.len() as u64 >= self.thresholds.proven_children
                && self.is_own(values.len(), result)
        });
        match (fans_out, self.proven.contains(&found.parent)) {
            (true, _) => Some((true, coverage)),
            (false, true) => Some((false, coverage)),
            (false, false) => None,
        }
    }

    /// Whether so many children belong to a result for sure. In a burst, which is but a guess at a
    /// unit, two lookups can follow a list of hundreds by chance.
    fn is_own(&self, values: usize, result: &Supplied<'_>) -> bool {
        self.unit.kind != UnitKind::Burst
            || values as u64 >= self.thresholds.likely_values
            || 2 * values >= result.values.len()
    }

    fn sighting(
        &self,
        template: usize,
        unit: usize,
        position: usize,
        found: &Match<'_, '_>,
    ) -> Sighting {
        let children: Vec<usize> = found.children.iter().map(|(child, _)| *child).collect();
        let mut parents: Vec<usize> = found.children.iter().map(|(_, s)| s.run).collect();
        parents.sort_unstable();
        parents.dedup();
        Sighting {
            verdict: verdict(&self.runs.all[children[0]]),
            template,
            units: vec![unit],
            distinct: distinct(self.runs, &children, position),
            children,
            position: Some(position),
            source: Some(Source {
                template: found.parent,
                column: found.column,
                runs: parents,
                asked: found.asked,
            }),
        }
    }
}

fn verdict(child: &Run<'_>) -> GroupVerdict {
    if child.is_write() {
        GroupVerdict::WriteLoop
    } else {
        GroupVerdict::Proven
    }
}

fn distinct(runs: &Runs<'_>, children: &[usize], position: usize) -> usize {
    let keys = children
        .iter()
        .filter_map(|child| runs.all[*child].key(position));
    keys.map(|key| key.value).collect::<HashSet<_>>().len()
}

/// Fan-outs whose children are spread over units: over several connections of a pool, or over a
/// transaction each. Nothing but the values joins them, so nearly all values of the result have to
/// be asked for, in close succession, and there have to be several.
pub(super) fn across_units(
    runs: &Runs<'_>,
    supply: &Supply<'_>,
    seen: &HashSet<usize>,
    thresholds: &Thresholds,
) -> Vec<Sighting> {
    let mut by_template: HashMap<usize, Vec<usize>> = HashMap::new();
    let mut order = Vec::new();
    for (index, run) in runs.all.iter().enumerate() {
        let is_free = run.counts && runs.units[run.unit].kind != UnitKind::Tag;
        if is_free && !seen.contains(&index) {
            by_template
                .entry(run.template)
                .or_insert_with(|| {
                    order.push(run.template);
                    Vec::new()
                })
                .push(index);
        }
    }
    let mut sightings = Vec::new();
    for template in order {
        let children = &by_template[&template];
        if (children.len() as u64) < thresholds.likely_values {
            continue;
        }
        let first = &runs.all[children[0]];
        let mut taken = HashSet::new();
        for position in first.keys().map(|key| key.position) {
            for supplied in supply.of_key(first, position, None) {
                let parent = &runs.all[supplied.run];
                let can_supply = parent.template != template
                    && runs.units[parent.unit].kind != UnitKind::Tag
                    && supplied.values.len() as u64 >= thresholds.likely_values;
                if !can_supply {
                    continue;
                }
                let spread = Spread {
                    runs,
                    supplied,
                    position,
                    gap_us: thresholds.burst_gap_us(),
                };
                let (found, asked) = spread.children(children, &taken);
                let values = distinct(runs, &found, position);
                let wanted = thresholds.coverage * supplied.values.len() as f64;
                // Others who ask for values of their own meanwhile hit some of the list by chance.
                let is_covered = found.len() as f64 >= thresholds.coverage * asked as f64;
                if values as u64 >= thresholds.likely_values
                    && values as f64 >= wanted
                    && is_covered
                {
                    taken.extend(found.iter().copied());
                    sightings.push(spread.sighting(template, found, asked));
                }
            }
        }
    }
    sightings
}

/// One result, and how its children are looked for.
struct Spread<'s, 'a> {
    runs: &'s Runs<'a>,
    supplied: &'s Supplied<'a>,
    position: usize,
    gap_us: u64,
}

impl Spread<'_, '_> {
    /// The executions that the result supplied, and how many of the template ran meanwhile. Ends
    /// once every value was asked for.
    fn children(&self, candidates: &[usize], taken: &HashSet<usize>) -> (Vec<usize>, usize) {
        let delivered = self.runs.all[self.supplied.run].execution.finished_us;
        let from = candidates.partition_point(|c| self.runs.all[*c].execution.sent_us < delivered);
        let mut end = delivered;
        let mut found = Vec::new();
        let mut missing = self.supplied.values.clone();
        let mut looked_at = 0;
        let mut asked = 0;
        let most = LOOKED_AT_PER_ROW * self.supplied.values.len();
        for child in candidates[from..]
            .iter()
            .filter(|c| !taken.contains(c))
            .take(most)
        {
            let run = &self.runs.all[*child];
            if missing.is_empty() || run.execution.sent_us > end.saturating_add(self.gap_us) {
                break;
            }
            looked_at += 1;
            let Some(key) = run.key(self.position) else {
                continue;
            };
            if self.supplied.values.contains(key.value) {
                missing.remove(key.value);
                end = end.max(run.execution.finished_us);
                found.push(*child);
                asked = looked_at;
            }
        }
        (found, asked)
    }

    fn sighting(&self, template: usize, children: Vec<usize>, asked: usize) -> Sighting {
        let parent = &self.runs.all[self.supplied.run];
        Sighting {
            verdict: verdict(&self.runs.all[children[0]]),
            template,
            units: vec![parent.unit],
            distinct: distinct(self.runs, &children, self.position),
            position: Some(self.position),
            source: Some(Source {
                template: parent.template,
                column: self.supplied.column,
                runs: vec![self.supplied.run],
                asked,
            }),
            children,
        }
    }
}
