//! One direction of a session: [`Flow`].
//!
//! A chunk is read into the buffer that all sessions share and written from there. Only what the
//! other side has no room for is kept, and then nothing more is read until it is gone: a reader that
//! is slow slows the writer down, and a session holds at most one chunk in each direction, however
//! long a message is.

use super::leg::{Leg, Taken};
use super::sasl::{Refused, Side, Supervision};

/// How many chunks a session may pass on before others have their turn.
const TURN: usize = 8;

/// One direction of a session.
#[derive(Debug, Default)]
pub(super) struct Flow {
    /// What could not be written at once, from `sent` on; empty where nothing is held.
    held: Vec<u8>,
    sent: usize,
    at_us: u64,
    /// The source may have more than was read.
    pub(super) readable: bool,
    /// The end of what the source sends has arrived already. No further event tells of it, so that a
    /// short read is not the last one.
    pub(super) ending: bool,
    pub(super) source: Source,
    /// The sink takes no more.
    pub(super) broken: bool,
}

/// How the source of a flow is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Source {
    #[default]
    Open,
    /// It has said that nothing follows.
    Ended,
    /// Its connection broke.
    Lost,
}

/// What passing on needs of its surroundings.
pub(super) struct Passage<'a> {
    /// Which side the flow comes from.
    pub(super) from: Side,
    pub(super) buffer: &'a mut [u8],
    pub(super) clock: &'a dyn Fn() -> u64,
    /// Present as long as authentication must be supervised.
    pub(super) supervision: Option<&'a mut Supervision>,
    /// Shows what was written.
    pub(super) show: &'a mut dyn FnMut(&[u8], u64),
}

/// How far a flow came.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Passed {
    /// Until there was nothing more to read, or no more room to write.
    Far,
    /// As far as one turn goes; there is more.
    Turn,
    /// The application chose what cannot work.
    Refused(Refused),
}

impl Flow {
    /// Begins with bytes that were read already.
    pub(super) fn begin_with(&mut self, bytes: Vec<u8>, at_us: u64) {
        self.held = bytes;
        self.at_us = at_us;
        self.readable = true;
    }

    /// Whether something waits for room.
    pub(super) fn holds(&self) -> bool {
        !self.held.is_empty()
    }

    /// Whether everything that the source sent is passed on and no more will come.
    pub(super) fn is_over(&self) -> bool {
        self.broken || (self.source != Source::Open && !self.holds())
    }

    /// Whether there is something that can still be passed on.
    pub(super) fn has_more(&self) -> bool {
        !self.broken && (self.holds() || (self.readable && self.source == Source::Open))
    }

    /// Passes on what is there.
    pub(super) fn pass(
        &mut self,
        source: &mut Leg,
        sink: &mut Leg,
        mut via: Passage<'_>,
    ) -> Passed {
        if self.holds() && !self.write_held(sink, via.show) {
            return Passed::Far;
        }
        for _ in 0..TURN {
            if !self.readable || self.source != Source::Open || self.broken {
                return Passed::Far;
            }
            match source.read(via.buffer) {
                Ok(Taken::Bytes { count, drained }) => {
                    self.readable = !drained || self.ending;
                    self.at_us = (via.clock)();
                    let Some(supervision) = via.supervision.as_deref_mut() else {
                        if !self.write(&via.buffer[..count], sink, via.show) {
                            return Passed::Far;
                        }
                        continue;
                    };
                    let passed = supervision.pass(via.from, &via.buffer[..count]);
                    match passed {
                        Ok(bytes) if !self.write(&bytes, sink, via.show) => return Passed::Far,
                        Ok(_) => {}
                        Err(refused) => return Passed::Refused(refused),
                    }
                }
                Ok(Taken::Nothing) => self.readable = false,
                Ok(Taken::End) => {
                    self.source = Source::Ended;
                    let rest = via.supervision.map(|s| s.end(via.from));
                    self.write(&rest.unwrap_or_default(), sink, via.show);
                    return Passed::Far;
                }
                Err(_) => self.source = Source::Lost,
            }
        }
        Passed::Turn
    }

    /// Writes a chunk, and holds what there was no room for; whether all of it is gone.
    ///
    /// What is written is shown at once, be it a part of the chunk: the server may answer it before
    /// there is room for the rest, and an answer must not be shown before its request.
    fn write(&mut self, bytes: &[u8], sink: &mut Leg, show: &mut dyn FnMut(&[u8], u64)) -> bool {
        let written = self.write_some(bytes, sink);
        if written > 0 {
            show(&bytes[..written], self.at_us);
        }
        if written < bytes.len() && !self.broken {
            self.held.extend_from_slice(&bytes[written..]);
        }
        written == bytes.len()
    }

    /// Writes what is held; whether all of it is gone.
    fn write_held(&mut self, sink: &mut Leg, show: &mut dyn FnMut(&[u8], u64)) -> bool {
        let held = std::mem::take(&mut self.held);
        let written = self.write_some(&held[self.sent..], sink);
        if written > 0 {
            show(&held[self.sent..self.sent + written], self.at_us);
        }
        self.sent += written;
        if self.sent == held.len() || self.broken {
            self.sent = 0;
            return !self.broken;
        }
        self.held = held;
        false
    }

    fn write_some(&mut self, bytes: &[u8], sink: &mut Leg) -> usize {
        let mut written = 0;
        while written < bytes.len() {
            match sink.write(&bytes[written..]) {
                Ok(0) => break,
                Ok(count) => written += count,
                Err(_) => {
                    self.broken = true;
                    break;
                }
            }
        }
        written
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};

    use mio::net::UnixStream;
    use mio::{Poll, Token};

    use super::super::socket::Socket;
    use super::*;

    /// The other end of a leg.
    fn leg(poll: &Poll, token: usize) -> (Leg, UnixStream) {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let leg = Leg::open(Socket::Unix(ours), poll.registry(), Token(token)).unwrap();
        (leg, theirs)
    }

    #[test]
    fn what_is_written_is_shown_before_the_rest_has_room() {
        let poll = Poll::new().unwrap();
        let (mut source, mut application) = leg(&poll, 0);
        let (mut sink, mut server) = leg(&poll, 1);
        let mut flow = Flow {
            readable: true,
            ..Flow::default()
        };
        // More than the sockets hold, in chunks that they do not hold a whole number of.
        let mut buffer = vec![0; 60_001];
        let mut shown = 0;
        let mut read = 0;
        let mut sent = 0;
        for _ in 0..200 {
            sent += application.write(&[7; 50_000]).unwrap_or(0);
            flow.readable = true;
            flow.pass(
                &mut source,
                &mut sink,
                Passage {
                    from: Side::Client,
                    buffer: &mut buffer,
                    clock: &|| 1,
                    supervision: None,
                    show: &mut |bytes, _| shown += bytes.len(),
                },
            );
            // Whatever the server can have read by now has been shown.
            let mut taken = [0; 3_000];
            read += server.read(&mut taken).unwrap_or(0);
            assert!(read <= shown, "{read} bytes were read, and {shown} shown");
            let mut ahead = vec![0; 1 << 20];
            if flow.holds() {
                read += server.read(&mut ahead).unwrap_or(0);
                assert!(read <= shown, "{read} bytes were read, and {shown} shown");
            }
        }
        assert!(sent > 1_000_000 && read > 1_000_000);
    }
}
