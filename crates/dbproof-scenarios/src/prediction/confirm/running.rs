//! One order of a candidate's transactions: [`Running::play`].

use std::future::Future;
use std::pin::Pin;
use std::time::{Duration, Instant};

use dbproof_analysis::traffic::SentText;
use dbproof_postgres::sent;
use dbproof_postgres::{PostgresError, ServerError};
use futures_util::stream::{FuturesUnordered, StreamExt as _};

use super::gate::{self, NoGate};
use super::outcome::{NotConfirmed, Played, ScheduleStep, StepOutcome};
use super::plan::{Action, GateSpec, Plan};
use super::stage::{Party, Stage};
use super::{Case, look::Look};

/// How long those whom a victim has set free are watched.
const RELEASE_LIMIT: Duration = Duration::from_secs(2);

/// How long a statement that is to end may take to do so.
const CANCEL_LIMIT: Duration = Duration::from_secs(5);

/// What a COMMIT checks, without the COMMIT.
pub(super) const DEFERRED_CHECKS: &str = "SET CONSTRAINTS ALL IMMEDIATE";

/// One order while it is run.
pub(super) struct Running<'s> {
    pub(super) stage: &'s Stage,
    pub(super) case: Case<'s>,
    pub(super) states: Vec<State>,
    pub(super) answers: FuturesUnordered<Pin<Box<dyn Future<Output = Done> + 's>>>,
    pub(super) began: Instant,
    limit: Duration,
    pub(super) steps: Vec<ScheduleStep>,
    pub(super) deadlock: Option<Victim>,
    pub(super) gate_opened: Option<Instant>,
    /// A member that was seen blocked by nobody of ours, and by whom.
    pub(super) stranger: Option<(usize, i32)>,
    /// The order cannot be run any further.
    has_given_up: bool,
    /// Why the order could not be run to its end.
    pub(super) reasons: Vec<NotConfirmed>,
}

/// What is known of a member.
#[derive(Debug, Default)]
pub(super) struct State {
    /// Statements that are done.
    pub(super) done: usize,
    /// How many are to be done before it stops.
    target: usize,
    /// The statement that is under way.
    pub(super) busy: Option<(Sent, Instant)>,
    /// It has failed, and does nothing more.
    pub(super) has_failed: bool,
    /// Whom it was seen waiting for with the statement that it is at.
    pub(super) wait: Option<Wait>,
    /// Its `lock_timeout`; zero where it waits for ever.
    pub(super) lock_timeout: Duration,
    pub(super) spans: Vec<Span>,
}

/// Whom a member was seen waiting for.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Wait {
    pub(super) blockers: Vec<usize>,
    pub(super) by_gate: bool,
    pub(super) lock: Option<String>,
}

/// A statement on the line of time.
#[derive(Debug)]
pub(super) struct Span {
    pub(super) what: Sent,
    pub(super) sent: Instant,
    pub(super) ended: Instant,
    pub(super) wait: Option<Wait>,
    pub(super) outcome: String,
}

/// What was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sent {
    /// The statement of this index; one more than there are is what the COMMIT checks.
    Statement(usize),
    Rollback,
}

/// The member that got 40P01.
#[derive(Debug)]
pub(super) struct Victim {
    pub(super) member: usize,
    /// When it sent the statement that was ended.
    pub(super) sent: Instant,
    /// When it had the error.
    pub(super) at: Instant,
    pub(super) detail: String,
}

/// An answer; where the statement may have changed it, the session's `lock_timeout` comes with it.
pub(super) struct Done {
    member: usize,
    what: Sent,
    sent: Instant,
    ended: Instant,
    result: Result<Option<Duration>, PostgresError>,
}

impl<'s> Running<'s> {
    /// `limit` is how long it may take until everybody has arrived or is blocked for good.
    pub(super) fn new(stage: &'s Stage, case: Case<'s>, limit: Duration) -> Self {
        let begins = |_: &Party| State {
            lock_timeout: stage.lock_timeout,
            ..State::default()
        };
        Running {
            states: stage.parties.iter().map(begins).collect(),
            stage,
            case,
            answers: FuturesUnordered::new(),
            began: Instant::now(),
            limit,
            steps: Vec::new(),
            deadlock: None,
            gate_opened: None,
            stranger: None,
            has_given_up: false,
            reasons: Vec::new(),
        }
    }

