//! What a tee has seen, sessions and problems: [`TeeReport`].

use std::fmt;

/// The most kinds of problems that are kept apart; a message of the outside world may hold a number
/// that is never the same.
const KINDS_KEPT: usize = 32;

/// What a tee has seen up to now.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TeeReport {
    /// Sessions that have begun: the server was reached.
    pub sessions: u32,
    /// Sessions that are open at this moment.
    pub open: u32,
    /// Cancel requests that were handed on.
    pub cancel_requests: u32,
    /// What went wrong, in the order of its first occurrence.
    pub problems: Vec<Problem>,
}

/// Something that went wrong, and how often.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// What kind of problem it is.
    pub kind: ProblemKind,
    /// What happened and what to do, without any password.
    pub message: String,
    /// How often.
    pub count: u32,
}

/// The kinds of problems.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProblemKind {
    /// The server could not be reached, or not in the way that the URL demands.
    ServerUnreachable,
    /// A connection was made that does not speak PostgreSQL's protocol.
    NotPostgres,
    /// An application did not get on with encryption as it is offered.
    Encryption,
    /// An application insisted on SCRAM's channel binding, which ends where the tee stands.
    ChannelBinding,
    /// A connection could not be accepted.
    NotAccepted,
    /// What reads the traffic failed; the session went on unread, and the capture is incomplete.
    TapFailed,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.count {
            1 => write!(f, "{}", self.message),
            count => write!(f, "{} ({count} times)", self.message),
        }
    }
}

impl TeeReport {
    pub(super) fn add(&mut self, kind: ProblemKind, message: &str) {
        let same = |p: &&mut Problem| p.kind == kind && p.message == message;
        if let Some(problem) = self.problems.iter_mut().find(same) {
            problem.count = problem.count.saturating_add(1);
            return;
        }
        if self.problems.len() < KINDS_KEPT {
            self.problems.push(Problem {
                kind,
                message: message.to_owned(),
                count: 1,
            });
        } else if let Some(problem) = self.problems.iter_mut().rfind(|p| p.kind == kind) {
            problem.count = problem.count.saturating_add(1);
        }
    }
}
