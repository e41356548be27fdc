//! One side of a session, encrypted or not: [`Leg`].

use std::io::{self, ErrorKind, Read as _, Write as _};

use mio::{Interest, Registry, Token};
use rustls::Connection;

use super::socket::Socket;

/// One side of a session: the socket, and TLS on it where it is spoken.
#[derive(Debug)]
pub(super) struct Leg {
    socket: Socket,
    tls: Option<Box<Connection>>,
    token: Token,
    /// Whether room to write is waited for. On unix sockets, every read of the other side makes
    /// room, and each would wake us up, so this is asked for only after a write that was short.
    waits_for_room: bool,
}

/// What a read came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Taken {
    /// So many bytes; `drained` where nothing more was there.
    Bytes { count: usize, drained: bool },
    /// Nothing is there now.
    Nothing,
    /// The other side sends no more.
    End,
}

impl Leg {
    /// An open connection.
    pub(super) fn open(socket: Socket, registry: &Registry, token: Token) -> io::Result<Leg> {
        Leg::register(socket, registry, token, false)
    }

    /// A connection that is being made, of which the first event tells that it is.
    pub(super) fn opening(socket: Socket, registry: &Registry, token: Token) -> io::Result<Leg> {
        Leg::register(socket, registry, token, true)
    }

    fn register(
        mut socket: Socket,
        registry: &Registry,
        token: Token,
        waits_for_room: bool,
    ) -> io::Result<Leg> {
        registry.register(&mut socket, token, interest(waits_for_room))?;
        Ok(Leg {
            socket,
            tls: None,
            token,
            waits_for_room,
        })
    }

    pub(super) fn is_connected(&self) -> io::Result<bool> {
        self.socket.is_connected()
    }

    pub(super) fn is_encrypted(&self) -> bool {
        self.tls.is_some()
    }

    /// The certificate that the other side has shown.
    pub(super) fn peer_certificate(&self) -> Option<&[u8]> {
        let chain = self.tls.as_ref()?.peer_certificates()?;
        chain.first().map(AsRef::as_ref)
    }

    /// From here on TLS is spoken; `received` is what of it was read already.
    pub(super) fn start_tls(&mut self, session: Connection, received: &[u8]) -> io::Result<()> {
        let mut session = Box::new(session);
        // Chunks are of one size, and none is taken before the last one is gone.
        session.set_buffer_limit(None);
        let mut received = received;
        while !received.is_empty() {
            session.read_tls(&mut received)?;
            process(&mut session, &mut self.socket)?;
        }
        self.tls = Some(session);
        self.flush().map(|_| ())
    }

    /// Goes on with the handshake; `true` once it is over.
    pub(super) fn shake_hands(&mut self) -> io::Result<bool> {
        let Some(tls) = &mut self.tls else {
            return Ok(true);
        };
        while tls.is_handshaking() {
            while tls.wants_write() {
                match tls.write_tls(&mut self.socket) {
                    Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                    Err(error) if error.kind() == ErrorKind::Interrupted => {}
                    outcome => drop(outcome?),
                }
            }
            if !tls.is_handshaking() {
                break;
            }
            match receive(tls, &mut self.socket)? {
                Received::Records { .. } => {}
                Received::Nothing => return Ok(false),
                Received::End => {
                    let words = "the connection was closed during the TLS handshake";
                    return Err(io::Error::new(ErrorKind::UnexpectedEof, words));
                }
            }
        }
        self.flush().map(|_| true)
    }

    /// Reads what is there, at most the buffer's length.
    pub(super) fn read(&mut self, buffer: &mut [u8]) -> io::Result<Taken> {
        match &mut self.tls {
            None => read_plain(&mut self.socket, buffer),
            Some(_) => self.read_encrypted(buffer),
        }
    }

