//! What is judged of each side: the plan with its names resolved, and the work beside it that is in
//! no node: of triggers, and of fetching large values for the result.

use dbproof_analysis::plan;
use dbproof_analysis::regression::Side;
use dbproof_model::{Plan, PlanNames, StatementWork};
use dbproof_postgres::PostgresError;
use dbproof_postgres::explain::statement_work;

use super::Sessions;
use crate::parameters::ValueSet;

/// The work of the statement on both sides, if a trigger fires on either, or one reads a relation
/// with values that are stored out of line.
pub(super) async fn work(
    sessions: &Sessions,
    sql: &str,
    values: &ValueSet,
    plans: (&Plan, &Plan),
) -> Result<(Option<StatementWork>, Option<StatementWork>), PostgresError> {
    let sides = [(plans.0, &sessions.names.0), (plans.1, &sessions.names.1)];
    if !sides.iter().any(|(plan, names)| works_beside(plan, names)) {
        return Ok((None, None));
    }
    Ok((
        Some(statement_work(&sessions.before, sql, values).await?),
        Some(statement_work(&sessions.after, sql, values).await?),
    ))
}

/// Whether a statement does work that no node of its plan shows.
pub(super) fn works_beside(plan: &Plan, names: &PlanNames) -> bool {
    !plan.triggers.is_empty() || !plan::relations(plan).is_disjoint(&names.toasted)
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
    let statement = statement.map(|work| renamed(work, names));
    Side {
        plan,
        row_count: row_count as f64,
        rows_digest,
        statement,
    }
}

/// The counters go by the bare names of relations, and so do their new names here.
fn renamed(work: StatementWork, names: &PlanNames) -> StatementWork {
    let new_name = |name: String| {
        let mut renamed = names.renamed.iter();
        match renamed.find(|((_, old), _)| *old == name) {
            Some((_, (_, new))) => new.clone(),
            None => name,
        }
    };
    StatementWork {
        blocks: work
            .blocks
            .into_iter()
            .map(|(name, blocks)| (new_name(name), blocks))
            .collect(),
        ..work
    }
}
