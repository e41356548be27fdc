//! Many clients that change few rows, in one order of the rows and in any: [`run`].
//!
//! At each `deadlock_timeout` both orders take turns (sorted, unsorted, unsorted, sorted), so that a
//! machine that gets slower or faster meanwhile favours neither.

use std::time::{Duration, Instant};

use dbproof_analysis::latency;
use dbproof_model::{DeadlockStorm, Latency};
use dbproof_postgres::{Address, PostgresError, Session, connect, locks};
use futures_util::future::try_join_all;
use rand::seq::index;
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha12Rng;

use super::bystander::{Rate, beside, find_rate};
use super::plan::Storm;
use super::retry::{Policy, is_deadlock};
use crate::error::{InputError, RunError};

/// How long the server may take to report the deadlocks that it has counted.
const COUNTER_LIMIT: Duration = Duration::from_secs(10);

/// The storm's own table, where the project names none.
const TABLE: &str = "CREATE TABLE storm (id int PRIMARY KEY, n int NOT NULL) WITH (fillfactor = 50); \
                     INSERT INTO storm SELECT i, 0 FROM generate_series(1, 1000) i";
const SQL: &str = "UPDATE storm SET n = n + 1 WHERE id = $1";
const KEYS: &str = "SELECT id FROM storm ORDER BY id LIMIT 16";
const BYSTANDER: &str = "UPDATE storm SET n = n + 1 WHERE id = 500";

/// The order in which a transaction takes its rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    Sorted,
    Unsorted,
}

const TURNS: [Order; 4] = [
    Order::Sorted,
    Order::Unsorted,
    Order::Unsorted,
    Order::Sorted,
];

/// What the clients of one or more turns came to.
#[derive(Debug, Default)]
struct Tally {
    commits: u64,
    deadlocks: u64,
    server_deadlocks: u64,
    elapsed: Duration,
    transactions_ms: Vec<f64>,
    bystander_ms: Vec<f64>,
}

struct Weather<'a> {
    address: &'a Address,
    sql: &'a str,
    keys: Vec<String>,
    storm: &'a Storm,
    rate: Option<Rate<'a>>,
}

/// Runs the storm at every timeout.
pub(super) async fn run(
    address: &Address,
    storm: &Storm,
    timeouts_ms: &[u32],
    seed: u64,
) -> Result<Vec<DeadlockStorm>, RunError> {
    let session = connect(address).await?;
    if storm.is_ours {
        session.run(TABLE).await?;
    }
    let config = &storm.config;
    let keys_sql = config.keys.as_deref().unwrap_or(KEYS);
    let keys = session.texts(keys_sql).await;
    let keys = keys.map_err(|error| in_config("keys", error))?;
    if keys.len() < 2 {
        let message = format!(
            "`[deadlock.storm] keys` finds {} rows; a storm takes two or more",
            keys.len()
        );
        return Err(InputError::new(message).into());
    }
    let sql = config.sql.as_deref().unwrap_or(SQL);
    // So that a wrong statement is told once, and not by every client.
    let prepared = session.run(&format!("PREPARE storm AS {sql}")).await;
    prepared.map_err(|error| in_config("sql", error))?;
    let bystander = match (&config.bystander, storm.is_ours) {
        (Some(sql), _) => Some(sql.as_str()),
        (None, true) => Some(BYSTANDER),
        (None, false) => None,
    };
    let rate = match bystander {
        Some(sql) => {
            let found = find_rate(address, sql).await;
            Some(found.map_err(|error| in_config("bystander", error))?)
        }
        None => None,
    };
    let weather = Weather {
        address,
        sql,
        keys,
        storm,
        rate,
    };
    let mut storms = Vec::new();
    for &timeout_ms in timeouts_ms {
        let (mut sorted, mut unsorted) = (Tally::default(), Tally::default());
        for (turn, order) in TURNS.into_iter().enumerate() {
            let tally = if order == Order::Sorted {
                &mut sorted
            } else {
                &mut unsorted
            };
            let seed = seed.wrapping_mul(31).wrapping_add(turn as u64);
            weather
                .turn(order, timeout_ms, seed, tally, &session)
                .await?;
        }
        storms.push(weather.record(Order::Sorted, timeout_ms, &sorted));
        storms.push(weather.record(Order::Unsorted, timeout_ms, &unsorted));
    }
    session.close().await;
    Ok(storms)
}

