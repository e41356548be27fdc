//! Taking answers, and doing at once what follows from them.

use std::time::Instant;

use dbproof_postgres::PostgresError;

use super::Observed;
use super::SeenWait;
use super::running::{Aborted, Done, Job, Running, Span};
use crate::deadlock::retry::{Policy, Retried, is_deadlock};
use crate::error::RunError;

impl Running<'_, '_> {
    /// Takes an answer and does at once what follows from it.
    pub(super) fn take(&mut self, done: Done) -> Result<(), RunError> {
        let Done {
            party,
            job,
            sent,
            ended,
            result,
        } = done;
        if job == Job::Queued {
            return self.take_queued(sent, ended, result.err());
        }
        self.states[party].busy = None;
        let wait = self.waiting[party].take();
        let was_stalled = std::mem::take(&mut self.is_stalled);
        self.note(
            party,
            job,
            sent,
            ended,
            wait.as_ref(),
            result.as_ref().err().map(|(_, e)| e),
        );
        let retried = match result {
            Ok(retried) => retried,
            Err((step, error)) => return self.take_error(party, job, step, (sent, ended), error),
        };
        let state = &mut self.states[party];
        match job {
            Job::Step(step) | Job::Savepoint(step) => {
                state.steps_done = step + 1;
                state.last_done = Some(ended);
                state.rescued |= matches!(job, Job::Savepoint(_));
                self.seen.savepoint.1 += u64::from(matches!(job, Job::Savepoint(_)));
                if let Some(wait) = wait
                    .as_ref()
                    .filter(|_| was_stalled && self.seen.errors == 0)
                {
                    self.seen.observed = Observed::Soft;
                    let closed = self.closed.unwrap_or(wait.sent);
                    let stalled = ended.saturating_duration_since(closed);
                    self.seen.stalled_ms = Some(super::milliseconds(stalled));
                }
                if self.is_holding() && wait.is_some() {
                    self.let_go(true);
                }
                let through = step + 1 == self.play.script.sessions[party].steps.len();
                if through && !self.play.shape.verbatim && !self.has_entries(party) {
                    self.send(party, Job::Commit);
                }
            }
            Job::Commit => {
                state.committed = Some(ended);
                state.is_over = true;
            }
            Job::Rollback => {
                if let Some(aborted) = &mut state.aborted {
                    aborted.rolled_back = Some(ended);
                }
                if self.play.policy != Policy::JitteredAfterOthers {
                    self.retry(party);
                }
            }
            Job::Retry => self.take_retried(party, retried, ended),
            Job::Queued => {}
        }
        Ok(())
    }

    fn take_retried(&mut self, party: usize, retried: Option<Retried>, ended: Instant) {
        let Some(retried) = retried else { return };
        let state = &mut self.states[party];
        state.committed = retried.committed;
        state.lost = retried.committed.is_none();
        state.is_over = true;
        state.last_done = Some(ended);
        if let Some(aborted) = &mut state.aborted {
            aborted.retries += retried.retries;
        }
        self.seen.errors += u64::from(retried.deadlocks);
    }

    fn take_queued(
        &mut self,
        sent: Instant,
        ended: Instant,
        error: Option<(usize, PostgresError)>,
    ) -> Result<(), RunError> {
        if let (Some((_, error)), Some((_, sql))) = (error, &self.play.queued) {
            return Err(super::in_sql(self.play.shape, "queued", sql, error));
        }
        self.seen.queued_ms = Some(super::milliseconds(ended.duration_since(sent)));
        Ok(())
    }

