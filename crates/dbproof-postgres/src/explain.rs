//! EXPLAIN of a statement with its parameters: [`explain`].

use std::collections::BTreeMap;

use dbproof_model::{PlanChoice, StatementWork};
use postgres_protocol::escape::{escape_identifier, escape_literal};
use serde_json::Value;

use crate::rewritten::one_plan;
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
    explain_plan(session, sql, values, (mode, PlanChoice::Custom)).await
}

/// The same for either of the plans that a prepared statement can have.
pub async fn explain_plan(
    session: &Session,
    sql: &str,
    values: &[Option<String>],
    how: (Mode, PlanChoice),
) -> Result<Value, PostgresError> {
    rolled_back(session, async || {
        explain_in_transaction(session, sql, values, how).await
    })
    .await
}

/// Which plan the server takes for a prepared statement that is executed often: it compares the
/// generic plan with the average of the first five custom ones (PostgreSQL documentation,
/// "PREPARE", under `plan_cache_mode`), unless the database's own `plan_cache_mode` decides. Nothing
/// is executed; `sets` are the parameters of these five, taken in turn.
pub async fn settled_plan(
    session: &Session,
    sql: &str,
    sets: &[&[Option<String>]],
) -> Result<PlanChoice, PostgresError> {
    rolled_back(session, async || {
        session.run(WITHOUT_WORKERS).await?;
        prepare(session, sql).await?;
        for values in sets.iter().cycle().take(CUSTOM_PLANS + 1) {
            let execute = format!("EXPLAIN EXECUTE dbproof_explained{}", arguments(values));
            session.run(&execute).await?;
        }
        let generic = "SELECT generic_plans FROM pg_prepared_statements \
                       WHERE name = 'dbproof_explained' AND generic_plans > 0";
        Ok(match session.text(generic).await? {
            Some(_) => PlanChoice::Generic,
            None => PlanChoice::Custom,
        })
    })
    .await
}

/// Whether the planner would run the statement with parallel workers, which [`explain`] keeps it from
/// doing. Nothing is executed.
pub async fn uses_workers(
    session: &Session,
    sql: &str,
    values: &[Option<String>],
) -> Result<bool, PostgresError> {
    rolled_back(session, async || {
        let choice = format!(
            "SET LOCAL plan_cache_mode = {}",
            setting(PlanChoice::Custom)
        );
        session.run(&choice).await?;
        prepare(session, sql).await?;
        let execute = format!("EXPLAIN EXECUTE dbproof_explained{}", arguments(values));
        let lines = session.texts(&execute).await?;
        Ok(lines.iter().any(|line| line.contains("Workers Planned:")))
    })
    .await
}

/// Plans of statements, each with its parameters, after the relations have been analysed anew: as
/// the planner would have them with another sample of the same rows. Nothing is executed, and the
/// statistics are rolled back.
///
/// Only for databases of our own: ANALYZE also updates the relations' sizes in the catalog, which
/// is not rolled back.
pub async fn replan(
    session: &Session,
    relations: &[(String, String)],
    statements: &[(&str, &[Option<String>])],
) -> Result<Vec<Value>, PostgresError> {
    rolled_back(session, async || {
        let names: Vec<String> = relations
            .iter()
            .map(|(schema, name)| {
                format!("{}.{}", escape_identifier(schema), escape_identifier(name))
            })
            .collect();
        if !names.is_empty() {
            session
                .run(&format!("ANALYZE {}", names.join(", ")))
                .await?;
        }
        let mut plans = Vec::with_capacity(statements.len());
        for (sql, values) in statements {
            let how = (Mode::Plan, PlanChoice::Custom);
            plans.push(explain_in_transaction(session, sql, values, how).await?);
            session.run("DEALLOCATE dbproof_explained").await?;
        }
        Ok(plans)
    })
    .await
}

/// Does something inside a transaction that is rolled back, and forgets prepared statements.
async fn rolled_back<T>(
    session: &Session,
    work: impl AsyncFnOnce() -> Result<T, PostgresError>,
) -> Result<T, PostgresError> {
    session.run("BEGIN").await?;
    let done = work().await;
    let rolled_back = session.run("ROLLBACK").await;
    session.run("DEALLOCATE ALL").await.ok();
    let value = done?;
    rolled_back?;
    Ok(value)
}

/// What a statement does to the project's relations, triggers and returned values included, from the
/// server's counters of this transaction; it is executed, and rolled back.
///
/// A trigger that fires after its row is in no node of the plan, and neither are the checks of a
/// foreign key. EXPLAIN does not return rows either, so it never fetches the large values in them
/// that are stored out of line (TOAST): the statement is executed itself. These counters need no extension and no privilege. They are not the transaction's
/// own alone, hence the difference of two readings: a session passes them on once in a while only.
pub async fn statement_work(
    session: &Session,
    sql: &str,
    values: &[Option<String>],
) -> Result<StatementWork, PostgresError> {
    rolled_back(session, async || {
        let before = counters(session).await?;
        session.run(WITHOUT_WORKERS).await?;
        let choice = format!(
            "SET LOCAL plan_cache_mode = {}",
            setting(PlanChoice::Custom)
        );
        session.run(&choice).await?;
        prepare(session, sql).await?;
        let execute = format!("EXECUTE dbproof_explained{}", arguments(values));
        session.run(&execute).await?;
        let after = counters(session).await?;
        Ok(difference(&before, after))
    })
    .await
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
    (mode, plan): (Mode, PlanChoice),
) -> Result<Value, PostgresError> {
    session.run(WITHOUT_WORKERS).await?;
    let choice = format!("SET LOCAL plan_cache_mode = {}", setting(plan));
    session.run(&choice).await?;
    prepare(session, sql).await?;
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
    serde_json::from_str(&text)
        .map(one_plan)
        .map_err(|error| PostgresError::Protocol {
            server: session.server().to_owned(),
            reason: format!("EXPLAIN's JSON cannot be read: {error}"),
        })
}

fn setting(plan: PlanChoice) -> &'static str {
    match plan {
        PlanChoice::Custom => "force_custom_plan",
        PlanChoice::Generic => "force_generic_plan",
    }
}

async fn prepare(session: &Session, sql: &str) -> Result<(), PostgresError> {
    session
        .run(&format!("{PREPARE}{sql}"))
        .await
        .map_err(|e| shift_position(e, PREPARE))
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

/// Workers' shares of the work differ from run to run.
const WITHOUT_WORKERS: &str = "SET LOCAL max_parallel_workers_per_gather = 0";

/// Executions of a prepared statement that are always planned for their values.
const CUSTOM_PLANS: usize = 5;

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
