//! The search for cycles among profiles: [`search`].

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::build::Built;
use super::unify::Unifier;

/// The most transactions of a cycle.
const LONGEST: usize = 4;
/// How many pairs of locks are held against each other, for cycles of two, of three and of four.
const MOST_STEPS: [u64; 3] = [20_000_000, 2_000_000, 2_000_000];
/// Of one group, so many ways to close the cycle are kept to choose from.
const MOST_WAYS: usize = 32;
/// After so many steps it is asked whether the search is over.
const ASKED_EVERY: u64 = 256;

/// A profile in a cycle, with the lock that it holds and the one that it asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Part {
    /// The profile.
    pub(super) profile: usize,
    /// Its lock that the one before asks for.
    pub(super) held: usize,
    /// The lock that it asks for.
    pub(super) asked: usize,
}

/// What makes cycles one deadlock: who takes part (sorted), and over which relations, by number.
pub(super) type GroupKey = (Vec<usize>, BTreeSet<usize>);

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// The ways to close each.
    pub(super) groups: BTreeMap<GroupKey, Vec<Vec<Part>>>,
    /// Those that a guard keeps from closing.
    pub(super) guarded: BTreeSet<GroupKey>,
    /// The lengths of cycles of which not all were looked at.
    pub(super) cut: Vec<usize>,
}

struct Search<'a> {
    built: &'a Built,
    /// The relation of each bucket, by number.
    relations: Vec<usize>,
    /// Who takes locks of a bucket: profile and lock.
    holders: HashMap<usize, Vec<(usize, usize)>>,
    /// What each profile asks for while it holds one of its locks.
    asks: Vec<Vec<Vec<usize>>>,
    /// The relations of what was found, by who takes part.
    known: HashMap<Vec<usize>, Vec<BTreeSet<usize>>>,
    found: Found,
    steps_left: u64,
    /// Whether there were more steps than were left.
    was_cut: bool,
    /// Whether the search was over before it had come to its end.
    has_ended: bool,
    /// Steps of all lengths together.
    asked_for: u64,
    is_over: &'a dyn Fn() -> bool,
}

/// What comes of one more transaction in a path.
enum Extension<'a> {
    /// They cannot meet so, or are known to.
    No,
    /// They could, but for a guard.
    Guarded,
    Yes(Unifier<'a>),
}

/// All cycles of two to four transactions, the shorter ones first. Of longer ones, those that hold a
/// shorter one over the same relations are left out: mending that mends them.
pub(super) fn search<'a>(built: &'a Built, is_over: &'a dyn Fn() -> bool) -> Found {
    let mut search = Search::new(built, is_over);
    for (length, steps) in (2..=LONGEST).zip(MOST_STEPS) {
        search.steps_left = steps;
        search.was_cut = false;
        for profile in 0..built.profiles.len() {
            for held in 0..built.profiles[profile].locks.len() {
                for asked in search.asks[profile][held].clone() {
                    let part = Part {
                        profile,
                        held,
                        asked,
                    };
                    if length > 2 && !built.profiles[profile].locks[asked].waits {
                        continue;
                    }
                    let unifier = Unifier::new(&[&built.profiles[profile]]);
                    search.extend(&mut vec![part], &unifier, length);
                }
            }
        }
        if search.was_cut {
            search.found.cut.push(length);
        }
        let groups: Vec<GroupKey> = search.found.groups.keys().cloned().collect();
        search.known.clear();
        for (members, relations) in groups {
            search.known.entry(members).or_default().push(relations);
        }
    }
    search.found
}

/// The profiles of a path, sorted.
fn members(path: &[Part]) -> Vec<usize> {
    let mut members: Vec<usize> = path.iter().map(|part| part.profile).collect();
    members.sort_unstable();
    members
}