    fn take_error(
        &mut self,
        party: usize,
        job: Job,
        step: usize,
        (sent, ended): (Instant, Instant),
        error: PostgresError,
    ) -> Result<(), RunError> {
        let deadlock = is_deadlock(&error);
        self.seen.errors += u64::from(deadlock);
        if deadlock {
            self.seen.observed = Observed::Error;
        }
        if self.play.shape.verbatim {
            return self.take_verbatim_error(party, job, (sent, ended), error);
        }
        let cancelled = self.seen.observed == Observed::Invisible
            && error.server_error().is_some_and(|e| e.sqlstate == "57014");
        if !deadlock && !cancelled {
            return Err(self.in_job(party, job, step, error));
        }
        let aborted = Aborted {
            sent,
            error_at: ended,
            rolled_back: None,
            retries: 0,
            is_deadlock: deadlock,
        };
        self.states[party].aborted.get_or_insert(aborted);
        let savepoint = self.play.script.sessions[party].savepoint.is_some();
        match job {
            Job::Step(step) if savepoint && deadlock => {
                self.seen.savepoint.0 += 1;
                self.send(party, Job::Savepoint(step));
            }
            _ if self.play.holds_rollback && deadlock => {}
            _ => self.send(party, Job::Rollback),
        }
        Ok(())
    }

    /// In a file of the isolation tester an error is an outcome like any other, but for those that
    /// say that the file itself is wrong: class 42, syntax and names.
    fn take_verbatim_error(
        &mut self,
        party: usize,
        job: Job,
        (sent, ended): (Instant, Instant),
        error: PostgresError,
    ) -> Result<(), RunError> {
        let server = error.server_error();
        if server.is_none_or(|e| e.sqlstate.starts_with("42")) {
            return Err(self.in_job(party, job, 0, error));
        }
        // The steps that follow, such as a COMMIT, are sent all the same.
        if is_deadlock(&error) && self.seen.deadlock.is_none() {
            let others = self.states.iter().filter_map(|state| state.busy);
            let closed = others.map(|(_, sent)| sent).fold(sent, Instant::max);
            self.seen.deadlock = Some(super::outcome::verbatim_deadlock(
                party,
                closed,
                (sent, ended),
                self.began,
            ));
        }
        Ok(())
    }

    /// Keeps a statement for the line of time.
    fn note(
        &mut self,
        party: usize,
        job: Job,
        sent: Instant,
        ended: Instant,
        wait: Option<&SeenWait>,
        error: Option<&PostgresError>,
    ) {
        let shape = &self.play.script.sessions[party];
        let (kind, statement) = match job {
            Job::Step(step) if wait.is_some() => ("wait", shape.steps[step].sql.text.clone()),
            Job::Step(step) => ("run", shape.steps[step].sql.text.clone()),
            Job::Savepoint(step) => ("savepoint", shape.steps[step].sql.text.clone()),
            Job::Commit => ("commit", "COMMIT".to_owned()),
            Job::Rollback => ("rollback", "ROLLBACK".to_owned()),
            Job::Retry | Job::Queued => ("retry", "the whole transaction again".to_owned()),
        };
        let outcome = match error {
            None => "done".to_owned(),
            Some(error) => error
                .server_error()
                .map_or_else(|| "connection lost".to_owned(), |e| e.sqlstate.clone()),
        };
        self.states[party].spans.push(Span {
            kind,
            statement,
            sent,
            ended,
            wait: wait.cloned(),
            outcome,
        });
    }

    pub(super) fn since_closed(&self, moment: Instant) -> Option<f64> {
        let closed = self.closed?;
        Some(super::milliseconds(
            moment.saturating_duration_since(closed),
        ))
    }

    /// The server's error about what a session did, shown in the shape's file.
    fn in_job(&self, party: usize, job: Job, step: usize, error: PostgresError) -> RunError {
        let shape = &self.play.script.sessions[party];
        let index = match job {
            Job::Step(step) | Job::Savepoint(step) => Some(step),
            // The first statement of a retry is the BEGIN.
            Job::Retry => step.checked_sub(1),
            Job::Commit | Job::Rollback | Job::Queued => shape.steps.len().checked_sub(1),
        };
        let step = index.and_then(|index| shape.steps.get(index));
        let sql = step.map_or(&shape.begin, |step| &step.sql);
        let name = step.map_or("0", |step| step.name.as_str());
        let what = format!("step {name} of `{}`", shape.name);
        match error {
            PostgresError::Server(error) => self.play.shape.server_error(&what, &error, sql).into(),
            error => error.into(),
        }
    }
}
