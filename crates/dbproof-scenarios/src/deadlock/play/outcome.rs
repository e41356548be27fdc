//! What a run came to: its deadlock, the victim that the rule names, and the line of time.

use std::time::Instant;

use dbproof_model::{DeadlockExpectation, DeadlockTimeline, TimelineSession, TimelineSpan};

use super::running::{Aborted, Running, Span, State};
use super::{Deadlock, PlayedRun, milliseconds};

impl Running<'_, '_> {
    /// Ends the run.
    pub(super) fn into_run(self) -> PlayedRun {
        let predicted = self.predicted_victim();
        let deadlock = self.deadlock(predicted);
        let ends = self.states.iter().filter_map(State::end);
        let over = ends.max().unwrap_or(self.began);
        let over_ms = milliseconds(over.saturating_duration_since(self.began));
        let outage_ms = self.since_closed(over);
        let timeline = self.timeline(over_ms);
        let pids = self.play.parties.iter().map(|party| party.pid).collect();
        let Running {
            seen,
            waits,
            states,
            ..
        } = self;
        PlayedRun {
            deadlock: deadlock.or(seen.deadlock),
            lost: states.iter().filter(|state| state.lost).count() as u64,
            over_ms,
            outage_ms,
            waits,
            timeline,
            pids,
            ..seen
        }
    }

    /// The first victim and how long everything took after it.
    fn deadlock(&self, predicted: Option<usize>) -> Option<Deadlock> {
        let victims = self.states.iter().enumerate().filter_map(|(party, state)| {
            let aborted = state
                .aborted
                .as_ref()
                .filter(|aborted| aborted.is_deadlock)?;
            Some((party, aborted))
        });
        let (victim, aborted) = victims.min_by_key(|(_, aborted)| aborted.error_at)?;
        let closed = self.closed.unwrap_or(aborted.sent);
        let committed = self.states[victim].committed;
        let after =
            |moment: Instant| milliseconds(moment.saturating_duration_since(aborted.error_at));
        Some(Deadlock {
            victim,
            predicted,
            detect_ms: milliseconds(aborted.error_at.saturating_duration_since(closed)),
            victim_wait_ms: milliseconds(aborted.error_at.duration_since(aborted.sent)),
            abort_ms: aborted.rolled_back.map(after),
            release_ms: self.released(victim, aborted).map(after),
            recover_ms: committed.map(after),
            outage_ms: committed.map(|at| milliseconds(at.saturating_duration_since(closed))),
            attempts: 1 + aborted.retries,
            wasted_work_ms: milliseconds(aborted.error_at.duration_since(self.began)),
        })
    }

    /// When the first of the others that were waiting went on.
    fn released(&self, victim: usize, aborted: &Aborted) -> Option<Instant> {
        let others = self
            .states
            .iter()
            .enumerate()
            .filter(|(party, _)| *party != victim);
        let spans = others.flat_map(|(_, state)| &state.spans);
        let waited = spans.filter(|span| span.sent < aborted.error_at && span.ended > aborted.sent);
        let through = waited.filter(|span| span.kind != "commit" && span.outcome == "done");
        through
            .filter(|span| span.ended >= aborted.error_at || span.wait.is_some())
            .map(|span| span.ended)
            .min()
    }