impl<'a> Search<'a> {
    fn new(built: &'a Built, is_over: &'a dyn Fn() -> bool) -> Self {
        let mut numbers: HashMap<&str, usize> = HashMap::new();
        let mut relations = Vec::new();
        for name in &built.buckets {
            let next = numbers.len();
            relations.push(*numbers.entry(name).or_insert(next));
        }
        let mut holders: HashMap<usize, Vec<(usize, usize)>> = HashMap::new();
        let mut asks = Vec::new();
        for (number, profile) in built.profiles.iter().enumerate() {
            let locks = 0..profile.locks.len();
            let of_profile: Vec<Vec<usize>> = locks
                .clone()
                .map(|held| {
                    let asked = locks.clone();
                    asked
                        .filter(|asked| profile.holds_while_asking(held, *asked))
                        .collect()
                })
                .collect();
            for (held, asked) in of_profile.iter().enumerate() {
                if !asked.is_empty() {
                    let bucket = profile.locks[held].bucket;
                    holders.entry(bucket).or_default().push((number, held));
                }
            }
            asks.push(of_profile);
        }
        Self {
            built,
            relations,
            holders,
            asks,
            known: HashMap::new(),
            found: Found::default(),
            steps_left: 0,
            was_cut: false,
            has_ended: false,
            asked_for: 0,
            is_over,
        }
    }

    fn extend(&mut self, path: &mut Vec<Part>, unifier: &Unifier<'a>, length: usize) {
        let (first, last) = (path[0], path[path.len() - 1]);
        let profiles = &self.built.profiles;
        let asked = &profiles[last.profile].locks[last.asked];
        let wanted = &profiles[first.profile].locks[first.held];
        let is_last = path.len() + 1 == length;
        let holders = self.holders.get(&asked.bucket).cloned().unwrap_or_default();
        for (profile, held) in holders {
            // Each cycle is begun at the first of its profiles.
            let is_of_use = profile >= first.profile
                && asked
                    .mode
                    .conflicts_with(profiles[profile].locks[held].mode);
            if !is_of_use {
                continue;
            }
            for next in self.asks[profile][held].clone() {
                let lock = &profiles[profile].locks[next];
                let closes = lock.bucket == wanted.bucket && lock.mode.conflicts_with(wanted.mode);
                if (is_last && !closes) || (length > 2 && !lock.waits) {
                    continue;
                }
                self.asked_for = self.asked_for.wrapping_add(1);
                if self.asked_for % ASKED_EVERY == 1 {
                    self.has_ended |= (self.is_over)();
                }
                if self.steps_left == 0 || self.has_ended {
                    self.was_cut = true;
                    return;
                }
                self.steps_left -= 1;
                let part = Part {
                    profile,
                    held,
                    asked: next,
                };
                path.push(part);
                match self.extension(path, unifier, is_last) {
                    Extension::No => {}
                    Extension::Guarded => {
                        if is_last {
                            let key = self.key(path);
                            self.found.guarded.insert(key);
                        }
                    }
                    Extension::Yes(_) if is_last => self.keep(path),
                    Extension::Yes(unifier) => self.extend(path, &unifier, length),
                }
                path.pop();
            }
        }
    }

