//! Sessions that have no part in the cycle, and how long their requests take meanwhile.
//!
//! Requests start at a fixed rate, and their latency counts from the intended start: a request
//! that had to wait for the one before it is not forgotten (coordinated omission). The rate is far
//! below what the server can serve, or the queue would grow for as long as it is watched, and the
//! figure would tell of that.

use std::cell::Cell;
use std::time::{Duration, Instant};

use dbproof_analysis::latency;
use dbproof_model::{BystanderExcess, Bystanders, Durations};
use dbproof_postgres::{Address, PostgresError, Session, connect};
use futures_util::future::try_join_all;

use super::play::in_sql;
use crate::error::RunError;
use crate::project::shapes::{Shape, Sql};

/// The shortest time between two intended starts.
const SHORTEST_INTERVAL: Duration = Duration::from_millis(5);

/// The interval is this many times as long as a request takes at its slowest of the first few.
const HEADROOM: u32 = 4;

/// Requests that the interval is taken from.
const PROBES: usize = 20;

/// Requests of the baseline.
const BASELINE_REQUESTS: usize = 100;

/// What the bystanders of a shape take while nothing else happens.
#[derive(Debug, Default)]
pub(super) struct Baseline<'a> {
    /// Those that run at a rate all the time: on another table, and on the same one.
    uninvolved: Option<Rate<'a>>,
    same_table: Option<Rate<'a>>,
    /// Latencies of the one that queues, in milliseconds.
    queued_ms: Vec<f64>,
}

/// A bystander at its rate.
#[derive(Debug)]
pub(super) struct Rate<'a> {
    pub(super) sql: &'a str,
    /// Time between two intended starts, also during the deadlocks.
    pub(super) interval: Duration,
    /// Latencies in milliseconds.
    pub(super) latencies_ms: Vec<f64>,
}

/// Latencies during the deadlocks, in milliseconds.
#[derive(Debug, Default)]
pub(super) struct During {
    uninvolved_ms: Vec<f64>,
    same_table_ms: Vec<f64>,
}

impl<'a> Baseline<'a> {
    /// Takes the baseline of every bystander that the shape has.
    pub(super) async fn take(address: &Address, shape: &'a Shape) -> Result<Self, RunError> {
        let statements = &shape.bystanders;
        let mut baseline = Baseline::default();
        if let Some(sql) = &statements.uninvolved {
            baseline.uninvolved = Some(rate(address, shape, "uninvolved", sql).await?);
        }
        if let Some(sql) = &statements.same_table {
            baseline.same_table = Some(rate(address, shape, "same_table", sql).await?);
        }
        if let Some(sql) = &statements.queued {
            let session = connect(address).await?;
            for _ in 0..PROBES {
                let began = Instant::now();
                let ran = session.run(&sql.text).await;
                ran.map_err(|error| in_sql(shape, "queued", sql, error))?;
                baseline.queued_ms.push(milliseconds(began));
            }
            session.close().await;
        }
        Ok(baseline)
    }

    /// Runs `work` with the bystanders beside it.
    pub(super) async fn beside<T>(
        &self,
        address: &Address,
        work: impl Future<Output = Result<T, RunError>>,
    ) -> Result<(T, During), RunError> {
        let rates = [self.uninvolved.as_ref(), self.same_table.as_ref()];
        let rates: Vec<Option<(&str, Duration)>> = rates
            .into_iter()
            .map(|rate| rate.map(|rate| (rate.sql, rate.interval)))
            .collect();
        let (done, mut latencies) = beside(address, &rates, work).await?;
        let same_table_ms = latencies.pop().unwrap_or_default();
        let uninvolved_ms = latencies.pop().unwrap_or_default();
        Ok((
            done,
            During {
                uninvolved_ms,
                same_table_ms,
            },
        ))
    }

    /// Baseline, latencies during the deadlocks, and what these added.
    pub(super) fn record(&self, during: &During, queued_ms: &[f64]) -> Bystanders {
        let of = |rate: &Option<Rate<'_>>| {
            latency::durations(rate.as_ref().map_or(&[][..], |rate| &rate.latencies_ms))
        };
        let added = |during: Option<f64>, before: Option<f64>| Some(during? - before?);
        let mut record = Bystanders {
            baseline_ms: of(&self.same_table),
            same_table_ms: latency::durations(&during.same_table_ms),
            queued_ms: latency::durations(queued_ms),
            uninvolved_ms: latency::durations(&during.uninvolved_ms),
            uninvolved_baseline_ms: of(&self.uninvolved),
            queued_baseline_ms: latency::durations(&self.queued_ms),
            excess: BystanderExcess::default(),
        };
        let p95 = |during: &Durations, before: &Durations| added(during.p95, before.p95);
        record.excess = BystanderExcess {
            uninvolved_p95_ms: p95(&record.uninvolved_ms, &record.uninvolved_baseline_ms),
            same_table_p95_ms: p95(&record.same_table_ms, &record.baseline_ms),
            queued_p50_ms: added(record.queued_ms.p50, record.queued_baseline_ms.p50),
            queued_p95_ms: p95(&record.queued_ms, &record.queued_baseline_ms),
        };
        record
    }
}

/// A statement that fails is shown in its file.
async fn rate<'a>(
    address: &Address,
    shape: &Shape,
    what: &str,
    sql: &'a Sql,
) -> Result<Rate<'a>, RunError> {
    let found = find_rate(address, &sql.text).await;
    found.map_err(|error| in_sql(shape, what, sql, error))
}

/// Finds a rate that the server keeps up with easily, and the latencies at that rate.
pub(super) async fn find_rate<'a>(
    address: &Address,
    sql: &'a str,
) -> Result<Rate<'a>, PostgresError> {
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
    Ok(Rate {
        sql,
        interval,
        latencies_ms,
    })
}

/// Runs `work` with a bystander for each statement beside it; returns what it returns, and the
/// latencies of each.
pub(super) async fn beside<T>(
    address: &Address,
    rates: &[Option<(&str, Duration)>],
    work: impl Future<Output = Result<T, RunError>>,
) -> Result<(T, Vec<Vec<f64>>), RunError> {
    let over = Cell::new(false);
    let work = async {
        let done = work.await;
        over.set(true);
        done
    };
    let each = rates.iter().map(|rate| async {
        let Some((sql, interval)) = rate else {
            return Ok(Vec::new());
        };
        let session = connect(address).await?;
        let latencies = at_a_rate(&session, sql, *interval, |_| over.get()).await?;
        session.close().await;
        Ok::<_, PostgresError>(latencies)
    });
    let (done, latencies) = tokio::join!(work, try_join_all(each));
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
        latencies.push(milliseconds(intended));
        intended += interval;
    }
    Ok(latencies)
}

fn milliseconds(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1000.0
}
