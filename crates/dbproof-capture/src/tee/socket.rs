//! A non-blocking stream socket, of the network or of the file system: [`Socket`].

use std::io::{self, IoSlice, Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::path::{Path, PathBuf};

use mio::event::Source;
use mio::net::{TcpStream, UnixStream};
use mio::{Interest, Registry, Token};
use nix::sys::socket::{setsockopt, sockopt};

/// A place at which a server listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    Tcp(SocketAddr),
    Unix(PathBuf),
}

#[derive(Debug)]
pub(super) enum Socket {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Socket {
    /// An application's connection. Small messages go out at once, as libpq and the server have it.
    pub(super) fn accepted(stream: TcpStream) -> Socket {
        // Where the connection is gone already, the first read says so.
        stream.set_nodelay(true).ok();
        Socket::Tcp(stream)
    }

    /// Begins to connect. `WouldBlock`: a unix socket whose queue is full; try again later.
    pub(super) fn connect(place: &Place) -> io::Result<Socket> {
        match place {
            Place::Tcp(address) => TcpStream::connect(*address).map(Socket::Tcp),
            Place::Unix(path) => UnixStream::connect(Path::new(path)).map(Socket::Unix),
        }
    }

    /// Whether the connection that was begun is made.
    pub(super) fn is_connected(&self) -> io::Result<bool> {
        let (failed, made) = match self {
            Socket::Tcp(stream) => (stream.take_error()?, stream.peer_addr().map(|_| ())),
            Socket::Unix(stream) => (stream.take_error()?, stream.peer_addr().map(|_| ())),
        };
        if let Some(error) = failed {
            return Err(error);
        }
        match made {
            Ok(()) => {
                if let Socket::Tcp(stream) = self {
                    stream.set_nodelay(true)?;
                    // As libpq: a server that is gone without a word is noticed some time.
                    setsockopt(stream, sockopt::KeepAlive, &true)?;
                }
                Ok(true)
            }
            Err(error) if error.kind() == io::ErrorKind::NotConnected => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Tells the other side that nothing more follows.
    pub(super) fn shutdown_write(&self) {
        // It fails where the connection is gone, and then there is nobody to tell.
        match self {
            Socket::Tcp(stream) => stream.shutdown(Shutdown::Write).ok(),
            Socket::Unix(stream) => stream.shutdown(Shutdown::Write).ok(),
        };
    }
}

impl Read for Socket {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Socket::Tcp(stream) => stream.read(buffer),
            Socket::Unix(stream) => stream.read(buffer),
        }
    }
}

impl Write for Socket {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Socket::Tcp(stream) => stream.write(bytes),
            Socket::Unix(stream) => stream.write(bytes),
        }
    }

    /// What TLS uses: several records at once.
    fn write_vectored(&mut self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        match self {
            Socket::Tcp(stream) => stream.write_vectored(parts),
            Socket::Unix(stream) => stream.write_vectored(parts),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Source for Socket {
    fn register(&mut self, registry: &Registry, token: Token, what: Interest) -> io::Result<()> {
        match self {
            Socket::Tcp(stream) => stream.register(registry, token, what),
            Socket::Unix(stream) => stream.register(registry, token, what),
        }
    }

    fn reregister(&mut self, registry: &Registry, token: Token, what: Interest) -> io::Result<()> {
        match self {
            Socket::Tcp(stream) => stream.reregister(registry, token, what),
            Socket::Unix(stream) => stream.reregister(registry, token, what),
        }
    }

    fn deregister(&mut self, registry: &Registry) -> io::Result<()> {
        match self {
            Socket::Tcp(stream) => stream.deregister(registry),
            Socket::Unix(stream) => stream.deregister(registry),
        }
    }
}
