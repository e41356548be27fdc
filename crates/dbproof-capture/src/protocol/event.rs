//! What happens in sessions beside executions: [`SessionEvent`].

use std::sync::Arc;

use dbproof_analysis::traffic::{SqlState, Statement};

use super::not_read::NotRead;
use crate::tap::Closed;

/// Something that happened in a session, and is no execution.
#[derive(Debug, Clone)]
pub struct SessionEvent {
    /// The session, counted from 1.
    pub session: u32,
    /// When, in microseconds from the start of the capture.
    pub at_us: u64,
    /// What.
    pub what: SessionNews,
}

/// What happened in a session.
#[derive(Debug, Clone)]
pub enum SessionNews {
    /// The application has asked for a session.
    Opened(Opened),
    /// The server answered an error that belongs to no statement: it refused the session, a deferred
    /// constraint did not hold at the end of an implicit transaction, or an administrator ended it.
    Failed(SqlState),
    /// A transaction was left idle for longer than the limit.
    Idle(IdleTransaction),
    /// The session is read no further; it flows on untouched.
    NotRead {
        /// Why.
        reason: NotRead,
        /// How many requests had no answer at that moment.
        in_flight: usize,
    },
    /// The session is over.
    Over {
        /// Who ended it.
        closed: Closed,
        /// How many requests had no answer.
        in_flight: usize,
    },
}

/// How an application asked for a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opened {
    /// The role.
    pub user: String,
    /// The number of the database.
    pub database: u32,
    /// Its name.
    pub database_name: String,
    /// What the application calls itself, where it does.
    pub application_name: Option<String>,
}

/// A transaction that was idle: the server had answered, and waited.
#[derive(Debug, Clone)]
pub struct IdleTransaction {
    /// The number of the transaction in its session.
    pub transaction: u32,
    /// Since when it was idle, in microseconds from the start of the capture.
    pub since_us: u64,
    /// For how long, in microseconds.
    pub for_us: u64,
    /// The last statement before.
    pub last: Option<Arc<Statement>>,
}
