//! One connection of an application, from its first packet to its end: [`Session`].
//!
//! A session goes from stage to stage as its sockets allow, and is left alone until one of them has
//! something new.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use mio::{Registry, Token};

use super::certificate::ClientTls;
use super::connecting::Attempt;
use super::deadlines::{Deadlines, Key};
use super::flow::Flow;
use super::leg::{Leg, Taken};
use super::options::OfferTls;
use super::refusal::Refusal;
use super::report::ProblemKind;
use super::sasl::{Side, Supervision};
use super::server::Server;
use super::socket::Socket;
use crate::tap::{Closed, Listener, Peer, Tap};

/// How long an application may take to say whom it wants to speak with: the server's
/// `authentication_timeout`, which begins once it is reached.
pub(super) const HELLO: Duration = Duration::from_secs(60);

/// How long an application that was refused has to read why.
const FAREWELL: Duration = Duration::from_secs(2);

/// What all sessions of a tee share.
pub(super) struct Surroundings<'a, L: Listener> {
    pub(super) registry: &'a Registry,
    pub(super) buffer: &'a mut [u8],
    pub(super) started: Instant,
    pub(super) listener: &'a mut L,
    pub(super) server: &'a Server,
    pub(super) offer_tls: OfferTls,
    pub(super) client_tls: Option<&'a ClientTls>,
    pub(super) deadlines: &'a mut Deadlines,
    pub(super) report: &'a super::Shared,
}

/// Where a session stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// The application's first packet is awaited.
    Hello,
    /// The connection to the server is being made.
    Connecting,
    /// The server was asked for TLS.
    Asked,
    /// TLS shakes hands with the server.
    Handshake,
    /// Traffic is passed on.
    Open,
    /// The application was refused and is given time to read why.
    Farewell,
}

/// What the application wants, once it has said so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wish {
    Unknown,
    Session,
    Cancel,
}

/// What became of the application's request for TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TlsRequest {
    NotMade,
    /// The answer depends on the server, which is being asked.
    Waits,
    Granted,
    Declined,
}

/// What comes after a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// The next one, at once.
    Next,
    /// Something new on a socket, or the deadline.
    Wait,
    /// The same again, once others had their turn.
    Turn,
    /// The end.
    Over(Closed),
}

pub(super) struct Session<T> {
    pub(super) key: Key,
    pub(super) stage: Stage,
    pub(super) client: Leg,
    pub(super) server: Option<Leg>,
    pub(super) server_token: Token,
    pub(super) attempt: Attempt,
    pub(super) peer: Peer,
    pub(super) wish: Wish,
    /// The first packet, as far as it has come.
    pub(super) hello: Vec<u8>,
    pub(super) hello_at_us: u64,
    pub(super) tls_request: TlsRequest,
    pub(super) up: Flow,
    pub(super) down: Flow,
    /// The end of what the application sends was told to the server.
    pub(super) end_told: bool,
    pub(super) supervision: Option<Supervision>,
    pub(super) tap: Option<T>,
    pub(super) counted: bool,
}

pub(super) const TAP_FAILED: &str = "reading a session failed, which is an error of dbproof's own; its traffic \
                          went on, and the rest of it was not captured";

const UNANSWERED: &str = "an application left when it was offered SCRAM without channel binding, which ends where \
     dbproof stands between; if it has channel_binding=require, set channel_binding=prefer or disable";

impl<T: Tap> Session<T> {
    pub(super) fn begin<L: Listener<Tap = T>>(
        key: Key,
        tokens: [Token; 2],
        socket: Socket,
        peer: Peer,
        around: &mut Surroundings<'_, L>,
    ) -> io::Result<Session<T>> {
        let [client_token, server_token] = tokens;
        let client = Leg::open(socket, around.registry, client_token)?;
        around.deadlines.set(key, Instant::now() + HELLO);
        Ok(Session {
            key,
            stage: Stage::Hello,
            client,
            server: None,
            server_token,
            attempt: Attempt::default(),
            peer,
            wish: Wish::Unknown,
            hello: Vec::new(),
            hello_at_us: 0,
            tls_request: TlsRequest::NotMade,
            up: Flow::default(),
            down: Flow::default(),
            end_told: false,
            supervision: None,
            tap: None,
            counted: false,
        })
    }

