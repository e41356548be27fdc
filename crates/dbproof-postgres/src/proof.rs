//! A loop of statements and the one that is to replace it, run side by side: [`prove`].
//!
//! Both run in one read-only transaction on one snapshot, and every row is compared, column by
//! column, as the bytes that the server sends.

mod compare;
mod sent;

use std::time::{Duration, Instant};

use dbproof_analysis::nplusone::{Rerun, RerunValue};
use dbproof_analysis::traffic::SentParameter;
use postgres_types::{ToSql, Type};
use tokio_postgres::Row;

use crate::{PostgresError, Session};
use compare::{Batched, same_rows};
pub use sent::run_sent;
use sent::{Sent, type_of};

/// Times that both are run; the median counts.
const ROUNDS: usize = 3;
/// How long everything about one loop may take.
const LIMIT: Duration = Duration::from_secs(60);

/// What came of running both.
#[derive(Debug, Clone, PartialEq)]
pub struct Proof {
    /// Whether every value had the same rows in both.
    pub agrees: bool,
    /// Values that the loop returned the row of an empty group for (a count of 0), and the batched
    /// statement no row.
    pub empty_groups: u64,
    /// The statements of the loop.
    pub statements: u64,
    /// The rows that they returned.
    pub rows: u64,
    /// The median time of the whole loop, in milliseconds.
    pub looped_ms: f64,
    /// The median time of the batched statement, in milliseconds.
    pub batched_ms: f64,
}

/// Why both were not run. Holds no value of the application's.
#[derive(Debug)]
pub enum ProofError {
    /// The statement calls a function that may do something.
    Volatile(String),
    /// The loop itself cannot be run any more: its tables or its rows are gone.
    Loop(PostgresError),
    /// The batched statement was refused.
    Batched(PostgresError),
    /// The server could not be asked.
    Server(PostgresError),
    /// It took too long.
    TooLong,
}

/// Runs a loop and its batched statement in a read-only transaction, which is rolled back.
pub async fn prove(session: &Session, rerun: &Rerun, batched: &str) -> Result<Proof, ProofError> {
    match tokio::time::timeout(LIMIT, in_transaction(session, rerun, batched)).await {
        Ok(proof) => proof,
        Err(_) => Err(ProofError::TooLong),
    }
}

async fn in_transaction(
    session: &Session,
    rerun: &Rerun,
    batched: &str,
) -> Result<Proof, ProofError> {
    let server = ProofError::Server;
    refuse_volatile(session, &rerun.functions).await?;
    session
        .run(
            "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; \
             SET LOCAL statement_timeout = '10s'; SET LOCAL lock_timeout = '1s'",
        )
        .await
        .map_err(server)?;
    let proof = both(session, rerun, batched).await;
    session.run("ROLLBACK").await.map_err(server)?;
    proof
}

/// A function that is volatile may write, notify, or return something else each time. Names are
/// compared without their arguments, so that more is refused than need be.
async fn refuse_volatile(session: &Session, functions: &[String]) -> Result<(), ProofError> {
    let rows = session
        .query(
            "SELECT proname::text FROM pg_proc WHERE proname = ANY($1::text[]) AND provolatile = 'v'",
            &[&functions],
        )
        .await
        .map_err(|e| ProofError::Server(session.error(&e)))?;
    match rows.first() {
        Some(row) => Err(ProofError::Volatile(row.get(0))),
        None => Ok(()),
    }
}

