//! Transactions that may deadlock, out of what each of them locks: [`candidates`].

use std::collections::BTreeMap;

use dbproof_model::Schema;

use super::build::{Built, build};
use super::domains::Domains;
use super::search::{Found, Part, search};
use super::substitute::candidate;
use super::{Candidate, Footprint};
use crate::transactions::TransactionClass;

/// Ways to close one cycle that are worth a try.
const MOST_ALTERNATIVES: usize = 4;
/// So many deadlocks are told of in one database.
const MOST_GROUPS: usize = 400;

/// A class of transactions with what its exemplar locks.
#[derive(Debug, Clone, Copy)]
pub struct Searched<'a> {
    /// The class.
    pub class: &'a TransactionClass,
    /// What its exemplar locked when it was run alone; `None` where it could not be run.
    pub footprint: Option<&'a Footprint>,
}

/// What a search found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Candidates {
    /// What may deadlock; cycles of two first, and of these the transactions that were seen most often.
    pub groups: Vec<CandidateGroup>,
    /// How many cycles were left out because a guard keeps them from closing: a lock that both take
    /// before, NOWAIT, SKIP LOCKED, a `lock_timeout`.
    pub guarded: u64,
    /// What was not looked at, for the reader; empty where everything was.
    pub limits: Vec<String>,
    /// Whether the search was ended before it had looked at all cycles.
    pub cut_short: bool,
}

/// The cycles of the same classes over the same relations: one deadlock, which may close in several
/// ways.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CandidateGroup {
    /// One to four ways to close it, the most promising first. Others are tried only if the one before
    /// does not deadlock.
    pub alternatives: Vec<Candidate>,
}

/// The cycles that the transactions may close. `schemas` are those of their databases, by number:
/// through their foreign keys, values of different columns are known to be keys of the same rows.
/// Classes of different databases never lock against each other.
///
/// `is_over` is asked every now and then whether to stop; what was not looked at by then is told.
///
/// [`super::Member::class`] is an index into `searched`.
#[must_use]
pub fn candidates(
    searched: &[Searched<'_>],
    schemas: &[Schema],
    is_over: &dyn Fn() -> bool,
) -> Candidates {
    let mut databases: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
    for (at, one) in searched.iter().enumerate() {
        databases.entry(one.class.database).or_default().push(at);
    }
    let mut all = Candidates::default();
    let unknown = Schema::default();
    for (number, only) in &databases {
        let schema = schemas.get(*number as usize).unwrap_or(&unknown);
        of_database(searched, only, schema, is_over, &mut all);
    }
    all
}

fn of_database(
    searched: &[Searched<'_>],
    only: &[usize],
    schema: &Schema,
    is_over: &dyn Fn() -> bool,
    all: &mut Candidates,
) {
    let locks = only
        .iter()
        .filter_map(|at| searched[*at].footprint)
        .flat_map(|footprint| footprint.steps.iter().flat_map(|step| &step.locks));
    let relations = locks.filter_map(|lock| lock.object.relation());
    let mut domains = Domains::new(schema, relations);
    let built = build(searched, only, &mut domains);
    let found = search(&built, is_over);
    let told = found.groups.keys();
    let guarded = found
        .guarded
        .iter()
        .filter(|key| !found.groups.contains_key(*key));
    all.guarded += guarded.count() as u64;
    let unread = only
        .iter()
        .filter(|at| searched[**at].footprint.is_none())
        .count();
    if unread > 0 {
        all.limits.push(format!(
            "of {unread} kinds of transactions it is not known what they lock"
        ));
    }
    all.limits.extend(built.limits.iter().cloned());
    limits_of(&found, &mut all.limits);
    all.cut_short |= !found.cut.is_empty();
    let mut planned: Vec<Planned<'_>> = Vec::new();
    for (key, ways) in told.zip(found.groups.values()) {
        for instances in casts(&built, &key.0) {
            let seen = |at: &usize| searched[built.instances[*at].class].class.occurrences;
            let rarest = instances.iter().map(seen).min().unwrap_or(0);
            planned.push(Planned {
                length: key.0.len(),
                seen: rarest,
                instances,
                ways,
            });
        }
    }
    planned.sort_by_key(|group| (group.length, std::cmp::Reverse(group.seen)));
    if planned.len() > MOST_GROUPS {
        let left_out = planned.len() - MOST_GROUPS;
        all.limits.push(format!(
            "{left_out} more possible deadlocks, of the transactions that were seen least often"
        ));
        planned.truncate(MOST_GROUPS);
    }
    let mut unmet = 0_u64;
    for planned in planned {
        match group(&built, searched, &planned.instances, planned.ways) {
            Some(group) => all.groups.push(group),
            None => unmet += 1,
        }
    }
    if unmet > 0 {
        all.limits.push(format!(
            "{unmet} possible deadlocks need more different rows of a relation than were seen"
        ));
    }
}

/// A group to be written.
struct Planned<'a> {
    length: usize,
    /// How often the rarest of its transactions was seen.
    seen: u64,
    instances: Vec<usize>,
    ways: &'a [Vec<Part>],
}

fn limits_of(found: &Found, limits: &mut Vec<String>) {
    for length in &found.cut {
        limits.push(format!(
            "not all cycles of {length} transactions were looked at: there are too many"
        ));
    }
}

/// The transactions that the profiles of a group stand for. Of cycles of two, every pair; of longer
/// ones, the first transaction that locks so.
fn casts(built: &Built, profiles: &[usize]) -> Vec<Vec<usize>> {
    let [a, b] = profiles else {
        let first = |profile: &usize| built.of_profile[*profile][0];
        return vec![profiles.iter().map(first).collect()];
    };
    let mut pairs = Vec::new();
    for first in &built.of_profile[*a] {
        for second in &built.of_profile[*b] {
            if a != b || first <= second {
                pairs.push(vec![*first, *second]);
            }
        }
    }
    pairs
}

/// The ways to close a cycle of these transactions. Those whose locks are taken by different statements
/// come first: between two statements there is a moment at which others can come in.
fn group(
    built: &Built,
    searched: &[Searched<'_>],
    instances: &[usize],
    ways: &[Vec<Part>],
) -> Option<CandidateGroup> {
    let within = |way: &Vec<Part>| {
        let is_within = |part: &&Part| {
            let locks = &built.profiles[part.profile].locks;
            locks[part.held].step == locks[part.asked].step
        };
        way.iter().filter(is_within).count()
    };
    let mut ways: Vec<&Vec<Part>> = ways.iter().collect();
    ways.sort_by_key(|way| within(way));
    let mut alternatives = Vec::new();
    for way in ways {
        // The transactions stand in the order of their profiles, the way in that of its cycle.
        let mut left = instances.to_vec();
        let cast: Vec<usize> = way
            .iter()
            .filter_map(|part| {
                let of_profile = &built.of_profile[part.profile];
                let at = left
                    .iter()
                    .position(|instance| of_profile.contains(instance))?;
                Some(left.remove(at))
            })
            .collect();
        alternatives.extend(candidate(built, searched, way, &cast));
        if alternatives.len() == MOST_ALTERNATIVES {
            break;
        }
    }
    (!alternatives.is_empty()).then_some(CandidateGroup { alternatives })
}
