//! The beginning of a session: its first packet, and encryption before it.

use std::io;
use std::time::Instant;

use rustls::ServerConnection;

use super::certificate::ClientTls;
use super::leg::{Leg, Taken};
use super::options::OfferTls;
use super::refusal::{self, Refusal};
use super::report::ProblemKind;
use super::session::{HELLO, Session, Stage, Step, Surroundings, TlsRequest, Wish, micros};
use super::startup::{FirstPacket, LONGEST, first_packet};
use crate::tap::{Closed, Listener, Tap};

const LEFT_WITHOUT_TLS: &str = "an application asked for TLS, was told that there is none, and left; set \
     sslmode=prefer or sslmode=disable in the application, or offer TLS to it always";

impl<T: Tap> Session<T> {
    /// Reads the application's first packet.
    pub(super) fn hear<L: Listener<Tap = T>>(&mut self, around: &mut Surroundings<'_, L>) -> Step {
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

    pub(super) fn server_shows_our_certificate<L: Listener>(
        &self,
        around: &Surroundings<'_, L>,
    ) -> bool {
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
}
