//! The executions that are not judged yet, each in its unit of work: [`Window`].

use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::reading::{Control, Reading};
use crate::traffic::Executed;

/// How much is kept before it is judged, and what is kept together.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// Executions of one window.
    pub(super) executions: usize,
    /// Bytes of the hashes of one window.
    pub(super) bytes: usize,
    /// Idle time of a session, in microseconds, that ends a burst.
    pub(super) gap_us: u64,
}

/// A unit is kept for so many burst gaps after its last statement, since children over other
/// connections may follow.
const LINGER_GAPS: u64 = 20;
/// Where memory is short, units are waited for an eighth of the time, and an eighth of that.
const MOST_HASTE: u32 = 4;
/// A tag that nobody has used for so long, in microseconds, is not waited for any more.
const TAG_LINGER_US: u64 = 1_000_000;
/// The same of a transaction that has not ended: its session may be gone.
const TRANSACTION_LINGER_US: u64 = 10_000_000;
/// A silence of so many burst gaps is an end of everything.
const QUIET_GAPS: u64 = 20;
/// What an execution takes beside its hashes, in bytes.
const EXECUTION_BYTES: usize = size_of::<Run>() + 64;

/// One execution.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) executed: Executed,
    pub(super) reading: Arc<Reading>,
    /// An index into [`Window::units`].
    pub(super) unit: u32,
    /// When its session sent its first statement.
    pub(super) opened_us: u64,
    /// Whether it is part of what was found already.
    pub(super) taken: bool,
    /// The number of the proven loop that it is a child of, where that was found already.
    pub(super) looped: Option<u64>,
}

/// A unit of work.
#[derive(Debug, Clone)]
pub(super) struct Unit {
    pub(super) kind: UnitKind,
    /// When its last statement ended.
    last_us: u64,
    has_ended: bool,
}

/// What a unit of work is known by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum UnitKind {
    /// What a comment names.
    Tag(Arc<str>),
    /// A transaction of a session.
    Transaction(u32, u32),
    /// What a transaction of a session did between a savepoint and the return to it: session,
    /// transaction, and a number.
    Savepoint(u32, u32, u32),
    /// A burst of a session, outside of a transaction.
    Burst(u32, u32),
}

#[derive(Debug)]
struct Session {
    /// The number of its burst, from 1, and the unit that it is, once there is one.
    burst: u32,
    burst_unit: Option<u32>,
    /// The number of its transaction, and the unit that it is.
    transaction: Option<(u32, u32)>,
    /// The address of the tags that came last, which the window keeps alive, and their unit.
    tags: Option<(usize, u32)>,
    /// When its last statement ended.
    end_us: u64,
}

/// The executions that are not judged yet.
#[derive(Debug)]
pub(super) struct Window {
    limits: Limits,
    pub(super) runs: Vec<Run>,
    pub(super) units: Vec<Unit>,
    sessions: FxHashMap<u32, Session>,
    tags: FxHashMap<Arc<str>, u32>,
    bytes: usize,
    /// The end of the latest execution.
    latest_us: u64,
    /// Savepoints that were returned to, and whether units have to be made of them.
    savepoints: u32,
    has_returned: bool,
}

