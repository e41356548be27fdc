//! What an order came to: [`Confirmed`] with its line of time, or [`NotConfirmed`].

use std::fmt;
use std::time::{Duration, Instant};

use dbproof_analysis::lock_order::Candidate;
use dbproof_analysis::sql::mask_literals;
use dbproof_model::{DeadlockTimeline, TimelineSession, TimelineSpan};

use super::Confirmed;
use super::running::{DEFERRED_CHECKS, Running, Sent, Span, Victim, Wait};

/// Why a candidate is not confirmed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotConfirmed {
    /// A statement cannot be run again from its text: a COPY, whose rows are not in it.
    NotRunnable {
        /// The member.
        member: usize,
        /// The statement, as an index.
        statement: usize,
    },
    /// A transaction could not be begun.
    NotBegun {
        /// The member.
        member: usize,
        /// The SQLSTATE.
        sqlstate: String,
    },
    /// A statement failed with something else than a deadlock.
    Failed {
        /// The member.
        member: usize,
        /// The statement, as an index; one more than there are is what the COMMIT checks.
        statement: usize,
        /// The SQLSTATE.
        sqlstate: String,
    },
    /// The server or an administrator ended a member's session in the middle.
    Ended {
        /// The member.
        member: usize,
        /// The statement, as an index.
        statement: usize,
        /// The server's words.
        words: String,
    },
    /// Somebody else than the members blocked one of them.
    Stranger {
        /// The member that was blocked.
        member: usize,
        /// Who blocked it: `autovacuum worker`.
        by: String,
    },
    /// The server reported a deadlock that only one member has a part in.
    OthersDeadlock,
    /// The pause in the middle of a statement could not be made.
    Gate(String),
    /// Every member's `lock_timeout` is over before the server looks for a deadlock.
    LockTimeout,
    /// Members waited, and none of them for one that waits.
    NoCycle {
        /// The members that waited.
        waiting: Vec<usize>,
    },
    /// Nobody waited for anybody.
    NobodyWaited,
    /// The time was over.
    OutOfTime,
}

impl NotConfirmed {
    /// Whether the transactions were run against each other to the end, and only waited in a queue or
    /// not at all: with these values they do not deadlock.
    #[must_use]
    pub fn is_refutation(&self) -> bool {
        matches!(self, Self::NoCycle { .. } | Self::NobodyWaited)
    }

    /// The most telling first.
    pub(super) fn rank(&self) -> u8 {
        match self {
            Self::NotRunnable { .. } | Self::NotBegun { .. } => 0,
            Self::LockTimeout => 1,
            Self::Failed { .. } | Self::Ended { .. } => 2,
            Self::Stranger { .. } | Self::OthersDeadlock => 3,
            Self::Gate(_) => 4,
            Self::OutOfTime => 5,
            Self::NoCycle { .. } => 6,
            Self::NobodyWaited => 7,
        }
    }
}

/// Counts transactions and statements from 1.
impl fmt::Display for NotConfirmed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotRunnable { member, statement } => write!(
                f,
                "statement {} of transaction {} cannot be run again: its rows were not captured",
                statement + 1,
                member + 1
            ),
            Self::NotBegun { member, sqlstate } => write!(
                f,
                "transaction {} could not be begun: SQLSTATE {sqlstate}",
                member + 1
            ),
            Self::Failed {
                member,
                statement,
                sqlstate,
            } => write!(
                f,
                "statement {} of transaction {} failed with SQLSTATE {sqlstate}",
                statement + 1,
                member + 1
            ),
            Self::Ended {
                member,
                statement,
                words,
            } => write!(
                f,
                "the session of transaction {} ended in its statement {}: {words}",
                member + 1,
                statement + 1
            ),
            Self::Stranger { member, by } => {
                write!(
                    f,
                    "transaction {} was blocked by another session: {by}",
                    member + 1
                )
            }
            Self::OthersDeadlock => {
                f.write_str("the server reported a deadlock with another session")
            }
            Self::Gate(why) => write!(f, "a statement could not be paused in its middle: {why}"),
            Self::LockTimeout => f.write_str(
                "every transaction's lock_timeout ends its wait before the server looks for a \
                 deadlock",
            ),
            Self::NoCycle { waiting } => {
                let waiting: Vec<String> = waiting.iter().map(|m| (m + 1).to_string()).collect();
                let s = if waiting.len() == 1 {
                    " waits"
                } else {
                    "s wait"
                };
                write!(
                    f,
                    "transaction{s} in a queue and not in a cycle: {}",
                    waiting.join(", ")
                )
            }
            Self::NobodyWaited => f.write_str("no transaction waited for another one"),
            Self::OutOfTime => f.write_str("the time for it was over"),
        }
    }
}

