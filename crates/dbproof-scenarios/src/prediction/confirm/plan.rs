//! The orders in which a candidate's transactions are run: [`plans`].
//!
//! Transactions that hold and ask by different statements are stopped between the two. One that holds
//! and asks by the same statement needs no stop as long as another one is there before it, for whom it
//! waits in the middle of that statement. Where all of them do both by one statement, one is paused by
//! a gate:
//!
//! * a third session holds the object that it asks for. The member that is to hold the object queues
//!   for it first, and gets it first when the third session lets go;
//! * or, where the object is a key that is entered, a trigger pauses it before the row that brings the
//!   key.

use dbproof_analysis::lock_order::{
    Candidate, Lock, LockMode, LockObject, RelationMode, RowMode, Taken,
};

/// Up to which row of a statement a gate is tried.
const GATE_ROWS: u32 = 8;

/// One order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Plan {
    pub(super) actions: Vec<Action>,
    pub(super) gate: Option<GateSpec>,
}

/// What is done next, once everybody who was sent off has arrived or is blocked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    /// A member runs until it has done so many of its statements; one more than it has stands for what
    /// its COMMIT checks.
    Run { member: usize, through: usize },
    /// The gate is closed.
    Close,
    /// The gate is opened.
    Open,
}

/// What pauses a member in the middle of a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum GateSpec {
    /// A third session holds this.
    Lock(Lock),
    /// A trigger waits before this row, counted from 1, is entered into the relation.
    Entry {
        member: usize,
        relation: String,
        row: u32,
    },
}

/// The cycle of a candidate.
struct Cycle<'a> {
    candidate: &'a Candidate,
    /// Whether each member asks for what the one before it holds, instead of the one after it.
    is_reversed: bool,
}

impl Cycle<'_> {
    fn len(&self) -> usize {
        self.candidate.members.len()
    }

    fn held(&self, member: usize) -> &Taken {
        &self.candidate.members[member].held
    }

    fn asked(&self, member: usize) -> &Taken {
        &self.candidate.members[member].asked
    }

    /// Who holds what this member asks for.
    fn holder(&self, member: usize) -> usize {
        let step = if self.is_reversed { self.len() - 1 } else { 1 };
        (member + step) % self.len()
    }

    /// Who asks for what this member holds.
    fn asker(&self, member: usize) -> usize {
        let step = if self.is_reversed { 1 } else { self.len() - 1 };
        (member + step) % self.len()
    }

    /// Sends off those who ask for what `member` holds, for what these hold, and so on, to wait in the
    /// middle of their statements; until somebody is not to be sent.
    fn queue_behind(&self, member: usize, is_sent: impl Fn(usize) -> bool) -> Vec<Action> {
        let next = |asker: &usize| Some(self.asker(*asker));
        let queue = std::iter::successors(Some(self.asker(member)), next);
        let queue = queue.take_while(|asker| is_sent(*asker));
        queue.map(|asker| self.up_to_held(asker)).collect()
    }

    /// Whether it holds and asks by the same statement.
    fn is_at_once(&self, member: usize) -> bool {
        self.held(member).statement >= self.asked(member).statement
    }

    /// The member runs everything before the statement that takes what it holds.
    fn before_held(&self, member: usize) -> Action {
        Action::Run {
            member,
            through: self.held(member).statement,
        }
    }

    fn up_to_held(&self, member: usize) -> Action {
        Action::Run {
            member,
            through: self.held(member).statement + 1,
        }
    }

    fn up_to_asked(&self, member: usize) -> Action {
        Action::Run {
            member,
            through: self.asked(member).statement + 1,
        }
    }
}

/// The orders to try, the most promising first.
pub(super) fn plans(candidate: &Candidate) -> Vec<Plan> {
    let members = &candidate.members;
    let meets = |step: usize| {
        let pairs = members.iter().enumerate();
        pairs
            .filter(|(index, member)| {
                let other = &members[(index + step) % members.len()];
                member.asked.lock.object == other.held.lock.object
            })
            .count()
    };
    let cycle = Cycle {
        candidate,
        is_reversed: meets(1) < meets(members.len() - 1),
    };
    let at_once = (0..cycle.len()).all(|member| cycle.is_at_once(member));
    let mut plans: Vec<Plan> = if at_once {
        let locks = (0..cycle.len()).flat_map(|paused| behind_lock(&cycle, paused));
        locks
            .chain((0..cycle.len()).flat_map(|paused| before_entry(&cycle, paused)))
            .collect()
    } else {
        let starts = 0..cycle.len();
        starts
            .flat_map(|start| {
                [
                    in_two_parts(&cycle, start, false),
                    in_two_parts(&cycle, start, true),
                ]
            })
            .collect()
    };
    let mut seen = Vec::new();
    plans.retain(|plan| {
        let is_new = !seen.contains(plan);
        seen.push(plan.clone());
        is_new
    });
    plans
}

