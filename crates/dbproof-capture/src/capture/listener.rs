//! The sessions of a tee, read as they pass: [`Sessions`].

use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::CaptureSummary;
use super::batch::Batch;
use super::incomplete::Incomplete;
use crate::protocol::{Collector, ReadingOptions, Session};
use crate::tap::{Closed, Listener, Peer, Tap};

/// Reads all sessions of a tee.
#[derive(Debug)]
pub(super) struct Sessions {
    shared: Arc<Mutex<Shared>>,
}

/// Reads one session.
#[derive(Debug)]
pub(super) struct SessionTap {
    session: Session,
    shared: Arc<Mutex<Shared>>,
}

/// What the sessions of a capture share. All are on one thread, so that nobody ever waits for it.
#[derive(Debug)]
struct Shared {
    collector: Collector,
    incomplete: Incomplete,
    sender: SyncSender<Batch>,
}

impl Sessions {
    pub(super) fn new(options: ReadingOptions, sender: SyncSender<Batch>) -> Self {
        let shared = Shared {
            collector: Collector::new(options),
            incomplete: Incomplete::default(),
            sender,
        };
        Self {
            shared: Arc::new(Mutex::new(shared)),
        }
    }

    /// Hands on what is left, and tells what was seen in all.
    pub(super) fn finish(self) -> CaptureSummary {
        let mut shared = lock(&self.shared);
        let batch = Batch::of(&mut shared.collector);
        shared.hand_on(batch);
        let totals = shared.collector.totals;
        let databases = shared.collector.databases().to_vec();
        CaptureSummary::of(totals, &shared.incomplete, databases)
    }
}

impl Listener for Sessions {
    type Tap = SessionTap;

    fn session(&mut self, session: u32, _: Peer) -> SessionTap {
        lock(&self.shared).incomplete.sessions += 1;
        SessionTap {
            session: Session::new(session),
            shared: Arc::clone(&self.shared),
        }
    }

    fn tick(&mut self, _: u64) {
        let mut shared = lock(&self.shared);
        let batch = Batch::of(&mut shared.collector);
        shared.hand_on(batch);
    }
}

impl Tap for SessionTap {
    fn from_client(&mut self, bytes: &[u8], at_us: u64) {
        let mut shared = lock(&self.shared);
        self.session
            .from_client(bytes, at_us, &mut shared.collector);
    }

    fn from_server(&mut self, bytes: &[u8], at_us: u64) {
        let mut shared = lock(&self.shared);
        self.session
            .from_server(bytes, at_us, &mut shared.collector);
        if let Some(batch) = Batch::if_due(&mut shared.collector, at_us) {
            shared.hand_on(Some(batch));
        }
    }

    fn closed(&mut self, at_us: u64, reason: Closed) {
        let mut shared = lock(&self.shared);
        self.session.closed(at_us, reason, &mut shared.collector);
    }
}

impl Shared {
    fn hand_on(&mut self, batch: Option<Batch>) {
        let Some(batch) = batch else {
            return;
        };
        self.incomplete.note(&batch.events);
        if let Err(unsent) = self.sender.send(batch) {
            self.incomplete.dropped += unsent.0.executed.len() as u64;
        }
    }
}

fn lock(shared: &Mutex<Shared>) -> MutexGuard<'_, Shared> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}
