//! A blocking socket to a server: [`Stream`].

use std::io::{self, Read as _, Write as _};
use std::net::{TcpStream, ToSocketAddrs as _};
use std::os::fd::AsRawFd as _;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use nix::errno::Errno;
use nix::sys::socket::{MsgFlags, recv};
use postgres_protocol::message::backend::Message;
use postgres_protocol::message::frontend;
use rustls::{ClientConnection, StreamOwned};

use crate::address::Endpoint;
use crate::tls::{self, Tls, TlsMode};
use crate::{Address, PostgresError};

/// How long an answer is watched for before the thread sleeps: as long as being woken up takes.
const WATCHED: Duration = Duration::from_micros(100);

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

#[derive(Debug)]
enum Socket {
    Tcp(TcpStream),
    Unix(UnixStream),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
}

/// A blocking socket, with the bytes read but not yet decoded.
#[derive(Debug)]
pub(super) struct Stream {
    socket: Socket,
    pending: BytesMut,
}

impl Stream {
    pub(super) fn connect(address: &Address) -> Result<Self, PostgresError> {
        let socket = match address.endpoint() {
            Endpoint::Unix(path) => UnixStream::connect(path)
                .map(Socket::Unix)
                .map_err(|error| error.to_string()),
            Endpoint::Tcp(host, port) => match address.tls() {
                None => connect_tcp(&host, port).map(Socket::Tcp),
                Some(tls) => match connect_tls(&host, port, tls) {
                    // As libpq: where TLS is only preferred, a failed handshake does not matter.
                    Err(_) if tls.mode == TlsMode::Prefer => {
                        connect_tcp(&host, port).map(Socket::Tcp)
                    }
                    outcome => outcome,
                },
            },
        };
        let socket = socket.map_err(|reason| PostgresError::Unreachable {
            server: address.to_string(),
            reason,
        })?;
        Ok(Stream {
            socket,
            pending: BytesMut::new(),
        })
    }

    /// What SCRAM can be bound to: the hash of the server's certificate.
    pub(super) fn end_point(&self) -> Option<Vec<u8>> {
        match &self.socket {
            Socket::Tls(stream) => tls::end_point(stream.conn.peer_certificates()?.first()?),
            Socket::Tcp(_) | Socket::Unix(_) => None,
        }
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match &mut self.socket {
            Socket::Tcp(stream) => stream.write_all(bytes),
            Socket::Unix(stream) => stream.write_all(bytes),
            Socket::Tls(stream) => stream.write_all(bytes).and_then(|()| stream.flush()),
        }
    }

    /// Reads what is there, at most the buffer's length; 0 at the end of the stream.
    pub(super) fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match &mut self.socket {
            Socket::Tcp(stream) => stream.read(buffer),
            Socket::Unix(stream) => stream.read(buffer),
            Socket::Tls(stream) => stream.read(buffer),
        }
    }

    /// The same, but looks for what comes for a moment before it sleeps until something does. Between
    /// two looks the processor is offered to others, so that a server that shares it can go on.
    /// What TLS has decrypted is not to be seen from outside, so there it sleeps at once.
    pub(super) fn watch(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let descriptor = match &self.socket {
            Socket::Tcp(stream) => stream.as_raw_fd(),
            Socket::Unix(stream) => stream.as_raw_fd(),
            Socket::Tls(_) => return self.read(buffer),
        };
        let began = Instant::now();
        loop {
            match recv(descriptor, buffer, MsgFlags::MSG_DONTWAIT) {
                Err(Errno::EAGAIN | Errno::EINTR) => {}
                Err(error) => return Err(error.into()),
                Ok(count) => return Ok(count),
            }
            if began.elapsed() >= WATCHED {
                return self.read(buffer);
            }
            std::thread::yield_now();
        }
    }

    /// Reads and decodes one message. Not for measuring: it allocates.
    pub(super) fn message(&mut self) -> io::Result<Message> {
        loop {
            if let Some(message) = Message::parse(&mut self.pending)? {
                return Ok(message);
            }
            let mut buffer = [0; 4096];
            let count = self.read(&mut buffer)?;
            if count == 0 {
                return Err(io::Error::new(
                    io::ErrorKind::UnexpectedEof,
                    "the server closed the connection",
                ));
            }
            self.pending.extend_from_slice(&buffer[..count]);
        }
    }
}

/// Asks for TLS and shakes hands.
fn connect_tls(host: &str, port: u16, tls: &Tls) -> Result<Socket, String> {
    let mut session = tls.session(host)?;
    let mut stream = connect_tcp(host, port)?;
    if !tls.direct {
        let offered = ask_for_tls(&mut stream).map_err(|error| error.to_string())?;
        match (offered, tls.mode) {
            (true, _) => {}
            (false, TlsMode::Prefer) => return Ok(Socket::Tcp(stream)),
            (false, _) => {
                return Err("the server does not support TLS, and sslmode asks for it".to_owned());
            }
        }
    }
    while session.is_handshaking() {
        session
            .complete_io(&mut stream)
            .map_err(|error| Tls::explain(&error, host))?;
    }
    Ok(Socket::Tls(Box::new(StreamOwned::new(session, stream))))
}

/// Whether the server speaks TLS. Exactly one byte is read: what came after it unencrypted could
/// have been put there by anybody.
fn ask_for_tls(stream: &mut TcpStream) -> io::Result<bool> {
    let mut message = BytesMut::new();
    frontend::ssl_request(&mut message);
    stream.write_all(&message)?;
    let mut answer = [0];
    stream.read_exact(&mut answer)?;
    Ok(answer[0] == b'S')
}

/// Tries every address of the host in turn, as libpq does.
fn connect_tcp(host: &str, port: u16) -> Result<TcpStream, String> {
    let mut last = "the host name has no address".to_owned();
    let addresses = (host, port).to_socket_addrs();
    for address in addresses.map_err(|error| error.to_string())? {
        let connected = TcpStream::connect_timeout(&address, CONNECT_TIMEOUT)
            .and_then(|stream| stream.set_nodelay(true).map(|()| stream));
        match connected {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error.to_string(),
        }
    }
    Err(last)
}
