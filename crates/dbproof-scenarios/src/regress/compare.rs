//! One query before and after the change, with every parameter set: [`compare`].

use dbproof_analysis::plan;
use dbproof_analysis::regression::{self, Judgement, Tolerances};
use dbproof_model::{ParameterSet, Plan, PlanChoice, PreparedPlans, Ratios, StatementWork};
use dbproof_postgres::explain::{Mode, explain_plan, uses_workers};
use dbproof_postgres::{PostgresError, ServerError, Session, rows};
use serde_json::Value;

use super::baselines::{Observed, ObservedQuery};
use super::outcome::{self, Compared};
use super::parameter_sets::{LabelledSet, parameter_sets};
use super::row_security;
use super::settled;
use super::statements;
use super::timing::TimedQuery;
use super::twins::Sessions;
use super::wavering;
use crate::error::RunError;
use crate::options::RunOptions;
use crate::parameters::{ParameterValues, ValueSet};
use crate::project::MonitoredQuery;
use crate::slow::unusable;

/// EXPLAIN runs of each side; the last counts, because the first reads the catalog as well.
pub(super) const EXPLAIN_RUNS: usize = 3;

pub(super) const CUSTOM: PreparedPlans = PreparedPlans {
    before: PlanChoice::Custom,
    after: PlanChoice::Custom,
};

/// Row counts of both sides, and digests of their rows where these can be compared.
type Digests = ((u64, Option<u64>), (u64, Option<u64>));

/// One query with one set of values on both sides.
pub(super) struct Comparison {
    pub(super) set: LabelledSet,
    pub(super) plans: PreparedPlans,
    /// The parsed plans, with their own names.
    pub(super) trees: (Plan, Plan),
    /// EXPLAIN's JSON of both sides, values masked where they must be.
    explained: (Value, Value),
    pub(super) digests: Digests,
    pub(super) judgement: Judgement,
    /// Whether another sample of ANALYZE gives one side the other side's plan.
    pub(super) wavers: bool,
    /// What a baseline keeps of both sides.
    observed: (Observed, Observed),
}

/// Which side's server refused to execute the statement.
pub(super) enum Refusal {
    Before(ServerError),
    After(ServerError),
    Other(PostgresError),
}

/// Compares a query with all its parameter sets, and where the server settles on a generic plan for
/// it, with that plan too.
pub(super) async fn compare<'a>(
    options: &RunOptions,
    sessions: &Sessions,
    ours: bool,
    monitored: &'a MonitoredQuery,
) -> Result<Compared<'a>, RunError> {
    let query = &monitored.query;
    let prepared = (
        prepare(&sessions.before, &query.sql).await?,
        prepare(&sessions.after, &query.sql).await?,
    );
    let columns = match prepared {
        (Ok(before), Ok(after)) => (before, after),
        (Err(error), Err(_)) => return Err(unusable(monitored, &error).into()),
        (Ok(_), Err(error)) => return Ok(outcome::broken_by_the_change(monitored, &error)),
        (Err(error), Ok(_)) => return Ok(outcome::new_with_the_change(monitored, &error)),
    };
    let shared = shared_columns(&columns.0, &columns.1);
    let count = options.project.config.regress.parameter_sets;
    let mut values = ParameterValues::prepare(&sessions.before, monitored, options.seed).await?;
    let sets = parameter_sets(sessions, monitored, &mut values, count).await?;
    let mut comparisons = Vec::new();
    for set in sets {
        match compare_set(options, sessions, monitored, set.clone(), shared.as_deref()).await {
            Ok(comparison) => comparisons.push(comparison),
            Err(Refusal::Before(_)) if set.derived => {}
            Err(Refusal::Before(error)) => return Ok(outcome::failed_before(monitored, &error)),
            Err(Refusal::After(error)) => {
                return Ok(outcome::broken_by_the_change(monitored, &error));
            }
            Err(Refusal::Other(error)) => return Err(error.into()),
        }
    }
    let mut settled = None;
    let mut generic = Vec::new();
    if !query.parameters.is_empty() {
        let plans = settled::plans(sessions, &query.sql, &comparisons).await?;
        settled = Some(plans);
        generic = settled::compare(options, sessions, monitored, plans, &comparisons).await?;
    }
    let mut found = settled::findings(options, monitored, settled, &comparisons, &generic);
    comparisons.extend(generic);
    if ours {
        found.extend(wavering::excuse(sessions, monitored, &mut comparisons).await?);
    }
    let (record, judged) = outcome::summarise(monitored, &comparisons, settled);
    found.splice(0..0, judged);
    let parallel = match comparisons.first() {
        Some(typical) => {
            uses_workers_on_either_side(sessions, &query.sql, &typical.set.values).await?
        }
        None => false,
    };
    let timed = TimedQuery {
        sql: &query.sql,
        values,
        parallel,
    };
    let observed = observed(monitored, comparisons);
    Ok(Compared::new(record, found, observed, timed))
}

