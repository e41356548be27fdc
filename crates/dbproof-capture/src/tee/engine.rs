//! The event loop that all sessions of a tee live in: [`Engine`].
//!
//! One thread; a wake-up serves every socket that is ready, and a round trip costs two waits, two
//! reads and two writes. Measured beside two blocking threads a connection and tokio on one thread:
//! `docs/benchmarks.md`.

use std::io::{self, ErrorKind};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use mio::net::{TcpListener, UnixListener};
use mio::{Events, Interest, Poll, Token};

use super::Shared;
use super::certificate::ClientTls;
use super::deadlines::{Deadlines, Key};
use super::options::OfferTls;
use super::report::ProblemKind;
use super::sasl::Side;
use super::server::Server;
use super::session::{Session, Step, Surroundings};
use super::socket::Socket;
use crate::tap::{Closed, Listener, Peer};

/// What is read at once, in bytes. All sessions share one buffer of it.
const CHUNK: usize = 64 * 1024;

/// How often the listener is called, whether or not there is traffic.
const TICK: Duration = Duration::from_secs(1);

pub(super) const WAKE: Token = Token(0);
const TCP: Token = Token(1);
const UNIX: Token = Token(2);
/// Sessions' sockets follow: two each, the application's first.
const FIRST: usize = 4;

/// The sockets that are listened at.
#[derive(Debug, Default)]
pub(super) struct Listeners {
    pub(super) tcp: Option<TcpListener>,
    pub(super) unix: Option<UnixListener>,
}

pub(super) struct Engine<L: Listener> {
    poll: Poll,
    listeners: Listeners,
    listener: L,
    server: Server,
    offer_tls: OfferTls,
    client_tls: Option<ClientTls>,
    shared: Arc<Shared>,
    started: Instant,
    sessions: Vec<Option<Box<Session<L::Tap>>>>,
    free: Vec<usize>,
    connections: u64,
    deadlines: Deadlines,
    buffer: Vec<u8>,
    /// Slots of sessions that have more to do.
    turns: Vec<usize>,
    /// Connections may wait that could not be accepted.
    waiting_outside: bool,
}

impl<L: Listener> Engine<L> {
    pub(super) fn new(
        poll: Poll,
        mut listeners: Listeners,
        listener: L,
        server: Server,
        tls: (OfferTls, Option<ClientTls>),
        shared: Arc<Shared>,
    ) -> io::Result<Engine<L>> {
        if let Some(tcp) = &mut listeners.tcp {
            poll.registry().register(tcp, TCP, Interest::READABLE)?;
        }
        if let Some(unix) = &mut listeners.unix {
            poll.registry().register(unix, UNIX, Interest::READABLE)?;
        }
        let (offer_tls, client_tls) = tls;
        Ok(Engine {
            poll,
            listeners,
            listener,
            server,
            offer_tls,
            client_tls,
            shared,
            started: Instant::now(),
            sessions: Vec::new(),
            free: Vec::new(),
            connections: 0,
            deadlines: Deadlines::default(),
            buffer: vec![0; CHUNK],
            turns: Vec::new(),
            waiting_outside: false,
        })
    }

    /// Passes on until it is told to stop; gives the listener back.
    pub(super) fn run(mut self) -> L {
        let mut events = Events::with_capacity(1024);
        let mut next_tick = Instant::now() + TICK;
        loop {
            if let Err(error) = self.wait(&mut events, next_tick) {
                let message = format!("waiting for traffic failed: {error}");
                self.shared.problem(ProblemKind::NotAccepted, &message);
                break;
            }
            // Slots that are given up now are given away after this batch, whose later events may
            // still mean the old owner.
            let mut given_up = Vec::new();
            let mut incoming = false;
            for event in &events {
                match event.token() {
                    WAKE => {}
                    TCP | UNIX => incoming = true,
                    Token(number) => {
                        let side = match (number - FIRST) % 2 {
                            0 => Side::Client,
                            _ => Side::Server,
                        };
                        let ending = event.is_read_closed() || event.is_error();
                        let news = Some((side, ending));
                        self.serve((number - FIRST) / 2, news, &mut given_up);
                    }
                }
            }
            for slot in std::mem::take(&mut self.turns) {
                self.serve(slot, None, &mut given_up);
            }
            let now = Instant::now();
            self.end_the_late(now, &mut given_up);
            let ticked = now >= next_tick;
            if ticked {
                next_tick = now + TICK;
                self.tick();
            }
            // What could not be accepted for want of a descriptor is tried again when there may be one.
            let again = self.waiting_outside && (ticked || !given_up.is_empty());
            self.free.append(&mut given_up);
            if incoming || again {
                self.accept();
            }
            if self.is_done(now) {
                break;
            }
        }
        self.end_all()
    }

