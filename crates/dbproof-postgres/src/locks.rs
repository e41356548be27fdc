//! Who waits for whom, and the server's count of deadlocks.

use std::time::{Duration, Instant};

use crate::{PostgresError, Session};

/// Which process was seen to block another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Blocked {
    /// Blocked by the expected process.
    AsExpected,
    /// Not blocked within the limit.
    Never,
    /// Blocked, but by these processes only.
    ByOthers(Vec<i32>),
}

/// Waits until `waiter` is blocked by `blocker`, as `pg_blocking_pids` sees it.
///
/// Every look is a round trip to the server; there is no pause in between, because the time
/// between two requests of a deadlock is a part of what is measured.
pub async fn wait_until_blocked(
    observer: &Session,
    waiter: i32,
    blocker: i32,
    limit: Duration,
) -> Result<Blocked, PostgresError> {
    let statement = observer
        .prepare("SELECT pg_blocking_pids($1)")
        .await
        .map_err(|e| observer.error(&e))?;
    let began = Instant::now();
    loop {
        let row = observer
            .query_one(&statement, &[&waiter])
            .await
            .map_err(|e| observer.error(&e))?;
        let blockers: Vec<i32> = row.get(0);
        if blockers.contains(&blocker) {
            return Ok(Blocked::AsExpected);
        }
        if began.elapsed() > limit {
            let by_nobody = blockers.is_empty();
            return Ok(if by_nobody {
                Blocked::Never
            } else {
                Blocked::ByOthers(blockers)
            });
        }
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
