//! A tap that reads the headers of all messages: the least that a capture must do.

use dbproof_capture::tap::{Closed, Listener, Peer, Tap};

/// Counts messages.
#[derive(Debug, Default)]
pub(crate) struct Scanner {
    header: [u8; 5],
    /// Bytes of the header that are there.
    have: usize,
    /// Bytes of the body that are still to come.
    body: usize,
    pub(crate) messages: u64,
}

impl Scanner {
    /// The application's first message has no type byte.
    pub(crate) fn of_client() -> Scanner {
        Scanner {
            have: 1,
            ..Scanner::default()
        }
    }

    pub(crate) fn scan(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            if self.body > 0 {
                let skipped = self.body.min(bytes.len());
                self.body -= skipped;
                bytes = &bytes[skipped..];
                continue;
            }
            let taken = (5 - self.have).min(bytes.len());
            self.header[self.have..self.have + taken].copy_from_slice(&bytes[..taken]);
            self.have += taken;
            bytes = &bytes[taken..];
            if self.have == 5 {
                let [_, a, b, c, d] = self.header;
                self.body = (u32::from_be_bytes([a, b, c, d]) as usize).saturating_sub(4);
                self.have = 0;
                self.messages += 1;
            }
        }
    }
}

/// Both directions of a session.
#[derive(Debug)]
pub(crate) struct Both {
    client: Scanner,
    server: Scanner,
}

impl Tap for Both {
    fn from_client(&mut self, bytes: &[u8], _at_us: u64) {
        self.client.scan(bytes);
    }

    fn from_server(&mut self, bytes: &[u8], _at_us: u64) {
        self.server.scan(bytes);
    }

    fn closed(&mut self, _at_us: u64, _reason: Closed) {}
}

/// Makes scanners, and adds up what they counted.
#[derive(Debug, Default)]
pub(crate) struct Counter {
    pub(crate) messages: u64,
}

impl Listener for Counter {
    type Tap = Both;

    fn session(&mut self, _session: u32, _peer: Peer) -> Both {
        Both {
            client: Scanner::of_client(),
            server: Scanner::default(),
        }
    }

    fn ended(&mut self, tap: Both) {
        self.messages += tap.client.messages + tap.server.messages;
    }
}