impl Window {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            limits,
            runs: Vec::new(),
            units: Vec::new(),
            sessions: FxHashMap::default(),
            tags: FxHashMap::default(),
            bytes: 0,
            latest_us: 0,
            savepoints: 0,
            has_returned: false,
        }
    }

    /// Whether the window is full.
    pub(super) fn is_full(&self) -> bool {
        self.runs.len() >= self.limits.executions || self.bytes >= self.limits.bytes
    }

    /// Whether there was a silence before this execution, and enough before that to be judged.
    pub(super) fn is_quiet_before(&self, next: &Executed) -> bool {
        let silence = QUIET_GAPS * self.limits.gap_us;
        let is_quiet = next.sent_us > self.latest_us.saturating_add(silence);
        is_quiet
            && (4 * self.runs.len() >= self.limits.executions
                || 4 * self.bytes >= self.limits.bytes)
    }

    pub(super) fn push(&mut self, executed: Executed, reading: Arc<Reading>, opened_us: u64) {
        let unit = self.unit_of(&executed, &reading.control);
        let known = &mut self.units[unit as usize];
        known.last_us = known.last_us.max(executed.finished_us);
        known.has_ended |= reading.control == Control::End && executed.transaction.is_some();
        self.has_returned |= matches!(reading.control, Control::RollbackTo(_));
        self.latest_us = self.latest_us.max(executed.finished_us);
        self.bytes += bytes(&executed);
        self.runs.push(Run {
            executed,
            reading,
            unit,
            opened_us,
            taken: false,
            looped: None,
        });
    }

    fn unit_of(&mut self, executed: &Executed, control: &Control) -> u32 {
        let number = executed.session;
        let session = self.sessions.entry(number).or_insert(Session {
            burst: 1,
            burst_unit: None,
            transaction: None,
            tags: None,
            end_us: executed.sent_us,
        });
        let paused = executed.sent_us > session.end_us.saturating_add(self.limits.gap_us);
        if paused || *control == Control::Truncate {
            session.burst += 1;
            session.burst_unit = None;
        }
        session.end_us = session.end_us.max(executed.finished_us);
        if let Some((known, unit)) = session.transaction
            && executed.transaction != Some(known)
        {
            self.units[unit as usize].has_ended = true;
            session.transaction = None;
        }
        if let Some(tags) = &executed.tags {
            let address = Arc::as_ptr(tags) as usize;
            match session.tags {
                Some((known, unit)) if known == address => return unit,
                _ => {}
            }
            if let Some(tag) = tags.unit() {
                let known = self.tags.get(tag).copied();
                let unit = known.unwrap_or_else(|| {
                    let tag: Arc<str> = tag.into();
                    let unit = opened(&mut self.units, UnitKind::Tag(Arc::clone(&tag)));
                    self.tags.insert(tag, unit);
                    unit
                });
                session.tags = Some((address, unit));
                return unit;
            }
        }
        let Some(transaction) = executed.transaction else {
            let kind = UnitKind::Burst(number, session.burst);
            let unit = session.burst_unit.take();
            let unit = unit.unwrap_or_else(|| opened(&mut self.units, kind));
            return *session.burst_unit.insert(unit);
        };
        let kind = UnitKind::Transaction(number, transaction);
        let known = session.transaction.map(|(_, unit)| unit);
        let unit = known.unwrap_or_else(|| opened(&mut self.units, kind));
        session.transaction = Some((transaction, unit));
        unit
    }

    /// Makes units of what was done between a savepoint and the return to it. A test suite that keeps
    /// its rows for many tests (Django's) runs each test like that, in one transaction. Where a failure
    /// was the reason to return, it is no unit but an attempt.
    pub(super) fn part_savepoints(&mut self) {
        if !std::mem::take(&mut self.has_returned) {
            return;
        }
        let mut transactions: FxHashMap<u32, Vec<usize>> = FxHashMap::default();
        for (at, run) in self.runs.iter().enumerate() {
            if matches!(
                self.units[run.unit as usize].kind,
                UnitKind::Transaction(..)
            ) {
                transactions.entry(run.unit).or_default().push(at);
            }
        }
        for (unit, members) in transactions {
            let UnitKind::Transaction(session, transaction) = self.units[unit as usize].kind else {
                continue;
            };
            for part in returned(&self.runs, &members) {
                self.savepoints += 1;
                let kind = UnitKind::Savepoint(session, transaction, self.savepoints);
                let new = opened(&mut self.units, kind);
                for at in &members[part] {
                    let run = &mut self.runs[*at];
                    run.unit = new;
                    let known = &mut self.units[new as usize];
                    known.last_us = known.last_us.max(run.executed.finished_us);
                }
                self.units[new as usize].has_ended = true;
            }
        }
    }

    /// Whether each unit is over. Where those that are not fill half of the window, they are waited
    /// for less and less, and the largest not at all.
    pub(super) fn closed(&self) -> Vec<bool> {
        let mut sizes = vec![(0_usize, 0_usize); self.units.len()];
        for run in &self.runs {
            let (count, held) = &mut sizes[run.unit as usize];
            *count += 1;
            *held += bytes(&run.executed);
        }
        for haste in 0..MOST_HASTE {
            let closed: Vec<bool> = self
                .units
                .iter()
                .zip(&sizes)
                .map(|(unit, size)| self.is_over(unit, *size, haste))
                .collect();
            let kept = sizes.iter().zip(&closed).filter(|(_, closed)| !**closed);
            let (count, held) =
                kept.fold((0, 0), |all, (size, _)| (all.0 + size.0, all.1 + size.1));
            if 2 * count <= self.limits.executions && 2 * held <= self.limits.bytes {
                return closed;
            }
        }
        vec![true; self.units.len()]
    }

    fn is_over(&self, unit: &Unit, (count, held): (usize, usize), haste: u32) -> bool {
        let is_large = 4 * count > self.limits.executions || 4 * held > self.limits.bytes;
        let idle_us = self.latest_us.saturating_sub(unit.last_us);
        let linger_us = LINGER_GAPS * self.limits.gap_us;
        let wait_us = match unit.kind {
            UnitKind::Tag(_) => TAG_LINGER_US,
            UnitKind::Transaction(..) if !unit.has_ended => TRANSACTION_LINGER_US,
            _ => linger_us,
        };
        idle_us > wait_us.max(linger_us) >> (3 * haste) || (haste > 0 && is_large)
    }

    /// Forgets the units that are over.
    pub(super) fn forget(&mut self, closed: &[bool]) {
        self.runs.retain(|run| !closed[run.unit as usize]);
        self.bytes = self.runs.iter().map(|run| bytes(&run.executed)).sum();
        let mut moved = vec![None; closed.len()];
        let mut kept = Vec::new();
        for (at, unit) in std::mem::take(&mut self.units).into_iter().enumerate() {
            if !closed[at] {
                moved[at] = Some(u32::try_from(kept.len()).unwrap_or(u32::MAX));
                kept.push(unit);
            }
        }
        self.units = kept;
        for run in &mut self.runs {
            run.unit = moved[run.unit as usize].unwrap_or_default();
        }
        self.tags.retain(|_, unit| match moved[*unit as usize] {
            Some(new) => {
                *unit = new;
                true
            }
            None => false,
        });
        let past = QUIET_GAPS * self.limits.gap_us;
        let now = |unit: u32| moved[unit as usize];
        self.sessions.retain(|_, session| {
            session.burst_unit = session.burst_unit.and_then(now);
            session.tags = session.tags.and_then(|(at, unit)| Some((at, now(unit)?)));
            session.transaction = session
                .transaction
                .and_then(|(n, unit)| Some((n, now(unit)?)));
            let has_unit = session.burst_unit.is_some() || session.transaction.is_some();
            has_unit || session.end_us.saturating_add(past) > self.latest_us
        });
    }
}

