//! What was seen of each repetition, as a group of the record and a finding: [`drawn`].

use dbproof_model::{
    Finding, GroupCost, GroupOrigin, GroupParent, GroupVerdict, Location, NPlusOneGroup,
    ProjectedSaving,
};

use super::GroupSample;
use super::accumulate::{Accumulated, Accumulators};
use super::identity::Identity;
use super::remedy::remedy;
use crate::findings;

/// Only so many origins of a group are named.
const NAMED_ORIGINS: usize = 5;
/// Network round trips that savings are projected to, in milliseconds: none beyond what was
/// measured, the same data centre, another zone.
const ROUND_TRIPS_MS: [f64; 3] = [0.0, 0.5, 1.0];

/// A group of the record, with what is known of it beside the record.
#[derive(Debug)]
pub(super) struct Drawn {
    pub(super) group: NPlusOneGroup,
    pub(super) finding: Option<Finding>,
    pub(super) sample: GroupSample,
}

/// All groups, the worst first.
pub(super) fn drawn(accumulators: Accumulators, identity: &Identity) -> Vec<Drawn> {
    let reasons: Vec<String> = accumulators
        .rules
        .iter()
        .map(|rule| rule.reason.clone())
        .collect();
    let mut groups: Vec<Drawn> = accumulators
        .groups
        .into_iter()
        .map(|group| one(group, &reasons, identity))
        .collect();
    groups.sort_by(|a, b| {
        let (a, b) = (&a.group, &b.group);
        let cost = |g: &NPlusOneGroup| g.cost.and_then(|c| c.looped_ms).unwrap_or(0.0);
        rank(a.verdict)
            .cmp(&rank(b.verdict))
            .then(cost(b).total_cmp(&cost(a)))
            .then(b.executions.cmp(&a.executions))
            .then_with(|| a.template.cmp(&b.template))
    });
    groups
}

fn one(of: Accumulated, reasons: &[String], identity: &Identity) -> Drawn {
    let origins = origins(&of);
    let (text, sql) = remedy(&of, identity);
    let coverage = (of.asked > 0).then(|| of.supplied as f64 / of.asked as f64);
    let parent = of.key.parent.map(|(template, column)| GroupParent {
        template: template.into(),
        rows: of.parent_rows,
        column: column.into(),
    });
    let savings = ROUND_TRIPS_MS.iter().map(|round_trip_ms| ProjectedSaving {
        round_trip_ms: *round_trip_ms,
        saved_ms: of.spared_us / 1e3 + of.spared_trips as f64 * round_trip_ms,
    });
    let group = NPlusOneGroup {
        verdict: of.key.verdict,
        template: of.key.template.into(),
        executions: of.executions,
        distinct_values: of.distinct,
        sessions: of.sessions.len() as u64,
        units: of.units,
        unit_count: of.unit_count,
        origins,
        parent,
        cost: Some(GroupCost {
            looped_ms: Some(of.looped_us as f64 / 1e3),
            batched_ms: None,
        }),
        savings: savings.filter(|_| of.spared_trips > 0).collect(),
        remedy: text,
        remedy_sql: sql,
        proof: None,
        ignored: of.key.ignored.and_then(|rule| reasons.get(rule).cloned()),
    };
    Drawn {
        finding: group.ignored.is_none().then(|| finding(&group, coverage)),
        sample: GroupSample {
            database: of.sample.database,
            position: of.position,
            children: of.children,
            parent: of.parent,
        },
        group,
    }
}

/// The most frequent origins first.
fn origins(of: &Accumulated) -> Vec<GroupOrigin> {
    let mut origins: Vec<GroupOrigin> = of
        .origins
        .iter()
        .map(|(origin, executions)| GroupOrigin {
            executions: *executions,
            ..origin.clone()
        })
        .collect();
    origins.sort_by(|a, b| {
        let place = |o: &GroupOrigin| (o.file.clone(), o.line, o.route.clone(), o.action.clone());
        b.executions
            .cmp(&a.executions)
            .then_with(|| place(a).cmp(&place(b)))
    });
    origins.truncate(NAMED_ORIGINS);
    origins
}

fn finding(group: &NPlusOneGroup, coverage: Option<f64>) -> Finding {
    let finding = match group.verdict {
        GroupVerdict::Proven => findings::n_plus_one::finding(group, coverage),
        GroupVerdict::Likely => findings::n_plus_one_likely::finding(group, coverage),
        GroupVerdict::Duplicate => findings::duplicate_query::finding(group, coverage),
        GroupVerdict::WriteLoop => findings::write_loop::finding(group, coverage),
        GroupVerdict::Chain => findings::query_chain::finding(group, coverage),
    };
    let location = group.origins.first().and_then(|origin| {
        Some(Location {
            file: origin.file.clone()?,
            line: origin.line?,
        })
    });
    finding.at(location)
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
