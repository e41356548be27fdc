//! One run of a script: [`Running`] sends what the schedule says; `answers` takes what comes back.

use std::future::Future;
use std::pin::Pin;
use std::time::Instant;

use dbproof_postgres::PostgresError;
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha12Rng;

use super::{BLOCKED_LIMIT, Observed, Play, PlayedRun, RUNNING_LIMIT, SeenWait};
use crate::deadlock::retry::{self, Policy, Retried};
use crate::error::RunError;
use crate::project::shapes::{Action, Marker, Wait};

/// The share of a `deadlock_timeout` by which the beginnings of two waits are apart; detection is
/// earlier by as much.
const TIMER_GAP: f64 = 0.03;

/// The same in milliseconds, at the most.
const LONGEST_TIMER_GAP_MS: f64 = 20.0;

/// What a session is busy with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Job {
    /// Its step of this index.
    Step(usize),
    /// That step again, after going back to the savepoint.
    Savepoint(usize),
    Commit,
    Rollback,
    /// The whole transaction again.
    Retry,
    /// The statement of the queued bystander, which is no party.
    Queued,
}

/// An answer.
pub(super) struct Done {
    pub(super) party: usize,
    pub(super) job: Job,
    pub(super) sent: Instant,
    pub(super) ended: Instant,
    pub(super) result: Result<Option<Retried>, (usize, PostgresError)>,
}

/// What is known of a session during the run.
#[derive(Debug, Default)]
pub(super) struct State {
    /// What it is busy with, and since when.
    pub(super) busy: Option<(Job, Instant)>,
    /// Steps that are done.
    pub(super) steps_done: usize,
    /// When its last step was done.
    pub(super) last_done: Option<Instant>,
    pub(super) committed: Option<Instant>,
    pub(super) aborted: Option<Aborted>,
    /// Going back to its savepoint helped.
    pub(super) rescued: bool,
    /// Its work is given up.
    pub(super) lost: bool,
    /// Nothing more happens in it.
    pub(super) is_over: bool,
    /// When its present step counts as done, besides having its answer.
    pub(super) markers: Vec<Marker>,
    pub(super) spans: Vec<Span>,
}

/// A transaction that was the victim of a deadlock, or was ended from outside.
#[derive(Debug)]
pub(super) struct Aborted {
    pub(super) sent: Instant,
    pub(super) error_at: Instant,
    pub(super) rolled_back: Option<Instant>,
    pub(super) retries: u32,
    pub(super) is_deadlock: bool,
}

/// A statement on the line of time.
#[derive(Debug)]
pub(super) struct Span {
    pub(super) kind: &'static str,
    pub(super) statement: String,
    pub(super) sent: Instant,
    pub(super) ended: Instant,
    pub(super) wait: Option<SeenWait>,
    pub(super) outcome: String,
}

type Answer<'p> = Pin<Box<dyn Future<Output = Done> + 'p>>;

/// One run.
pub(super) struct Running<'p, 'r> {
    pub(super) play: &'p Play<'p>,
    pub(super) random: &'r mut ChaCha12Rng,
    answers: FuturesUnordered<Answer<'p>>,
    pub(super) states: Vec<State>,
    pub(super) began: Instant,
    /// When the request that closes the cycle was sent.
    pub(super) closed: Option<Instant>,
    /// The cycle was seen to be closed, and nothing has happened since.
    pub(super) is_stalled: bool,
    /// What a session that waits at this moment waits for.
    pub(super) waiting: Vec<Option<SeenWait>>,
    /// Every wait that was seen.
    pub(super) waits: Vec<SeenWait>,
    /// Actions of the schedule that are behind us.
    position: usize,
    pub(super) seen: PlayedRun,
}

impl<'p, 'r> Running<'p, 'r> {
    pub(super) fn new(play: &'p Play<'p>, random: &'r mut ChaCha12Rng) -> Self {
        let parties = play.parties.len();
        Running {
            play,
            random,
            answers: FuturesUnordered::new(),
            states: (0..parties).map(|_| State::default()).collect(),
            began: Instant::now(),
            closed: None,
            is_stalled: false,
            waiting: vec![None; parties],
            waits: Vec::new(),
            position: 0,
            seen: PlayedRun::default(),
        }
    }

