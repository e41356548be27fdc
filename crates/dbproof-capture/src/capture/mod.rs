//! A capture: a tee, and what its sessions execute, batch by batch: [`Capture`].

mod batch;
mod incomplete;
mod listener;

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher as _;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::Duration;

use dbproof_analysis::traffic::HashKey;

pub use batch::Batch;
use incomplete::Incomplete;
use listener::Sessions;

use crate::protocol::{ReadingOptions, Totals};
use crate::tee::{ProblemKind, Tee, TeeError, TeeOptions, TeeReport};

/// Batches that may wait to be taken. A tee waits for whoever takes them rather than drop one.
const WAITING_BATCHES: usize = 16;

/// How a capture is set up.
#[derive(Debug, Clone)]
pub struct CaptureOptions {
    /// The tee.
    pub tee: TeeOptions,
    /// Whether texts and parameters are kept as they were sent.
    pub keep_sent: bool,
    /// A transaction that is idle for longer than this is told of.
    pub idle_transaction: Duration,
}

impl CaptureOptions {
    /// What was sent is not kept, and a second is long for a transaction.
    #[must_use]
    pub fn new(tee: TeeOptions) -> Self {
        Self {
            tee,
            keep_sent: false,
            idle_transaction: Duration::from_secs(1),
        }
    }
}

/// A capture that is under way. Dropping it ends all sessions at once.
#[derive(Debug)]
pub struct Capture {
    tee: Tee<Sessions>,
}

/// What a capture has seen in all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CaptureSummary {
    /// Sessions that were opened.
    pub sessions: u32,
    /// Statements that were executed, failed ones among them. A cursor or a portal that was answered
    /// in parts counts once.
    pub executions: u64,
    /// Calls of functions by the protocol's own FunctionCall, which are no statements.
    pub function_calls: u64,
    /// Executions that nobody took: the receiver was gone.
    pub dropped: u64,
    /// Sessions that were open with requests in flight when the capture ended.
    pub unfinished: u32,
    /// Why something that was executed is not among the executions, or not whole. Empty where the
    /// capture is complete.
    pub incomplete: Vec<String>,
    /// Sessions that were passed on unread because there are no statements in them.
    pub not_read: Vec<String>,
    /// The names of the databases; [`Executed::database`] counts from 0 here.
    ///
    /// [`Executed::database`]: dbproof_analysis::traffic::Executed::database
    pub databases: Vec<String>,
    /// What the tee has seen.
    pub tee: TeeReport,
}

impl Capture {
    /// Begins to listen. What is executed comes out of the receiver, which must be emptied on a
    /// thread of its own: while it is full, traffic stands still. It ends after [`Capture::stop`].
    pub fn start(options: &CaptureOptions) -> Result<(Self, Receiver<Batch>), TeeError> {
        let (sender, receiver) = sync_channel(WAITING_BATCHES);
        let idle = options.idle_transaction.as_micros();
        let reading = ReadingOptions {
            key: secret(),
            keep_sent: options.keep_sent,
            idle_transaction_us: u64::try_from(idle).unwrap_or(u64::MAX),
        };
        let tee = Tee::start(&options.tee, Sessions::new(reading, sender))?;
        Ok((Self { tee }, receiver))
    }

    /// The address that is listened at.
    #[must_use]
    pub fn address(&self) -> Option<SocketAddr> {
        self.tee.address()
    }

    /// The unix socket that is listened at.
    #[must_use]
    pub fn socket(&self) -> Option<&Path> {
        self.tee.socket()
    }

    /// What the tee has seen up to now.
    #[must_use]
    pub fn report(&self) -> TeeReport {
        self.tee.report()
    }

    /// Stops listening, gives open sessions so long to come to their end, ends them, and hands on
    /// what was still kept back.
    #[must_use]
    pub fn stop(self, patience: Duration) -> CaptureSummary {
        let (sessions, tee) = self.tee.stop(patience);
        let Some(sessions) = sessions else {
            return CaptureSummary {
                incomplete: vec!["the thread of the tee has panicked".to_owned()],
                sessions: tee.sessions,
                tee,
                ..CaptureSummary::default()
            };
        };
        let mut summary = sessions.finish();
        let failed = |problem: &&crate::tee::Problem| problem.kind == ProblemKind::TapFailed;
        let failed = tee.problems.iter().filter(failed);
        summary.incomplete.extend(failed.map(ToString::to_string));
        summary.tee = tee;
        summary
    }
}

impl CaptureSummary {
    fn of(totals: Totals, incomplete: &Incomplete, databases: Vec<String>) -> Self {
        Self {
            sessions: incomplete.sessions,
            executions: totals.executions,
            function_calls: totals.function_calls,
            dropped: incomplete.dropped,
            unfinished: incomplete.unfinished,
            not_read: incomplete.by_design(),
            incomplete: incomplete.reasons(totals),
            databases,
            tee: TeeReport::default(),
        }
    }
}

/// A secret of this process: the standard library takes its own from the operating system.
fn secret() -> HashKey {
    HashKey(
        RandomState::new().hash_one("dbproof"),
        RandomState::new().hash_one("dbproof"),
    )
}