impl Weather<'_> {
    /// One turn of one order, added to its tally.
    async fn turn(
        &self,
        order: Order,
        timeout_ms: u32,
        seed: u64,
        tally: &mut Tally,
        observer: &Session,
    ) -> Result<(), RunError> {
        let config = &self.storm.config;
        let before = locks::deadlock_count(observer).await?;
        let mut clients = Vec::new();
        for client in 0..config.clients {
            let session = connect(self.address).await?;
            let setup = format!(
                "SET deadlock_timeout = {timeout_ms}; PREPARE storm AS {}",
                self.sql
            );
            session.run(&setup).await?;
            clients.push((session, seed.wrapping_add(1000 * u64::from(client))));
        }
        let began = Instant::now();
        let until = began + Duration::from_secs_f64(config.seconds / 2.0);
        let work = async {
            let each = clients
                .iter()
                .map(|(session, seed)| self.client(session, order, *seed, until));
            Ok::<_, RunError>(try_join_all(each).await?)
        };
        let rate = self.rate.as_ref().map(|rate| (rate.sql, rate.interval));
        let (each, mut latencies) = beside(self.address, &[rate], work).await?;
        tally.elapsed += began.elapsed();
        tally
            .bystander_ms
            .append(&mut latencies.pop().unwrap_or_default());
        let mut deadlocks = 0;
        for mut client in each {
            tally.commits += client.commits;
            deadlocks += client.deadlocks;
            tally.transactions_ms.append(&mut client.transactions_ms);
        }
        tally.deadlocks += deadlocks;
        for (session, _) in clients {
            session.close().await;
        }
        tally.server_deadlocks +=
            locks::wait_for_deadlock_count(observer, before, deadlocks, COUNTER_LIMIT).await?;
        Ok(())
    }

    /// One client, transaction after transaction.
    async fn client(
        &self,
        session: &Session,
        order: Order,
        seed: u64,
        until: Instant,
    ) -> Result<Tally, PostgresError> {
        let mut random = ChaCha12Rng::seed_from_u64(seed);
        let mut tally = Tally::default();
        let count = (self.storm.config.rows_per_transaction as usize).min(self.keys.len());
        while Instant::now() < until {
            let mut rows = index::sample(&mut random, self.keys.len(), count).into_vec();
            match order {
                Order::Sorted => rows.sort_unstable(),
                Order::Unsorted => shuffle(&mut rows, &mut random),
            }
            let began = Instant::now();
            let mut retry = 0;
            loop {
                match self.transaction(session, &rows).await {
                    Ok(()) => {
                        tally.commits += 1;
                        tally
                            .transactions_ms
                            .push(began.elapsed().as_secs_f64() * 1000.0);
                        break;
                    }
                    Err(error) if is_deadlock(&error) => {
                        tally.deadlocks += 1;
                        session.run("ROLLBACK").await?;
                        if Instant::now() >= until {
                            break;
                        }
                        Policy::Jittered.pause(retry, &mut random).await;
                        retry += 1;
                    }
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(tally)
    }

    /// Each row in a request of its own, as applications do.
    async fn transaction(&self, session: &Session, rows: &[usize]) -> Result<(), PostgresError> {
        session.run("BEGIN").await?;
        for &row in rows {
            let key = self.keys[row].replace('\'', "''");
            session.run(&format!("EXECUTE storm('{key}')")).await?;
        }
        session.run("COMMIT").await
    }

    fn record(&self, order: Order, timeout_ms: u32, tally: &Tally) -> DeadlockStorm {
        let seconds = tally.elapsed.as_secs_f64();
        let config = &self.storm.config;
        DeadlockStorm {
            order: match order {
                Order::Sorted => "sorted".to_owned(),
                Order::Unsorted => "unsorted".to_owned(),
            },
            deadlock_timeout_ms: f64::from(timeout_ms),
            clients: u64::from(config.clients),
            hot_rows: self.keys.len() as u64,
            rows_per_transaction: u64::from(config.rows_per_transaction)
                .min(self.keys.len() as u64),
            duration_ms: seconds * 1000.0,
            commits: tally.commits,
            throughput_per_second: tally.commits as f64 / seconds,
            deadlocks: tally.deadlocks,
            deadlocks_per_second: tally.deadlocks as f64 / seconds,
            server_deadlocks: Some(tally.server_deadlocks),
            transaction_ms: percentiles(&tally.transactions_ms),
            bystander_baseline_ms: self
                .rate
                .as_ref()
                .map_or_else(Latency::default, |rate| percentiles(&rate.latencies_ms)),
            bystander_ms: percentiles(&tally.bystander_ms),
        }
    }
}

fn shuffle(rows: &mut [usize], random: &mut ChaCha12Rng) {
    for last in (1..rows.len()).rev() {
        rows.swap(last, random.random_range(0..=last));
    }
}

fn percentiles(samples_ms: &[f64]) -> Latency {
    let summary = latency::summarise(samples_ms);
    Latency {
        n: samples_ms.len() as u64,
        p50: summary.map(|s| s.p50),
        p95: summary.map(|s| s.p95),
        p99: summary.map(|s| s.p99),
        max: summary.map(|s| s.max),
    }
}

/// The server's error about a statement of `dbproof.toml`.
fn in_config(key: &str, error: PostgresError) -> RunError {
    match error {
        PostgresError::Server(error) => {
            InputError::new(format!("`[deadlock.storm] {key}`: {error}"))
                .with_help(error.hint.clone().or_else(|| error.detail.clone()))
                .into()
        }
        error => error.into(),
    }
}
