//! Transactions as what the search looks at: [`Built`].

use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::{Hash as _, Hasher as _};

use super::domains::{Domain, Domains};
use super::keys::{Keys, Observed, Reader};
use super::slots::{SlotValue, slots_of};
use super::taken::{Raw, locks_of};
use super::values::compare;
use super::{Lock, LockMode, LockObject, Profile, Searched, TakenLock};

/// Of the locks that one transaction takes in one mode on rows of one relation, so many are looked at:
/// the first and the last ones, and those between which the order of the keys turns.
const MOST_ALIKE: usize = 8;

/// What the search looks at.
#[derive(Debug, Default)]
pub(super) struct Built {
    /// What transactions lock, each once.
    pub(super) profiles: Vec<Profile>,
    /// The transactions of each profile, as indices into `instances`.
    pub(super) of_profile: Vec<Vec<usize>>,
    /// The transactions that lock something that others may wait for.
    pub(super) instances: Vec<Instance>,
    /// For each profile, whether it is a migration's, which is run once and never beside another one.
    pub(super) of_migration: Vec<bool>,
    /// What a bucket is of: a relation, or advisory locks.
    pub(super) buckets: Vec<String>,
    /// The values that were seen of each domain.
    pub(super) pool: HashMap<Domain, BTreeSet<String>>,
    /// What was left out.
    pub(super) limits: Vec<String>,
}

/// A transaction with all that is needed to write its statements anew.
#[derive(Debug)]
pub(super) struct Instance {
    /// Its class, as an index into those that are searched.
    pub(super) class: usize,
    /// The values of its statements.
    pub(super) slots: Vec<SlotValue>,
    /// The statement and the lock of each of the profile's locks.
    pub(super) taken: Vec<(usize, Lock)>,
    /// Each of the profile's values in the exemplar.
    pub(super) texts: Vec<String>,
    /// The slots that a value stands in beyond those of its domain.
    pub(super) further_slots: Vec<Vec<usize>>,
}

/// A class on its way.
struct Draft {
    class: usize,
    slots: Vec<SlotValue>,
    locks: Vec<Raw>,
    shapes: Vec<String>,
    sequence: u64,
}

