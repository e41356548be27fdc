//! What is judged of each side: the plan with its names resolved, and the work of triggers beside it.

use dbproof_analysis::plan;
use dbproof_analysis::regression::Side;
use dbproof_model::{Plan, PlanNames, StatementWork};
use dbproof_postgres::PostgresError;
use dbproof_postgres::explain::statement_work;

use super::Sessions;
use crate::parameters::ValueSet;

/// The work of the statement on both sides, if a trigger fires on either.
pub(super) async fn work(
    sessions: &Sessions,
    sql: &str,
    values: &ValueSet,
    plans: (&Plan, &Plan),
) -> Result<(Option<StatementWork>, Option<StatementWork>), PostgresError> {
    if plans.0.triggers.is_empty() && plans.1.triggers.is_empty() {
        return Ok((None, None));
    }
    Ok((
        Some(statement_work(&sessions.before, sql, values).await?),
        Some(statement_work(&sessions.after, sql, values).await?),
    ))
}

/// A side as it is judged.
pub(super) fn side(
    plan: &Plan,
    names: &PlanNames,
    (row_count, rows_digest): (u64, Option<u64>),
    statement: Option<StatementWork>,
) -> Side {
    let mut plan = plan.clone();
    plan::resolve(&mut plan, names);
    Side {
        plan,
        row_count: row_count as f64,
        rows_digest,
        statement,
    }
}
