//! The server's log as it is written: tells when the server is ready and what it said last.

use std::collections::VecDeque;
use std::io::{BufRead as _, BufReader};
use std::process::ChildStdout;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};

use tokio::sync::oneshot;

/// Lines of which the last words are told.
const LAST_WORDS: usize = 40;
/// Lines that can be read later.
const LINES_KEPT: usize = 2000;
const READY: &str = "database system is ready to accept connections";

/// The end of the log, and whether there will be more of it.
#[derive(Debug, Default)]
struct Tail {
    lines: VecDeque<String>,
    /// How many lines have come so far, those not kept any more included.
    count: usize,
    ended: bool,
}

#[derive(Debug, Default)]
struct Shared {
    tail: Mutex<Tail>,
    end: Condvar,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Tail> {
        self.tail
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// Follows a server's log on a thread of its own.
#[derive(Debug)]
pub(super) struct ServerLog {
    shared: Arc<Shared>,
    ready: Option<oneshot::Receiver<()>>,
}

impl ServerLog {
    pub(super) fn follow(output: ChildStdout) -> Self {
        let shared = Arc::new(Shared::default());
        let (sender, receiver) = oneshot::channel();
        let writer = Arc::clone(&shared);
        std::thread::spawn(move || read_to_end(output, &writer, sender));
        ServerLog {
            shared,
            ready: Some(receiver),
        }
    }

    /// Waits until the server accepts connections (`true`) or has ended (`false`).
    pub(super) async fn ready(&mut self) -> bool {
        match self.ready.take() {
            Some(receiver) => receiver.await.is_ok(),
            None => !self.has_ended(),
        }
    }

    pub(super) fn tail(&self) -> String {
        let tail = self.shared.lock();
        tail.lines
            .iter()
            .skip(tail.lines.len().saturating_sub(LAST_WORDS))
            .map(String::as_str)
            .collect::<Vec<_>>()
            .join("\n")
    }

    /// How many lines have come so far.
    pub(super) fn count(&self) -> usize {
        self.shared.lock().count
    }

    /// The lines after the first `count` ones, as far as they are kept.
    pub(super) fn lines_after(&self, count: usize) -> Vec<String> {
        let tail = self.shared.lock();
        let wanted = tail.count.saturating_sub(count);
        let skipped = tail.lines.len().saturating_sub(wanted);
        tail.lines.iter().skip(skipped).cloned().collect()
    }

    pub(super) fn has_ended(&self) -> bool {
        self.shared.lock().ended
    }

    pub(super) fn wait_for_end(&self) {
        let mut tail = self.shared.lock();
        while !tail.ended {
            tail = self
                .shared
                .end
                .wait(tail)
                .unwrap_or_else(std::sync::PoisonError::into_inner);
        }
    }
}

fn read_to_end(output: ChildStdout, shared: &Shared, ready: oneshot::Sender<()>) {
    let mut ready = Some(ready);
    let mut reader = BufReader::new(output);
    let mut line = Vec::new();
    while reader
        .read_until(b'\n', &mut line)
        .is_ok_and(|bytes| bytes > 0)
    {
        let text = String::from_utf8_lossy(&line).trim_end().to_owned();
        line.clear();
        if text.contains(READY)
            && let Some(sender) = ready.take()
        {
            sender.send(()).ok();
        }
        let mut tail = shared.lock();
        if tail.lines.len() == LINES_KEPT {
            tail.lines.pop_front();
        }
        tail.lines.push_back(text);
        tail.count += 1;
    }
    // Before `ready` is dropped, so that whoever waits for it finds the whole log.
    shared.lock().ended = true;
    shared.end.notify_all();
}
