//! A transparent tee between applications and a PostgreSQL server: [`Tee`].
//!
//! What one side sends is written to the other as it is, and then shown to a [`Tap`](crate::tap::Tap).
//! The tee itself reads only what comes before a session: requests for encryption, which it answers
//! for its own side, and requests to cancel, which it hands on.
//!
//! One thread serves all sessions ([`engine`]); a session is two legs ([`leg`]) and two flows
//! ([`flow`]) between them.

mod certificate;
mod connecting;
mod deadlines;
mod engine;
mod flow;
mod hello;
mod leg;
mod options;
mod refusal;
mod report;
mod sasl;
mod server;
mod session;
mod socket;
mod startup;
mod streaming;

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use mio::net::{TcpListener, UnixListener};
use mio::{Poll, Waker};
use thiserror::Error;

use crate::tap::Listener;
use engine::{Engine, Listeners};
pub use options::{OfferTls, TeeOptions};
pub use report::{Problem, ProblemKind, TeeReport};
use server::Server;

/// Why a tee could not be set up.
#[derive(Debug, Error)]
pub enum TeeError {
    /// Nothing can be listened at there.
    #[error("failed to listen at {place}: {source}")]
    Listen {
        /// The address or the path.
        place: String,
        /// Why.
        source: io::Error,
    },
    /// The server's host name has no address.
    #[error("failed to look up the host of {server}: {reason}")]
    UnknownHost {
        /// Host, port and database.
        server: String,
        /// Why.
        reason: String,
    },
    /// The certificate or its key cannot be used.
    #[error("the certificate for applications cannot be used: {0}")]
    Certificate(String),
    /// The machine refused something.
    #[error("failed to set up the tee: {0}")]
    Io(#[from] io::Error),
}

/// A running tee. Dropping it ends all sessions at once.
#[derive(Debug)]
pub struct Tee<L> {
    shared: Arc<Shared>,
    waker: Waker,
    thread: Option<JoinHandle<L>>,
    address: Option<SocketAddr>,
    socket: Option<SocketFile>,
}

/// What the tee's thread and its owner share.
#[derive(Debug, Default)]
struct Shared {
    report: Mutex<TeeReport>,
    stopping: AtomicBool,
    stop_at: Mutex<Option<Instant>>,
}

impl<L> Tee<L>
where
    L: Listener + Send + 'static,
    L::Tap: Send,
{
    /// Begins to listen. The server need not be there yet.
    pub fn start(options: &TeeOptions, listener: L) -> Result<Tee<L>, TeeError> {
        let server = Server::find(&options.server)?;
        let files = options.certificate.as_ref();
        let client_tls = match options.offer_tls {
            OfferTls::Never => None,
            _ => Some(certificate::client_tls(files.map(|(certificate, key)| {
                (certificate.as_path(), key.as_path())
            }))?),
        };
        let poll = Poll::new()?;
        let waker = Waker::new(poll.registry(), engine::WAKE)?;
        let tcp = options.listen.map(listen).transpose()?;
        let address = tcp.as_ref().map(TcpListener::local_addr).transpose()?;
        let port = address.map_or(5432, |address| address.port());
        let folder = options.socket_folder.as_deref();
        let (unix, socket) = folder.map(|f| listen_in(f, port)).transpose()?.unzip();
        let shared = Arc::new(Shared::default());
        let listeners = Listeners { tcp, unix };
        let tls = (options.offer_tls, client_tls);
        let engine = Engine::new(poll, listeners, listener, server, tls, Arc::clone(&shared))?;
        let thread = std::thread::Builder::new()
            .name("tee".to_owned())
            .spawn(move || engine.run())?;
        Ok(Tee {
            shared,
            waker,
            thread: Some(thread),
            address,
            socket,
        })
    }
}

impl<L> Tee<L> {
    /// The address that is listened at.
    #[must_use]
    pub fn address(&self) -> Option<SocketAddr> {
        self.address
    }

    /// The unix socket that is listened at.
    #[must_use]
    pub fn socket(&self) -> Option<&Path> {
        self.socket.as_ref().map(|file| file.0.as_path())
    }

    /// What was seen up to now.
    #[must_use]
    pub fn report(&self) -> TeeReport {
        self.shared.lock().clone()
    }

    /// Stops listening, gives open sessions so long to come to their end, and then ends them. Gives
    /// the listener back; `None` where the tee's thread has panicked.
    #[must_use]
    pub fn stop(mut self, patience: Duration) -> (Option<L>, TeeReport) {
        let listener = self.end(patience);
        (listener, self.report())
    }

    fn end(&mut self, patience: Duration) -> Option<L> {
        let thread = self.thread.take()?;
        self.shared.stop(Instant::now() + patience);
        // It is woken once a second in any case.
        self.waker.wake().ok();
        thread.join().ok()
    }
}

impl<L> Drop for Tee<L> {
    fn drop(&mut self) {
        self.end(Duration::ZERO);
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, TeeReport> {
        self.report.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change<R>(&self, change: impl FnOnce(&mut TeeReport) -> R) -> R {
        change(&mut self.lock())
    }

    fn problem(&self, kind: ProblemKind, message: &str) {
        self.lock().add(kind, message);
    }

    fn stop(&self, at: Instant) {
        *self.stop_at.lock().unwrap_or_else(PoisonError::into_inner) = Some(at);
        self.stopping.store(true, Ordering::Release);
    }

    /// When to end, where that was said.
    fn stop_at(&self) -> Option<Instant> {
        if !self.stopping.load(Ordering::Acquire) {
            return None;
        }
        *self.stop_at.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A socket's file, removed with its owner.
#[derive(Debug)]
struct SocketFile(PathBuf);

impl Drop for SocketFile {
    fn drop(&mut self) {
        std::fs::remove_file(&self.0).ok();
    }
}

fn listen(address: SocketAddr) -> Result<TcpListener, TeeError> {
    TcpListener::bind(address).map_err(|source| TeeError::Listen {
        place: address.to_string(),
        source,
    })
}

fn listen_in(folder: &Path, port: u16) -> Result<(UnixListener, SocketFile), TeeError> {
    let path = folder.join(format!(".s.PGSQL.{port}"));
    match UnixListener::bind(&path) {
        Ok(listener) => Ok((listener, SocketFile(path))),
        Err(source) => Err(TeeError::Listen {
            place: path.display().to_string(),
            source,
        }),
    }
}
