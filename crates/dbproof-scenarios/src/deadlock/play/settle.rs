//! Looking at the server until a step is done or blocked as the schedule says.

use std::time::{Duration, Instant};

use dbproof_postgres::PostgresError;

use super::running::{Job, Running};
use super::{BLOCKED_LIMIT, Observed, SeenWait};
use crate::error::RunError;
use crate::project::shapes::Wait;

/// What a look at a session came to.
enum Look {
    /// Nobody blocks it.
    Free,
    /// Blocked by these sessions of the shape, and by how many others.
    Blocked(Vec<usize>, Vec<i32>),
}

impl Running<'_, '_> {
    /// Waits until the step that a session is at is done, or blocked as it should be.
    pub(super) async fn settle(
        &mut self,
        party: usize,
        wait: Wait,
        line: u32,
    ) -> Result<(), RunError> {
        let sent = Instant::now();
        let mut blocked_since = None;
        let last = loop {
            let Some((Job::Step(step) | Job::Savepoint(step), _)) = self.states[party].busy else {
                return self.is_done(party, wait, sent, line).await;
            };
            let pid = self.play.parties[party].pid;
            let watcher = &self.play.watcher;
            let blockers = tokio::select! {
                biased;
                done = self.next_answer() => {
                    self.take(done)?;
                    continue;
                }
                blockers = watcher.blockers(pid) => blockers?,
            };
            let last = self.look(blockers);
            let as_expected = match (&last, wait) {
                (Look::Free, _) => {
                    blocked_since = None;
                    false
                }
                (Look::Blocked(members, _), Wait::For(expected)) => members.contains(&expected),
                // Once a victim tries again, it may be in anybody's way.
                (Look::Blocked(members, _), Wait::No) if self.seen.errors > 0 => {
                    !members.is_empty()
                }
                (Look::Blocked(members, _), Wait::Perhaps) => !members.is_empty(),
                (Look::Blocked(..), Wait::No) => false,
            };
            if let (true, Look::Blocked(members, _)) = (as_expected, &last) {
                let members = members.clone();
                self.remember(party, step, members).await?;
                return Ok(());
            }
            if let Look::Blocked(..) = last {
                let since = *blocked_since.get_or_insert_with(Instant::now);
                if since.elapsed() > BLOCKED_LIMIT {
                    break last;
                }
            }
            if sent.elapsed() > self.longest() {
                break last;
            }
        };
        Err(self.not_as_expected(party, wait, last, line).await?)
    }

    /// A step has its answer. Where it should have been blocked, something must have happened
    /// meanwhile that explains why it was not seen so.
    async fn is_done(
        &mut self,
        party: usize,
        wait: Wait,
        sent: Instant,
        line: u32,
    ) -> Result<(), RunError> {
        let Wait::For(blocker) = wait else {
            return Ok(());
        };
        // The answer that explains it may still be on its way: that of a victim, for instance.
        for other in 0..self.states.len() {
            let pid = self.play.parties[other].pid;
            if self.states[other].busy.is_some()
                && self.play.watcher.blockers(pid).await?.is_empty()
            {
                self.until_idle(other, line).await?;
            }
        }
        let moved = self.states[blocker]
            .spans
            .iter()
            .any(|span| span.ended >= sent);
        if self.seen.errors > 0 || moved {
            return Ok(());
        }
        let sessions = &self.play.script.sessions;
        let message = format!(
            "session `{}` should be blocked by `{}`, and is not blocked at all: its statement came \
             through",
            sessions[party].name, sessions[blocker].name
        );
        Err(self
            .play
            .shape
            .error_at(line, message)
            .with_help(Some(format!(
                "it must ask for a lock that `{}` holds at this moment: the same rows, in a \
                 conflicting mode",
                sessions[blocker].name
            )))
            .into())
    }

    fn look(&self, blockers: Vec<i32>) -> Look {
        if blockers.is_empty() {
            return Look::Free;
        }
        let parties = self.play.parties.iter().enumerate();
        let members = parties
            .filter(|(_, party)| blockers.contains(&party.pid))
            .map(|(index, _)| index);
        let members: Vec<usize> = members.collect();
        let is_member = |pid: &i32| self.play.parties.iter().any(|party| party.pid == *pid);
        let strangers = blockers.into_iter().filter(|pid| !is_member(pid)).collect();
        Look::Blocked(members, strangers)
    }

