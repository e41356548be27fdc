//! What looks at the traffic that the tee passes on: [`Tap`], and [`Listener`], which makes one for
//! each session.
//!
//! The tee knows nothing of what it passes on, and a tap can hold nothing up: bytes are written
//! first and shown afterwards. All taps of a tee are called on its one thread, so they need no locks.

use std::net::SocketAddr;

/// What looks at a session's traffic after it was passed on.
///
/// How the bytes are cut into calls means nothing: it follows from the reads and differs from run to
/// run. All times are in microseconds since the start of the watch; they are those of the moment at
/// which the bytes were read, once for each read.
#[expect(
    clippy::wrong_self_convention,
    reason = "the names say whom the bytes come from, and nothing is converted"
)]
pub trait Tap {
    /// Bytes that the application sent, after they were written to the server. The first are the
    /// whole `StartupMessage`; requests for encryption are answered by the tee and are not shown.
    fn from_client(&mut self, bytes: &[u8], at_us: u64);

    /// Bytes that the server sent, after they were written to the application.
    fn from_server(&mut self, bytes: &[u8], at_us: u64);

    /// The session is over, and nothing follows.
    fn closed(&mut self, at_us: u64, reason: Closed);
}

/// Makes the tap of each session.
pub trait Listener {
    /// The tap of one session.
    type Tap: Tap;

    /// A session has begun: the application has said whom it wants to speak with, and the server is
    /// reached. Sessions are numbered from 1 on; cancel requests are no sessions.
    fn session(&mut self, session: u32, peer: Peer) -> Self::Tap;

    /// Takes back the tap of a session that is over, after its [`Tap::closed`]: what it gathered is
    /// the listener's then, with no lock between them.
    fn ended(&mut self, tap: Self::Tap) {
        drop(tap);
    }

    /// Called about once a second, whether or not there is traffic.
    fn tick(&mut self, now_us: u64) {
        let _ = now_us;
    }
}

/// Where an application connects from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Peer {
    /// From this address.
    Tcp(SocketAddr),
    /// Over the unix socket.
    Unix,
}

/// Why a session is over, as the sockets tell it. Whether the application had sent Terminate before,
/// its tap has seen; both sides then close at about the same time, and which was first says nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Closed {
    /// The application closed its connection.
    ByClient,
    /// The server closed its connection.
    ByServer,
    /// The connection to the application broke.
    ClientLost,
    /// The connection to the server broke.
    ServerLost,
    /// The watch ended while the session was open.
    Stopped,
}