/// Everybody takes what it is to hold, beginning with `start`; then everybody goes on, in the same
/// order or the other way round.
fn in_two_parts(cycle: &Cycle<'_>, start: usize, backwards: bool) -> Plan {
    let order: Vec<usize> = (0..cycle.len())
        .map(|i| (start + i) % cycle.len())
        .collect();
    let stopping: Vec<usize> = order
        .iter()
        .copied()
        .filter(|member| !cycle.is_at_once(*member))
        .collect();
    let mut actions = Vec::new();
    for &member in &order {
        if cycle.is_at_once(member) {
            actions.push(cycle.before_held(member));
        } else {
            actions.push(cycle.up_to_held(member));
        }
    }
    // Whoever does both at once waits for somebody who holds already.
    for &member in &stopping {
        actions.extend(cycle.queue_behind(member, |asker| cycle.is_at_once(asker)));
    }
    let going_on: Vec<Action> = stopping.iter().map(|m| cycle.up_to_asked(*m)).collect();
    if backwards {
        actions.extend(going_on.into_iter().rev());
    } else {
        actions.extend(going_on);
    }
    Plan {
        actions,
        gate: None,
    }
}

/// A third session holds what `paused` asks for; its future holder queues before it.
fn behind_lock(cycle: &Cycle<'_>, paused: usize) -> Vec<Plan> {
    let holder = cycle.holder(paused);
    let asked = &cycle.asked(paused).lock;
    let mut modes = Vec::new();
    // Where the holder asks for a stronger mode of what it holds, it must get the weaker one.
    if cycle.asked(holder).lock.object == cycle.held(holder).lock.object {
        modes.extend(gate_mode(
            cycle.asked(holder).lock.mode,
            cycle.held(holder).lock.mode,
            false,
        ));
    }
    modes.extend(gate_mode(asked.mode, cycle.held(holder).lock.mode, true));
    let mut actions: Vec<Action> = (0..cycle.len()).map(|m| cycle.before_held(m)).collect();
    actions.extend([
        Action::Close,
        cycle.up_to_held(holder),
        cycle.up_to_held(paused),
    ]);
    actions.extend(cycle.queue_behind(paused, |member| member != holder));
    actions.push(Action::Open);
    let plan = |mode| Plan {
        actions: actions.clone(),
        gate: Some(GateSpec::Lock(Lock {
            object: asked.object.clone(),
            mode,
        })),
    };
    modes.into_iter().map(plan).collect()
}

/// The weakest mode that excludes `asked`, and `held` too or not.
fn gate_mode(asked: LockMode, held: LockMode, excludes_held: bool) -> Option<LockMode> {
    let rows = RowMode::ALL.into_iter().map(LockMode::Row);
    let relations = RelationMode::ALL.into_iter().map(LockMode::Relation);
    let advisory = [LockMode::AdvisoryShared, LockMode::AdvisoryExclusive];
    let mut all = rows.chain(relations).chain(advisory);
    all.find(|mode| mode.conflicts_with(asked) && mode.conflicts_with(held) == excludes_held)
}

/// A trigger pauses `paused` before it enters the key that it asks for.
fn before_entry(cycle: &Cycle<'_>, paused: usize) -> Vec<Plan> {
    let LockObject::UniqueKey { relation, .. } = &cycle.asked(paused).lock.object else {
        return Vec::new();
    };
    let mut actions: Vec<Action> = (0..cycle.len()).map(|m| cycle.before_held(m)).collect();
    actions.extend([Action::Close, cycle.up_to_held(paused)]);
    actions.extend(cycle.queue_behind(paused, |member| member != paused));
    actions.push(Action::Open);
    let plan = |row| Plan {
        actions: actions.clone(),
        gate: Some(GateSpec::Entry {
            member: paused,
            relation: relation.clone(),
            row,
        }),
    };
    (1..=GATE_ROWS).map(plan).collect()
}