async fn uses_workers_on_either_side(
    sessions: &Sessions,
    sql: &str,
    values: &ValueSet,
) -> Result<bool, PostgresError> {
    Ok(uses_workers(&sessions.before, sql, values).await?
        || uses_workers(&sessions.after, sql, values).await?)
}

/// What a baseline keeps: every set, and with the plan of a prepared statement where that is another
/// one after the change. What it was before decides nothing about which sets there are.
fn observed(monitored: &MonitoredQuery, comparisons: Vec<Comparison>) -> ObservedQuery<'_> {
    let mut observed = ObservedQuery::of(monitored);
    let mut trees: Vec<(LabelledSet, Plan)> = Vec::new();
    for comparison in comparisons {
        let (set, tree) = (comparison.set, comparison.trees.1);
        let nothing_new = trees.iter().any(|(custom, custom_tree)| {
            custom.prepared() == set && regression::same_shape(custom_tree, &tree)
        });
        if nothing_new {
            continue;
        }
        if comparison.wavers {
            observed.wavering.push(set.label.clone());
        }
        let (before, after) = comparison.observed;
        observed.before.push((set.label.clone(), before));
        observed.after.push((set.label.clone(), after));
        trees.push((set, tree));
    }
    observed
}

/// The columns that a side returns if it can prepare the statement; anything but the server's
/// refusal is an error.
async fn prepare(
    session: &Session,
    sql: &str,
) -> Result<Result<Vec<String>, ServerError>, PostgresError> {
    match session
        .prepare(sql)
        .await
        .map_err(|error| session.error(&error))
    {
        Ok(statement) => Ok(Ok(statement
            .columns()
            .iter()
            .map(|column| column.name().to_owned())
            .collect())),
        Err(PostgresError::Server(error)) => Ok(Err(error)),
        Err(error) => Err(error),
    }
}

/// Positions, before and after, of the columns whose values must agree: all that there were. A
/// column that `SELECT *` gained breaks nobody. `None` where one that there was is gone.
fn shared_columns(before: &[String], after: &[String]) -> Option<Vec<(usize, usize)>> {
    let mut free: Vec<(usize, &String)> = after.iter().enumerate().collect();
    let pair = |(position, name): (usize, &String)| {
        let found = free.iter().position(|(_, other)| *other == name)?;
        Some((position, free.remove(found).0))
    };
    before.iter().enumerate().map(pair).collect()
}

async fn compare_set(
    options: &RunOptions,
    sessions: &Sessions,
    monitored: &MonitoredQuery,
    set: LabelledSet,
    columns: Option<&[(usize, usize)]>,
) -> Result<Comparison, Refusal> {
    let sql = &monitored.query.sql;
    let explained = explain_both(sessions, sql, &set.values, CUSTOM).await?;
    let digests = digests(sessions, sql, &set.values, columns).await?;
    judge(
        options,
        sessions,
        monitored,
        (set, CUSTOM),
        explained,
        digests,
    )
    .await
}

/// Explains on both sides in turn, so that neither is warmer than the other.
pub(super) async fn explain_both(
    sessions: &Sessions,
    sql: &str,
    values: &ValueSet,
    plans: PreparedPlans,
) -> Result<(Value, Value), Refusal> {
    let mut explained = (Value::Null, Value::Null);
    for _ in 0..EXPLAIN_RUNS {
        let how = (Mode::Analyze, plans.before);
        explained.0 = explain_plan(&sessions.before, sql, values, how)
            .await
            .map_err(Refusal::before)?;
        let how = (Mode::Analyze, plans.after);
        explained.1 = explain_plan(&sessions.after, sql, values, how)
            .await
            .map_err(Refusal::after)?;
    }
    Ok(explained)
}

pub(super) async fn judge(
    options: &RunOptions,
    sessions: &Sessions,
    monitored: &MonitoredQuery,
    (set, plans): (LabelledSet, PreparedPlans),
    mut explained: (Value, Value),
    digests: Digests,
) -> Result<Comparison, Refusal> {
    let query = &monitored.query;
    let trees = (
        parse(&sessions.before, &explained.0)?,
        parse(&sessions.after, &explained.1)?,
    );
    let work: (Option<StatementWork>, Option<StatementWork>) =
        statements::work(sessions, &query.sql, &set.values, (&trees.0, &trees.1)).await?;
    let (names_before, names_after) = &sessions.names;
    let sides = (
        statements::side(&trees.0, names_before, digests.0, work.0),
        statements::side(&trees.1, names_after, digests.1, work.1),
    );
    let mut judgement = regression::judge(
        &query.name,
        Some(query.location.clone()),
        &sides.0,
        &sides.1,
        &tolerances(options),
    );
    let observed = (
        Observed::new(&query.sql, &sides.0, &set.values),
        Observed::new(&query.sql, &sides.1, &set.values),
    );
    row_security::doubt(&mut judgement, monitored, &sessions.names, &trees);
    if !options.keep_values {
        plan::mask_values(&mut explained.0);
        plan::mask_values(&mut explained.1);
    }
    Ok(Comparison {
        set,
        plans,
        trees,
        explained,
        digests,
        judgement,
        wavers: false,
        observed,
    })
}

