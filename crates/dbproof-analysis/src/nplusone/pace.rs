//! How a loop over several sessions goes on: [`Pace`].

use rustc_hash::FxHashSet;

use super::judge::Judged;

/// So many children there are at the least for each that a connection of the loop's, new or not, made wait,
const CHILDREN_PER_OPENING: usize = 2;
/// unless a pool is seen to use its connections again: for one child of so many that waited, and
const OPENINGS_PER_REUSE: usize = 4;
/// for so many at the least.
const FEWEST_REUSES: usize = 2;
/// So many children there are at the least for each that something else made wait.
const CHILDREN_PER_STALL: usize = 8;

/// The pauses of a loop whose children several sessions sent. A pool that opens a connection while the
/// loop runs makes it wait longer than a burst's gap, and so does a busy machine; but most children
/// follow the one before at once. Tests or requests that each ask for one row of a list do not.
#[derive(Debug)]
pub(super) struct Pace<'j, 'w> {
    judged: &'j Judged<'w>,
    /// When the last that is known of the loop was there.
    end_us: u64,
    children: usize,
    openings: usize,
    waits: usize,
    stalls: usize,
    /// The sessions of the loop, and how many children came over one that was used before.
    sessions: FxHashSet<u32>,
    reuses: usize,
}

/// What the pause before a child tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pause {
    Short,
    /// Too long for a burst; the child's connection was opened meanwhile.
    Opening,
    /// Too long for a burst; the child's connection is one of the loop's.
    Wait,
    /// Too long for a burst, for whatever reason.
    Stall,
    /// No loop takes so long.
    End,
}

impl<'j, 'w> Pace<'j, 'w> {
    /// A loop of which so many children are known, and the last that is known was there at `end_us`.
    pub(super) fn new(judged: &'j Judged<'w>, end_us: u64, children: usize) -> Self {
        Self {
            judged,
            end_us,
            children,
            openings: 0,
            waits: 0,
            stalls: 0,
            sessions: FxHashSet::default(),
            reuses: 0,
        }
    }

    /// The pause before a run that may be a child of a result.
    pub(super) fn before(&self, result: u32, child: u32) -> Pause {
        let run = self.judged.run(child);
        let pause_us = run.executed.sent_us.saturating_sub(self.end_us);
        let session = run.executed.session;
        if pause_us <= self.judged.patience_us(result, child) {
            Pause::Short
        } else if run.opened_us > self.end_us && pause_us <= self.judged.longest_opening_us() {
            Pause::Opening
        } else if pause_us > self.judged.most_patience_us() {
            Pause::End
        } else if self.sessions.contains(&session) {
            Pause::Wait
        } else {
            Pause::Stall
        }
    }

    /// Takes a child of the loop.
    pub(super) fn take(&mut self, child: u32, pause: Pause) {
        self.children += 1;
        self.openings += usize::from(pause == Pause::Opening);
        self.waits += usize::from(pause == Pause::Wait);
        self.stalls += usize::from(pause == Pause::Stall);
        let executed = &self.judged.run(child).executed;
        self.reuses += usize::from(!self.sessions.insert(executed.session));
        self.end_us = self.end_us.max(executed.finished_us);
    }

    /// The loop was still under way at that time.
    pub(super) fn is_on_at(&mut self, us: u64) {
        self.end_us = self.end_us.max(us);
    }

    /// Whether a pause was too long for a burst.
    pub(super) fn has_stalled(&self) -> bool {
        self.openings + self.waits + self.stalls > 0
    }

    /// Whether the long pauses are few enough for a loop.
    pub(super) fn is_steady(&self) -> bool {
        let pauses = self.openings + self.waits;
        let is_reused =
            self.reuses >= FEWEST_REUSES && OPENINGS_PER_REUSE * self.reuses >= self.openings;
        let is_pool =
            CHILDREN_PER_OPENING * pauses <= self.children || (self.waits == 0 && is_reused);
        is_pool && CHILDREN_PER_STALL * self.stalls <= self.children
    }
}
