//! The way of a session to the server: its addresses in turn, TLS as the URL demands it.

use std::io::ErrorKind;
use std::time::{Duration, Instant};

use dbproof_postgres::{Tls, TlsMode};

use super::leg::{Leg, Taken};
use super::session::{Session, Stage, Step, Surroundings};
use super::socket::Socket;
use super::startup::SSL_REQUEST;
use crate::tap::{Listener, Tap};

/// When a unix socket whose queue is full is tried again.
const QUEUE_FULL: Duration = Duration::from_millis(5);

/// How far the way to the server is gone.
#[derive(Debug, Default)]
pub(super) struct Attempt {
    /// Which of the server's places is tried.
    place: usize,
    /// TLS is preferred, and did not work out.
    without_tls: bool,
    /// When to give up; set with the first try.
    until: Option<Instant>,
    /// Why the last place failed.
    reason: String,
}

impl<T: Tap> Session<T> {
    /// Begins at the first place.
    pub(super) fn connect<L: Listener<Tap = T>>(
        &mut self,
        around: &mut Surroundings<'_, L>,
    ) -> Step {
        let until = Instant::now() + around.server.connect_timeout;
        around.deadlines.set(self.key, until);
        self.attempt = Attempt {
            until: Some(until),
            ..Attempt::default()
        };
        self.try_places(around)
    }

    /// Tries the present place, and those after it.
    fn try_places<L: Listener<Tap = T>>(&mut self, around: &mut Surroundings<'_, L>) -> Step {
        self.server = None;
        self.stage = Stage::Connecting;
        while let Some(place) = around.server.places.get(self.attempt.place) {
            let opened = Socket::connect(place)
                .and_then(|socket| Leg::opening(socket, around.registry, self.server_token));
            match opened {
                Ok(leg) => {
                    self.server = Some(leg);
                    return Step::Next;
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    around.deadlines.set(self.key, Instant::now() + QUEUE_FULL);
                    return Step::Wait;
                }
                Err(error) => self.attempt.reason = error.to_string(),
            }
            self.attempt.place += 1;
        }
        let reason = std::mem::take(&mut self.attempt.reason);
        self.server_failed(&reason, around)
    }

    fn try_next_place<L: Listener<Tap = T>>(
        &mut self,
        reason: String,
        around: &mut Surroundings<'_, L>,
    ) -> Step {
        self.attempt.place += 1;
        self.attempt.reason = reason;
        self.try_places(around)
    }

    /// The deadline is over: of a queue that was full, or of the whole attempt.
    pub(super) fn lose_patience<L: Listener<Tap = T>>(
        &mut self,
        around: &mut Surroundings<'_, L>,
    ) -> Step {
        match self.attempt.until {
            Some(until) if Instant::now() < until => {
                around.deadlines.set(self.key, until);
                match self.server {
                    None => self.try_places(around),
                    Some(_) => Step::Wait,
                }
            }
            _ => {
                let seconds = around.server.connect_timeout.as_secs_f64();
                self.server_failed(&format!("no answer within {seconds} s"), around)
            }
        }
    }

    /// One step further towards a server that is ready.
    pub(super) fn approach<L: Listener<Tap = T>>(
        &mut self,
        around: &mut Surroundings<'_, L>,
    ) -> Step {
        let Some(leg) = &mut self.server else {
            return Step::Wait;
        };
        match self.stage {
            Stage::Connecting => match leg.is_connected() {
                Ok(false) => Step::Wait,
                Ok(true) => match leg.wait_for_room(around.registry, false) {
                    Ok(()) => self.begin_tls(around),
                    Err(error) => self.try_next_place(error.to_string(), around),
                },
                Err(error) => self.try_next_place(error.to_string(), around),
            },
            Stage::Asked => {
                let mut letter = [0];
                // Exactly one byte: what came after it unencrypted could be anybody's.
                match leg.read(&mut letter) {
                    Ok(Taken::Nothing) => Step::Wait,
                    Ok(Taken::Bytes { .. }) => self.answered(letter[0], around),
                    Ok(Taken::End) => {
                        let reason = "the server closed the connection when asked for TLS";
                        self.tls_failed(reason.to_owned(), around)
                    }
                    Err(error) => self.tls_failed(error.to_string(), around),
                }
            }
            _ => {
                let outcome = leg
                    .shake_hands()
                    .and_then(|done| leg.wait_for_room(around.registry, false).map(|()| done));
                match outcome {
                    Ok(true) => self.server_is_ready(around),
                    Ok(false) => Step::Wait,
                    Err(error) => {
                        let reason = Tls::explain(&error, &around.server.host);
                        self.tls_failed(reason, around)
                    }
                }
            }
        }
    }

    fn begin_tls<L: Listener<Tap = T>>(&mut self, around: &mut Surroundings<'_, L>) -> Step {
        match &around.server.tls {
            None => self.server_is_ready(around),
            Some(_) if self.attempt.without_tls => self.server_is_ready(around),
            Some(tls) if tls.is_direct() => self.start_tls(tls, around),
            Some(_) => {
                self.stage = Stage::Asked;
                let asked = match &mut self.server {
                    Some(leg) => leg.write(&SSL_REQUEST),
                    None => Ok(0),
                };
                match asked {
                    Ok(8) => Step::Next,
                    Ok(_) => self.tls_failed("the connection takes no bytes".to_owned(), around),
                    Err(error) => self.tls_failed(error.to_string(), around),
                }
            }
        }
    }

    fn answered<L: Listener<Tap = T>>(
        &mut self,
        letter: u8,
        around: &mut Surroundings<'_, L>,
    ) -> Step {
        match (letter, &around.server.tls) {
            (b'S', Some(tls)) => self.start_tls(tls, around),
            (b'N', Some(tls)) if tls.mode() == TlsMode::Prefer => self.server_is_ready(around),
            (b'N', _) => {
                let reason = "the server does not support TLS, and sslmode asks for it";
                self.try_next_place(reason.to_owned(), around)
            }
            _ => self.tls_failed("the server does not know of TLS".to_owned(), around),
        }
    }

    fn start_tls<L: Listener<Tap = T>>(
        &mut self,
        tls: &Tls,
        around: &mut Surroundings<'_, L>,
    ) -> Step {
        self.stage = Stage::Handshake;
        let started = tls
            .session(&around.server.host)
            .and_then(|session| match &mut self.server {
                Some(leg) => leg
                    .start_tls(session.into(), &[])
                    .map_err(|error| error.to_string()),
                None => Ok(()),
            });
        match started {
            Ok(()) => Step::Next,
            Err(reason) => self.tls_failed(reason, around),
        }
    }

    /// As libpq: where TLS is only preferred, the same place is tried without.
    fn tls_failed<L: Listener<Tap = T>>(
        &mut self,
        reason: String,
        around: &mut Surroundings<'_, L>,
    ) -> Step {
        let preferred = around
            .server
            .tls
            .as_ref()
            .is_some_and(|tls| tls.mode() == TlsMode::Prefer);
        if preferred && !self.attempt.without_tls {
            self.attempt.without_tls = true;
            return self.try_places(around);
        }
        self.try_next_place(reason, around)
    }
}