pub(super) fn tolerances(options: &RunOptions) -> Tolerances {
    let config = &options.project.config.regress;
    Tolerances {
        blocks_percent: config.blocks_percent,
        blocks_min: config.blocks_min,
    }
}

/// EXPLAIN's JSON as a plan.
pub(super) fn parse(session: &Session, explained: &Value) -> Result<Plan, PostgresError> {
    plan::parse(explained).map_err(|error| PostgresError::Protocol {
        server: session.server().to_owned(),
        reason: error.to_string(),
    })
}

/// A statement whose rows differ from run to run on the same side (`now()`, `random()`), or that
/// cuts off among equals (LIMIT), proves nothing by its rows.
async fn digests(
    sessions: &Sessions,
    sql: &str,
    values: &ValueSet,
    columns: Option<&[(usize, usize)]>,
) -> Result<Digests, Refusal> {
    let (before, after): (Option<Vec<usize>>, Option<Vec<usize>>) =
        columns.map(|pairs| pairs.iter().copied().unzip()).unzip();
    let digest = async |session, columns: &Option<Vec<usize>>| {
        rows::digest(session, sql, values, columns.as_deref()).await
    };
    let first = digest(&sessions.before, &before)
        .await
        .map_err(Refusal::before)?;
    let again = digest(&sessions.before, &before)
        .await
        .map_err(Refusal::before)?;
    let after = digest(&sessions.after, &after)
        .await
        .map_err(Refusal::after)?;
    let cuts_off = dbproof_analysis::sql::tokenize(sql)
        .iter()
        .any(|token| token.is_word("limit") || token.is_word("fetch") || token.is_word("offset"));
    let comparable = first == again && !cuts_off;
    let digest = |d: rows::RowsDigest| (d.count, comparable.then_some(d.digest));
    if !sessions.same_rows {
        // Other data give other rows, for which no change of the schema is to blame.
        return Ok(((first.count, None), (first.count, None)));
    }
    Ok((digest(first), digest(after)))
}

impl Comparison {
    /// What the run record keeps of it.
    pub(super) fn record(&self) -> ParameterSet {
        ParameterSet {
            label: self.set.label.clone(),
            plans: self.plans,
            before: plan::summarise(&self.trees.0, self.explained.0.clone()),
            after: plan::summarise(&self.trees.1, self.explained.1.clone()),
            changes: self.judgement.changes.clone(),
            ratio: Ratios {
                time: None,
                buffers: self.judgement.buffers_ratio,
                cost: self.judgement.cost_ratio,
            },
            verdict: self.judgement.verdict,
            reasons: self.judgement.reasons.clone(),
        }
    }
}

impl Refusal {
    fn before(error: PostgresError) -> Self {
        match error {
            PostgresError::Server(error) => Refusal::Before(error),
            error => Refusal::Other(error),
        }
    }

    fn after(error: PostgresError) -> Self {
        match error {
            PostgresError::Server(error) => Refusal::After(error),
            error => Refusal::Other(error),
        }
    }
}

impl From<PostgresError> for Refusal {
    fn from(error: PostgresError) -> Self {
        Refusal::Other(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_that_were_there_are_paired_by_name_and_new_ones_are_left_out() {
        let names = |names: &[&str]| -> Vec<String> {
            names.iter().map(|name| (*name).to_owned()).collect()
        };
        let check = |before: &[&str], after: &[&str], expected: Option<&[(usize, usize)]>| {
            assert_eq!(
                shared_columns(&names(before), &names(after)).as_deref(),
                expected
            );
        };
        check(&["id", "note"], &["id", "note"], Some(&[(0, 0), (1, 1)]));
        check(
            &["id", "note"],
            &["id", "new", "note"],
            Some(&[(0, 0), (1, 2)]),
        );
        check(&["id", "id"], &["id", "id", "x"], Some(&[(0, 0), (1, 1)]));
        check(&["id", "note"], &["id"], None);
        check(&["id", "id"], &["id"], None);
        check(&[], &["id"], Some(&[]));
    }
}