async fn both(session: &Session, rerun: &Rerun, batched: &str) -> Result<Proof, ProofError> {
    let keys = key_texts(session, rerun).await?;
    let array = SentParameter {
        type_oid: 0,
        binary: false,
        value: Some(array_text(&keys).into_bytes()),
    };
    let mut parameters = vec![array];
    parameters.extend(rerun.others.iter().map(as_parameter));
    let mut looped_times = Vec::with_capacity(ROUNDS);
    let mut batched_times = Vec::with_capacity(ROUNDS);
    let mut looped_rows: Vec<Vec<Row>> = Vec::new();
    let mut batched_rows: Vec<Row> = Vec::new();
    for _ in 0..ROUNDS {
        let began = Instant::now();
        let mut rows = Vec::with_capacity(rerun.children.len());
        for (child, _) in &rerun.children {
            let answer = run(session, &child.sql, &child.parameters).await;
            rows.push(answer.map_err(ProofError::Loop)?);
        }
        looped_times.push(began.elapsed());
        looped_rows = rows;
        let began = Instant::now();
        batched_rows = run(session, batched, &parameters)
            .await
            .map_err(ProofError::Batched)?;
        batched_times.push(began.elapsed());
    }
    let batched = Batched {
        rows: &batched_rows,
        is_grouped: is_grouped(batched, &rerun.children[0].0.sql),
    };
    let same = same_rows(session, &keys, &looped_rows, &batched)
        .await
        .map_err(ProofError::Server)?;
    Ok(Proof {
        agrees: same.is_some(),
        empty_groups: same.unwrap_or(0),
        statements: rerun.children.len() as u64,
        rows: looped_rows.iter().map(|rows| rows.len() as u64).sum(),
        looped_ms: median_ms(looped_times),
        batched_ms: median_ms(batched_times),
    })
}

/// Whether the batched statement groups where the loop did not: a value without rows then has no
/// group either.
fn is_grouped(batched: &str, child: &str) -> bool {
    let groups = |sql: &str| sql.to_ascii_lowercase().contains("group by");
    groups(batched) && !groups(child)
}

async fn run(
    session: &Session,
    sql: &str,
    parameters: &[SentParameter],
) -> Result<Vec<Row>, PostgresError> {
    let sent: Vec<(Sent<'_>, Type)> = parameters
        .iter()
        .map(|parameter| (Sent(parameter), type_of(parameter)))
        .collect();
    let parameters: Vec<(&(dyn ToSql + Sync), Type)> = sent
        .iter()
        .map(|(value, kind)| (value as &(dyn ToSql + Sync), kind.clone()))
        .collect();
    let rows = session.query_typed(sql, &parameters).await;
    rows.map_err(|error| session.error(&error))
}

fn as_parameter(value: &RerunValue) -> SentParameter {
    match value {
        RerunValue::Parameter(parameter) => parameter.clone(),
        RerunValue::Literal(text) => SentParameter {
            type_oid: 0,
            binary: false,
            value: text.clone().map(String::into_bytes),
        },
    }
}

/// The values of the children as text, which the server makes of those that were bound in binary.
async fn key_texts(session: &Session, rerun: &Rerun) -> Result<Vec<String>, ProofError> {
    let mut texts = Vec::with_capacity(rerun.children.len());
    for (_, key) in &rerun.children {
        let text = match key {
            RerunValue::Literal(text) => text.clone(),
            RerunValue::Parameter(parameter) if !parameter.binary => {
                let text = parameter.value.as_ref().map(|v| String::from_utf8_lossy(v));
                text.map(std::borrow::Cow::into_owned)
            }
            RerunValue::Parameter(parameter) => {
                let typed = sent::with_type(parameter);
                let rows = run(session, "SELECT $1::text", std::slice::from_ref(&typed)).await;
                let rows = rows.map_err(ProofError::Server)?;
                rows.first().and_then(|row| row.get(0))
            }
        };
        // NULL equals nothing, so that a loop over it has no rows; the batch leaves it out.
        texts.push(text.unwrap_or_default());
    }
    Ok(texts)
}

/// An array in text form, every element quoted.
fn array_text(elements: &[String]) -> String {
    let quoted = elements.iter().map(|element| {
        let escaped = element.replace('\\', "\\\\").replace('"', "\\\"");
        format!("\"{escaped}\"")
    });
    format!("{{{}}}", quoted.collect::<Vec<_>>().join(","))
}

fn median_ms(mut times: Vec<Duration>) -> f64 {
    times.sort_unstable();
    times[times.len() / 2].as_secs_f64() * 1e3
}
