//! A client of the tests' own, for what no client program does.

use std::io::{self, Read, Write};
use std::net::TcpStream;

use crate::scene::PATIENCE;

/// Version 3.0 of the protocol, and 3.2.
pub(crate) const V3_0: u32 = 3 << 16;
pub(crate) const V3_2: u32 = (3 << 16) + 2;

pub(crate) const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];

/// A connection, on whatever stream.
pub(crate) struct Raw<S> {
    pub(crate) stream: S,
    /// The body of `BackendKeyData`: process id and secret key.
    pub(crate) key: Vec<u8>,
}

pub(crate) fn dial(port: u16) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(("127.0.0.1", port))?;
    // A test that waits for what does not come fails, and does not hang.
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// A packet of the beginning of a connection.
pub(crate) fn packet(code: u32, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(8 + body.len()).expect("a short packet");
    [&length.to_be_bytes(), &code.to_be_bytes(), body].concat()
}

pub(crate) fn startup(version: u32, user: &str) -> Vec<u8> {
    let body = format!("user\0{user}\0database\0postgres\0\0");
    packet(version, body.as_bytes())
}

impl<S: Read + Write> Raw<S> {
    /// Begins a session of a user whom the server trusts, up to its first `ReadyForQuery`.
    pub(crate) fn begin(mut stream: S, version: u32, user: &str) -> io::Result<Raw<S>> {
        stream.write_all(&startup(version, user))?;
        let mut raw = Raw {
            stream,
            key: Vec::new(),
        };
        loop {
            match raw.message()? {
                (b'K', key) => raw.key = key,
                (b'Z', _) => return Ok(raw),
                (b'E', fields) => return Err(io::Error::other(words(&fields))),
                _ => {}
            }
        }
    }

    pub(crate) fn message(&mut self) -> io::Result<(u8, Vec<u8>)> {
        let mut header = [0; 5];
        self.stream.read_exact(&mut header)?;
        let [kind, a, b, c, d] = header;
        let length = u32::from_be_bytes([a, b, c, d]) as usize;
        let mut body = vec![0; length.saturating_sub(4)];
        self.stream.read_exact(&mut body)?;
        Ok((kind, body))
    }

    pub(crate) fn send(&mut self, kind: u8, body: &[u8]) -> io::Result<()> {
        let length = u32::try_from(4 + body.len()).expect("a short message");
        let message = [&[kind], &length.to_be_bytes()[..], body].concat();
        self.stream.write_all(&message)
    }

    pub(crate) fn query(&mut self, sql: &str) -> io::Result<()> {
        self.send(b'Q', format!("{sql}\0").as_bytes())
    }

    /// Reads up to the next `ReadyForQuery`; the error, where there was one.
    pub(crate) fn answer(&mut self) -> io::Result<Option<String>> {
        let mut error = None;
        loop {
            match self.message()? {
                (b'Z', _) => return Ok(error),
                (b'E', fields) => error = Some(words(&fields)),
                _ => {}
            }
        }
    }
}

fn words(fields: &[u8]) -> String {
    String::from_utf8_lossy(fields).replace('\0', " ")
}

/// Asks for the session of the key to be cancelled, on a connection of its own, and waits until the
/// server has closed that.
pub(crate) fn cancel(port: u16, key: &[u8]) -> io::Result<()> {
    let mut stream = dial(port)?;
    stream.write_all(&packet(80_877_102, key))?;
    stream.read_to_end(&mut Vec::new()).map(|_| ())
}
