//! Paired timing of the two sides.
//!
//! The bias of a comparison belongs to the connection, so connections are renewed for every
//! session. Within a session the sides alternate strictly from a random starting side, with the
//! same values in a pair: the second of two executions in a row would find warmer caches.

use std::time::Instant;

use dbproof_postgres::{Address, MeasuringConnection, PostgresError, Request};
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha12Rng;

use super::Twins;
use crate::error::RunError;
use crate::parameters::{ParameterValues, ValueSet};
use crate::project::config::RegressConfig;

/// A generic plan may take over after five executions; ten leave that choice behind.
const WARMUP: u32 = 10;

/// `(before, after)` in milliseconds.
type Pair = (f64, f64);

/// Times the two sides; empty where the server answers an execution with an error.
pub(super) async fn measure(
    config: &RegressConfig,
    twins: &Twins,
    sql: &str,
    values: &mut ParameterValues,
    seed: u64,
) -> Result<Vec<Vec<Pair>>, RunError> {
    let mut random = ChaCha12Rng::seed_from_u64(seed);
    let plans: Vec<SessionPlan> = (0..config.sessions)
        .map(|_| SessionPlan {
            before_first: random.random(),
            warmup: (0..WARMUP).map(|_| values.draw()).collect(),
            // An even number of pairs, so that each side goes first equally often.
            pairs: (0..config.pairs.next_multiple_of(2))
                .map(|_| values.draw())
                .collect(),
        })
        .collect();
    let (before, after, sql) = (twins.before.clone(), twins.after.clone(), sql.to_owned());
    let measured = tokio::task::spawn_blocking(move || {
        plans
            .iter()
            .map(|plan| session(&before, &after, &sql, plan))
            .collect()
    })
    .await
    .map_err(|error| RunError::File {
        action: "measure".to_owned(),
        source: std::io::Error::other(error),
    })?;
    match measured {
        Ok(sessions) => Ok(sessions),
        Err(PostgresError::Server(_)) => Ok(Vec::new()),
        Err(error) => Err(error.into()),
    }
}

/// What one session will execute.
struct SessionPlan {
    before_first: bool,
    warmup: Vec<ValueSet>,
    pairs: Vec<ValueSet>,
}

/// One side of a session, with everything encoded ahead.
struct PreparedSide {
    connection: MeasuringConnection,
    pairs: Vec<Request>,
}

impl PreparedSide {
    fn open(address: &Address, sql: &str, plan: &SessionPlan) -> Result<Self, PostgresError> {
        let mut connection = MeasuringConnection::open(address)?;
        // What a statement writes must not add up on either side.
        connection.run("BEGIN")?;
        let statement = connection.prepare(sql)?;
        for values in &plan.warmup {
            let request = connection.encode(&statement, values)?;
            connection.execute(&request)?;
        }
        let pairs = plan
            .pairs
            .iter()
            .map(|values| connection.encode(&statement, values))
            .collect::<Result<_, _>>()?;
        Ok(PreparedSide { connection, pairs })
    }

    fn time(&mut self, index: usize) -> Result<f64, PostgresError> {
        let began = Instant::now();
        self.connection.execute(&self.pairs[index])?;
        Ok(began.elapsed().as_secs_f64() * 1000.0)
    }
}

fn session(
    before: &Address,
    after: &Address,
    sql: &str,
    plan: &SessionPlan,
) -> Result<Vec<Pair>, PostgresError> {
    let mut before = PreparedSide::open(before, sql, plan)?;
    let mut after = PreparedSide::open(after, sql, plan)?;
    let mut pairs = Vec::with_capacity(plan.pairs.len());
    for index in 0..plan.pairs.len() {
        pairs.push(if plan.before_first {
            let first = before.time(index)?;
            (first, after.time(index)?)
        } else {
            let first = after.time(index)?;
            (before.time(index)?, first)
        });
    }
    before.connection.run("ROLLBACK")?;
    after.connection.run("ROLLBACK")?;
    Ok(pairs)
}
