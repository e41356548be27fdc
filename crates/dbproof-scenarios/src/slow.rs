//! The `slow` scenario: are the monitored queries under their thresholds?

use std::sync::Arc;
use std::time::Instant;

use dbproof_analysis::{findings, latency, plan};
use dbproof_model::{Finding, Scenario, SlowQuery, SlowRecord, ThresholdSource, Verdict};
use dbproof_postgres::explain::{Mode, explain};
use dbproof_postgres::{
    Address, MeasuringConnection, PostgresError, ServerError, Session, connect,
};

use crate::error::{InputError, RunError};
use crate::observer::{Event, Observer};
use crate::options::{RunOptions, Threshold};
use crate::parameters::{ParameterValues, ValueSet};
use crate::project::MonitoredQuery;
use crate::project::config::SlowConfig;

/// Where no threshold is set at all.
const DEFAULT_THRESHOLD_MS: f64 = 100.0;

/// What the samples of one query were.
#[derive(Debug, Default)]
struct Samples {
    milliseconds: Vec<f64>,
    /// The values of the slowest sample.
    slowest: Option<(f64, ValueSet)>,
    /// The server's first error, and how many there were.
    error: Option<ServerError>,
    errors: u64,
}

/// Measures every monitored query on the database at `address`.
pub(crate) async fn run(
    options: &RunOptions,
    address: &Address,
    queries: &[MonitoredQuery],
    observer: &dyn Observer,
) -> Result<(SlowRecord, Vec<Finding>), RunError> {
    let session = connect(address).await?;
    let mut records = Vec::new();
    let mut findings = Vec::new();
    for (done, monitored) in queries.iter().enumerate() {
        let name = &monitored.query.name;
        observer.event(Event::Step {
            scenario: Scenario::Slow,
            name,
            done,
            total: queries.len(),
        });
        check_statement(&session, monitored).await?;
        let samples = measure(options, address, &session, monitored).await?;
        let (record, found) = judge(options, &session, monitored, samples).await?;
        records.push(record);
        findings.extend(found);
    }
    session.close().await;
    let verdict = Verdict::of_all(records.iter().map(|r| r.verdict));
    Ok((
        SlowRecord {
            verdict,
            queries: records,
        },
        findings,
    ))
}

/// A statement that the server cannot even prepare is the user's mistake, not a slow query.
pub(crate) async fn check_statement(
    session: &Session,
    monitored: &MonitoredQuery,
) -> Result<(), RunError> {
    let query = &monitored.query;
    match session
        .prepare(&query.sql)
        .await
        .map_err(|error| session.error(&error))
    {
        Ok(_) => Ok(()),
        Err(PostgresError::Server(error)) => Err(unusable(monitored, &error).into()),
        Err(error) => Err(error.into()),
    }
}

/// The server's error about a query's statement, shown in the user's file.
pub(crate) fn unusable(monitored: &MonitoredQuery, error: &ServerError) -> Box<InputError> {
    let (query, file) = (&monitored.query, &monitored.file);
    let what = format!("the server refuses query `{}`", query.name);
    InputError::from_server(
        &what,
        error,
        &file.name,
        &file.text,
        query.sql_line,
        &query.sql,
    )
}

async fn measure(
    options: &RunOptions,
    address: &Address,
    session: &Session,
    monitored: &MonitoredQuery,
) -> Result<Samples, RunError> {
    let config = &options.project.config.slow;
    let mut values = ParameterValues::prepare(session, monitored, options.seed).await?;
    let mut workers = Vec::new();
    for shares in shares(config) {
        let warmup: Vec<ValueSet> = (0..shares.warmup).map(|_| values.draw()).collect();
        let measured: Vec<ValueSet> = (0..shares.samples).map(|_| values.draw()).collect();
        let address = address.clone();
        let sql: Arc<str> = monitored.query.sql.as_str().into();
        let in_place = options.in_place;
        workers.push(tokio::task::spawn_blocking(move || {
            sample(&address, &sql, &warmup, measured, in_place)
        }));
    }
    let mut all = Samples::default();
    for worker in workers {
        let samples = worker.await.map_err(|error| RunError::File {
            action: "measure".to_owned(),
            source: std::io::Error::other(error),
        })??;
        all.merge(samples);
    }
    Ok(all)
}

/// What one connection does of the whole.
#[derive(Debug, PartialEq, Eq)]
struct Share {
    warmup: u32,
    samples: u32,
}

/// Deals the samples out to the connections; each connection warms up in full.
fn shares(config: &SlowConfig) -> Vec<Share> {
    let connections = config.concurrency.min(config.samples);
    (0..connections)
        .map(|index| Share {
            warmup: config.warmup,
            samples: config.samples / connections + u32::from(index < config.samples % connections),
        })
        .collect()
}

/// Measures on one connection. Requests are encoded ahead; the loop does nothing but measure.
fn sample(
    address: &Address,
    sql: &str,
    warmup: &[ValueSet],
    measured: Vec<ValueSet>,
    in_place: bool,
) -> Result<Samples, PostgresError> {
    let mut connection = MeasuringConnection::open(address)?;
    if in_place {
        // Nothing that a statement writes into a database of the user's is kept.
        connection.run("BEGIN")?;
    }
    let statement = connection.prepare(sql)?;
    let encode =
        |connection: &MeasuringConnection, values: &ValueSet| connection.encode(&statement, values);
    let warm = warmup
        .iter()
        .map(|v| encode(&connection, v))
        .collect::<Result<Vec<_>, _>>()?;
    let requests = measured
        .iter()
        .map(|v| encode(&connection, v))
        .collect::<Result<Vec<_>, _>>()?;
    let mut outcomes = Vec::with_capacity(requests.len());
    for request in &warm {
        if let Err(error @ PostgresError::ConnectionLost { .. }) = connection.execute(request) {
            return Err(error);
        }
    }
    for request in &requests {
        let began = Instant::now();
        let outcome = connection.execute(request);
        outcomes.push((began.elapsed(), outcome));
    }
    if in_place {
        connection.run("ROLLBACK")?;
    }
    let mut samples = Samples::default();
    for ((elapsed, outcome), values) in outcomes.into_iter().zip(measured) {
        samples.add(elapsed.as_secs_f64() * 1000.0, outcome, values)?;
    }
    Ok(samples)
}