/// One step of a schedule.
#[derive(Debug, Clone, PartialEq)]
pub struct ScheduleStep {
    /// The member; `None` is the gate, which pauses a member in the middle of a statement.
    pub member: Option<usize>,
    /// Its statement, as an index; one more than there are is what the COMMIT checks.
    pub statement: Option<usize>,
    /// What happened.
    pub outcome: StepOutcome,
}

/// What happened in a step.
#[derive(Debug, Clone, PartialEq)]
pub enum StepOutcome {
    /// The statement came through.
    Done,
    /// The statement waits.
    Waits {
        /// The members that it waits for.
        blockers: Vec<usize>,
        /// Whether it waits for the gate.
        by_gate: bool,
        /// The lock, as `pg_locks` names it.
        lock: Option<String>,
    },
    /// The statement failed with this SQLSTATE.
    Failed(String),
    /// The statement was ended by the server, to end the deadlock: 40P01.
    Victim,
    /// From here on, somebody will be paused in the middle of a statement.
    GateCloses,
    /// Whoever is paused goes on.
    GateOpens,
}

/// Adds a reason to those of other orders.
pub(super) fn add(reasons: &mut Vec<NotConfirmed>, reason: NotConfirmed) {
    if let NotConfirmed::NoCycle { waiting } = &reason {
        let known = reasons.iter_mut().find_map(|known| match known {
            NotConfirmed::NoCycle { waiting } => Some(waiting),
            _ => None,
        });
        if let Some(known) = known {
            known.extend(waiting);
            known.sort_unstable();
            known.dedup();
            return;
        }
    }
    if !reasons.contains(&reason) {
        reasons.push(reason);
    }
}

/// What one order came to.
#[derive(Debug, Default)]
pub(super) struct Played {
    pub(super) confirmed: Option<Confirmed>,
    /// Why it is not confirmed.
    pub(super) reasons: Vec<NotConfirmed>,
    /// The statement to be paused was through without having come to the gate.
    pub(super) gate_missed: bool,
}

impl Played {
    pub(super) fn not(reason: NotConfirmed) -> Self {
        Played {
            reasons: vec![reason],
            ..Played::default()
        }
    }
}

/// What of a candidate cannot be run at all.
pub(super) fn not_runnable(candidate: &Candidate) -> Option<NotConfirmed> {
    candidate
        .members
        .iter()
        .enumerate()
        .find_map(|(member, m)| {
            let statement = m.statements.iter().position(|text| is_copy(&text.sql))?;
            Some(NotConfirmed::NotRunnable { member, statement })
        })
}

fn is_copy(sql: &str) -> bool {
    let first = sql.split_whitespace().next();
    first.is_some_and(|word| word.eq_ignore_ascii_case("copy"))
}

/// A line of the server's words on a deadlock: who waits for whom, and for what.
struct DetailLine {
    waiter: usize,
    blocker: usize,
    lock: Option<String>,
}