    /// A socket of the session has something new, which may be that nothing follows.
    pub(super) fn notice(&mut self, side: Side, ending: bool) {
        let flow = match side {
            Side::Client => &mut self.up,
            Side::Server => &mut self.down,
        };
        flow.readable = true;
        flow.ending |= ending;
    }

    /// Goes as far as it can.
    pub(super) fn go_on<L: Listener<Tap = T>>(&mut self, around: &mut Surroundings<'_, L>) -> Step {
        loop {
            let step = match self.stage {
                Stage::Hello => self.hear(around),
                Stage::Connecting | Stage::Asked | Stage::Handshake => self.approach(around),
                Stage::Open => self.stream(around),
                Stage::Farewell => self.see_off(around),
            };
            if step != Step::Next {
                return step;
            }
        }
    }

    /// The deadline that was set last is over.
    pub(super) fn be_late<L: Listener<Tap = T>>(
        &mut self,
        around: &mut Surroundings<'_, L>,
    ) -> Step {
        match self.stage {
            // As the server does, without a word.
            Stage::Hello | Stage::Farewell => Step::Over(Closed::ByClient),
            Stage::Connecting | Stage::Asked | Stage::Handshake => {
                match self.lose_patience(around) {
                    Step::Next => self.go_on(around),
                    step => step,
                }
            }
            Stage::Open => Step::Wait,
        }
    }

    /// Ends the session: tells the tap why, and both sides that nothing follows.
    pub(super) fn close<L: Listener<Tap = T>>(
        mut self,
        reason: Closed,
        around: &mut Surroundings<'_, L>,
    ) {
        self.end_tap(reason, around);
        if self
            .supervision
            .as_ref()
            .is_some_and(Supervision::is_unanswered)
        {
            around
                .report
                .problem(ProblemKind::ChannelBinding, UNANSWERED);
        }
        if self.counted {
            around.report.change(|report| report.open -= 1);
        }
        self.client.shutdown_write();
        if let Some(server) = &mut self.server {
            server.shutdown_write();
        }
    }

    /// Tells the application why it is not served, and gives it time to read that.
    pub(super) fn refuse<L: Listener<Tap = T>>(
        &mut self,
        refusal: &Refusal,
        around: &mut Surroundings<'_, L>,
    ) -> Step {
        self.server = None;
        self.stage = Stage::Farewell;
        around.deadlines.set(self.key, Instant::now() + FAREWELL);
        // It is short, and where there is no room for it nobody reads.
        self.client.write(&refusal.encode()).ok();
        self.client.shutdown_write();
        Step::Next
    }

    /// Reads until the application has closed its connection: closing ours before would reset it,
    /// and some systems then take away what it has not read yet.
    fn see_off<L: Listener<Tap = T>>(&mut self, around: &mut Surroundings<'_, L>) -> Step {
        match self.client.read(around.buffer) {
            Ok(Taken::Bytes { .. }) => Step::Next,
            Ok(Taken::Nothing) => Step::Wait,
            Ok(Taken::End) | Err(_) => Step::Over(Closed::ByClient),
        }
    }

    /// Tells the tap that the session is over, and gives it back to the listener.
    pub(super) fn end_tap<L: Listener<Tap = T>>(
        &mut self,
        reason: Closed,
        around: &mut Surroundings<'_, L>,
    ) {
        let now_us = micros(around.started);
        guarded(&mut self.tap, around.report, |tap| {
            tap.closed(now_us, reason);
        });
        let Some(tap) = self.tap.take() else {
            return;
        };
        if catch_unwind(AssertUnwindSafe(|| around.listener.ended(tap))).is_err() {
            around.report.problem(ProblemKind::TapFailed, TAP_FAILED);
        }
    }
}

/// Shows something to the tap. One that fails is not asked again, and the traffic goes on.
pub(super) fn guarded<T>(tap: &mut Option<T>, report: &super::Shared, what: impl FnOnce(&mut T)) {
    let Some(present) = tap else {
        return;
    };
    if catch_unwind(AssertUnwindSafe(|| what(present))).is_err() {
        *tap = None;
        report.problem(ProblemKind::TapFailed, TAP_FAILED);
    }
}

pub(super) fn micros(started: Instant) -> u64 {
    u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX)
}
