//! Paired executions on two sides: [`Sampler`].
//!
//! The bias of a comparison belongs to the connection, so connections are renewed for every
//! session, and where the server is ours, client and both backends are pinned to one processor.
//! Within a session the sides alternate strictly from a random starting side, with the same values
//! in a pair: the second of two executions in a row would find warmer caches.

use std::time::Instant;

use dbproof_postgres::{Address, MeasuringConnection, PostgresError, Request, affinity};
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha12Rng;
use tokio::sync::oneshot;

use crate::error::RunError;
use crate::parameters::{ParameterValues, ValueSet};

/// `(before, after)` in milliseconds.
pub(super) type Pair = (f64, f64);

/// How much is measured of a query in one look.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Effort {
    /// Sessions, each with connections of its own.
    pub(super) sessions: u32,
    /// Pairs in each session; even, so that the sides go first equally often.
    pub(super) pairs: u32,
    /// Executions of each side before the first pair.
    pub(super) warmup: u32,
    /// Whether the statement is planned for its values each time. Otherwise the server chooses,
    /// and the warm-up must outlast the five executions after which a generic plan may take over.
    pub(super) custom_plan: bool,
    /// Whether client and backends share one processor, where they are ours. Not where the statement
    /// is meant to run on several.
    pub(super) pinned: bool,
}

impl Effort {
    /// Executions on both sides together.
    pub(super) fn executions(&self) -> f64 {
        f64::from(self.sessions) * 2.0 * f64::from(self.warmup + self.pairs)
    }
}

/// Measures pairs, and remembers whether all of its sessions could be pinned.
#[derive(Debug)]
pub(super) struct Sampler {
    processors: Vec<usize>,
    pub(super) pinned: bool,
    random: ChaCha12Rng,
}

/// What one session will execute.
struct SessionPlan {
    left_first: bool,
    warmup: Vec<ValueSet>,
    pairs: Vec<ValueSet>,
    custom_plan: bool,
    processor: Option<usize>,
}

/// Whether client and backends can share a processor on a server that is the user's: it runs on this
/// machine, and this user may say where its processes run.
pub(super) async fn can_pin(before: &Address) -> bool {
    let address = before.clone();
    let probe = tokio::task::spawn_blocking(move || {
        let connection = MeasuringConnection::open(&address);
        connection.is_ok_and(|connection| affinity::can_pin(&connection, address.database()))
    });
    probe.await.unwrap_or(false)
}

impl Sampler {
    /// `local` tells that the server's processes can be pinned.
    pub(super) fn new(local: bool, seed: u64) -> Self {
        let processors = if local {
            affinity::allowed_processors()
        } else {
            Vec::new()
        };
        let pinned = !processors.is_empty();
        Sampler {
            processors,
            pinned,
            random: ChaCha12Rng::seed_from_u64(seed),
        }
    }

    /// Pairs of executions on the two sides, session by session; empty where the server answers an
    /// execution with an error.
    pub(super) async fn sample(
        &mut self,
        sides: (&Address, &Address),
        sql: &str,
        values: &mut ParameterValues,
        effort: Effort,
    ) -> Result<Vec<Vec<Pair>>, RunError> {
        let plans: Vec<SessionPlan> = (0..effort.sessions)
            .map(|_| self.plan(values, effort))
            .collect();
        let (left, right, sql) = (sides.0.clone(), sides.1.clone(), sql.to_owned());
        let (sender, receiver) = oneshot::channel();
        // A thread of its own, because it may stay pinned until its end.
        std::thread::spawn(move || {
            let mut pinned = true;
            let sessions: Result<Vec<_>, _> = plans
                .iter()
                .map(|plan| session(&left, &right, &sql, plan, &mut pinned))
                .collect();
            sender.send((sessions, pinned)).ok();
        });
        let (sessions, pinned) = receiver.await.map_err(|error| RunError::File {
            action: "measure".to_owned(),
            source: std::io::Error::other(error),
        })?;
        self.pinned &= pinned;
        match sessions {
            Ok(sessions) => Ok(sessions),
            Err(PostgresError::Server(_)) => Ok(Vec::new()),
            Err(error) => Err(error.into()),
        }
    }

    fn plan(&mut self, values: &mut ParameterValues, effort: Effort) -> SessionPlan {
        let processor = match self.processors.len() {
            _ if !effort.pinned => None,
            0 => None,
            count => Some(self.processors[self.random.random_range(0..count)]),
        };
        SessionPlan {
            left_first: self.random.random(),
            warmup: (0..effort.warmup).map(|_| values.draw()).collect(),
            pairs: (0..effort.pairs).map(|_| values.draw()).collect(),
            custom_plan: effort.custom_plan,
            processor,
        }
    }
}

/// One side of a session, with everything encoded ahead.
struct PreparedSide {
    connection: MeasuringConnection,
    warmup: Vec<Request>,
    pairs: Vec<Request>,
}

impl PreparedSide {
    fn open(address: &Address, sql: &str, plan: &SessionPlan) -> Result<Self, PostgresError> {
        let mut connection = MeasuringConnection::open(address)?;
        // What a statement writes must not add up on either side.
        connection.run("BEGIN")?;
        if plan.custom_plan {
            connection.run("SET LOCAL plan_cache_mode = force_custom_plan")?;
        }
        let statement = connection.prepare(sql)?;
        let encode = |sets: &[ValueSet]| -> Result<Vec<Request>, PostgresError> {
            sets.iter()
                .map(|values| connection.encode(&statement, values))
                .collect()
        };
        let (warmup, pairs) = (encode(&plan.warmup)?, encode(&plan.pairs)?);
        Ok(PreparedSide {
            connection,
            warmup,
            pairs,
        })
    }

    fn warm_up(&mut self, index: usize) -> Result<(), PostgresError> {
        self.connection.execute(&self.warmup[index]).map(|_| ())
    }

    fn time(&mut self, index: usize) -> Result<f64, PostgresError> {
        let began = Instant::now();
        self.connection.execute(&self.pairs[index])?;
        Ok(began.elapsed().as_secs_f64() * 1000.0)
    }
}

fn session(
    left: &Address,
    right: &Address,
    sql: &str,
    plan: &SessionPlan,
    pinned: &mut bool,
) -> Result<Vec<Pair>, PostgresError> {
    let mut left = PreparedSide::open(left, sql, plan)?;
    let mut right = PreparedSide::open(right, sql, plan)?;
    if let Some(processor) = plan.processor {
        let backends = [left.connection.process_id(), right.connection.process_id()];
        *pinned &= affinity::pin_to(processor, &backends);
    }
    for index in 0..plan.warmup.len() {
        left.warm_up(index)?;
        right.warm_up(index)?;
    }
    let mut pairs = Vec::with_capacity(plan.pairs.len());
    for index in 0..plan.pairs.len() {
        pairs.push(if plan.left_first {
            let first = left.time(index)?;
            (first, right.time(index)?)
        } else {
            let first = right.time(index)?;
            (left.time(index)?, first)
        });
    }
    left.connection.run("ROLLBACK")?;
    right.connection.run("ROLLBACK")?;
    Ok(pairs)
}