    /// Whether the last part of the path can stand behind the others.
    fn extension(&self, path: &[Part], unifier: &Unifier<'a>, is_last: bool) -> Extension<'a> {
        let profiles = &self.built.profiles;
        let new = path.len() - 1;
        let of_migration = |part: &&Part| self.built.of_migration[part.profile];
        if path.iter().filter(of_migration).count() > 1 {
            return Extension::No;
        }
        if self.is_told(path, is_last) || (is_last && self.is_one_order(path)) {
            return Extension::No;
        }
        let mut unifier = unifier.clone();
        unifier.push(&profiles[path[new].profile]);
        let is_met = unifier.meet((new - 1, path[new - 1].asked), (new, path[new].held))
            && (!is_last || unifier.meet((new, path[new].asked), (0, path[0].held)))
            && unifier.is_consistent();
        if !is_met {
            return Extension::No;
        }
        let waits = |part: &Part| profiles[part.profile].locks[part.asked].waits;
        if !path.iter().all(waits)
            || (0..new).any(|other| self.is_gated(path, &unifier, other, new))
        {
            return Extension::Guarded;
        }
        Extension::Yes(unifier)
    }

    /// Whether two transactions of a path cannot both come as far as what they ask for: each holds a
    /// lock by then that the other one would have to have.
    fn is_gated(&self, path: &[Part], unifier: &Unifier<'a>, a: usize, b: usize) -> bool {
        let held = |member: usize| {
            let part = path[member];
            let profile = &self.built.profiles[part.profile];
            (0..profile.locks.len())
                .filter(move |at| *at == part.held || profile.surely_holds(*at, part.asked))
        };
        let lock = |member: usize, at: usize| &self.built.profiles[path[member].profile].locks[at];
        held(a).any(|x| {
            held(b).any(|y| {
                let (first, second) = (lock(a, x), lock(b, y));
                first.bucket == second.bucket
                    && first.mode.conflicts_with(second.mode)
                    && unifier.are_one((a, x), (b, y))
            })
        })
    }

    /// Whether all of them hold and ask within one statement that locks in one order whenever it runs.
    fn is_one_order(&self, path: &[Part]) -> bool {
        let order =
            |part: &Part| self.built.profiles[part.profile].order_within(part.held, part.asked);
        let orders: HashSet<Option<u64>> = path.iter().map(order).collect();
        orders.len() == 1 && !orders.contains(&None)
    }

    /// Whether some of the path are known to deadlock over the relations that they have in it.
    fn is_told(&self, path: &[Part], is_last: bool) -> bool {
        let told = |parts: &[Part]| {
            let known = self.known.get(&members(parts));
            known.is_some_and(|known| {
                let relations = self.relations_of(parts);
                known.iter().any(|of| of.is_subset(&relations))
            })
        };
        let new = path[path.len() - 1];
        let others = &path[..path.len() - 1];
        let is_longer = path.len() > 2 || !is_last;
        if is_longer && others.iter().any(|other| told(&[*other, new])) {
            return true;
        }
        is_last
            && path.len() == 4
            && (0..4).any(|without| {
                let mut three = path.to_vec();
                three.remove(without);
                told(&three)
            })
    }

    fn key(&self, path: &[Part]) -> GroupKey {
        (members(path), self.relations_of(path))
    }

    fn relations_of(&self, path: &[Part]) -> BTreeSet<usize> {
        let relations = path.iter().flat_map(|part| {
            let locks = &self.built.profiles[part.profile].locks;
            [locks[part.held].bucket, locks[part.asked].bucket]
        });
        relations.map(|bucket| self.relations[bucket]).collect()
    }

    fn keep(&mut self, path: &[Part]) {
        let key = self.key(path);
        let steps = |path: &[Part]| {
            let mut steps: Vec<(usize, usize, usize)> = path
                .iter()
                .map(|part| {
                    let locks = &self.built.profiles[part.profile].locks;
                    (part.profile, locks[part.held].step, locks[part.asked].step)
                })
                .collect();
            steps.sort_unstable();
            steps
        };
        // A migration's statement goes through given rows in an order that is not known: of each row that it
        // may have come to first, one way is kept.
        let begins_with = |path: &[Part]| {
            let of_migration = |part: &&Part| self.built.of_migration[part.profile];
            let part = path.iter().find(of_migration)?;
            let locks = &self.built.profiles[part.profile].locks;
            (locks[part.held].step == locks[part.asked].step).then_some(part.held)
        };
        let wanted = (steps(path), begins_with(path));
        let ways = self.found.groups.get(&key).map_or(&[][..], Vec::as_slice);
        let is_known = |way: &Vec<Part>| (steps(way), begins_with(way)) == wanted;
        if ways.len() < MOST_WAYS && !ways.iter().any(is_known) {
            self.found
                .groups
                .entry(key)
                .or_default()
                .push(path.to_vec());
        }
    }
}
