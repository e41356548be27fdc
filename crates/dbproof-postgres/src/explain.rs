//! EXPLAIN of a statement with its parameters: [`explain`].

use std::collections::BTreeMap;

use dbproof_model::StatementWork;
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

/// What a statement does to the project's relations, triggers included, from the server's counters
/// of this transaction; it is executed, and rolled back.
///
/// A trigger that fires after its row is in no node of the plan, and neither are the checks of a
/// foreign key. These counters need no extension and no privilege. They are not the transaction's
/// own alone, hence the difference of two readings: a session passes them on once in a while only.
pub async fn statement_work(
    session: &Session,
    sql: &str,
    values: &[Option<String>],
) -> Result<StatementWork, PostgresError> {
    session.run("BEGIN").await?;
    let counted: Result<StatementWork, PostgresError> = async {
        let before = counters(session).await?;
        explain_in_transaction(session, sql, values, Mode::Analyze).await?;
        let after = counters(session).await?;
        Ok(difference(&before, after))
    }
    .await;
    let rolled_back = session.run("ROLLBACK").await;
    session.run("DEALLOCATE ALL").await.ok();
    let work = counted?;
    rolled_back?;
    Ok(work)
}

/// Blocks and written rows by relation; an index and a TOAST table count with their table.
const COUNTERS: &str = "\
    SELECT coalesce(owner.relname, part.relname)::text, \
           sum(pg_stat_get_xact_blocks_fetched(c.oid))::bigint, \
           sum(CASE WHEN c.relkind = 'r' THEN pg_stat_get_xact_tuples_inserted(c.oid) \
                    + pg_stat_get_xact_tuples_updated(c.oid) \
                    + pg_stat_get_xact_tuples_deleted(c.oid) ELSE 0 END)::bigint \
    FROM pg_class c \
    LEFT JOIN pg_index i ON i.indexrelid = c.oid \
    JOIN pg_class part ON part.oid = coalesce(i.indrelid, c.oid) \
    LEFT JOIN pg_class owner ON owner.reltoastrelid = part.oid \
    JOIN pg_namespace n ON n.oid = coalesce(owner.relnamespace, part.relnamespace) \
    WHERE c.relkind IN ('r', 'i', 't', 'm') \
      AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast') \
    GROUP BY 1";

async fn counters(session: &Session) -> Result<BTreeMap<String, (u64, u64)>, PostgresError> {
    let rows = session
        .query(COUNTERS, &[])
        .await
        .map_err(|e| session.error(&e))?;
    let count = |n: i64| u64::try_from(n).unwrap_or_default();
    Ok(rows
        .iter()
        .map(|row| (row.get(0), (count(row.get(1)), count(row.get(2)))))
        .collect())
}

fn difference(
    before: &BTreeMap<String, (u64, u64)>,
    after: BTreeMap<String, (u64, u64)>,
) -> StatementWork {
    let mut work = StatementWork::default();
    for (relation, (blocks, rows)) in after {
        let (blocks_before, rows_before) = before.get(&relation).copied().unwrap_or_default();
        work.rows_written += rows.saturating_sub(rows_before);
        let blocks = blocks.saturating_sub(blocks_before);
        if blocks > 0 {
            work.blocks.insert(relation, blocks);
        }
    }
    work
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