/// The parts of a transaction between a savepoint and the return to it without a failure, those within
/// others first.
fn returned(runs: &[Run], members: &[usize]) -> Vec<std::ops::Range<usize>> {
    let mut open: Vec<(&str, usize)> = Vec::new();
    let mut failed_at = None;
    let mut parts = Vec::new();
    for (place, at) in members.iter().enumerate() {
        let run = &runs[*at];
        if run.executed.failed.is_some() {
            failed_at = Some(place);
        }
        match &run.reading.control {
            Control::Savepoint(name) => open.push((name, place)),
            Control::RollbackTo(name) => {
                let known = open.iter().rposition(|(known, _)| *known == &**name);
                let Some(known) = known else { continue };
                open.truncate(known + 1);
                let begin = open[known].1;
                if failed_at.take_if(|failed| *failed > begin).is_none() {
                    parts.push(begin..place + 1);
                }
            }
            _ => {}
        }
    }
    parts
}

fn opened(units: &mut Vec<Unit>, kind: UnitKind) -> u32 {
    units.push(Unit {
        kind,
        last_us: 0,
        has_ended: false,
    });
    u32::try_from(units.len() - 1).unwrap_or(u32::MAX)
}

/// What an execution takes, in bytes.
fn bytes(executed: &Executed) -> usize {
    let hashes = executed.values.len() + executed.result.as_ref().map_or(0, |r| r.values.len());
    let sent = executed.sent.as_ref().map_or(0, |sent| {
        let values = sent.parameters.iter();
        sent.sql.len()
            + values
                .map(|p| 40 + p.value.as_ref().map_or(0, Vec::len))
                .sum::<usize>()
    });
    EXECUTION_BYTES + 8 * hashes + sent
}

impl Unit {
    /// What the unit is called.
    pub(super) fn name(&self) -> String {
        match &self.kind {
            UnitKind::Tag(tag) => tag.as_ref().to_owned(),
            UnitKind::Transaction(session, number) => {
                format!("session {session}, transaction {number}")
            }
            UnitKind::Savepoint(session, transaction, number) => {
                format!("session {session}, transaction {transaction}, savepoint {number}")
            }
            UnitKind::Burst(session, number) => format!("session {session}, burst {number}"),
        }
    }

    pub(super) fn is_tag(&self) -> bool {
        matches!(self.kind, UnitKind::Tag(_))
    }

    pub(super) fn is_burst(&self) -> bool {
        matches!(self.kind, UnitKind::Burst(..))
    }
}