impl Running<'_> {
    pub(super) fn into_played(mut self, gate_missed: bool) -> Played {
        let Some(victim) = self.deadlock.take() else {
            if self.reasons.is_empty() {
                self.reasons.push(self.why_not());
            }
            return Played {
                confirmed: None,
                reasons: self.reasons,
                gate_missed,
            };
        };
        let lines = self.lines(&victim.detail);
        let mut members: Vec<usize> = lines
            .iter()
            .flat_map(|line| [line.waiter, line.blocker])
            .collect();
        members.sort_unstable();
        members.dedup();
        if members.len() < 2 {
            return Played::not(NotConfirmed::OthersDeadlock);
        }
        let usual = self.stage.usual_deadlock_timeout;
        let gives_up = |member: &usize| {
            let timeout = self.states[*member].lock_timeout;
            timeout > Duration::ZERO && timeout < usual
        };
        if members.iter().all(gives_up) {
            return Played::not(NotConfirmed::LockTimeout);
        }
        self.complete_waits(&victim, &lines);
        Played {
            confirmed: Some(Confirmed {
                victim: victim.member,
                timeline: self.timeline(&victim, &members),
                schedule: std::mem::take(&mut self.steps),
                members,
            }),
            reasons: Vec::new(),
            gate_missed,
        }
    }

    fn why_not(&self) -> NotConfirmed {
        let waited = |step: &&ScheduleStep| matches!(&step.outcome, StepOutcome::Waits { blockers, .. } if !blockers.is_empty());
        let mut waiting: Vec<usize> = self
            .steps
            .iter()
            .filter(waited)
            .filter_map(|step| step.member)
            .collect();
        waiting.sort_unstable();
        waiting.dedup();
        if waiting.is_empty() {
            NotConfirmed::NobodyWaited
        } else {
            NotConfirmed::NoCycle { waiting }
        }
    }

    /// The server's words on a deadlock have a line for each wait of the cycle: `Process 1 waits for
    /// ShareLock on transaction 2; blocked by process 3.` In other languages only the processes are
    /// told: the first and the last one of a line.
    fn lines(&self, detail: &str) -> Vec<DetailLine> {
        let line = |text: &str| {
            let numbers = text.split(|c: char| !c.is_ascii_digit());
            let known = numbers.filter_map(|number| self.stage.member(number.parse().ok()?));
            let known: Vec<usize> = known.collect();
            let lock = text
                .split_once(" waits for ")
                .and_then(|(_, rest)| rest.split_once(';'));
            match known.as_slice() {
                [waiter, .., blocker] => Some(DetailLine {
                    waiter: *waiter,
                    blocker: *blocker,
                    lock: lock.map(|(lock, _)| lock.to_owned()),
                }),
                _ => None,
            }
        };
        detail.lines().filter_map(line).collect()
    }

    /// The statement that a member waited with in the cycle, as an index into its spans. Its answer may
    /// be read a moment before the victim's.
    fn waiting(&self, member: usize, victim: &Victim) -> Option<usize> {
        let spans = &self.states[member].spans;
        let at_the_time = |span: &Span| span.sent < victim.at && span.ended > victim.sent;
        let waits = |span: &Span| {
            let seen = span.wait.as_ref();
            at_the_time(span) && seen.is_some_and(|wait| !wait.blockers.is_empty())
        };
        spans
            .iter()
            .rposition(waits)
            .or_else(|| spans.iter().rposition(at_the_time))
    }

    /// Waits that the server has ended before they were seen.
    fn complete_waits(&mut self, victim: &Victim, lines: &[DetailLine]) {
        for line in lines {
            let Some(index) = self.waiting(line.waiter, victim) else {
                continue;
            };
            let span = &mut self.states[line.waiter].spans[index];
            let seen = span.wait.take().filter(|wait| !wait.blockers.is_empty());
            span.wait = Some(seen.unwrap_or_else(|| Wait {
                blockers: vec![line.blocker],
                by_gate: false,
                lock: line.lock.clone(),
            }));
        }
    }

    fn timeline(&self, victim: &Victim, members: &[usize]) -> DeadlockTimeline {
        let at = |moment: Instant| {
            let since = moment.saturating_duration_since(self.began);
            since.as_secs_f64() * 1000.0
        };
        let in_cycle = members.iter().filter_map(|member| {
            let index = self.waiting(*member, victim)?;
            Some(self.states[*member].spans[index].sent)
        });
        let closed = in_cycle.chain(self.gate_opened).max();
        let ends = self.states.iter().flat_map(|state| &state.spans);
        let ended = ends.map(|span| span.ended).max();
        let sessions = self.case.sessions.iter().enumerate();
        DeadlockTimeline {
            run: 1,
            closed_ms: closed.map(at),
            ended_ms: Some(at(victim.at)),
            duration_ms: ended.map_or(0.0, at),
            sessions: sessions
                .map(|(member, session)| TimelineSession {
                    name: session.name.clone(),
                    spans: self.states[member]
                        .spans
                        .iter()
                        .map(|span| self.span(member, span, at))
                        .collect(),
                })
                .collect(),
        }
    }

    fn span(&self, member: usize, span: &Span, at: impl Fn(Instant) -> f64) -> TimelineSpan {
        let statement = match span.what {
            Sent::Statement(index) => {
                let texts = self.statements(member);
                texts.get(index).map_or(DEFERRED_CHECKS, |text| &text.sql)
            }
            Sent::Rollback => "ROLLBACK",
        };
        let blockers = span.wait.iter().flat_map(|wait| &wait.blockers);
        let kind = match (span.what, &span.wait) {
            (Sent::Rollback, _) => "rollback",
            (_, Some(_)) => "wait",
            (_, None) => "run",
        };
        TimelineSpan {
            kind: kind.to_owned(),
            statement: if self.case.keep_values {
                statement.split_whitespace().collect::<Vec<_>>().join(" ")
            } else {
                mask_literals(statement)
            },
            from_ms: at(span.sent),
            to_ms: at(span.ended),
            blocked_by: blockers
                .map(|b| self.case.sessions[*b].name.clone())
                .collect(),
            lock: span.wait.as_ref().and_then(|wait| wait.lock.clone()),
            outcome: span.outcome.clone(),
        }
    }
}