    /// The first waiter whose `deadlock_timeout` ends after the cycle is closed. Where two
    /// holders of one lock want a stronger one, it is the one that asks last, and at once.
    fn predicted_victim(&self) -> Option<usize> {
        let closing = &self.play.script.entries[self.play.script.closing_entry()?];
        if self.play.expected == DeadlockExpectation::Immediate {
            return Some(closing.session);
        }
        let closed = self.closed?;
        // All on the server's clock; what was not seen there in time is set on it by the client's.
        let anchor = self
            .waits
            .iter()
            .find_map(|wait| Some((wait.since_ms?, wait.sent)))?;
        let on_server = |moment: Instant| {
            let after = moment.saturating_duration_since(anchor.1);
            let before = anchor.1.saturating_duration_since(moment);
            anchor.0 + milliseconds(after) - milliseconds(before)
        };
        let mut begins: Vec<(usize, f64)> = self
            .waits
            .iter()
            .map(|wait| {
                (
                    wait.waiter,
                    wait.since_ms.unwrap_or_else(|| on_server(wait.sent)),
                )
            })
            .collect();
        let closing_waiter = self.closing_waiter(closing.session);
        if !begins.iter().any(|(waiter, _)| *waiter == closing_waiter) {
            begins.push((closing_waiter, on_server(closed)));
        }
        let last_begin = begins
            .iter()
            .map(|(_, begin)| *begin)
            .fold(f64::MIN, f64::max);
        let fires = begins.iter().map(|(waiter, begin)| {
            let timeout = self.play.parties[*waiter].timeout_ms;
            (*waiter, begin + timeout)
        });
        let after = fires.filter(|(_, fire)| *fire >= last_begin);
        after
            .min_by(|a, b| a.1.total_cmp(&b.1))
            .map(|(waiter, _)| waiter)
    }

    /// Who waits last: the session of the closing step, or of the last wait that follows it.
    fn closing_waiter(&self, session: usize) -> usize {
        use crate::project::shapes::Action;
        let waits = self.play.script.entries.iter().rev();
        let last = waits.into_iter().find(|entry| match entry.action {
            Action::Step { wait, .. } => wait != crate::project::shapes::Wait::No,
            Action::StillWaits(_) | Action::Awaits(_) => true,
            Action::Commit => false,
        });
        last.map_or(session, |entry| entry.session)
    }

    fn timeline(&self, over_ms: f64) -> DeadlockTimeline {
        let at = |moment: Instant| milliseconds(moment.saturating_duration_since(self.began));
        let names = |blockers: &[usize]| {
            let sessions = &self.play.script.sessions;
            blockers
                .iter()
                .map(|blocker| sessions[*blocker].name.clone())
                .collect()
        };
        let span = |span: &Span| TimelineSpan {
            kind: span.kind.to_owned(),
            statement: span.statement.clone(),
            from_ms: at(span.sent),
            to_ms: at(span.ended),
            blocked_by: span
                .wait
                .as_ref()
                .map_or_else(Vec::new, |wait| names(&wait.blockers)),
            lock: span.wait.as_ref().and_then(|wait| wait.lock.clone()),
            outcome: span.outcome.clone(),
        };
        let errors = self
            .states
            .iter()
            .filter_map(|state| state.aborted.as_ref());
        let first_error = errors.map(|aborted| aborted.error_at).min();
        let stalled = self.closed.zip(self.seen.stalled_ms);
        DeadlockTimeline {
            run: 0,
            closed_ms: self.closed.map(at),
            ended_ms: first_error
                .map(at)
                .or_else(|| stalled.map(|(closed, stalled)| at(closed) + stalled)),
            duration_ms: over_ms,
            sessions: self
                .play
                .script
                .sessions
                .iter()
                .zip(&self.states)
                .map(|(session, state)| TimelineSession {
                    name: session.name.clone(),
                    spans: state.spans.iter().map(span).collect(),
                })
                .collect(),
        }
    }
}

impl State {
    /// When the last thing happened in this session.
    fn end(&self) -> Option<Instant> {
        self.spans.iter().map(|span| span.ended).max()
    }
}

/// The deadlock of a file of the isolation tester, which says itself what comes after it.
pub(super) fn verbatim_deadlock(
    victim: usize,
    closed: Instant,
    (sent, ended): (Instant, Instant),
    began: Instant,
) -> Deadlock {
    Deadlock {
        victim,
        detect_ms: milliseconds(ended.saturating_duration_since(closed)),
        victim_wait_ms: milliseconds(ended.duration_since(sent)),
        attempts: 1,
        wasted_work_ms: milliseconds(ended.duration_since(began)),
        ..Deadlock::default()
    }
}