    /// Runs the order, and after it everybody's other statements, until there is a deadlock.
    pub(super) async fn play(mut self, plan: &Plan) -> Result<Played, PostgresError> {
        if let Some(reason) = self.begin().await? {
            return Ok(Played::not(reason));
        }
        self.began = Instant::now();
        let mut gate_missed = false;
        for action in &plan.actions {
            match *action {
                Action::Run { member, through } => self.run(member, through).await?,
                Action::Close => self.close_gate(plan).await?,
                Action::Open => gate_missed = self.open_gate(plan).await?,
            }
            if self.is_over() {
                break;
            }
        }
        for member in 0..self.states.len() {
            if !self.is_over() {
                // There is no COMMIT outside of a transaction.
                let commit = usize::from(!self.case.sessions[member].outside);
                self.run(member, self.statements(member).len() + commit)
                    .await?;
            }
        }
        self.end().await?;
        Ok(self.into_played(gate_missed))
    }

    /// Begins everybody's transaction.
    async fn begin(&self) -> Result<Option<NotConfirmed>, PostgresError> {
        let sessions = self.stage.parties.iter().zip(self.case.sessions);
        for (member, (party, session)) in sessions.enumerate() {
            for setting in &session.settings {
                sent::execute(&party.session, setting).await?;
            }
            if session.outside {
                continue;
            }
            let begun = match session.begin.as_deref() {
                None => party.session.run("BEGIN").await,
                Some(begin) if begins(begin) => party.session.run(begin).await,
                // What is set before the first statement of a transaction that began before it.
                Some(set) => party.session.run(&format!("BEGIN; {set}")).await,
            };
            match begun {
                Ok(()) => {}
                Err(PostgresError::Server(error)) => {
                    let sqlstate = error.sqlstate;
                    return Ok(Some(NotConfirmed::NotBegun { member, sqlstate }));
                }
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }

    /// Lets a member go on until it has done so many statements, and waits until everybody has arrived
    /// or is blocked for good.
    async fn run(&mut self, member: usize, through: usize) -> Result<(), PostgresError> {
        let state = &mut self.states[member];
        state.target = state.target.max(through);
        self.drive().await
    }

    /// Whether there is a deadlock, or there can be no more in this order.
    fn is_over(&self) -> bool {
        self.deadlock.is_some() || self.has_given_up
    }

    async fn close_gate(&mut self, plan: &Plan) -> Result<(), PostgresError> {
        let Some(gate) = &plan.gate else {
            return Ok(());
        };
        if self.states.iter().any(|state| state.busy.is_some()) {
            let why = "a transaction is blocked before it".to_owned();
            self.give_up_at_gate(why);
            return Ok(());
        }
        match gate::close(self.stage, gate).await {
            Ok(()) => self.note(None, None, StepOutcome::GateCloses),
            Err(NoGate::Why(why)) => self.give_up_at_gate(why),
            Err(NoGate::Lost(error)) => return Err(error),
        }
        Ok(())
    }

    fn give_up_at_gate(&mut self, why: String) {
        self.reasons.push(NotConfirmed::Gate(why));
        self.has_given_up = true;
    }

    /// Opens the gate; tells whether the one whom it was to pause never came to it.
    async fn open_gate(&mut self, plan: &Plan) -> Result<bool, PostgresError> {
        let at_gate = |state: &State| state.wait.as_ref().is_some_and(|wait| wait.by_gate);
        let missed = match &plan.gate {
            Some(GateSpec::Entry { member, .. }) => !at_gate(&self.states[*member]),
            _ => false,
        };
        self.note(None, None, StepOutcome::GateOpens);
        self.gate_opened = Some(Instant::now());
        gate::open(self.stage).await?;
        self.drive().await?;
        Ok(missed)
    }

    /// Sends what is due until everybody has arrived, is blocked for good, or there is a deadlock.
    async fn drive(&mut self) -> Result<(), PostgresError> {
        loop {
            self.send_due();
            match self.look().await? {
                Look::Answer(done) => {
                    self.take(done)?;
                    if self.deadlock.is_some() {
                        return Ok(());
                    }
                }
                Look::Settled => return Ok(()),
                Look::Moving if self.began.elapsed() > self.limit => {
                    return self.give_up().await;
                }
                Look::Moving => {}
            }
        }
    }

    /// Somebody neither arrives nor is blocked by one of ours.
    async fn give_up(&mut self) -> Result<(), PostgresError> {
        let reason = match self.stranger {
            Some((member, pid)) => NotConfirmed::Stranger {
                member,
                by: self.stage.watcher.stranger(pid).await?.what,
            },
            None => NotConfirmed::OutOfTime,
        };
        self.reasons.push(reason);
        self.has_given_up = true;
        Ok(())
    }

    fn send_due(&mut self) {
        for member in 0..self.states.len() {
            let state = &self.states[member];
            if state.busy.is_none() && !state.has_failed && state.done < state.target {
                self.send(member, Sent::Statement(state.done));
            }
        }
    }

    fn send(&mut self, member: usize, what: Sent) {
        let sent = Instant::now();
        self.states[member].busy = Some((what, sent));
        let party = &self.stage.parties[member];
        let text = match what {
            Sent::Statement(index) => self.statements(member).get(index),
            Sent::Rollback => None,
        };
        self.answers.push(Box::pin(async move {
            let result = match (what, text) {
                (_, Some(text)) => statement(party, text).await,
                (Sent::Statement(_), None) => {
                    party.session.run(DEFERRED_CHECKS).await.map(|()| None)
                }
                (Sent::Rollback, None) => party.session.run("ROLLBACK").await.map(|()| None),
            };
            Done {
                member,
                what,
                sent,
                ended: Instant::now(),
                result,
            }
        }));
    }

    pub(super) fn statements(&self, member: usize) -> &'s [SentText] {
        &self.case.candidate.members[member].statements
    }

    /// Takes an answer.
    fn take(&mut self, done: Done) -> Result<(), PostgresError> {
        let Done {
            member,
            what,
            sent,
            ended,
            result,
        } = done;
        let state = &mut self.states[member];
        state.busy = None;
        let wait = state.wait.take();
        let (outcome, error) = match result {
            Ok(timeout) => {
                state.lock_timeout = timeout.unwrap_or(state.lock_timeout);
                ("done".to_owned(), None)
            }
            Err(PostgresError::Server(error)) => (error.sqlstate.clone(), Some(error)),
            Err(PostgresError::ConnectionLost { reason, .. }) => {
                // An administrator, or the server: there is nothing to go back to.
                state.has_failed = true;
                if let Sent::Statement(statement) = what {
                    self.reasons.push(NotConfirmed::Ended {
                        member,
                        statement,
                        words: reason,
                    });
                }
                ("connection lost".to_owned(), None)
            }
            Err(error) => return Err(error),
        };
        state.spans.push(Span {
            what,
            sent,
            ended,
            wait,
            outcome,
        });
        let Sent::Statement(statement) = what else {
            return Ok(());
        };
        match error {
            None if state.has_failed => {}
            None => {
                state.done = statement + 1;
                self.note(Some(member), Some(statement), StepOutcome::Done);
            }
            Some(error) => self.take_error(member, statement, (sent, ended), error),
        }
        Ok(())
    }

    fn take_error(
        &mut self,
        member: usize,
        statement: usize,
        (sent, at): (Instant, Instant),
        error: ServerError,
    ) {
        if error.is_deadlock() {
            self.note(Some(member), Some(statement), StepOutcome::Victim);
            self.states[member].has_failed = true;
            self.deadlock.get_or_insert(Victim {
                member,
                sent,
                at,
                detail: error.detail.unwrap_or_default(),
            });
            return;
        }
        let sqlstate = error.sqlstate;
        let failed = StepOutcome::Failed(sqlstate.clone());
        self.note(Some(member), Some(statement), failed);
        // An application that went on from a savepoint does so here.
        let rest = self.statements(member).iter().enumerate().skip(statement);
        let mut rescues = rest.filter(|(_, text)| rolls_back_to_savepoint(&text.sql));
        if let Some((index, _)) = rescues.next() {
            self.states[member].done = index;
            return;
        }
        self.states[member].has_failed = true;
        self.reasons.push(NotConfirmed::Failed {
            member,
            statement,
            sqlstate,
        });
    }

    pub(super) fn note(
        &mut self,
        member: Option<usize>,
        statement: Option<usize>,
        outcome: StepOutcome,
    ) {
        self.steps.push(ScheduleStep {
            member,
            statement,
            outcome,
        });
    }

    /// Ends the order: the victim goes back, so that the others go on; then whatever is under way is
    /// ended. The sessions' transactions are rolled back by the stage.
    async fn end(&mut self) -> Result<(), PostgresError> {
        if let Some(victim) = &self.deadlock {
            let member = victim.member;
            self.send(member, Sent::Rollback);
            let released = tokio::time::timeout(RELEASE_LIMIT, self.until_settled()).await;
            if let Ok(released) = released {
                released?;
            }
        }
        for (state, party) in self.states.iter().zip(&self.stage.parties) {
            if state.busy.is_some() {
                self.stage.watcher.cancel(party.pid).await?;
            }
        }
        while self.states.iter().any(|state| state.busy.is_some()) {
            match tokio::time::timeout(CANCEL_LIMIT, self.answers.next()).await {
                Ok(Some(done)) => self.take_ended(&done),
                // The stage ends what does not end by itself.
                Ok(None) | Err(_) => break,
            }
        }
        Ok(())
    }

    /// Waits for those who go on by themselves, without sending them any further.
    async fn until_settled(&mut self) -> Result<(), PostgresError> {
        loop {
            match self.look().await? {
                Look::Answer(done) => self.take_ended(&done),
                Look::Settled => return Ok(()),
                Look::Moving => {}
            }
        }
    }

    /// Takes an answer that comes after the end; only the line of time has it.
    fn take_ended(&mut self, done: &Done) {
        let state = &mut self.states[done.member];
        state.busy = None;
        let outcome = match &done.result {
            Ok(_) => "done".to_owned(),
            Err(error) => error
                .server_error()
                .map_or_else(|| "connection lost".to_owned(), |e| e.sqlstate.clone()),
        };
        state.spans.push(Span {
            what: done.what,
            sent: done.sent,
            ended: done.ended,
            wait: state.wait.take(),
            outcome,
        });
    }
}

/// Runs a statement as it was sent, and reads `lock_timeout` where it may be another one now.
async fn statement(party: &Party, text: &SentText) -> Result<Option<Duration>, PostgresError> {
    sent::execute(&party.session, text).await?;
    if text.sql.to_ascii_lowercase().contains("lock_timeout") {
        return Ok(Some(party.time("lock_timeout").await?));
    }
    Ok(None)
}

/// Whether a statement begins a transaction.
fn begins(sql: &str) -> bool {
    let first = sql.split_whitespace().next().unwrap_or_default();
    first.eq_ignore_ascii_case("begin") || first.eq_ignore_ascii_case("start")
}

/// Whether a statement is `ROLLBACK TO SAVEPOINT …`, in one of its forms.
fn rolls_back_to_savepoint(sql: &str) -> bool {
    let mut words = sql.split_whitespace().map(str::to_ascii_lowercase);
    let begins = words.next().is_some_and(|word| word == "rollback");
    begins
        && words
            .find(|word| word != "work" && word != "transaction")
            .as_deref()
            == Some("to")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn going_back_to_a_savepoint_is_told_from_giving_up() {
        assert!(rolls_back_to_savepoint("ROLLBACK TO SAVEPOINT \"s\""));
        assert!(rolls_back_to_savepoint("rollback work to s"));
        assert!(!rolls_back_to_savepoint("ROLLBACK"));
        assert!(!rolls_back_to_savepoint("UPDATE t SET to_ = 1"));
    }
}
