//! One session, read from its bytes: [`Session`].

use std::collections::VecDeque;

use std::sync::Arc;

use dbproof_analysis::traffic::{Statement, ValueHash};

use super::bound::Bound;
use super::client::FromClient;
use super::collector::Collector;
use super::event::{IdleTransaction, SessionEvent, SessionNews};
use super::names::{Name, Names};
use super::not_read::{NotRead, Side};
use super::portal::Portal;
use super::result::Running;
use super::scan::Scanner;
use super::server::FromServer;
use super::statement::{Prepared, Query};
use crate::tap::Closed;

/// Requests without an answer that are kept. What an application can have on its way is bounded by
/// the buffers of the sockets, far below this.
const MOST_REQUESTS: usize = 1 << 18;
/// Bytes of parameters of requests without an answer.
const MOST_HELD: usize = 16 << 20;
/// Buffers kept to be used again, and their size.
const SPARE_BUFFERS: usize = 8;
const SPARE_CAPACITY: usize = 4 << 10;

/// One session, read from its bytes.
///
/// What is found does not depend on how the bytes are cut, as long as an answer is shown after its
/// request. A stream that cannot be read any further is said to be so once, and ignored from then on.
#[derive(Debug)]
pub struct Session {
    client: Scanner,
    server: Scanner,
    state: State,
    reads: bool,
}

/// A request that the server has not yet answered.
#[derive(Debug)]
pub(super) enum Request {
    /// The StartupMessage, up to the first ReadyForQuery.
    Startup,
    Query(Box<Query>),
    Parse {
        name: Name,
        prepared: Arc<Prepared>,
        sent_us: u64,
    },
    Bind {
        portal: Name,
        statement: Name,
        bound: Box<Bound>,
    },
    DescribeStatement(Name),
    DescribePortal(Name),
    Execute {
        portal: Name,
        sent_us: u64,
    },
    CloseStatement(Name),
    ClosePortal(Name),
    Sync,
    FunctionCall,
    /// The end of data that the application began to send before it was asked to.
    CopyEnd,
}

/// What is known of a session.
#[derive(Debug)]
pub(super) struct State {
    pub(super) number: u32,
    pub(super) database: u32,
    /// The requests without an answer, oldest first.
    pub(super) requests: VecDeque<Request>,
    /// The server ignores what it reads up to the next Sync.
    pub(super) skips: bool,
    /// The server reads data, and ignores Sync.
    pub(super) copies_in: bool,
    /// Syncs that were sent while the server read data: ignored, unless the copy had failed by then.
    pub(super) ignored_syncs: usize,
    pub(super) statements: Names<Arc<Prepared>>,
    pub(super) portals: Names<Portal>,
    /// What the server is answering, once a part of the answer has come.
    pub(super) running: Option<Running>,
    /// The number of the explicit transaction that is open.
    pub(super) transaction: Option<u32>,
    pub(super) transactions: u32,
    /// How often the server was ready for a query.
    pub(super) series: u32,
    pub(super) idle_since_us: Option<u64>,
    pub(super) last: Option<Arc<Statement>>,
    pub(super) parameters: Vec<Option<ValueHash>>,
    held: usize,
    spare: Vec<Vec<u8>>,
}

impl Session {
    /// A session of which nothing was seen yet.
    #[must_use]
    pub fn new(number: u32) -> Self {
        Self {
            client: Scanner::new(Side::Client),
            server: Scanner::new(Side::Server),
            reads: true,
            state: State::new(number),
        }
    }

    /// Bytes that the application sent.
    pub fn from_client(&mut self, bytes: &[u8], at_us: u64, collector: &mut Collector) {
        if !self.reads {
            return;
        }
        let mut to = FromClient {
            state: &mut self.state,
            collector,
            at_us,
        };
        if let Err(reason) = self.client.scan(bytes, &mut to) {
            self.give_up(reason, at_us, collector);
        }
    }

    /// Bytes that the server sent.
    pub fn from_server(&mut self, bytes: &[u8], at_us: u64, collector: &mut Collector) {
        if !self.reads {
            return;
        }
        let mut to = FromServer {
            state: &mut self.state,
            collector,
            at_us,
        };
        if let Err(reason) = self.server.scan(bytes, &mut to) {
            self.give_up(reason, at_us, collector);
        }
    }

