//! A tap that keeps what it was shown.

use std::sync::{Arc, Mutex};

use dbproof_capture::tap::{Closed, Listener, Peer, Tap};

/// What a session's tap was shown.
#[derive(Debug, Clone, Default)]
pub(crate) struct Seen {
    pub(crate) peer: Option<Peer>,
    pub(crate) client: Vec<u8>,
    pub(crate) server: Vec<u8>,
    pub(crate) client_bytes: u64,
    pub(crate) server_bytes: u64,
    pub(crate) last_us: u64,
    pub(crate) closed: Option<Closed>,
}

impl Seen {
    pub(crate) fn client_said(&self, words: &str) -> bool {
        contains(&self.client, words.as_bytes())
    }

    pub(crate) fn server_said(&self, words: &str) -> bool {
        contains(&self.server, words.as_bytes())
    }
}

fn contains(bytes: &[u8], words: &[u8]) -> bool {
    bytes.windows(words.len()).any(|window| window == words)
}

/// Keeps up to so many bytes of each direction of each session; all are counted.
const KEPT: usize = 16 << 10;

/// All sessions of a tee, shared with the test.
#[derive(Debug, Clone, Default)]
pub(crate) struct Recorder(Arc<Mutex<Vec<Seen>>>);

pub(crate) struct Recording {
    recorder: Recorder,
    index: usize,
}

impl Recorder {
    pub(crate) fn sessions(&self) -> Vec<Seen> {
        self.0.lock().unwrap().clone()
    }
}

impl Listener for Recorder {
    type Tap = Recording;

    fn session(&mut self, session: u32, peer: Peer) -> Recording {
        let mut sessions = self.0.lock().unwrap();
        sessions.push(Seen {
            peer: Some(peer),
            ..Seen::default()
        });
        assert_eq!(sessions.len(), session as usize);
        Recording {
            recorder: self.clone(),
            index: sessions.len() - 1,
        }
    }
}

impl Recording {
    fn with(&self, change: impl FnOnce(&mut Seen)) {
        change(&mut self.recorder.0.lock().unwrap()[self.index]);
    }
}

fn keep(kept: &mut Vec<u8>, bytes: &[u8]) {
    let room = KEPT.saturating_sub(kept.len());
    kept.extend_from_slice(&bytes[..bytes.len().min(room)]);
}

impl Tap for Recording {
    fn from_client(&mut self, bytes: &[u8], at_us: u64) {
        self.with(|seen| {
            assert!(seen.closed.is_none() && at_us >= seen.last_us);
            keep(&mut seen.client, bytes);
            seen.client_bytes += bytes.len() as u64;
            seen.last_us = at_us;
        });
    }

    fn from_server(&mut self, bytes: &[u8], at_us: u64) {
        self.with(|seen| {
            assert!(seen.closed.is_none());
            keep(&mut seen.server, bytes);
            seen.server_bytes += bytes.len() as u64;
        });
        let _ = at_us;
    }

    fn closed(&mut self, _at_us: u64, reason: Closed) {
        self.with(|seen| {
            assert_eq!(seen.closed.replace(reason), None);
        });
    }
}