    /// A round trip to the server, and the answers that have come meanwhile.
    pub(super) async fn look_once(&mut self, party: usize) -> Result<(), RunError> {
        let pid = self.play.parties[party].pid;
        let watcher = &self.play.watcher;
        tokio::select! {
            biased;
            done = self.next_answer() => self.take(done),
            blockers = watcher.blockers(pid) => blockers.map(|_| ()).map_err(RunError::from),
        }
    }

    /// Keeps who waits for whom and for what.
    async fn remember(
        &mut self,
        party: usize,
        step: usize,
        blockers: Vec<usize>,
    ) -> Result<(), RunError> {
        let lock = self
            .play
            .watcher
            .awaited(self.play.parties[party].pid)
            .await?;
        let sent = self.states[party]
            .busy
            .map_or_else(Instant::now, |(_, sent)| sent);
        let wait = SeenWait {
            waiter: party,
            blockers,
            step,
            since_ms: lock.as_ref().and_then(|lock| lock.since_ms),
            lock: lock.map(|lock| lock.description),
            sent,
        };
        self.waits.retain(|other| other.waiter != party);
        self.waits.push(wait.clone());
        self.waiting[party] = Some(wait);
        Ok(())
    }

    /// A client waits for another one's answer, of which the server knows nothing. Where that
    /// closes a cycle, it must be seen that the server does nothing about it though it has had its
    /// `deadlock_timeout`; then the waiting statement is ended from outside, as a person would.
    pub(super) async fn client_waits(&mut self, other: usize, line: u32) -> Result<(), RunError> {
        self.closed = Some(Instant::now());
        let pid = self.play.parties[other].pid;
        let timeout = self.play.parties[other].timeout_ms;
        self.is_stalled = true;
        self.send_queued();
        let limit = Duration::from_secs_f64((timeout * 1.25 + 50.0) / 1000.0);
        let closed = self.closed.unwrap_or(self.began);
        while self.states[other].busy.is_some() {
            let left = limit.saturating_sub(closed.elapsed());
            match tokio::time::timeout(left, self.next_answer()).await {
                Ok(done) => self.take(done)?,
                Err(_) => break,
            }
        }
        if self.states[other].busy.is_none() {
            return Ok(());
        }
        let blockers = self.play.watcher.blockers(pid).await?;
        if blockers.is_empty() {
            return self.until_idle(other, line).await;
        }
        self.seen.observed = Observed::Invisible;
        self.play.watcher.cancel(pid).await?;
        self.until_idle(other, line).await?;
        let aborted = self.states[other].aborted.as_ref();
        self.seen.stalled_ms = aborted.and_then(|aborted| self.since_closed(aborted.error_at));
        Ok(())
    }

    /// The error of a step that is blocked by somebody else, or should not be, or never ends.
    async fn not_as_expected(
        &self,
        party: usize,
        wait: Wait,
        last: Look,
        line: u32,
    ) -> Result<RunError, PostgresError> {
        let sessions = &self.play.script.sessions;
        let name = &sessions[party].name;
        let should = match wait {
            Wait::No => "should come through".to_owned(),
            Wait::For(blocker) => format!("should be blocked by `{}`", sessions[blocker].name),
            Wait::Perhaps => "should come through or be blocked by another session".to_owned(),
        };
        let (does, help) = match last {
            Look::Free => {
                let event = self
                    .play
                    .watcher
                    .wait_event(self.play.parties[party].pid)
                    .await?;
                let event = event.map_or_else(String::new, |event| format!(" (it is at {event})"));
                let does = format!("is neither done nor blocked after a minute{event}");
                (does, "a step should ask for locks and do no long work")
            }
            Look::Blocked(members, strangers) => {
                let mut by: Vec<String> = members
                    .iter()
                    .map(|member| format!("`{}`", sessions[*member].name))
                    .collect();
                for pid in strangers {
                    by.push(self.play.watcher.stranger(pid).await?.what);
                }
                let does = format!("is blocked by {} instead", by.join(" and "));
                (
                    does,
                    "say in the schedule who waits for whom: `SESSION STEP waits for SESSION`",
                )
            }
        };
        let message = format!("session `{name}` {should}, and {does}");
        let error = self.play.shape.error_at(line, message);
        Ok(error.with_help(Some(help.to_owned())).into())
    }

    /// The error of a session that does not come to an end.
    pub(super) async fn stuck(&self, party: usize, line: u32) -> Result<RunError, PostgresError> {
        let blockers = self
            .play
            .watcher
            .blockers(self.play.parties[party].pid)
            .await?;
        let last = self.look(blockers);
        self.not_as_expected(party, Wait::No, last, line).await
    }
}