    fn read_encrypted(&mut self, buffer: &mut [u8]) -> io::Result<Taken> {
        let mut short = false;
        loop {
            let Some(tls) = &mut self.tls else {
                return Ok(Taken::End);
            };
            match tls.reader().read(buffer) {
                Ok(0) => return Ok(Taken::End),
                Ok(count) => {
                    // Nothing is left in the socket, and nothing was left decrypted.
                    let drained = short && count < buffer.len();
                    return Ok(Taken::Bytes { count, drained });
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                // Closed without a word of TLS's own, as a process that was killed does.
                Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(Taken::End),
                Err(error) => return Err(error),
            }
            match receive(tls, &mut self.socket)? {
                Received::Nothing => return Ok(Taken::Nothing),
                // The handshake, a change of keys: what TLS answers by itself.
                Received::Records { last } => {
                    short = last;
                    self.flush()?;
                }
                Received::End => drop(self.flush()?),
            }
        }
    }

    /// Writes what there is room for; the number of bytes that were taken.
    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.tls.is_none() {
            return write_plain(&mut self.socket, bytes);
        }
        if !self.flush()? {
            return Ok(0);
        }
        let count = match &mut self.tls {
            Some(tls) => tls.writer().write(bytes)?,
            None => 0,
        };
        self.flush()?;
        Ok(count)
    }

    /// Writes what TLS still holds; whether all of it is gone.
    pub(super) fn flush(&mut self) -> io::Result<bool> {
        let Some(tls) = &mut self.tls else {
            return Ok(true);
        };
        while tls.wants_write() {
            match tls.write_tls(&mut self.socket) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                outcome => drop(outcome?),
            }
        }
        Ok(true)
    }

    /// Waits for room to write, or no longer; `wanted` where something could not be written.
    pub(super) fn wait_for_room(&mut self, registry: &Registry, wanted: bool) -> io::Result<()> {
        let wanted = wanted || self.tls.as_ref().is_some_and(|tls| tls.wants_write());
        if wanted != self.waits_for_room {
            registry.reregister(&mut self.socket, self.token, interest(wanted))?;
            self.waits_for_room = wanted;
        }
        Ok(())
    }

    /// Tells the other side that nothing more follows.
    pub(super) fn shutdown_write(&mut self) {
        if let Some(tls) = &mut self.tls {
            tls.send_close_notify();
        }
        // Where it cannot be written, the end of the stream alone has to tell it.
        self.flush().ok();
        self.socket.shutdown_write();
    }
}

fn interest(room: bool) -> Interest {
    if room {
        Interest::READABLE | Interest::WRITABLE
    } else {
        Interest::READABLE
    }
}

fn read_plain(socket: &mut Socket, buffer: &mut [u8]) -> io::Result<Taken> {
    loop {
        match socket.read(buffer) {
            Ok(0) => return Ok(Taken::End),
            Ok(count) => {
                // epoll(7), kqueue(2): a short read has emptied the socket, and what comes after it
                // is a new event. That spares the second read of every round trip.
                let drained = count < buffer.len();
                return Ok(Taken::Bytes { count, drained });
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(Taken::Nothing),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

fn write_plain(socket: &mut Socket, bytes: &[u8]) -> io::Result<usize> {
    loop {
        match socket.write(bytes) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(0),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            outcome => return outcome,
        }
    }
}

enum Received {
    /// Whole records or parts of them; `last` where the read was short.
    Records {
        last: bool,
    },
    Nothing,
    End,
}

/// Notes whether a read was short.
struct Noting<'a> {
    socket: &'a mut Socket,
    short: bool,
}

impl io::Read for Noting<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.socket.read(buffer)?;
        self.short = count < buffer.len();
        Ok(count)
    }
}

fn receive(tls: &mut Connection, socket: &mut Socket) -> io::Result<Received> {
    loop {
        let mut noting = Noting {
            socket,
            short: false,
        };
        match tls.read_tls(&mut noting) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(Received::Nothing),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
            Ok(count) => {
                let last = noting.short;
                process(tls, socket)?;
                return Ok(match count {
                    0 => Received::End,
                    _ => Received::Records { last },
                });
            }
        }
    }
}

fn process(tls: &mut Connection, socket: &mut Socket) -> io::Result<()> {
    tls.process_new_packets().map(drop).map_err(|error| {
        // The alert that tells the other side why; its loss changes nothing.
        while tls.wants_write() && matches!(tls.write_tls(socket), Ok(1..)) {}
        io::Error::new(ErrorKind::InvalidData, error)
    })
}