/// Reads what the transactions of one database lock; `only` names them among those that are searched.
pub(super) fn build(searched: &[Searched<'_>], only: &[usize], domains: &mut Domains<'_>) -> Built {
    let mut built = Built::default();
    let mut observed = Observed::default();
    let mut drafts = Vec::new();
    for class in only {
        let Some(footprint) = searched[*class].footprint else {
            continue;
        };
        let statements = &searched[*class].class.statements;
        // A migration's values are what they are: it is the application that works on any row.
        let sent = statements.iter().map(|s| &s.sent);
        let is_written = searched[*class].class.migration.is_none();
        let slots = slots_of(sent.filter(|_| is_written), domains);
        let locks = locks_of(searched[*class].class, footprint, &slots, domains);
        let shapes = statements.iter().map(|s| s.shape.to_lowercase());
        let shapes: Vec<String> = shapes.chain(["commit".to_owned()]).collect();
        let sequence = sequence(&shapes);
        observed.note(&slots, &locks, &shapes, sequence, domains);
        drafts.push(Draft {
            class: *class,
            slots,
            locks,
            shapes,
            sequence,
        });
    }
    let mut buckets: HashMap<String, usize> = HashMap::new();
    let contested = contested(&drafts, &mut buckets, &mut built.buckets);
    let mut known: HashMap<(Profile, bool), usize> = HashMap::new();
    let mut thinned = 0_u64;
    for draft in drafts {
        let taken = |raw: &Raw| {
            let bucket = buckets[&bucket_name(&raw.lock.object)];
            contested[bucket].contains(&raw.lock.mode).then_some(bucket)
        };
        let (profile, instance, was_thinned) = finished(draft, taken, &observed, domains);
        thinned += u64::from(was_thinned);
        if profile.locks.is_empty() {
            continue;
        }
        let of_migration = searched[instance.class].class.migration.is_some();
        let number =
            *known
                .entry((profile, of_migration))
                .or_insert_with_key(|(profile, of_migration)| {
                    built.profiles.push(profile.clone());
                    built.of_profile.push(Vec::new());
                    built.of_migration.push(*of_migration);
                    built.profiles.len() - 1
                });
        built.of_profile[number].push(built.instances.len());
        built.instances.push(instance);
    }
    if thinned > 0 {
        built.limits.push(format!(
            "of {thinned} transactions that lock more than {MOST_ALIKE} rows of a relation, only the first, \
             the last and those where the order of the keys turns were looked at"
        ));
    }
    built.pool = observed.pool;
    built
}

/// The same for all transactions of the same statements, however often a loop repeats one.
fn sequence(shapes: &[String]) -> u64 {
    let mut hasher = DefaultHasher::new();
    let mut before = None;
    for shape in shapes {
        if before != Some(shape) {
            shape.hash(&mut hasher);
        }
        before = Some(shape);
    }
    hasher.finish()
}

fn bucket_name(object: &LockObject) -> String {
    match object {
        LockObject::Relation(relation) => format!("relation {relation}"),
        LockObject::Row { relation, key } => {
            let columns: Vec<&str> = key.iter().map(|(column, _)| column.as_str()).collect();
            format!("row {relation} {}", columns.join(","))
        }
        LockObject::UniqueKey {
            relation, index, ..
        } => format!("key {relation} {index}"),
        LockObject::Advisory(key) => format!("advisory {}", key.split(',').count()),
    }
}

/// Numbers the buckets, and says which modes of each exclude one that is taken too.
fn contested(
    drafts: &[Draft],
    numbers: &mut HashMap<String, usize>,
    names: &mut Vec<String>,
) -> Vec<BTreeSet<LockMode>> {
    let mut modes: Vec<BTreeSet<LockMode>> = Vec::new();
    for raw in drafts.iter().flat_map(|draft| &draft.locks) {
        let number = *numbers
            .entry(bucket_name(&raw.lock.object))
            .or_insert_with(|| {
                let name = raw.lock.object.relation().unwrap_or("advisory locks");
                names.push(name.to_owned());
                modes.push(BTreeSet::new());
                names.len() - 1
            });
        modes[number].insert(raw.lock.mode);
    }
    let excludes = |modes: &BTreeSet<LockMode>| {
        let contested = modes
            .iter()
            .filter(|mode| modes.iter().any(|other| mode.conflicts_with(*other)));
        contested.copied().collect()
    };
    modes.iter().map(excludes).collect()
}

/// A class's profile, and whether locks were left out of it.
fn finished(
    draft: Draft,
    bucket_of: impl Fn(&Raw) -> Option<usize>,
    observed: &Observed,
    domains: &mut Domains<'_>,
) -> (Profile, Instance, bool) {
    let mut reader = Reader {
        domains,
        observed,
        slots: &draft.slots,
        shapes: &draft.shapes,
        sequence: draft.sequence,
        keys: Keys::default(),
    };
    // Every lock is read, contested or not: what a transaction has made itself must be known.
    let mut locks: Vec<(usize, Vec<usize>, &Raw)> = Vec::new();
    for raw in &draft.locks {
        let key = reader.key_of(raw);
        if let (Some(bucket), Some(key)) = (bucket_of(raw), key) {
            locks.push((bucket, key, raw));
        }
    }
    let keys = reader.ranked();
    let before = locks.len();
    let mut locks = thinned(locks, &keys);
    let was_thinned = locks.len() < before;
    let (keys, number) = keys.only(locks.iter().flat_map(|(_, key, _)| key.iter().copied()));
    for (_, key, _) in &mut locks {
        for value in key {
            *value = number[value];
        }
    }
    let steps: BTreeSet<usize> = locks.iter().map(|(_, _, raw)| raw.statement).collect();
    let step_of = |statement: usize| steps.range(..statement).count();
    let until = |statement: usize| {
        if statement == usize::MAX {
            usize::MAX
        } else {
            step_of(statement)
        }
    };
    let taken = locks
        .iter()
        .map(|(_, _, raw)| (raw.statement, raw.lock.clone()))
        .collect();
    let same_order = same_order(&locks, &draft, &keys);
    let of_statement = |statement: usize| {
        let alike = locks
            .iter()
            .filter(|(_, _, raw)| raw.statement == statement);
        alike.count()
    };
    let alone: BTreeSet<usize> = steps
        .iter()
        .copied()
        .filter(|statement| of_statement(*statement) == 1)
        .collect();
    let locks = locks
        .into_iter()
        .map(|(bucket, key, raw)| TakenLock {
            bucket,
            mode: raw.lock.mode,
            key,
            step: step_of(raw.statement),
            order: raw.order.filter(|_| !alone.contains(&raw.statement)),
            same_order: same_order.get(&raw.statement).copied(),
            waits: raw.waits,
            surely_until: until(raw.surely_until),
            held_until: until(raw.held_until),
        })
        .collect();
    let profile = Profile {
        locks,
        values: keys.values,
    };
    let instance = Instance {
        class: draft.class,
        slots: draft.slots,
        taken,
        texts: keys.texts,
        further_slots: keys.further_slots,
    };
    (profile, instance, was_thinned)
}

/// For each statement that takes several locks in an order that is not known: what it shares with
/// statements that take theirs in the same order. That is its shape, since a plan depends on that, and,
/// where it is given a list of rows that a plan may follow, the order of the keys in that list.
fn same_order(
    locks: &[(usize, Vec<usize>, &Raw)],
    draft: &Draft,
    keys: &Keys,
) -> BTreeMap<usize, u64> {
    let mut found = BTreeMap::new();
    let several = locks
        .windows(2)
        .filter(|pair| pair[0].2.statement == pair[1].2.statement);
    for (_, _, raw) in several.map(|pair| &pair[0]) {
        let shape = &draft.shapes[raw.statement];
        let mut hasher = DefaultHasher::new();
        shape.hash(&mut hasher);
        if shape.contains("values") || shape.contains("unnest") {
            let of_statement = draft.slots.iter().filter(|s| s.statement == raw.statement);
            let keys_in_order = of_statement.filter_map(|slot| {
                let alike = |at: &usize| {
                    Some(keys.values[*at].domain) == slot.domain || slot.domain.is_none()
                };
                (0..keys.texts.len()).find(|at| keys.texts[*at] == slot.text && alike(at))
            });
            let ranks: Vec<usize> = keys_in_order.map(|at| keys.values[at].rank).collect();
            ranks.hash(&mut hasher);
        }
        found.insert(raw.statement, hasher.finish());
    }
    found
}

/// Leaves out of many locks alike those between which nothing changes.
fn thinned<'a>(
    locks: Vec<(usize, Vec<usize>, &'a Raw)>,
    keys: &Keys,
) -> Vec<(usize, Vec<usize>, &'a Raw)> {
    let mut alike: BTreeMap<(usize, LockMode), Vec<usize>> = BTreeMap::new();
    for (at, (bucket, _, raw)) in locks.iter().enumerate() {
        alike.entry((*bucket, raw.lock.mode)).or_default().push(at);
    }
    let mut left: BTreeSet<usize> = (0..locks.len()).collect();
    for group in alike.values().filter(|group| group.len() > MOST_ALIKE) {
        let order = |pair: &[usize]| {
            let (a, b) = (&locks[pair[0]].1, &locks[pair[1]].1);
            let values = a.iter().zip(b);
            let mut orders = values.map(|(a, b)| compare(&keys.texts[*a], &keys.texts[*b]));
            orders.find(|order| order.is_ne())
        };
        let turn = |wanted| group.windows(2).find(|pair| order(pair) == Some(wanted));
        let turns = [std::cmp::Ordering::Less, std::cmp::Ordering::Greater];
        let mut kept: BTreeSet<usize> = turns
            .into_iter()
            .filter_map(turn)
            .flatten()
            .copied()
            .collect();
        kept.extend(&group[..2]);
        kept.extend(&group[group.len() - 2..]);
        for at in group.iter().filter(|at| !kept.contains(at)) {
            left.remove(at);
        }
    }
    let mut nth = 0..;
    let mut locks = locks;
    locks.retain(|_| nth.next().is_some_and(|at: usize| left.contains(&at)));
    locks
}
