//! Plans between which chance decides: [`excuse`].
//!
//! ANALYZE looks at a random sample. Where another sample gives one side the other side's plan, the
//! two cost the planner the same, and the change is to blame for neither.

use dbproof_analysis::findings::{self, plan_wavers};
use dbproof_analysis::{plan, regression};
use dbproof_model::{Finding, Plan, PlanChoice, PlanNames, RegressVerdict, Severity};
use dbproof_postgres::explain::replan;
use dbproof_postgres::{PostgresError, Session};

use super::compare::Comparison;
use super::twins::Sessions;
use crate::project::MonitoredQuery;

/// How often the relations are analysed anew on each side.
pub(super) const ROUNDS: usize = 5;

/// Takes the blame from comparisons whose plan changes from one ANALYZE to the next.
pub(super) async fn excuse(
    sessions: &Sessions,
    monitored: &MonitoredQuery,
    comparisons: &mut [Comparison],
) -> Result<Vec<Finding>, PostgresError> {
    let (names_before, names_after) = &sessions.names;
    let mut suspects: Vec<&mut Comparison> = comparisons
        .iter_mut()
        .filter(|comparison| is_suspect(comparison, &sessions.names))
        .collect();
    if suspects.is_empty() {
        return Ok(Vec::new());
    }
    let sql = &monitored.query.sql;
    let befores: Vec<Plan> = suspects
        .iter()
        .map(|s| resolved(&s.trees.0, names_before))
        .collect();
    let afters: Vec<Plan> = suspects
        .iter()
        .map(|s| resolved(&s.trees.1, names_after))
        .collect();
    let before = (&sessions.before, names_before);
    let before_wavers = flips(before, sql, &suspects, (&befores, &afters)).await?;
    let after = (&sessions.after, names_after);
    let after_wavers = flips(after, sql, &suspects, (&afters, &befores)).await?;
    let mut found: Option<Finding> = None;
    for (index, comparison) in suspects.iter_mut().enumerate() {
        if !(before_wavers[index] || after_wavers[index]) {
            continue;
        }
        let finding = plan_wavers::finding(&plan_wavers::Wavering {
            query: &monitored.query.name,
            location: Some(monitored.query.location.clone()),
            set: &comparison.set.label,
            blocks_before: regression::blocks(&comparison.trees.0),
            blocks_after: regression::blocks(&comparison.trees.1),
            before_wavers: before_wavers[index],
        });
        acquit(comparison);
        found.get_or_insert(finding);
    }
    Ok(found.into_iter().collect())
}

/// Whether a comparison blames or praises the change for another shape of the plan.
fn is_suspect(comparison: &Comparison, names: &(PlanNames, PlanNames)) -> bool {
    let judgement = &comparison.judgement;
    let other_rows = findings::result_rows_differ::KIND.code;
    comparison.plans.before == PlanChoice::Custom
        && comparison.plans.after == PlanChoice::Custom
        && matches!(
            judgement.verdict,
            RegressVerdict::Regressed | RegressVerdict::Improved
        )
        && judgement.findings.iter().all(|f| f.code != other_rows)
        && !regression::same_shape(
            &resolved(&comparison.trees.0, &names.0),
            &resolved(&comparison.trees.1, &names.1),
        )
}

fn acquit(comparison: &mut Comparison) {
    comparison.wavers = true;
    let judgement = &mut comparison.judgement;
    judgement.verdict = RegressVerdict::Changed;
    judgement
        .findings
        .retain(|finding| finding.severity == Severity::Info);
    judgement
        .findings
        .retain(|finding| finding.code != findings::plan_improved::KIND.code);
    judgement
        .reasons
        .insert(0, "the plan wavers from one ANALYZE to the next".to_owned());
}

fn resolved(plan: &Plan, names: &PlanNames) -> Plan {
    let mut plan = plan.clone();
    plan::resolve(&mut plan, names);
    plan
}

/// For each suspect, whether this side ever has the other side's plan after a new ANALYZE.
async fn flips(
    (session, names): (&Session, &PlanNames),
    sql: &str,
    suspects: &[&mut Comparison],
    (own, other): (&[Plan], &[Plan]),
) -> Result<Vec<bool>, PostgresError> {
    let mut relations: Vec<(String, String)> = Vec::new();
    let mut statements: Vec<(&str, &[Option<String>])> = Vec::new();
    for comparison in suspects {
        for relation in plan::relations(&comparison.trees.0)
            .into_iter()
            .chain(plan::relations(&comparison.trees.1))
        {
            if !relations.contains(&relation) {
                relations.push(relation);
            }
        }
        statements.push((sql, &comparison.set.values));
    }
    let present = present(session, relations).await?;
    let mut flipped = vec![false; suspects.len()];
    for _ in 0..ROUNDS {
        let explained = replan(session, &present, &statements).await?;
        for (index, explained) in explained.iter().enumerate() {
            let Ok(plan) = plan::parse(explained) else {
                continue;
            };
            let plan = resolved(&plan, names);
            flipped[index] |= regression::same_shape(&plan, &other[index])
                && !regression::same_shape(&plan, &own[index]);
        }
    }
    Ok(flipped)
}

/// Those of the relations that this side has and that can be analysed.
async fn present(
    session: &Session,
    relations: Vec<(String, String)>,
) -> Result<Vec<(String, String)>, PostgresError> {
    let known = session
        .query(
            "SELECT n.nspname::text, c.relname::text
             FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
             WHERE c.relkind IN ('r', 'p', 'm', 'f') AND n.nspname NOT LIKE 'pg\\_%'",
            &[],
        )
        .await
        .map_err(|e| session.error(&e))?;
    let known: Vec<(String, String)> = known.iter().map(|row| (row.get(0), row.get(1))).collect();
    Ok(relations
        .into_iter()
        .filter(|relation| known.contains(relation))
        .collect())
}