    /// The session is over.
    pub fn closed(&mut self, at_us: u64, closed: Closed, collector: &mut Collector) {
        self.state.wakes(at_us, collector);
        self.state.drop_portals(|_| true, collector);
        let in_flight = self.state.in_flight();
        let what = SessionNews::Over { closed, in_flight };
        self.state.tell(what, at_us, collector);
        self.reads = false;
    }

    fn give_up(&mut self, reason: NotRead, at_us: u64, collector: &mut Collector) {
        self.state.wakes(at_us, collector);
        self.state.drop_portals(|_| true, collector);
        let in_flight = self.state.in_flight();
        let what = SessionNews::NotRead { reason, in_flight };
        self.state.tell(what, at_us, collector);
        self.state = State::new(self.state.number);
        self.client.release();
        self.server.release();
        self.reads = false;
    }
}

impl State {
    fn new(number: u32) -> Self {
        Self {
            number,
            database: 0,
            requests: VecDeque::new(),
            skips: false,
            copies_in: false,
            ignored_syncs: 0,
            statements: Names::default(),
            portals: Names::default(),
            running: None,
            transaction: None,
            transactions: 0,
            series: 0,
            idle_since_us: None,
            last: None,
            parameters: Vec::new(),
            held: 0,
            spare: Vec::new(),
        }
    }

    pub(super) fn push(&mut self, request: Request) -> Result<(), NotRead> {
        if self.requests.len() >= MOST_REQUESTS {
            return Err(NotRead::Requests(MOST_REQUESTS));
        }
        self.requests.push_back(request);
        Ok(())
    }

    /// The request that the server is at.
    pub(super) fn front(&mut self) -> Option<&mut Request> {
        while let Some(Request::CopyEnd) = self.requests.front() {
            self.requests.pop_front();
        }
        self.requests.front_mut()
    }

    /// The server has failed in the midst of a series: it skips what follows, up to Sync.
    pub(super) fn skip_to_sync(&mut self) {
        while let Some(request) = self.requests.front() {
            if let Request::Sync = request {
                return;
            }
            if let Some(Request::Bind { bound, .. }) = self.requests.pop_front() {
                self.give_back(*bound);
            }
        }
        self.skips = true;
    }

    /// A buffer for parameters, and how many bytes of them may be held.
    pub(super) fn buffer(&mut self) -> (Vec<u8>, usize) {
        (
            self.spare.pop().unwrap_or_default(),
            MOST_HELD.saturating_sub(self.held),
        )
    }

    pub(super) fn hold(&mut self, bound: &Bound) {
        self.held += bound.held();
    }

    pub(super) fn give_back(&mut self, bound: Bound) {
        self.held -= bound.held();
        let mut buffer = bound.into_buffer();
        if self.spare.len() < SPARE_BUFFERS && buffer.capacity() <= SPARE_CAPACITY {
            buffer.clear();
            self.spare.push(buffer);
        }
    }

    /// How many requests that do something have no answer.
    fn in_flight(&self) -> usize {
        let does = |request: &&Request| {
            matches!(
                request,
                Request::Query(_) | Request::Execute { .. } | Request::FunctionCall
            )
        };
        self.requests.iter().filter(does).count()
    }

    /// Whatever follows, the session is idle no more.
    pub(super) fn wakes(&mut self, at_us: u64, collector: &mut Collector) {
        let Some(since_us) = self.idle_since_us.take() else {
            return;
        };
        let for_us = at_us.saturating_sub(since_us);
        if for_us < collector.idle_transaction_us() {
            return;
        }
        let idle = IdleTransaction {
            transaction: self.transaction.unwrap_or(self.transactions),
            since_us,
            for_us,
            last: self.last.clone(),
        };
        self.tell(SessionNews::Idle(idle), at_us, collector);
    }

    pub(super) fn tell(&self, what: SessionNews, at_us: u64, collector: &mut Collector) {
        collector.events.push(SessionEvent {
            session: self.number,
            at_us,
            what,
        });
    }
}
