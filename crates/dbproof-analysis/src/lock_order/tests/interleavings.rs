//! The search against brute force: a small lock manager runs all interleavings of random transactions.

use std::cell::Cell;
use std::collections::{BTreeSet, HashSet};

use dbproof_model::Schema;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::{Told, lock, search_of, told};
use crate::lock_order::{Lock, LockObject, Waiting};

/// A statement: what it does, to which object, and whether it waits.
#[derive(Debug, Clone, Copy)]
struct Step {
    verb: usize,
    object: usize,
    waits: bool,
}

/// Verbs, and the locks that they take on object `{}`.
const VERBS: [(&str, &str); 9] = [
    ("update accounts set n = 0 where id = {}", "accounts {} n"),
    ("delete from accounts where id = {}", "accounts {} u"),
    (
        "select 1 from accounts where id = {} for share",
        "accounts {} s",
    ),
    (
        "insert into lines (account_id) values ({})",
        "accounts {} k",
    ),
    ("update orders set n = 0 where id = {}", "orders {} n"),
    ("select pg_advisory_xact_lock({})", "#{}"),
    ("select pg_advisory_xact_lock_shared({})", "#{} shared"),
    ("insert into tags (id) values ({})", "!tags_pkey id={}"),
    ("lock table orders in share mode", "orders ShareLock"),
];

fn transaction(name: &str, steps: &[Step]) -> Told {
    // A lock that is held already is not taken again, as a footprint has it.
    let mut held: Vec<Lock> = Vec::new();
    let statements: Vec<(String, String)> = steps
        .iter()
        .map(|step| {
            let (sql, locks) = VERBS[step.verb];
            let object = step.object.to_string();
            let mut locks = locks.replace("{}", &object);
            if step.verb == 4 {
                locks = format!("> orders RowExclusiveLock; {locks}");
            }
            let is_new = |text: &&str| {
                let lock = lock(text.trim());
                let covers = |other: &Lock| other.object == lock.object && other.mode >= lock.mode;
                !held.iter().any(covers)
            };
            let ordered = locks.starts_with('>');
            let new: Vec<&str> = locks
                .trim_start_matches('>')
                .split(';')
                .filter(is_new)
                .collect();
            let written = format!("{}{}", if ordered { ">" } else { "" }, new.join(";"));
            held.extend(new.iter().map(|text| lock(text.trim())));
            let suffix = if step.waits { "" } else { " -- nowait" };
            (format!("{}{suffix}", sql.replace("{}", &object)), written)
        })
        .collect();
    let statements: Vec<(&str, &str)> = statements
        .iter()
        .map(|(sql, locks)| (sql.as_str(), locks.as_str()))
        .collect();
    told(name, &statements)
}

/// The locks of a transaction one by one, with whether each is waited for.
fn taken(told: &Told) -> Vec<(Lock, bool)> {
    let steps = told.footprint.steps.iter();
    steps
        .flat_map(|step| {
            let waits = step.waiting == Waiting::Waits;
            step.locks.iter().map(move |lock| (lock.clone(), waits))
        })
        .collect()
}

/// Runs all interleavings: whether some of them end with all of these transactions waiting for one
/// another in one circle.
fn deadlocks(transactions: &[Vec<(Lock, bool)>]) -> bool {
    let mut seen: HashSet<Vec<usize>> = HashSet::new();
    let mut open = vec![vec![0; transactions.len()]];
    while let Some(state) = open.pop() {
        if !seen.insert(state.clone()) {
            continue;
        }
        // Who waits for whom; nobody waits who fails instead, and then the transaction is over.
        let blockers = |who: usize| -> Vec<usize> {
            let Some((wanted, _)) = transactions[who].get(state[who]) else {
                return Vec::new();
            };
            (0..transactions.len())
                .filter(|other| *other != who && state[*other] < transactions[*other].len())
                .filter(|other| {
                    let held = &transactions[*other][..state[*other]];
                    held.iter().any(|(lock, _)| {
                        lock.object == wanted.object && lock.mode.conflicts_with(wanted.mode)
                    })
                })
                .collect()
        };
        let waits: Vec<Vec<usize>> = (0..transactions.len()).map(blockers).collect();
        if is_circle(&waits, transactions, &state) {
            return true;
        }
        for who in 0..transactions.len() {
            if state[who] >= transactions[who].len() {
                continue;
            }
            let mut next = state.clone();
            next[who] = match (waits[who].is_empty(), transactions[who][state[who]].1) {
                (true, _) => state[who] + 1,
                (false, true) => continue,
                (false, false) => transactions[who].len(),
            };
            open.push(next);
        }
    }
    false
}

/// Whether each transaction waits for exactly one other, and all of them in one circle.
fn is_circle(waits: &[Vec<usize>], transactions: &[Vec<(Lock, bool)>], state: &[usize]) -> bool {
    let mut at = 0;
    let mut met = BTreeSet::new();
    while met.insert(at) {
        let waiting = transactions[at]
            .get(state[at])
            .is_some_and(|(_, waits)| *waits);
        let [next] = waits[at].as_slice() else {
            return false;
        };
        if !waiting {
            return false;
        }
        at = *next;
    }
    met.len() == waits.len()
}

/// Other values for a transaction, in the same order: what the search takes for possible.
fn relabelled(locks: &[(Lock, bool)], map: &[usize]) -> Vec<(Lock, bool)> {
    let other = |text: &str| map[text.parse::<usize>().unwrap()].to_string();
    let relabel = |(lock, waits): &(Lock, bool)| {
        let mut lock = lock.clone();
        match &mut lock.object {
            LockObject::Row { key, .. } | LockObject::UniqueKey { key, .. } => {
                for (_, value) in key {
                    *value = other(value);
                }
            }
            LockObject::Relation(_) | LockObject::Advisory(_) => {}
        }
        (lock, *waits)
    };
    locks.iter().map(relabel).collect()
}

