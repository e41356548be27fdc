//! EXPLAIN of a statement with its parameters: [`explain`].

use postgres_protocol::escape::escape_literal;
use serde_json::Value;

use crate::{PostgresError, Session};

/// How to explain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Plan only; nothing is executed.
    Plan,
    /// Execute (inside a transaction that is rolled back), counting rows and blocks. Node timings
    /// are off: EXPLAIN ANALYZE is not a clock, and TIMING ON can double the execution.
    Analyze,
}

/// EXPLAIN's JSON for `sql` with these parameter values in text form (`None` is NULL).
///
/// The statement is planned for these values (`plan_cache_mode = force_custom_plan`) and without
/// parallel workers, whose share of the work differs from run to run. A statement that writes is
/// rolled back.
pub async fn explain(
    session: &Session,
    sql: &str,
    values: &[Option<String>],
    mode: Mode,
) -> Result<Value, PostgresError> {
    session.run("BEGIN").await?;
    let explained = explain_in_transaction(session, sql, values, mode).await;
    let rolled_back = session.run("ROLLBACK").await;
    session.run("DEALLOCATE ALL").await.ok();
    let value = explained?;
    rolled_back?;
    Ok(value)
}

async fn explain_in_transaction(
    session: &Session,
    sql: &str,
    values: &[Option<String>],
    mode: Mode,
) -> Result<Value, PostgresError> {
    session
        .run(
            "SET LOCAL plan_cache_mode = force_custom_plan; \
             SET LOCAL max_parallel_workers_per_gather = 0",
        )
        .await?;
    session
        .run(&format!("{PREPARE}{sql}"))
        .await
        .map_err(|e| shift_position(e, PREPARE))?;
    let options = match mode {
        Mode::Plan => "VERBOSE, SETTINGS, FORMAT JSON",
        Mode::Analyze => "ANALYZE, BUFFERS, VERBOSE, SETTINGS, TIMING OFF, FORMAT JSON",
    };
    let text = session
        .texts(&format!(
            "EXPLAIN ({options}) EXECUTE dbproof_explained{}",
            arguments(values)
        ))
        .await?
        .join("\n");
    serde_json::from_str(&text).map_err(|error| PostgresError::Protocol {
        server: session.server().to_owned(),
        reason: format!("EXPLAIN's JSON cannot be read: {error}"),
    })
}

/// The parenthesised values of an EXECUTE; nothing where there are none.
pub(crate) fn arguments(values: &[Option<String>]) -> String {
    if values.is_empty() {
        return String::new();
    }
    let literals: Vec<String> = values
        .iter()
        .map(|value| {
            value
                .as_deref()
                .map_or_else(|| "NULL".to_owned(), escape_literal)
        })
        .collect();
    format!("({})", literals.join(", "))
}

const PREPARE: &str = "PREPARE dbproof_explained AS ";

/// Makes an error's position count from the user's own first character.
fn shift_position(error: PostgresError, prefix: &str) -> PostgresError {
    match error {
        PostgresError::Server(mut server) => {
            let shift = u32::try_from(prefix.len()).unwrap_or(0);
            server.position = server.position.map(|at| at.saturating_sub(shift));
            PostgresError::Server(server)
        }
        other => other,
    }
}
