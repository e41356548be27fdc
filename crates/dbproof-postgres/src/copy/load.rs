//! One table's rows on their way into the server: [`load`].

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use bytes::Bytes;
use futures_util::SinkExt as _;
use futures_util::future::try_join_all;

use super::source::Source;
use super::target::Target;
use super::{Filled, LoadError};
use crate::binary::Unencodable;
use crate::{PostgresError, Session};

/// How to load.
#[derive(Clone, Copy)]
pub struct Loading<'a> {
    /// How many connections and generating threads to use at most.
    pub threads: usize,
    /// Is told how far the load has come, often.
    pub progress: &'a (dyn Fn(Progress<'_>) + Sync),
}

/// How far a load has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress<'a> {
    /// The table whose rows were sent last.
    pub table: &'a str,
    /// Rows sent so far, of all tables.
    pub rows: u64,
    /// Rows to send, of all tables.
    pub total: u64,
}

/// Counts the rows of all tables.
pub(super) struct Meter<'a> {
    loading: Loading<'a>,
    total: u64,
    sent: AtomicU64,
}

/// Why a load stopped.
pub(super) enum Failure {
    /// A value is left to the server: the rows have to go in the text format.
    Unencodable,
    Server(PostgresError),
}

impl From<Unencodable> for Failure {
    fn from(_: Unencodable) -> Self {
        Failure::Unencodable
    }
}

impl<'a> Meter<'a> {
    pub(super) fn new(loading: Loading<'a>, targets: &[Target]) -> Self {
        Meter {
            loading,
            total: targets.iter().map(|target| target.rows.row_count()).sum(),
            sent: AtomicU64::new(0),
        }
    }

    fn add(&self, table: &str, rows: u64) {
        let before = self.sent.fetch_add(rows, Ordering::Relaxed);
        (self.loading.progress)(Progress {
            table,
            rows: (before + rows).min(self.total),
            total: self.total,
        });
    }
}

/// Loads a table over these sessions: in order over one, chunk by chunk over several.
///
/// `start_over` undoes what was sent in the binary format, where a value then turns up that only
/// the server can judge.
pub(super) async fn load(
    sessions: &[&Session],
    target: &Target,
    threads: usize,
    meter: &Meter<'_>,
    start_over: impl AsyncFnOnce() -> Result<(), PostgresError>,
) -> Result<Filled, LoadError> {
    let began = Instant::now();
    let about = || LoadError::about(target.name());
    let rows = match send_all(sessions, target, threads, meter).await {
        Ok(rows) => rows,
        Err(Failure::Server(error)) => return Err(about()(error)),
        Err(Failure::Unencodable) => {
            start_over().await.map_err(about())?;
            match send_all(sessions, &target.in_text(), threads, meter).await {
                Ok(rows) => rows,
                Err(Failure::Server(error)) => return Err(about()(error)),
                Err(Failure::Unencodable) => unreachable!("text fits every value"),
            }
        }
    };
    Ok(Filled {
        table: target.name().to_owned(),
        rows,
        seconds: began.elapsed().as_secs_f64(),
    })
}

async fn send_all(
    sessions: &[&Session],
    target: &Target,
    threads: usize,
    meter: &Meter<'_>,
) -> Result<u64, Failure> {
    let Target { rows, encoder, .. } = target;
    if let [session] = sessions {
        let source = Source::ordered(rows, encoder, threads);
        return send(session, target, source, meter).await;
    }
    let next = Arc::new(AtomicU64::new(0));
    let workers = sessions.iter().map(|session| {
        let source = Source::shared(rows, encoder, &next);
        send(session, target, source, meter)
    });
    Ok(try_join_all(workers).await?.into_iter().sum())
}

/// Sends everything that a source yields, and returns how many rows the server has taken.
async fn send(
    session: &Session,
    target: &Target,
    mut source: Source,
    meter: &Meter<'_>,
) -> Result<u64, Failure> {
    let failed = |error: tokio_postgres::Error| Failure::Server(session.error(&error));
    let statement = target.copy_statement();
    let sink = session
        .copy_in::<_, Bytes>(statement.as_str())
        .await
        .map_err(failed)?;
    let mut sink = std::pin::pin!(sink);
    let header = Bytes::from_static(target.encoder.header());
    sink.feed(header).await.map_err(failed)?;
    while let Some(chunk) = source.next().await? {
        sink.send(chunk.bytes).await.map_err(failed)?;
        meter.add(target.name(), chunk.rows);
    }
    let trailer = Bytes::from_static(target.encoder.trailer());
    sink.feed(trailer).await.map_err(failed)?;
    sink.finish().await.map_err(failed)
}
