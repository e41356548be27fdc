//! What was seen of one template in all units, as one group and one finding: [`merged`].

use std::collections::{HashMap, HashSet};

use dbproof_model::{Finding, GroupCost, GroupParent, GroupVerdict, NPlusOneGroup};

use super::identity::{ColumnId, Identity};
use super::remedy::remedy;
use super::runs::{Run, Runs};
use crate::findings;

/// Only so many units of a group are named.
const NAMED_UNITS: usize = 10;

/// Repeated executions of one template in one place.
#[derive(Debug)]
pub(super) struct Sighting {
    pub(super) verdict: GroupVerdict,
    pub(super) template: usize,
    pub(super) units: Vec<usize>,
    /// Indices into [`Runs::all`].
    pub(super) children: Vec<usize>,
    pub(super) distinct: usize,
    /// The key whose value differs.
    pub(super) position: Option<usize>,
    pub(super) source: Option<Source>,
}

/// Where the values of a sighting come from.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) template: usize,
    pub(super) column: ColumnId,
    /// The runs whose results supplied them.
    pub(super) runs: Vec<usize>,
    /// Children that were sent after the first of these results was there.
    pub(super) asked: usize,
}

/// The groups, the worst first, and their findings in the same order.
pub(super) fn merged(
    runs: &Runs<'_>,
    identity: &Identity<'_>,
    sightings: Vec<Sighting>,
) -> (Vec<NPlusOneGroup>, Vec<Finding>) {
    let mut order = Vec::new();
    let mut by_template: HashMap<usize, Vec<Sighting>> = HashMap::new();
    for sighting in sightings {
        let known = by_template.entry(sighting.template).or_default();
        if known.is_empty() {
            order.push(sighting.template);
        }
        known.push(sighting);
    }
    let mut groups: Vec<(NPlusOneGroup, Option<f64>)> = order
        .iter()
        .filter_map(|template| group(runs, identity, by_template.remove(template)?))
        .collect();
    groups.sort_by(|(a, _), (b, _)| {
        let cost = |g: &NPlusOneGroup| g.cost.and_then(|c| c.looped_ms).unwrap_or(0.0);
        rank(a.verdict)
            .cmp(&rank(b.verdict))
            .then(cost(b).total_cmp(&cost(a)))
            .then(b.executions.cmp(&a.executions))
    });
    let findings = groups
        .iter()
        .map(|(group, coverage)| finding(group, *coverage))
        .collect();
    (
        groups.into_iter().map(|(group, _)| group).collect(),
        findings,
    )
}

fn finding(group: &NPlusOneGroup, coverage: Option<f64>) -> Finding {
    match group.verdict {
        GroupVerdict::Proven => findings::n_plus_one::finding(group, coverage),
        GroupVerdict::Likely => findings::n_plus_one_likely::finding(group, coverage),
        GroupVerdict::Duplicate => findings::duplicate_query::finding(group, coverage),
        GroupVerdict::WriteLoop => findings::write_loop::finding(group, coverage),
        GroupVerdict::Chain => findings::query_chain::finding(group, coverage),
    }
}

/// The worst verdict first.
fn rank(verdict: GroupVerdict) -> usize {
    match verdict {
        GroupVerdict::Proven => 0,
        GroupVerdict::WriteLoop => 1,
        GroupVerdict::Likely => 2,
        GroupVerdict::Duplicate => 3,
        GroupVerdict::Chain => 4,
    }
}

fn group(
    runs: &Runs<'_>,
    identity: &Identity<'_>,
    mut sightings: Vec<Sighting>,
) -> Option<(NPlusOneGroup, Option<f64>)> {
    // What proves most speaks for the group.
    sightings.sort_by_key(|s| (rank(s.verdict), s.source.is_none()));
    let first = sightings.first()?;
    let children: HashSet<usize> = sightings
        .iter()
        .flat_map(|s| &s.children)
        .copied()
        .collect();
    let taken: Vec<&Run<'_>> = children.iter().map(|child| &runs.all[*child]).collect();
    let mut units: Vec<usize> = sightings.iter().flat_map(|s| &s.units).copied().collect();
    units.sort_unstable();
    units.dedup();
    let looped_us: u64 = taken
        .iter()
        .map(|run| {
            run.execution
                .finished_us
                .saturating_sub(run.execution.sent_us)
        })
        .sum();
    let sample = &runs.all[*first.children.first()?];
    let (parent, coverage) = parent(runs, identity, &sightings);
    let (text, sql) = remedy(first.verdict, sample, &taken, first.position, identity);
    let group = NPlusOneGroup {
        verdict: first.verdict,
        template: runs.templates[first.template].shape.clone(),
        executions: children.len() as u64,
        distinct_values: sightings.iter().map(|s| s.distinct as u64).sum(),
        sessions: taken
            .iter()
            .map(|run| run.execution.session)
            .collect::<HashSet<_>>()
            .len() as u64,
        units: units
            .iter()
            .take(NAMED_UNITS)
            .map(|u| runs.units[*u].name.clone())
            .collect(),
        parent,
        cost: Some(GroupCost {
            looped_ms: Some(looped_us as f64 / 1e3),
            batched_ms: None,
        }),
        remedy: text,
        remedy_sql: sql,
        proof: None,
    };
    Some((group, coverage))
}

/// The parent that proves most, its rows over all of its runs, and the coverage.
fn parent(
    runs: &Runs<'_>,
    identity: &Identity<'_>,
    sightings: &[Sighting],
) -> (Option<GroupParent>, Option<f64>) {
    let Some(first) = sightings.iter().find_map(|s| s.source.as_ref()) else {
        return (None, None);
    };
    let alike: Vec<(&Sighting, &Source)> = sightings
        .iter()
        .filter_map(|s| Some((s, s.source.as_ref()?)))
        .filter(|(_, s)| s.template == first.template && s.column == first.column)
        .collect();
    let parents: HashSet<usize> = alike.iter().flat_map(|(_, s)| &s.runs).copied().collect();
    let rows = parents
        .iter()
        .map(|run| runs.all[*run].execution.result.row_count)
        .sum();
    let column = identity.name(first.column).or_else(|| {
        let result = &runs.all[*first.runs.first()?].execution.result;
        let column = result
            .columns
            .iter()
            .find(|c| Identity::result(c) == Some(first.column))?;
        Some(column.name.clone())
    });
    let asked: usize = alike.iter().map(|(_, s)| s.asked).sum();
    let supplied: usize = alike.iter().map(|(s, _)| s.children.len()).sum();
    let parent = GroupParent {
        template: runs.templates[first.template].shape.clone(),
        rows,
        column: column.unwrap_or_default(),
    };
    (Some(parent), Some(supplied as f64 / asked.max(1) as f64))
}