    /// Plays the schedule to its end, and everybody to the end of their transactions.
    pub(super) async fn play(mut self) -> Result<PlayedRun, RunError> {
        let closing = self.play.script.closing_entry();
        for (index, entry) in self.play.script.entries.iter().enumerate() {
            self.position = index;
            let closes = closing == Some(index);
            let party = entry.session;
            if self.states[party].is_over || self.states[party].aborted.is_some() {
                continue;
            }
            match &entry.action {
                Action::Step {
                    step,
                    wait,
                    markers,
                } => {
                    self.until_idle(party, entry.line).await?;
                    if self.states[party].aborted.is_some() {
                        continue;
                    }
                    self.states[party].markers = self.marked(markers);
                    if matches!(wait, Wait::For(_)) {
                        self.tell_timers_apart().await?;
                    }
                    self.send_step(party, *step);
                    if closes && !self.play.shape.verbatim {
                        self.closed = self.sent_at(party);
                    }
                    if !markers.contains(&Marker::Asterisk) {
                        self.settle(party, *wait, entry.line).await?;
                    }
                }
                Action::StillWaits(blocker) => {
                    self.settle(party, Wait::For(*blocker), entry.line).await?;
                }
                Action::Commit => {
                    self.until_idle(party, entry.line).await?;
                    if closes {
                        self.tell_timers_apart().await?;
                        self.closed = Some(Instant::now());
                    }
                    self.send(party, Job::Commit);
                    self.until_idle(party, entry.line).await?;
                }
                Action::Awaits(other) => self.client_waits(*other, entry.line).await?,
            }
            self.after_entry(index, closing);
        }
        self.position = self.play.script.entries.len();
        self.finish().await?;
        Ok(self.into_run())
    }

    /// Once the last session is seen waiting, the cycle stands, and the queued bystander comes.
    fn after_entry(&mut self, index: usize, closing: Option<usize>) {
        let Some(closing) = closing else { return };
        let entries = &self.play.script.entries;
        let rest = entries.get(index + 1..).unwrap_or_default();
        let last_wait = !matches!(rest.first().map(|e| &e.action), Some(Action::StillWaits(_)));
        if self.play.shape.verbatim
            || index < closing
            || !last_wait
            || self.seen.observed != Observed::Nothing
        {
            return;
        }
        if self.waiting.iter().any(Option::is_some)
            && !self.is_stalled
            && self.seen.queued_ms.is_none()
        {
            self.is_stalled = true;
            self.send_queued();
        }
    }

    /// Waits until the last one that waits has done so for a small share of its `deadlock_timeout`,
    /// before the next one begins to. Two timers that end within a millisecond of each other are
    /// served in either order on a busy machine, and which of the two sessions is the victim would
    /// tell of the machine.
    async fn tell_timers_apart(&self) -> Result<(), RunError> {
        let is_waiting = |wait: &&SeenWait| self.waiting[wait.waiter].is_some();
        let Some(last) = self.waits.iter().rfind(is_waiting) else {
            return Ok(());
        };
        let party = &self.play.parties[last.waiter];
        let gap_ms = (party.timeout_ms * TIMER_GAP).min(LONGEST_TIMER_GAP_MS);
        Ok(self.play.watcher.has_waited(party.pid, gap_ms).await?)
    }

    fn sent_at(&self, party: usize) -> Option<Instant> {
        self.states[party].busy.map(|(_, sent)| sent)
    }

    pub(super) fn send_step(&mut self, party: usize, step: usize) {
        self.send(party, Job::Step(step));
    }

    pub(super) fn send_queued(&mut self) {
        let Some((session, sql)) = &self.play.queued else {
            return;
        };
        let sent = Instant::now();
        self.answers.push(Box::pin(async move {
            let result = session.run(&sql.text).await;
            Done {
                party: usize::MAX,
                job: Job::Queued,
                sent,
                ended: Instant::now(),
                result: result.map(|()| None).map_err(|error| (0, error)),
            }
        }));
    }

