//! What a client gets that prepares the statement and executes it often: [`compare`] and
//! [`findings`].

use dbproof_analysis::findings::generic_plan_worse;
use dbproof_analysis::regression;
use dbproof_model::{Finding, Plan, PlanChoice, PreparedPlans};
use dbproof_postgres::PostgresError;
use dbproof_postgres::explain::settled_plan;

use super::compare::{CUSTOM, Comparison, Refusal, explain_both, judge, tolerances};
use super::twins::Sessions;
use crate::options::RunOptions;
use crate::project::MonitoredQuery;

/// Which plans the server settles on, when it is asked with the typical values in turn.
pub(super) async fn plans(
    sessions: &Sessions,
    sql: &str,
    comparisons: &[Comparison],
) -> Result<PreparedPlans, PostgresError> {
    let typical: Vec<&[Option<String>]> = comparisons
        .iter()
        .filter(|comparison| !comparison.set.derived)
        .map(|comparison| comparison.set.values.as_slice())
        .collect();
    Ok(PreparedPlans {
        before: settled_plan(&sessions.before, sql, &typical).await?,
        after: settled_plan(&sessions.after, sql, &typical).await?,
    })
}

/// Compares what a client gets that prepares the statement, where that is a generic plan of another
/// shape on either side: with the first typical set, and with the derived ones.
pub(super) async fn compare(
    options: &RunOptions,
    sessions: &Sessions,
    monitored: &MonitoredQuery,
    plans: PreparedPlans,
    comparisons: &[Comparison],
) -> Result<Vec<Comparison>, PostgresError> {
    if plans == CUSTOM {
        return Ok(Vec::new());
    }
    let sql = &monitored.query.sql;
    let mut settled = Vec::new();
    for (index, custom) in comparisons.iter().enumerate() {
        if index > 0 && !custom.set.derived {
            continue;
        }
        let set = custom.set.prepared();
        let compared = async {
            let explained = explain_both(sessions, sql, &set.values, plans).await?;
            let what = (set.clone(), plans);
            judge(
                options,
                sessions,
                monitored,
                what,
                explained,
                custom.digests,
            )
            .await
        };
        match compared.await {
            // The generic plan is the custom one: nothing new.
            Ok(comparison) if same_shapes(&comparison.trees, &custom.trees) => {}
            Ok(comparison) => settled.push(comparison),
            Err(Refusal::Other(error)) => return Err(error),
            // The same values were executed a moment ago.
            Err(Refusal::Before(error) | Refusal::After(error)) => return Err(error.into()),
        }
    }
    Ok(settled)
}

fn same_shapes(one: &(Plan, Plan), other: &(Plan, Plan)) -> bool {
    regression::same_shape(&one.0, &other.0) && regression::same_shape(&one.1, &other.1)
}

/// Says where the plan that the server settles on after the change reads more than one made for the
/// values: once a query, for the set with the largest difference.
pub(super) fn findings(
    options: &RunOptions,
    monitored: &MonitoredQuery,
    settled: Option<PreparedPlans>,
    custom: &[Comparison],
    generic: &[Comparison],
) -> Vec<Finding> {
    if settled.is_none_or(|plans| plans.after != PlanChoice::Generic) {
        return Vec::new();
    }
    let tolerances = tolerances(options);
    let pairs = generic.iter().filter_map(|generic| {
        let custom = custom.iter().find(|c| c.set.values == generic.set.values)?;
        Some((custom, generic))
    });
    let worst = pairs
        .filter(|(custom, generic)| {
            regression::reads_more(&generic.trees.1, &custom.trees.1, &tolerances)
        })
        .max_by_key(|(custom, generic)| {
            regression::blocks(&generic.trees.1) - regression::blocks(&custom.trees.1)
        });
    let Some((custom, generic)) = worst else {
        return Vec::new();
    };
    let was_so = generic.plans.before == PlanChoice::Generic
        && regression::reads_more(&generic.trees.0, &custom.trees.0, &tolerances);
    let finding = generic_plan_worse::finding(&generic_plan_worse::GenericPlan {
        query: &monitored.query.name,
        location: Some(monitored.query.location.clone()),
        set: &custom.set.label,
        custom_blocks: regression::blocks(&custom.trees.1),
        generic_blocks: regression::blocks(&generic.trees.1),
        was_so_before: was_so,
    });
    vec![finding]
}
