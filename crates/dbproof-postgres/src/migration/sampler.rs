//! A second session that looks at the locks of the migrating one: [`Sampler`].

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use dbproof_analysis::latency;
use dbproof_analysis::lock_order::RelationMode;
use dbproof_model::LockSampling;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval};

use super::relations::FIRST_OWN_OID;
use crate::{Address, PostgresError, Session, connect};

/// The pause between two looks. Half of the 5 ms that are promised, since a look takes time of its own
/// and a busy machine comes late.
const PAUSE: Duration = Duration::from_millis(2);

/// What of one lock was seen since the last [`Sampler::take`].
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct LockSeen {
    /// When it was first seen to be waited for, and how long it had been then, by the server's clock.
    pub(super) waiting: Option<(Instant, Duration)>,
    /// When it was first and last seen to be held.
    pub(super) held: Option<(Instant, Instant)>,
}

/// What was seen of a statement.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Samples {
    /// How often was looked.
    pub(super) looks: u64,
    /// By relation and mode.
    pub(super) locks: BTreeMap<(u32, RelationMode), LockSeen>,
    /// When the statement was first and last seen to wait for the end of another transaction, and how
    /// long it had waited at first.
    pub(super) transactions: Option<(Instant, Instant, Duration)>,
}

#[derive(Debug, Default)]
struct Shared {
    current: Samples,
    looks: u64,
    gaps_ms: Vec<f64>,
    last: Option<Instant>,
    error: Option<PostgresError>,
}

/// Looks at the locks of one process until it is stopped.
#[derive(Debug)]
pub(super) struct Sampler {
    shared: Arc<Mutex<Shared>>,
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<()>,
}

/// What a process has of relations, and what else it waits for.
const LOOK: &str = "\
    SELECT CASE WHEN locktype = 'relation' THEN relation END, mode, granted, \
           coalesce(extract(epoch FROM clock_timestamp() - waitstart) * 1000, 0)::float8 \
    FROM pg_locks WHERE pid = $1 \
      AND (locktype = 'relation' AND relation >= $2 \
           OR NOT granted AND locktype IN ('virtualxid', 'transactionid', 'tuple'))";

impl Sampler {
    /// Begins to look at the locks of process `pid`, through a session on `elsewhere`: a database that
    /// the migration has nothing to do with, because `CREATE INDEX CONCURRENTLY` waits for whoever
    /// looks at anything in its own.
    pub(super) async fn start(elsewhere: &Address, pid: i32) -> Result<Self, PostgresError> {
        let session = connect(elsewhere).await?;
        let shared = Arc::new(Mutex::new(Shared::default()));
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(look_until(stopped, session, pid, Arc::clone(&shared)));
        Ok(Sampler {
            shared,
            stop: Some(stop),
            task,
        })
    }

    /// What was seen since the last call. A sampler that has failed says so here.
    pub(super) fn take(&self) -> Result<Samples, PostgresError> {
        let mut shared = lock(&self.shared);
        match shared.error.take() {
            Some(error) => Err(error),
            None => Ok(std::mem::take(&mut shared.current)),
        }
    }

    /// Stops, and tells how often was looked.
    pub(super) async fn finish(mut self) -> LockSampling {
        if let Some(stop) = self.stop.take() {
            stop.send(()).ok();
        }
        self.task.await.ok();
        let shared = lock(&self.shared);
        LockSampling {
            samples: shared.looks,
            asked_ms: PAUSE.as_secs_f64() * 1000.0,
            interval_ms: latency::durations(&shared.gaps_ms),
        }
    }
}

fn lock(shared: &Mutex<Shared>) -> MutexGuard<'_, Shared> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn look_until(
    mut stopped: oneshot::Receiver<()>,
    session: Session,
    pid: i32,
    shared: Arc<Mutex<Shared>>,
) {
    let looking = async {
        let statement = session.prepare(LOOK).await.map_err(|e| session.error(&e))?;
        let mut pause = interval(PAUSE);
        pause.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            pause.tick().await;
            let rows = session
                .query(&statement, &[&pid, &FIRST_OWN_OID])
                .await
                .map_err(|e| session.error(&e))?;
            lock(&shared).add(Instant::now(), &rows);
        }
    };
    let failed: Result<(), PostgresError> = tokio::select! {
        failed = looking => failed,
        _ = &mut stopped => Ok(()),
    };
    if let Err(error) = failed {
        lock(&shared).error = Some(error);
    }
    session.close().await;
}

impl Shared {
    fn add(&mut self, now: Instant, rows: &[tokio_postgres::Row]) {
        self.looks += 1;
        if let Some(last) = self.last.replace(now) {
            self.gaps_ms.push((now - last).as_secs_f64() * 1000.0);
        }
        self.current.looks += 1;
        for row in rows {
            let waited_ms: f64 = row.get(3);
            let waited = Duration::from_secs_f64(waited_ms.max(0.0) / 1000.0);
            let granted: bool = row.get(2);
            let relation: Option<u32> = row.get(0);
            let mode = RelationMode::from_pg_locks(row.get(1));
            match (relation.zip(mode), granted) {
                (Some(lock), true) => self.current.locks.entry(lock).or_default().hold(now),
                (Some(lock), false) => {
                    let seen = self.current.locks.entry(lock).or_default();
                    seen.waiting.get_or_insert((now, waited));
                }
                (None, _) => {
                    let (first, _, at_first) =
                        self.current.transactions.get_or_insert((now, now, waited));
                    self.current.transactions = Some((*first, now, *at_first));
                }
            }
        }
    }
}

impl LockSeen {
    fn hold(&mut self, now: Instant) {
        let (first, _) = self.held.unwrap_or((now, now));
        self.held = Some((first, now));
    }
}