/// All rising sequences of three numbers below six.
fn rising() -> Vec<Vec<usize>> {
    let mut all = Vec::new();
    for a in 0..6 {
        for b in a + 1..6 {
            all.extend((b + 1..6).map(|c| vec![a, b, c]));
        }
    }
    all
}

fn step() -> impl Strategy<Value = Step> {
    (0..VERBS.len(), 0..3_usize, prop::bool::weighted(0.9)).prop_map(|(verb, object, waits)| Step {
        verb,
        object,
        waits,
    })
}

fn transactions(most: usize) -> impl Strategy<Value = Vec<Vec<Step>>> {
    prop::collection::vec(prop::collection::vec(step(), 1..5), 2..=most)
}

/// The classes of each candidate.
fn found(told: &[Told]) -> Vec<BTreeSet<usize>> {
    let found = search_of(told, &Schema::default());
    assert!(
        found
            .limits
            .iter()
            .all(|limit| limit.contains("more different rows")),
        "{:?}",
        found.limits
    );
    found
        .groups
        .iter()
        .map(|group| {
            group.alternatives[0]
                .members
                .iter()
                .map(|m| m.class)
                .collect()
        })
        .collect()
}

/// Runs the property over this many random cases.
fn run<S: Strategy>(cases: u32, strategy: &S, check: impl Fn(S::Value) -> Result<(), TestCaseError>)
where
    S::Value: Clone,
{
    let config = Config {
        cases,
        failure_persistence: None,
        ..Config::default()
    };
    let mut runner = TestRunner::new(config);
    if let Err(failed) = runner.run(strategy, check) {
        panic!("{failed}");
    }
}

fn named(transactions: &[Vec<Step>]) -> Vec<Told> {
    let numbered = transactions.iter().enumerate();
    numbered
        .map(|(at, steps)| transaction(&format!("t{at}"), steps))
        .collect()
}

#[test]
fn no_pair_that_deadlocks_is_missed() {
    let [pairs, real, candidates, confirmed, possible] = [const { Cell::new(0_u32) }; 5];
    let add = |cell: &Cell<u32>, yes: bool| cell.set(cell.get() + u32::from(yes));
    let maps = rising();
    run(4000, &transactions(2), |steps| {
        let told = named(&steps);
        let locks: Vec<_> = told.iter().map(taken).collect();
        let found = found(&told);
        for (a, b) in [(0, 0), (0, 1), (1, 1)] {
            let is_candidate = found.contains(&BTreeSet::from([a, b]));
            let really = deadlocks(&[locks[a].clone(), locks[b].clone()]);
            prop_assert!(
                is_candidate || !really,
                "{a} and {b} deadlock, and are no candidate"
            );
            let any = is_candidate
                && maps.iter().any(|map| {
                    deadlocks(&[relabelled(&locks[a], &maps[10]), relabelled(&locks[b], map)])
                });
            add(&pairs, true);
            add(&real, really);
            add(&candidates, is_candidate);
            add(&confirmed, is_candidate && really);
            add(&possible, any);
        }
        Ok(())
    });
    println!(
        "{} pairs: {} deadlock as they are; {} candidates, of which {} deadlock as they are and {} with \
         other values in the same order",
        pairs.get(),
        real.get(),
        candidates.get(),
        confirmed.get(),
        possible.get()
    );
    assert!(
        real.get() > 50,
        "too few of the random pairs deadlock to say anything"
    );
}

#[test]
fn no_three_that_deadlock_are_missed() {
    let real = Cell::new(0_u32);
    run(6000, &transactions(3), |steps| {
        let told = named(&steps);
        if told.len() < 3 {
            return Ok(());
        }
        let locks: Vec<_> = told.iter().map(taken).collect();
        if deadlocks(&locks) {
            real.set(real.get() + 1);
            let all = BTreeSet::from([0, 1, 2]);
            let found = found(&told);
            prop_assert!(
                found.iter().any(|of| of.is_subset(&all)),
                "three deadlock, and none of them is a candidate"
            );
        }
        Ok(())
    });
    println!("{} of the random threes deadlock", real.get());
    assert!(
        real.get() > 20,
        "too few of the random threes deadlock to say anything"
    );
}

#[test]
fn the_lock_manager_knows_a_deadlock() {
    let of = |steps: &[(usize, usize)]| {
        let steps: Vec<Step> = steps
            .iter()
            .map(|(verb, object)| Step {
                verb: *verb,
                object: *object,
                waits: true,
            })
            .collect();
        taken(&transaction("t", &steps))
    };
    let (up, down) = (of(&[(0, 0), (0, 1)]), of(&[(0, 1), (0, 0)]));
    assert!(deadlocks(&[up.clone(), down.clone()]));
    assert!(!deadlocks(&[up.clone(), up.clone()]));
    let mut hasty = down;
    hasty[1].1 = false;
    assert!(!deadlocks(&[up, hasty]));
    let upgrade = of(&[(2, 0), (0, 0)]);
    assert!(deadlocks(&[upgrade.clone(), upgrade]));
    let three = [(0, 1), (1, 2), (2, 0)].map(|(a, b)| of(&[(0, a), (0, b)]));
    assert!(deadlocks(&three));
    assert!(!deadlocks(&three[..2]));
}
