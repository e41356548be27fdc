//! What is to be executed, drawn ahead: [`Load`].

use std::time::Duration;

use dbproof_postgres::Session;
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha12Rng;

use super::schedule::Schedule;
use crate::error::RunError;
use crate::parameters::{ParameterValues, ValueSet};
use crate::project::MonitoredQuery;
use crate::project::config::SlowConfig;

/// So many executions are drawn at the most; a longer measurement begins again with the first.
const MOST_DRAWN: u64 = 100_000;
/// So many are drawn where nobody knows how many it will take.
const DRAWN_FOR_A_TIME: u64 = 20_000;

/// One execution: which of the queries, and its values.
#[derive(Debug)]
pub(super) struct Task {
    pub(super) query: usize,
    pub(super) values: ValueSet,
}

/// Everything that a measurement executes.
#[derive(Debug)]
pub(super) struct Load {
    /// The statement of each query.
    pub(super) statements: Vec<String>,
    /// What every connection executes before the measurement.
    pub(super) warmup: Vec<Task>,
    /// What is measured, again from the first where it does not suffice.
    pub(super) tasks: Vec<Task>,
    pub(super) extent: Extent,
    /// When each execution is to begin, in an open loop.
    pub(super) schedule: Option<Schedule>,
    pub(super) connections: u32,
}

/// How much is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Extent {
    /// So many executions.
    Count(u64),
    /// As many as begin within this time.
    Time(Duration),
}

impl Load {
    /// Draws what these queries, one or a mix, are to execute.
    pub(super) async fn draw(
        session: &Session,
        queries: &[&MonitoredQuery],
        config: &SlowConfig,
        seed: u64,
    ) -> Result<Self, RunError> {
        let mut values = Vec::with_capacity(queries.len());
        for query in queries {
            values.push(ParameterValues::prepare(session, query, seed).await?);
        }
        let asked = u64::from(config.samples) * queries.len() as u64;
        let length = config.duration_s.map(Duration::from_secs_f64);
        let schedule = config
            .rate
            .map(|rate| Schedule::draw(rate, asked, length, seed));
        let extent = match (&schedule, length) {
            (Some(schedule), _) => Extent::Count(schedule.len() as u64),
            (None, Some(length)) => Extent::Time(length),
            (None, None) => Extent::Count(asked),
        };
        let drawn = match extent {
            Extent::Count(count) => count.min(MOST_DRAWN),
            Extent::Time(_) => DRAWN_FOR_A_TIME,
        };
        let mut warmup = Vec::new();
        for (query, values) in values.iter_mut().enumerate() {
            for _ in 0..config.warmup {
                let values = values.draw();
                warmup.push(Task { query, values });
            }
        }
        let weights: Vec<f64> = queries.iter().map(|query| query.query.weight).collect();
        let mut random = ChaCha12Rng::seed_from_u64(seed);
        let tasks = (0..drawn)
            .map(|_| {
                let query = by_weight(&weights, random.random());
                let values = values[query].draw();
                Task { query, values }
            })
            .collect();
        Ok(Load {
            statements: queries.iter().map(|q| q.query.sql.clone()).collect(),
            warmup,
            tasks,
            extent,
            schedule,
            connections: connections(config, extent),
        })
    }

    /// The largest number of samples that a query can have, where it is known.
    pub(super) fn most_samples(&self) -> Option<u64> {
        match self.extent {
            Extent::Count(count) => Some(count),
            Extent::Time(_) => None,
        }
    }
}

/// No more connections than there are executions.
fn connections(config: &SlowConfig, extent: Extent) -> u32 {
    match extent {
        Extent::Count(count) => {
            let most = u32::try_from(count.max(1)).unwrap_or(u32::MAX);
            config.concurrency.min(most)
        }
        Extent::Time(_) => config.concurrency,
    }
}

/// The place of a number between 0 and 1 among the weights, of which there must be one at least.
fn by_weight(weights: &[f64], uniform: f64) -> usize {
    let mut left = uniform * weights.iter().sum::<f64>();
    weights
        .iter()
        .position(|weight| {
            left -= weight;
            left < 0.0
        })
        .unwrap_or(weights.len() - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_are_drawn_by_their_weights() {
        let weights = [1.0, 3.0, 0.5];
        let drawn = |uniform| by_weight(&weights, uniform);
        assert_eq!(
            [0.0, 0.22, 0.23, 0.88, 0.89, 0.999_999].map(drawn),
            [0, 0, 1, 1, 2, 2]
        );
        assert_eq!(by_weight(&[2.0], 0.999_999), 0);
    }

    #[test]
    fn there_are_no_more_connections_than_executions() {
        let config = SlowConfig {
            concurrency: 4,
            ..SlowConfig::default()
        };
        assert_eq!(connections(&config, Extent::Count(2)), 2);
        assert_eq!(connections(&config, Extent::Count(0)), 1);
        assert_eq!(
            connections(&config, Extent::Time(Duration::from_secs(1))),
            4
        );
    }
}