    fn wait(&mut self, events: &mut Events, next_tick: Instant) -> io::Result<()> {
        let until = [self.deadlines.next(), self.shared.stop_at()];
        let until = until.into_iter().flatten().fold(next_tick, Instant::min);
        let timeout = if self.turns.is_empty() {
            until.saturating_duration_since(Instant::now())
        } else {
            Duration::ZERO
        };
        match self.poll.poll(events, Some(timeout)) {
            Err(error) if error.kind() == ErrorKind::Interrupted => Ok(()),
            outcome => outcome,
        }
    }

    /// Lets a session go as far as it can.
    fn serve(&mut self, slot: usize, news: Option<(Side, bool)>, given_up: &mut Vec<usize>) {
        let Some(mut session) = self.sessions.get_mut(slot).and_then(Option::take) else {
            return;
        };
        if let Some((side, ending)) = news {
            session.notice(side, ending);
        }
        let step = session.go_on(&mut self.surroundings());
        self.settle(slot, session, step, given_up);
    }

    fn settle(
        &mut self,
        slot: usize,
        session: Box<Session<L::Tap>>,
        step: Step,
        given_up: &mut Vec<usize>,
    ) {
        match step {
            Step::Over(reason) => {
                self.deadlines.clear(session.key);
                session.close(reason, &mut self.surroundings());
                given_up.push(slot);
            }
            Step::Turn => {
                self.turns.push(slot);
                self.sessions[slot] = Some(session);
            }
            Step::Wait | Step::Next => self.sessions[slot] = Some(session),
        }
    }

    fn end_the_late(&mut self, now: Instant, given_up: &mut Vec<usize>) {
        while let Some(key) = self.deadlines.take_due(now) {
            let Some(mut session) = self.sessions.get_mut(key.slot).and_then(Option::take) else {
                continue;
            };
            let step = session.be_late(&mut self.surroundings());
            self.settle(key.slot, session, step, given_up);
        }
    }

    fn tick(&mut self) {
        let now_us = u64::try_from(self.started.elapsed().as_micros()).unwrap_or(u64::MAX);
        let listener = &mut self.listener;
        if catch_unwind(AssertUnwindSafe(|| listener.tick(now_us))).is_err() {
            let message = "reading the traffic failed, which is an error of dbproof's own";
            self.shared.problem(ProblemKind::TapFailed, message);
        }
    }

    /// Accepts all that wait.
    fn accept(&mut self) {
        self.waiting_outside = false;
        loop {
            let tcp = self.listeners.tcp.as_ref().map(TcpListener::accept);
            match tcp {
                Some(Ok((stream, from))) => {
                    self.welcome(Socket::accepted(stream), Peer::Tcp(from));
                    continue;
                }
                Some(Err(error)) => self.not_accepted(&error),
                None => {}
            }
            match self.listeners.unix.as_ref().map(UnixListener::accept) {
                Some(Ok((stream, _))) => self.welcome(Socket::Unix(stream), Peer::Unix),
                Some(Err(error)) => {
                    self.not_accepted(&error);
                    break;
                }
                None => break,
            }
        }
    }

    fn not_accepted(&mut self, error: &io::Error) {
        match error.kind() {
            ErrorKind::WouldBlock => {}
            // The application has left again already.
            ErrorKind::ConnectionAborted | ErrorKind::Interrupted => self.waiting_outside = true,
            _ => {
                self.waiting_outside = true;
                let message = format!("a connection could not be accepted: {error}");
                self.shared.problem(ProblemKind::NotAccepted, &message);
            }
        }
    }

    fn welcome(&mut self, socket: Socket, peer: Peer) {
        let slot = self.free.pop().unwrap_or(self.sessions.len());
        if slot == self.sessions.len() {
            self.sessions.push(None);
        }
        self.connections += 1;
        let key = Key {
            slot,
            connection: self.connections,
        };
        let tokens = [Token(FIRST + 2 * slot), Token(FIRST + 2 * slot + 1)];
        match Session::begin(key, tokens, socket, peer, &mut self.surroundings()) {
            Ok(session) => self.sessions[slot] = Some(Box::new(session)),
            Err(error) => {
                let message = format!("a connection could not be accepted: {error}");
                self.shared.problem(ProblemKind::NotAccepted, &message);
                self.free.push(slot);
            }
        }
    }

    /// Whether the tee was told to stop and nothing is left to wait for.
    fn is_done(&mut self, now: Instant) -> bool {
        let Some(at) = self.shared.stop_at() else {
            return false;
        };
        self.listeners = Listeners::default();
        now >= at || self.sessions.iter().all(Option::is_none)
    }

    fn end_all(mut self) -> L {
        for session in std::mem::take(&mut self.sessions).into_iter().flatten() {
            session.close(Closed::Stopped, &mut self.surroundings());
        }
        self.listener
    }

    fn surroundings(&mut self) -> Surroundings<'_, L> {
        Surroundings {
            registry: self.poll.registry(),
            buffer: &mut self.buffer,
            started: self.started,
            listener: &mut self.listener,
            server: &self.server,
            offer_tls: self.offer_tls,
            client_tls: self.client_tls.as_ref(),
            deadlines: &mut self.deadlines,
            report: &self.shared,
        }
    }
}
