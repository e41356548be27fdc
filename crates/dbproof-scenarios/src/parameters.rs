//! The values that a query's parameters are given: [`ParameterValues`].

use dbproof_data::distribution::Zipf;
use dbproof_model::{Bound, ParameterSource, Query};
use dbproof_postgres::{PostgresError, Session, catalog};
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha12Rng;

use crate::error::{InputError, RunError};
use crate::project::{MonitoredQuery, place};

/// One value for each parameter, in text form; `None` is NULL.
pub(crate) type ValueSet = Vec<Option<String>>;

/// Draws the values of a query's parameters; the same seed draws the same values.
#[derive(Debug)]
pub(crate) struct ParameterValues {
    sources: Vec<Source>,
    random: ChaCha12Rng,
}

/// A parameter source with its bounds looked up in the database.
#[derive(Debug)]
enum Source {
    Uniform {
        low: i64,
        high: i64,
    },
    Zipf {
        low: i64,
        high: i64,
        ranks: Zipf,
    },
    /// The values that the project lists: there are no others.
    Listed(Vec<String>),
    /// Values from the database as it was.
    Selected(Vec<String>),
}

impl ParameterValues {
    /// Looks up what the sources need to know.
    pub(crate) async fn prepare(
        session: &Session,
        monitored: &MonitoredQuery,
        seed: u64,
    ) -> Result<Self, RunError> {
        let query = &monitored.query;
        let mut sources = Vec::with_capacity(query.parameters.len());
        for parameter in &query.parameters {
            let resolved = resolve(session, &parameter.source).await;
            sources.push(resolved.map_err(|problem| match problem {
                Problem::Environment(error) => RunError::from(error),
                Problem::Source(message) => {
                    let at = place(&monitored.file, parameter.location.line, None);
                    InputError::at(format!("parameter `{}`: {message}", parameter.name), at).into()
                }
            })?);
        }
        Ok(ParameterValues {
            sources,
            random: ChaCha12Rng::seed_from_u64(seed ^ name_hash(query)),
        })
    }

    /// The next set of values.
    pub(crate) fn draw(&mut self) -> ValueSet {
        let random = &mut self.random;
        let draw = |source: &Source| match source {
            Source::Uniform { low, high } => random.random_range(*low..=*high).to_string(),
            Source::Zipf { low, ranks, .. } => {
                (low + i64::try_from(ranks.sample(random) - 1).unwrap_or(0)).to_string()
            }
            Source::Listed(values) | Source::Selected(values) => {
                values[random.random_range(0..values.len())].clone()
            }
        };
        self.sources.iter().map(draw).map(Some).collect()
    }

    /// Whether the source of a parameter, counted from 0, can give this value.
    pub(crate) fn can_be(&self, parameter: usize, value: &str) -> bool {
        let within = |low: i64, high: i64| {
            value
                .parse::<i64>()
                .is_ok_and(|number| (low..=high).contains(&number))
        };
        self.sources
            .get(parameter)
            .is_some_and(|source| match source {
                Source::Uniform { low, high } | Source::Zipf { low, high, .. } => {
                    within(*low, *high)
                }
                Source::Listed(values) | Source::Selected(values) => {
                    values.iter().any(|listed| listed == value)
                }
            })
    }

    /// Whether the project lists all values that a parameter, counted from 0, can have.
    pub(crate) fn is_listed(&self, parameter: usize) -> bool {
        matches!(self.sources.get(parameter), Some(Source::Listed(_)))
    }
}

/// Different queries of a run draw different values (FNV-1a, so that it is the same everywhere).
fn name_hash(query: &Query) -> u64 {
    query
        .name
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        })
}

/// Why a source cannot be used.
enum Problem {
    Environment(PostgresError),
    Source(String),
}

impl From<PostgresError> for Problem {
    fn from(error: PostgresError) -> Self {
        match error {
            PostgresError::Server(error) => Problem::Source(error.to_string()),
            error => Problem::Environment(error),
        }
    }
}

async fn resolve(session: &Session, source: &ParameterSource) -> Result<Source, Problem> {
    let range = async |low: &Bound, high: &Bound| -> Result<(i64, i64), Problem> {
        let (low, high) = (bound(session, low).await?, bound(session, high).await?);
        if low > high {
            return Err(Problem::Source(format!(
                "the range from {low} to {high} is empty"
            )));
        }
        Ok((low, high))
    };
    Ok(match source {
        ParameterSource::Uniform { low, high } => {
            let (low, high) = range(low, high).await?;
            Source::Uniform { low, high }
        }
        ParameterSource::Zipf {
            low,
            high,
            exponent,
        } => {
            let (low, high) = range(low, high).await?;
            let ranks = Zipf::new(high.abs_diff(low) + 1, *exponent)
                .map_err(|error| Problem::Source(error.to_string()))?;
            Source::Zipf { low, high, ranks }
        }
        ParameterSource::OneOf(values) => Source::Listed(values.clone()),
        ParameterSource::Select(sql) => {
            let values = session.texts(sql).await?;
            if values.is_empty() {
                return Err(Problem::Source(format!("`{sql}` returns no value")));
            }
            Source::Selected(values)
        }
    })
}

async fn bound(session: &Session, bound: &Bound) -> Result<i64, PostgresError> {
    match bound {
        Bound::Number(number) => Ok(*number),
        Bound::RowsOf(relation) => catalog::row_count(session, relation).await,
    }
}
