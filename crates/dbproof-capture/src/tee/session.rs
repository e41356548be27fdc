//! One connection of an application, from its first packet to its end: [`Session`].
//!
//! A session goes from stage to stage as its sockets allow, and is left alone until one of them has
//! something new.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use mio::{Registry, Token};
use rustls::ServerConnection;

use super::certificate::ClientTls;
use super::connecting::Attempt;
use super::deadlines::{Deadlines, Key};
use super::flow::{Flow, Passage, Passed, Source};
use super::leg::{Leg, Taken};
use super::options::OfferTls;
use super::refusal::{self, Refusal};
use super::report::ProblemKind;
use super::sasl::{Side, Supervision};
use super::server::Server;
use super::socket::Socket;
use super::startup::{FirstPacket, LONGEST, first_packet};
use crate::tap::{Closed, Listener, Peer, Tap};

/// How long an application may take to say whom it wants to speak with: the server's
/// `authentication_timeout`, which begins once it is reached.
const HELLO: Duration = Duration::from_secs(60);

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
enum Wish {
    Unknown,
    Session,
    Cancel,
}

/// What became of the application's request for TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum TlsRequest {
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
    client: Leg,
    pub(super) server: Option<Leg>,
    pub(super) server_token: Token,
    pub(super) attempt: Attempt,
    peer: Peer,
    wish: Wish,
    /// The first packet, as far as it has come.
    hello: Vec<u8>,
    hello_at_us: u64,
    tls_request: TlsRequest,
    up: Flow,
    down: Flow,
    /// The end of what the application sends was told to the server.
    end_told: bool,
    supervision: Option<Supervision>,
    tap: Option<T>,
    counted: bool,
}

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

    /// Reads the application's first packet.
    fn hear<L: Listener<Tap = T>>(&mut self, around: &mut Surroundings<'_, L>) -> Step {
        let encrypted = self.client.is_encrypted();
        match first_packet(&self.hello) {
            FirstPacket::Incomplete => self.read_hello(around),
            FirstPacket::DirectTls if self.tls_request != TlsRequest::NotMade => {
                self.garbled(around, "TLS within TLS")
            }
            FirstPacket::DirectTls => match around.client_tls {
                Some(tls) => {
                    let received = std::mem::take(&mut self.hello);
                    self.tls_request = TlsRequest::Granted;
                    self.encrypt(tls, &received, around.report)
                }
                None => self.garbled(around, "it begins with TLS, which is not spoken here"),
            },
            FirstPacket::SslRequest | FirstPacket::GssRequest if encrypted => {
                self.garbled(around, "a request for encryption within TLS")
            }
            FirstPacket::GssRequest => {
                self.hello.clear();
                self.answer(b'N')
            }
            FirstPacket::SslRequest => {
                self.hello.clear();
                self.tls_request = TlsRequest::Waits;
                match (around.offer_tls, &around.server.tls) {
                    (OfferTls::Never, _) => self.answer_tls(false, around),
                    (OfferTls::Always, _) | (_, None) => self.answer_tls(true, around),
                    // What can be offered depends on what the server does.
                    (OfferTls::WhereItCannotHurt, Some(_)) => self.connect(around),
                }
            }
            FirstPacket::CancelRequest => {
                self.wish = Wish::Cancel;
                self.reach(around)
            }
            FirstPacket::Startup => {
                self.wish = Wish::Session;
                self.reach(around)
            }
            FirstPacket::Invalid(reason) => self.garbled(around, reason),
        }
    }

    fn read_hello<L: Listener<Tap = T>>(&mut self, around: &mut Surroundings<'_, L>) -> Step {
        // A startup packet has to fit, and what lies beyond it stays in the socket.
        let room = (LONGEST - self.hello.len()).min(around.buffer.len());
        match self.client.read(&mut around.buffer[..room]) {
            Ok(Taken::Bytes { count, .. }) => {
                self.hello_at_us = micros(around.started);
                self.hello.extend_from_slice(&around.buffer[..count]);
                Step::Next
            }
            Ok(Taken::Nothing) => match self.client.wait_for_room(around.registry, false) {
                Ok(()) => Step::Wait,
                Err(_) => Step::Over(Closed::ClientLost),
            },
            Ok(Taken::End) => {
                if self.tls_request == TlsRequest::Declined {
                    around
                        .report
                        .problem(ProblemKind::Encryption, LEFT_WITHOUT_TLS);
                }
                Step::Over(Closed::ByClient)
            }
            Err(error) => {
                Self::tls_failed_here(&error, around.report);
                Step::Over(Closed::ClientLost)
            }
        }
    }

    /// Answers the request for TLS, once it is known.
    fn answer_tls<L: Listener<Tap = T>>(
        &mut self,
        offered: bool,
        around: &mut Surroundings<'_, L>,
    ) -> Step {
        let Some(tls) = around.client_tls.filter(|_| offered) else {
            self.tls_request = TlsRequest::Declined;
            return self.answer(b'N');
        };
        self.tls_request = TlsRequest::Granted;
        match self.answer(b'S') {
            Step::Next => self.encrypt(tls, &[], around.report),
            step => step,
        }
    }

    fn answer(&mut self, letter: u8) -> Step {
        match self.client.write(&[letter]) {
            // Nothing was written on this connection before, so there is room.
            Ok(1) => Step::Next,
            _ => Step::Over(Closed::ClientLost),
        }
    }

    fn encrypt(&mut self, tls: &ClientTls, received: &[u8], report: &super::Shared) -> Step {
        let started = ServerConnection::new(tls.config.clone())
            .map_err(io::Error::other)
            .and_then(|session| self.client.start_tls(session.into(), received));
        match started {
            Ok(()) => Step::Next,
            Err(error) => {
                Self::tls_failed_here(&error, report);
                Step::Over(Closed::ClientLost)
            }
        }
    }

    /// Remembers why the application's TLS failed. That it went away is no such reason.
    fn tls_failed_here(error: &io::Error, report: &super::Shared) {
        if error.kind() == io::ErrorKind::InvalidData {
            let message = format!("an application did not get on with the TLS of the tee: {error}");
            report.problem(ProblemKind::Encryption, &message);
        }
    }

    /// Goes on to the server, which may be reached already.
    fn reach<L: Listener<Tap = T>>(&mut self, around: &mut Surroundings<'_, L>) -> Step {
        match self.server {
            Some(_) => self.open(around),
            None => self.connect(around),
        }
    }

    /// The server is ready for the application's first packet.
    pub(super) fn server_is_ready<L: Listener<Tap = T>>(
        &mut self,
        around: &mut Surroundings<'_, L>,
    ) -> Step {
        if self.wish != Wish::Unknown {
            return self.open(around);
        }
        self.stage = Stage::Hello;
        around.deadlines.set(self.key, Instant::now() + HELLO);
        let own = self.server_shows_our_certificate(around);
        let plain = self
            .server
            .as_ref()
            .is_some_and(|server| !server.is_encrypted());
        self.answer_tls(own || plain, around)
    }

    fn server_shows_our_certificate<L: Listener>(&self, around: &Surroundings<'_, L>) -> bool {
        let theirs = self.server.as_ref().and_then(Leg::peer_certificate);
        let ours = around.client_tls.map(|tls| tls.certificate.as_slice());
        theirs.is_some() && theirs == ours
    }

    /// The server cannot be reached; the application and the report are told why.
    pub(super) fn server_failed<L: Listener<Tap = T>>(
        &mut self,
        reason: &str,
        around: &mut Surroundings<'_, L>,
    ) -> Step {
        let message = format!("failed to connect to {}: {reason}", around.server.name);
        around
            .report
            .problem(ProblemKind::ServerUnreachable, &message);
        self.server = None;
        match self.wish {
            // An error in answer to a request for TLS is not shown by libpq, so it waits until the
            // application has said more; then it is tried again.
            Wish::Unknown => {
                self.stage = Stage::Hello;
                self.answer_tls(true, around)
            }
            Wish::Session => {
                self.refuse(&Refusal::new(refusal::SERVER_UNREACHABLE, message), around)
            }
            Wish::Cancel => Step::Over(Closed::ServerLost),
        }
    }

    fn garbled<L: Listener<Tap = T>>(
        &mut self,
        around: &mut Surroundings<'_, L>,
        reason: &str,
    ) -> Step {
        let message = format!("a connection does not speak PostgreSQL's protocol: {reason}");
        around.report.problem(ProblemKind::NotPostgres, &message);
        self.refuse(
            &Refusal::new(refusal::PROTOCOL_VIOLATION, reason.to_owned()),
            around,
        )
    }

    /// Tells the application why it is not served, and gives it time to read that.
    fn refuse<L: Listener<Tap = T>>(
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

    /// From here on traffic is passed on.
    fn open<L: Listener<Tap = T>>(&mut self, around: &mut Surroundings<'_, L>) -> Step {
        self.stage = Stage::Open;
        around.deadlines.clear(self.key);
        let encrypted = self.client.is_encrypted();
        let bound = encrypted && self.server_shows_our_certificate(around);
        let server_is_encrypted = self.server.as_ref().is_some_and(Leg::is_encrypted);
        if self.wish == Wish::Session {
            if server_is_encrypted && !bound {
                self.supervision = Some(Supervision::new(encrypted));
            }
            self.counted = true;
            let number = around.report.change(|report| {
                report.sessions += 1;
                report.open += 1;
                report.sessions
            });
            let peer = self.peer;
            let made = catch_unwind(AssertUnwindSafe(|| around.listener.session(number, peer)));
            match made {
                Ok(tap) => self.tap = Some(tap),
                Err(_) => around.report.problem(ProblemKind::TapFailed, TAP_FAILED),
            }
        } else {
            around.report.change(|report| report.cancel_requests += 1);
        }
        let hello = std::mem::take(&mut self.hello);
        self.up.begin_with(hello, self.hello_at_us);
        self.down.readable = true;
        Step::Next
    }

    /// Passes on what is there, in both directions.
    fn stream<L: Listener<Tap = T>>(&mut self, around: &mut Surroundings<'_, L>) -> Step {
        let Some(server) = &mut self.server else {
            return Step::Over(Closed::ServerLost);
        };
        let (client, tap, report, started) = (
            &mut self.client,
            &mut self.tap,
            around.report,
            around.started,
        );
        let clock = || micros(started);
        let up = self.up.pass(
            client,
            server,
            Passage {
                from: Side::Client,
                buffer: around.buffer,
                clock: &clock,
                supervision: self.supervision.as_mut(),
                show: &mut |bytes, at_us| guarded(tap, report, |tap| tap.from_client(bytes, at_us)),
            },
        );
        let down = self.down.pass(
            server,
            client,
            Passage {
                from: Side::Server,
                buffer: around.buffer,
                clock: &clock,
                supervision: self.supervision.as_mut(),
                show: &mut |bytes, at_us| guarded(tap, report, |tap| tap.from_server(bytes, at_us)),
            },
        );
        if matches!(up, Passed::Refused(_)) {
            return self.refuse_binding(around);
        }
        if self.supervision.as_ref().is_some_and(Supervision::is_over) {
            self.supervision = None;
        }
        if self.up.source == Source::Ended && self.up.is_over() && !self.end_told {
            self.end_told = true;
            server.shutdown_write();
        }
        if let Some(reason) = end(&self.up, &self.down) {
            return Step::Over(reason);
        }
        let room = client.wait_for_room(around.registry, self.down.holds());
        if room.is_err() {
            return Step::Over(Closed::ClientLost);
        }
        let room = server.wait_for_room(around.registry, self.up.holds());
        if room.is_err() {
            return Step::Over(Closed::ServerLost);
        }
        if up == Passed::Turn || down == Passed::Turn {
            return Step::Turn;
        }
        Step::Wait
    }

    fn refuse_binding<L: Listener<Tap = T>>(&mut self, around: &mut Surroundings<'_, L>) -> Step {
        around.report.problem(ProblemKind::ChannelBinding, BOUND);
        let mut refusal = Refusal::new(refusal::AUTHORIZATION, BOUND.to_owned());
        refusal.hint = Some(BINDING_HINT.to_owned());
        self.end_tap(Closed::ByServer, around);
        self.refuse(&refusal, around)
    }

    /// Tells the tap that the session is over, and gives it back to the listener.
    fn end_tap<L: Listener<Tap = T>>(&mut self, reason: Closed, around: &mut Surroundings<'_, L>) {
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

/// Why the session is over, where it is. A side that broke is no reason to throw away what the
/// other had sent before, such as the server's last words.
fn end(up: &Flow, down: &Flow) -> Option<Closed> {
    let left_first = up.source == Source::Ended;
    match (up.source, down.source) {
        (_, Source::Ended) if down.is_over() && !left_first => Some(Closed::ByServer),
        (_, Source::Lost) if down.is_over() && !left_first => Some(Closed::ServerLost),
        (_, Source::Ended | Source::Lost) if down.is_over() => Some(Closed::ByClient),
        (Source::Lost, _) => Some(Closed::ClientLost),
        _ if up.broken && !down.has_more() => Some(Closed::ServerLost),
        _ if down.broken && !up.has_more() && left_first => Some(Closed::ByClient),
        _ if down.broken && !up.has_more() => Some(Closed::ClientLost),
        _ => None,
    }
}

/// Shows something to the tap. One that fails is not asked again, and the traffic goes on.
fn guarded<T>(tap: &mut Option<T>, report: &super::Shared, what: impl FnOnce(&mut T)) {
    let Some(present) = tap else {
        return;
    };
    if catch_unwind(AssertUnwindSafe(|| what(present))).is_err() {
        *tap = None;
        report.problem(ProblemKind::TapFailed, TAP_FAILED);
    }
}

fn micros(started: Instant) -> u64 {
    u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX)
}

const TAP_FAILED: &str = "reading a session failed, which is an error of dbproof's own; its traffic \
                          went on, and the rest of it was not captured";

const LEFT_WITHOUT_TLS: &str = "an application asked for TLS, was told that there is none, and left; set \
     sslmode=prefer or sslmode=disable in the application, or offer TLS to it always";

const BOUND: &str = "SCRAM's channel binding cannot work here: dbproof stands between the application and the \
     server, and both sides are encrypted with certificates of their own";

const BINDING_HINT: &str = "Set channel_binding=disable (PGCHANNELBINDING=disable) in the application, or connect \
     without TLS (sslmode=disable), or give dbproof the server's own certificate and key.";

const UNANSWERED: &str = "an application left when it was offered SCRAM without channel binding, which ends where \
     dbproof stands between; if it has channel_binding=require, set channel_binding=prefer or disable";
