//! A session that has no part in the cycle, and how long its requests take meanwhile.
//!
//! Requests start at a fixed rate, and their latency counts from the intended start: a request
//! that had to wait for the one before it is not forgotten (coordinated omission). The rate is far
//! below what the server can serve, or the queue would grow for as long as it is watched, and the
//! figure would tell of that.

use std::cell::Cell;
use std::time::{Duration, Instant};

use dbproof_postgres::{Address, PostgresError, Session, connect};

use crate::error::RunError;

/// The shortest time between two intended starts.
const SHORTEST_INTERVAL: Duration = Duration::from_millis(5);

/// The interval is this many times as long as a request takes at its slowest of the first few.
const HEADROOM: u32 = 4;

/// Requests that the interval is taken from.
const PROBES: usize = 20;

/// Requests of the baseline.
const BASELINE_REQUESTS: usize = 100;

/// What a bystander's requests take while nothing else happens.
#[derive(Debug, Default)]
pub(super) struct Baseline {
    /// Latencies in milliseconds.
    pub(super) latencies_ms: Vec<f64>,
    /// Time between two intended starts, also during the deadlocks.
    pub(super) interval: Duration,
}

/// Finds a rate that the server keeps up with easily, and the latencies at that rate.
pub(super) async fn baseline(address: &Address, sql: &str) -> Result<Baseline, RunError> {
    let session = connect(address).await?;
    let mut slowest = Duration::ZERO;
    for _ in 0..PROBES {
        let began = Instant::now();
        session.run(sql).await?;
        slowest = slowest.max(began.elapsed());
    }
    let interval = SHORTEST_INTERVAL.max(slowest * HEADROOM);
    let latencies_ms = at_a_rate(&session, sql, interval, |sent| sent >= BASELINE_REQUESTS).await?;
    session.close().await;
    Ok(Baseline {
        latencies_ms,
        interval,
    })
}

/// Runs `work` with the bystander beside it; returns what it returns, and the latencies.
pub(super) async fn beside<T>(
    address: &Address,
    sql: &str,
    interval: Duration,
    work: impl Future<Output = Result<T, RunError>>,
) -> Result<(T, Vec<f64>), RunError> {
    let session = connect(address).await?;
    let over = Cell::new(false);
    let work = async {
        let done = work.await;
        over.set(true);
        done
    };
    let (done, latencies) = tokio::join!(work, at_a_rate(&session, sql, interval, |_| over.get()));
    session.close().await;
    Ok((done?, latencies?))
}

async fn at_a_rate(
    session: &Session,
    sql: &str,
    interval: Duration,
    is_over: impl Fn(usize) -> bool,
) -> Result<Vec<f64>, PostgresError> {
    let mut latencies = Vec::new();
    let mut intended = Instant::now();
    while !is_over(latencies.len()) {
        tokio::time::sleep_until(intended.into()).await;
        session.run(sql).await?;
        latencies.push(intended.elapsed().as_secs_f64() * 1000.0);
        intended += interval;
    }
    Ok(latencies)
}
