//! A blocking socket to a server: [`Stream`].

use std::io::{self, Read as _, Write as _};
use std::net::{TcpStream, ToSocketAddrs as _};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use bytes::BytesMut;
use postgres_protocol::message::backend::Message;

use crate::address::Endpoint;
use crate::{Address, PostgresError};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

#[derive(Debug)]
enum Socket {
    Tcp(TcpStream),
    Unix(UnixStream),
}

/// A blocking socket, with the bytes read but not yet decoded.
#[derive(Debug)]
pub(super) struct Stream {
    socket: Socket,
    pending: BytesMut,
}

impl Stream {
    pub(super) fn connect(address: &Address) -> Result<Self, PostgresError> {
        let unreachable = |error: io::Error| PostgresError::Unreachable {
            server: address.to_string(),
            reason: error.to_string(),
        };
        let socket = match address.endpoint() {
            Endpoint::Unix(path) => Socket::Unix(UnixStream::connect(path).map_err(unreachable)?),
            Endpoint::Tcp(host, port) => {
                let stream = connect_tcp(&host, port).map_err(unreachable)?;
                stream.set_nodelay(true).map_err(unreachable)?;
                Socket::Tcp(stream)
            }
        };
        Ok(Stream {
            socket,
            pending: BytesMut::new(),
        })
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match &mut self.socket {
            Socket::Tcp(stream) => stream.write_all(bytes),
            Socket::Unix(stream) => stream.write_all(bytes),
        }
    }

    /// Reads what is there, at most the buffer's length; 0 at the end of the stream.
    pub(super) fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match &mut self.socket {
            Socket::Tcp(stream) => stream.read(buffer),
            Socket::Unix(stream) => stream.read(buffer),
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

/// Tries every address of the host in turn, as libpq does.
fn connect_tcp(host: &str, port: u16) -> io::Result<TcpStream> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the host name has no address");
    for address in (host, port).to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, CONNECT_TIMEOUT) {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(last)
}