    /// Sends what a session does next.
    pub(super) fn send(&mut self, party: usize, job: Job) {
        // Who goes on from here on may do so because of this.
        self.is_stalled = false;
        let session = &self.play.parties[party].session;
        let shape = &self.play.script.sessions[party];
        let policy = self.play.policy;
        let sent = Instant::now();
        self.states[party].busy = Some((job, sent));
        let statements: Vec<&'p str> = match job {
            Job::Step(step) | Job::Savepoint(step) => vec![&shape.steps[step].sql.text],
            Job::Commit => vec!["COMMIT"],
            Job::Rollback => vec!["ROLLBACK"],
            Job::Retry => {
                let steps = shape.steps.iter().map(|step| step.sql.text.as_str());
                std::iter::once(shape.begin.text.as_str())
                    .chain(steps)
                    .collect()
            }
            Job::Queued => Vec::new(),
        };
        let savepoint = shape
            .savepoint
            .as_deref()
            .filter(|_| matches!(job, Job::Savepoint(_)));
        let random = ChaCha12Rng::seed_from_u64(self.random.random());
        self.answers.push(Box::pin(async move {
            let result = if job == Job::Retry {
                let retried = retry::until_committed(session, &statements, policy, random).await;
                retried.map(Some)
            } else {
                let back = match savepoint {
                    Some(name) => session.run(&format!("ROLLBACK TO SAVEPOINT {name}")).await,
                    None => Ok(()),
                };
                let done = match back {
                    Ok(()) => session.run(statements[0]).await,
                    failed => failed,
                };
                done.map(|()| None).map_err(|error| (0, error))
            };
            Done {
                party,
                job,
                sent,
                ended: Instant::now(),
                result,
            }
        }));
    }

    /// The next answer; pends where nothing is under way.
    pub(super) async fn next_answer(&mut self) -> Done {
        match self.answers.next().await {
            Some(done) => done,
            None => std::future::pending().await,
        }
    }

    /// Waits until a session has its answer, and until the markers on its step are met: in a file of
    /// the isolation tester, its next step is not sent before.
    pub(super) async fn until_idle(&mut self, party: usize, line: u32) -> Result<(), RunError> {
        let began = Instant::now();
        if self.play.shape.verbatim && self.states[party].busy.is_some() {
            self.is_stalled = self.everybody_is_blocked().await?;
        }
        // A victim is out of the schedule; its retry may have to wait for what the schedule still
        // has for others.
        while self.states[party].aborted.is_none() {
            match (self.states[party].busy, self.is_marked(party)) {
                (None, None) => break,
                (None, Some(Marker::Notices { .. })) if began.elapsed() < self.longest() => {
                    self.look_once(party).await?;
                    continue;
                }
                _ => {}
            }
            let next = tokio::time::timeout(BLOCKED_LIMIT, self.next_answer()).await;
            match next {
                Ok(done) => self.take(done)?,
                Err(_) if began.elapsed() < self.longest() => {}
                Err(_) => return Err(self.stuck(party, line).await?),
            }
        }
        self.states[party].markers.clear();
        Ok(())
    }

    /// Whether all that are under way are blocked at this moment: who goes on then, without
    /// anything being sent, does so because the server has reordered a queue.
    async fn everybody_is_blocked(&self) -> Result<bool, RunError> {
        for (party, state) in self.play.parties.iter().zip(&self.states) {
            if state.busy.is_some() && self.play.watcher.blockers(party.pid).await?.is_empty() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// How long an answer may take: a step may have to wait for every timeout there is.
    pub(super) fn longest(&self) -> std::time::Duration {
        let timeouts = self.play.parties.iter().map(|party| party.timeout_ms);
        let longest = timeouts.fold(0.0, f64::max);
        RUNNING_LIMIT + std::time::Duration::from_secs_f64(2.0 * longest / 1000.0)
    }

    /// Everybody to the end of their transactions.
    async fn finish(&mut self) -> Result<(), RunError> {
        loop {
            self.send_what_is_due();
            if self.answers.is_empty() {
                return Ok(());
            }
            let limit = if self.is_holding() {
                BLOCKED_LIMIT
            } else {
                self.longest()
            };
            match tokio::time::timeout(limit, self.next_answer()).await {
                Ok(done) => self.take(done)?,
                Err(_) if self.is_holding() => self.let_go(false),
                Err(_) => {
                    let party = self.states.iter().position(|state| state.busy.is_some());
                    let line = self
                        .play
                        .script
                        .entries
                        .last()
                        .map_or(1, |entry| entry.line);
                    return Err(self.stuck(party.unwrap_or(0), line).await?);
                }
            }
        }
    }

    /// Commits of those who are through, and retries of those who are not.
    fn send_what_is_due(&mut self) {
        for party in 0..self.states.len() {
            let state = &self.states[party];
            if state.is_over || state.busy.is_some() {
                continue;
            }
            match &state.aborted {
                Some(_) if state.rescued => self.send(party, Job::Commit),
                Some(aborted) if aborted.rolled_back.is_some() => self.retry(party),
                Some(_) => {}
                None if self.play.shape.verbatim => self.states[party].is_over = true,
                None if self.has_entries(party) => {}
                None => self.send(party, Job::Commit),
            }
        }
    }

    /// Whether the schedule still has something for this session.
    pub(super) fn has_entries(&self, party: usize) -> bool {
        let rest = self
            .play
            .script
            .entries
            .get(self.position + 1..)
            .unwrap_or_default();
        let is_sent = |action: &Action| !matches!(action, Action::StillWaits(_));
        rest.iter()
            .any(|entry| entry.session == party && is_sent(&entry.action))
    }

    pub(super) fn retry(&mut self, party: usize) {
        match self.play.policy {
            Policy::None => {
                self.states[party].lost = true;
                self.states[party].is_over = true;
            }
            Policy::Immediate | Policy::Jittered => self.send(party, Job::Retry),
            Policy::JitteredAfterOthers => {
                let waits = |state: &State| {
                    matches!(state.busy, Some((Job::Step(_) | Job::Savepoint(_), _)))
                };
                if !self.states.iter().any(waits) {
                    self.send(party, Job::Retry);
                }
            }
        }
    }

    pub(super) fn is_holding(&self) -> bool {
        let held = |state: &State| {
            let aborted = state
                .aborted
                .as_ref()
                .is_some_and(|a| a.rolled_back.is_none());
            aborted && state.busy.is_none() && !state.is_over
        };
        self.play.holds_rollback && self.states.iter().any(held)
    }

    /// Sends the ROLLBACKs that were held back.
    pub(super) fn let_go(&mut self, released: bool) {
        self.seen.released_before_rollback.get_or_insert(released);
        for party in 0..self.states.len() {
            let state = &self.states[party];
            let held = state
                .aborted
                .as_ref()
                .is_some_and(|a| a.rolled_back.is_none());
            if held && state.busy.is_none() {
                self.send(party, Job::Rollback);
            }
        }
    }

    /// Whether a marker on the present step of a session is not met yet.
    fn is_marked(&self, party: usize) -> Option<Marker> {
        let unmet = |marker: &&Marker| match **marker {
            Marker::Asterisk => false,
            Marker::After { session, step } => {
                self.states[session].busy.map(|(job, _)| job) == Some(Job::Step(step))
            }
            Marker::Notices { session, count } => {
                let received = self.play.parties[session].session.notices();
                received < count && self.states[session].busy.is_some()
            }
        };
        self.states[party].markers.iter().find(unmet).copied()
    }

    /// The markers of a step, with the number of notices that there must be in all.
    fn marked(&self, markers: &[Marker]) -> Vec<Marker> {
        let from_now = |marker: &Marker| match *marker {
            Marker::Notices { session, count } => Marker::Notices {
                session,
                count: count + self.play.parties[session].session.notices(),
            },
            other => other,
        };
        markers.iter().map(from_now).collect()
    }
}
