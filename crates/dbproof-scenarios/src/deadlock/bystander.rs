//! A session that has no part in the cycle, and how long its requests take meanwhile.
//!
//! Requests start at a fixed rate, and their latency counts from the intended start: a request
//! that had to wait for the one before it is not forgotten (coordinated omission).

use std::cell::Cell;
use std::time::{Duration, Instant};

use dbproof_postgres::{Address, PostgresError, Session, connect};

use crate::error::RunError;

/// Time between two intended starts.
const INTERVAL: Duration = Duration::from_millis(5);

/// Requests of the baseline.
const BASELINE_REQUESTS: usize = 100;

/// Latencies in milliseconds while nothing else happens.
pub(super) async fn baseline(address: &Address, sql: &str) -> Result<Vec<f64>, RunError> {
    let session = connect(address).await?;
    let latencies = at_a_rate(&session, sql, |sent| sent >= BASELINE_REQUESTS).await?;
    session.close().await;
    Ok(latencies)
}

/// Runs `work` with the bystander beside it; returns what it returns, and the latencies.
pub(super) async fn beside<T>(
    address: &Address,
    sql: &str,
    work: impl Future<Output = Result<T, RunError>>,
) -> Result<(T, Vec<f64>), RunError> {
    let session = connect(address).await?;
    let over = Cell::new(false);
    let work = async {
        let done = work.await;
        over.set(true);
        done
    };
    let (done, latencies) = tokio::join!(work, at_a_rate(&session, sql, |_| over.get()));
    session.close().await;
    Ok((done?, latencies?))
}

async fn at_a_rate(
    session: &Session,
    sql: &str,
    is_over: impl Fn(usize) -> bool,
) -> Result<Vec<f64>, PostgresError> {
    let mut latencies = Vec::new();
    let mut intended = Instant::now();
    while !is_over(latencies.len()) {
        tokio::time::sleep_until(intended.into()).await;
        session.run(sql).await?;
        latencies.push(intended.elapsed().as_secs_f64() * 1000.0);
        intended += INTERVAL;
    }
    Ok(latencies)
}
