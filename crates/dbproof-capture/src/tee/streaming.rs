//! The middle of a session: what one side sends goes to the other, and then to the tap.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::flow::{Flow, Passage, Passed, Source};
use super::leg::Leg;
use super::refusal::{self, Refusal};
use super::report::ProblemKind;
use super::sasl::{Side, Supervision};
use super::session::{Session, Stage, Step, Surroundings, TAP_FAILED, Wish, guarded, micros};
use crate::tap::{Closed, Listener, Tap};

const BOUND: &str = "SCRAM's channel binding cannot work here: dbproof stands between the application and the \
     server, and both sides are encrypted with certificates of their own";

const BINDING_HINT: &str = "Set channel_binding=disable (PGCHANNELBINDING=disable) in the application, or connect \
     without TLS (sslmode=disable), or give dbproof the server's own certificate and key.";

impl<T: Tap> Session<T> {
    /// From here on traffic is passed on.
    pub(super) fn open<L: Listener<Tap = T>>(&mut self, around: &mut Surroundings<'_, L>) -> Step {
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
    pub(super) fn stream<L: Listener<Tap = T>>(
        &mut self,
        around: &mut Surroundings<'_, L>,
    ) -> Step {
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
