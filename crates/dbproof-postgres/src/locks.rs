//! Who waits for whom and for what, and the server's count of deadlocks.

use std::time::{Duration, Instant};

use tokio_postgres::Statement;

use crate::{PostgresError, Session};

/// A session that watches others.
///
/// Every look is a round trip to the server; there is no pause in between, because the time
/// between two requests of a deadlock is a part of what is measured.
#[derive(Debug)]
pub struct Watcher {
    session: Session,
    blockers: Statement,
    awaited: Statement,
}

/// A lock that a process waits for.
#[derive(Debug, Clone, PartialEq)]
pub struct AwaitedLock {
    /// Its mode and object, such as `ShareLock on a transaction, for row (0,1) of account`.
    pub description: String,
    /// Since when, by the server's clock, in milliseconds of its epoch.
    pub since_ms: Option<f64>,
}

/// What a process that is no part of a shape is and does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stranger {
    /// The process id.
    pub pid: i32,
    /// What it is, such as `client backend` or `autovacuum worker`, and its application's name.
    pub what: String,
}

/// How often a waiting process is asked again since when it waits; the server tells that a moment
/// after the wait has begun.
const LOOKS_FOR_START: u32 = 50;

impl Watcher {
    /// Watches through this session.
    pub async fn new(session: Session) -> Result<Self, PostgresError> {
        let blockers = session
            .prepare("SELECT pg_blocking_pids($1) || pg_safe_snapshot_blocking_pids($1)")
            .await
            .map_err(|e| session.error(&e))?;
        let awaited = session
            .prepare(
                "SELECT w.mode || ' on ' || CASE w.locktype \
                     WHEN 'transactionid' THEN 'a transaction' \
                     WHEN 'relation' THEN w.relation::regclass::text \
                     WHEN 'tuple' THEN format('row (%s,%s) of %s', w.page, w.tuple, w.relation::regclass) \
                     ELSE replace(w.locktype, 'advisory', 'an advisory lock') END \
                     || coalesce((SELECT format(', for row (%s,%s) of %s', t.page, t.tuple, t.relation::regclass) \
                         FROM pg_locks t WHERE t.pid = w.pid AND t.locktype = 'tuple' AND t.granted \
                         AND w.locktype = 'transactionid' LIMIT 1), ''), \
                     (extract(epoch FROM w.waitstart) * 1000)::float8 \
                 FROM pg_locks w WHERE w.pid = $1 AND NOT w.granted LIMIT 1",
            )
            .await
            .map_err(|e| session.error(&e))?;
        Ok(Watcher {
            session,
            blockers,
            awaited,
        })
    }

    /// The session, for other questions.
    #[must_use]
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// The processes that block this one at this moment, as `pg_blocking_pids` sees it.
    pub async fn blockers(&self, pid: i32) -> Result<Vec<i32>, PostgresError> {
        let row = self.session.query_one(&self.blockers, &[&pid]).await;
        let row = row.map_err(|e| self.session.error(&e))?;
        Ok(row.get(0))
    }

    /// The lock that this process waits for; `None` where it waits for none any more.
    pub async fn awaited(&self, pid: i32) -> Result<Option<AwaitedLock>, PostgresError> {
        let mut seen = None;
        for _ in 0..LOOKS_FOR_START {
            let row = self.session.query_opt(&self.awaited, &[&pid]).await;
            let Some(row) = row.map_err(|e| self.session.error(&e))? else {
                break;
            };
            let lock = AwaitedLock {
                description: row.get(0),
                since_ms: row.get(1),
            };
            let complete = lock.since_ms.is_some();
            seen = Some(lock);
            if complete {
                break;
            }
        }
        Ok(seen)
    }

    /// Waits until this process has waited for its lock for so long by the server's clock, or waits
    /// for none any more.
    pub async fn has_waited(&self, pid: i32, at_least_ms: f64) -> Result<(), PostgresError> {
        let sql = "SELECT (extract(epoch FROM clock_timestamp() - waitstart) * 1000)::float8 \
                   FROM pg_locks WHERE pid = $1 AND NOT granted LIMIT 1";
        let statement = self.session.prepare(sql).await;
        let statement = statement.map_err(|e| self.session.error(&e))?;
        loop {
            let row = self.session.query_opt(&statement, &[&pid]).await;
            let Some(row) = row.map_err(|e| self.session.error(&e))? else {
                return Ok(());
            };
            if row
                .get::<_, Option<f64>>(0)
                .is_some_and(|waited| waited >= at_least_ms)
            {
                return Ok(());
            }
        }
    }

    /// What this process is.
    pub async fn stranger(&self, pid: i32) -> Result<Stranger, PostgresError> {
        let sql = "SELECT backend_type || CASE WHEN application_name <> '' \
                   THEN ' ' || quote_literal(application_name) ELSE '' END \
                   FROM pg_stat_activity WHERE pid = $1";
        let row = self.session.query_opt(sql, &[&pid]).await;
        let row = row.map_err(|e| self.session.error(&e))?;
        let what = row.and_then(|row| row.get::<_, Option<String>>(0));
        Ok(Stranger {
            pid,
            what: what.unwrap_or_else(|| "a process that has ended or is not shown".to_owned()),
        })
    }

    /// What this process waits for, if for anything, as `pg_stat_activity` says it.
    pub async fn wait_event(&self, pid: i32) -> Result<Option<String>, PostgresError> {
        let sql =
            "SELECT wait_event_type || '/' || wait_event FROM pg_stat_activity WHERE pid = $1";
        let row = self.session.query_opt(sql, &[&pid]).await;
        let row = row.map_err(|e| self.session.error(&e))?;
        Ok(row.and_then(|row| row.get(0)))
    }

    /// Ends this process's statement with an error.
    pub async fn cancel(&self, pid: i32) -> Result<(), PostgresError> {
        let done = self
            .session
            .execute("SELECT pg_cancel_backend($1)", &[&pid])
            .await;
        done.map(|_| ()).map_err(|e| self.session.error(&e))
    }

    /// Ends these processes, with whatever they do, and waits until they are gone or `limit` is
    /// over.
    pub async fn terminate(&self, pids: &[i32], limit: Duration) -> Result<(), PostgresError> {
        let began = Instant::now();
        let sql =
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE pid = ANY ($1)";
        loop {
            let row = self.session.query_one(sql, &[&pids]).await;
            let left: i64 = row.map_err(|e| self.session.error(&e))?.get(0);
            if left == 0 || began.elapsed() > limit {
                return Ok(());
            }
        }
    }

    /// Closes the session.
    pub async fn close(self) {
        self.session.close().await;
    }
}

/// `pg_stat_database.deadlocks` of the session's database.
pub async fn deadlock_count(session: &Session) -> Result<u64, PostgresError> {
    // Discards the snapshot of the statistics that a transaction would otherwise keep.
    session.run("SELECT pg_stat_clear_snapshot()").await?;
    let text = session
        .text("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
        .await?;
    Ok(text.and_then(|t| t.parse().ok()).unwrap_or(0))
}

/// Waits until the server has counted `expected` deadlocks since `base`, and returns what it has
/// counted when it has, or when the limit is over. Backends report their counts with a delay.
pub async fn wait_for_deadlock_count(
    session: &Session,
    base: u64,
    expected: u64,
    limit: Duration,
) -> Result<u64, PostgresError> {
    let began = Instant::now();
    loop {
        let counted = deadlock_count(session).await?.saturating_sub(base);
        if counted >= expected || began.elapsed() > limit {
            return Ok(counted);
        }
    }
}