impl Samples {
    fn add(
        &mut self,
        milliseconds: f64,
        outcome: Result<u64, PostgresError>,
        values: ValueSet,
    ) -> Result<(), PostgresError> {
        match outcome {
            Ok(_) => {
                self.milliseconds.push(milliseconds);
                if self
                    .slowest
                    .as_ref()
                    .is_none_or(|(most, _)| milliseconds > *most)
                {
                    self.slowest = Some((milliseconds, values));
                }
            }
            Err(PostgresError::Server(error)) => {
                self.errors += 1;
                self.error.get_or_insert(error);
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }

    fn merge(&mut self, other: Samples) {
        self.milliseconds.extend(other.milliseconds);
        self.errors += other.errors;
        if let Some(error) = other.error {
            self.error.get_or_insert(error);
        }
        if let Some((most, values)) = other.slowest
            && self.slowest.as_ref().is_none_or(|(mine, _)| most > *mine)
        {
            self.slowest = Some((most, values));
        }
    }
}

/// The most specific threshold wins; the environment's replaces the file's general one.
fn threshold(options: &RunOptions, monitored: &MonitoredQuery) -> Threshold {
    let own = monitored.query.threshold_ms.map(|milliseconds| Threshold {
        milliseconds,
        source: ThresholdSource::Query,
    });
    let configured = options
        .project
        .config
        .slow
        .threshold_ms
        .map(|milliseconds| Threshold {
            milliseconds,
            source: ThresholdSource::Configuration,
        });
    own.or(options.threshold)
        .or(configured)
        .unwrap_or(Threshold {
            milliseconds: DEFAULT_THRESHOLD_MS,
            source: ThresholdSource::Default,
        })
}

async fn judge(
    options: &RunOptions,
    session: &Session,
    monitored: &MonitoredQuery,
    samples: Samples,
) -> Result<(SlowQuery, Option<Finding>), RunError> {
    let config = &options.project.config.slow;
    let query = &monitored.query;
    let threshold = threshold(options, monitored);
    let statistic = config.statistic;
    let summary = latency::summarise(&samples.milliseconds);
    let verdict = match samples.error {
        Some(_) => Verdict::Fail,
        None => latency::gate(&samples.milliseconds, statistic, threshold.milliseconds),
    };
    let mut record = SlowQuery {
        name: query.name.clone(),
        location: Some(query.location.clone()),
        samples: samples.milliseconds.len() as u64,
        warmup: u64::from(config.warmup),
        errors: samples.errors,
        avg_ms: summary.as_ref().map(|s| s.avg),
        p50_ms: summary.as_ref().map(|s| s.p50),
        p95_ms: summary.as_ref().map(|s| s.p95),
        p99_ms: summary.as_ref().map(|s| s.p99),
        max_ms: summary.as_ref().map(|s| s.max),
        stddev_ms: summary.as_ref().map(|s| s.stddev),
        threshold_ms: threshold.milliseconds,
        threshold_source: threshold.source,
        statistic,
        bounds: summary
            .as_ref()
            .map(|_| latency::bounds(&samples.milliseconds, statistic)),
        verdict,
        histogram: latency::histogram(&samples.milliseconds),
        slowest_plan: None,
    };
    if let Some(error) = &samples.error {
        return Ok((record, Some(failed(monitored, error, samples.errors))));
    }
    let breach = match verdict {
        Verdict::Pass => return Ok((record, None)),
        Verdict::Inconclusive => {
            return Ok((
                record.clone(),
                Some(findings::threshold_undecided::finding(&record)),
            ));
        }
        Verdict::Fail => samples.slowest,
    };
    let mut slowest_plan = None;
    if let Some((_, values)) = breach {
        let mut explained = explain(session, &query.sql, &values, Mode::Analyze).await?;
        slowest_plan = plan::parse(&explained).ok();
        if !options.keep_values {
            plan::mask_values(&mut explained);
        }
        record.slowest_plan = Some(explained);
    }
    let finding = findings::slow_query::finding(&record, slowest_plan.as_ref());
    Ok((record, Some(finding)))
}

/// The finding for a query that the server answered with an error.
pub(crate) fn failed(monitored: &MonitoredQuery, error: &ServerError, errors: u64) -> Finding {
    let query = &monitored.query;
    findings::query_failed::finding(&findings::query_failed::Failure {
        query: &query.name,
        location: Some(query.location.clone()),
        sqlstate: &error.sqlstate,
        message: &error.message,
        hint: error.hint.as_deref(),
        errors,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_dealt_out_evenly_and_none_is_lost() {
        let config = SlowConfig {
            samples: 10,
            concurrency: 4,
            warmup: 3,
            ..Default::default()
        };
        let samples: Vec<u32> = shares(&config).iter().map(|share| share.samples).collect();
        assert_eq!(samples, [3, 3, 2, 2]);
        assert!(shares(&config).iter().all(|share| share.warmup == 3));
        let few = SlowConfig {
            samples: 1,
            concurrency: 4,
            ..config
        };
        assert_eq!(shares(&few).len(), 1);
    }
}
