//! The plans of one database, with no change under test: [`observe`].

use dbproof_analysis::{plan, regression};
use dbproof_model::{Baseline, Finding, Plan, PlanChoice, RegressRecord, Scenario, Verdict};
use dbproof_postgres::explain::{Mode, explain_plan, replan, settled_plan, statement_work};
use dbproof_postgres::{Address, PostgresError, ServerError, catalog, rows};

use super::baselines::{Base, Bases, Observed, ObservedQuery};
use super::compare::{EXPLAIN_RUNS, parse, tolerances};
use super::parameter_sets::{LabelledSet, parameter_sets};
use super::twins::Sessions;
use super::wavering::ROUNDS;
use super::{baselines, statements};
use crate::environment::Environment;
use crate::error::RunError;
use crate::observer::{Event, Observer};
use crate::options::RunOptions;
use crate::parameters::ParameterValues;
use crate::project::MonitoredQuery;
use crate::project::baselines::AcceptedPlans;
use crate::project::migrations::Change;
use crate::slow::unusable;
use crate::stage;

/// Takes every query's plans where there is no change to test, and holds them against the accepted
/// ones. Where there are none, nothing was compared, which is no pass.
pub(super) async fn run(
    options: &RunOptions,
    environment: &Environment,
    queries: &[MonitoredQuery],
    (change, accepted): (&Change, &AcceptedPlans),
    observer: &dyn Observer,
) -> Result<(RegressRecord, Vec<Finding>), RunError> {
    observer.event(Event::Preparing {
        what: "schema and seed data",
    });
    let project = &options.project;
    let address =
        stage::prepare(environment, project, &change.base, options.seed, "standing").await?;
    let sessions = open(&address).await?;
    let bases = Bases {
        before: None,
        after: Base::ask(options, environment, &sessions.after).await?,
    };
    let mut found: Vec<Finding> = catalog::never_analysed(&sessions.after)
        .await?
        .iter()
        .map(|relation| dbproof_analysis::findings::never_analysed::finding(relation))
        .collect();
    let mut taken = Vec::with_capacity(queries.len());
    for (done, monitored) in queries.iter().enumerate() {
        observer.event(Event::Step {
            scenario: Scenario::Regress,
            name: &monitored.query.name,
            done,
            total: queries.len(),
        });
        let was = accepted.of(&monitored.query.name);
        let was = was.map(|accepted| &accepted.baseline);
        let query = observe(options, &sessions, monitored, was).await?;
        taken.push(query.map_err(|error| unusable(monitored, &error))?);
    }
    sessions.close().await;
    let record = baselines::check(accepted, &bases, taken, &tolerances(options));
    let (told, verdicts) = dbproof_analysis::baseline::conclude(&record, false);
    found.extend(told);
    found.push(dbproof_analysis::findings::no_new_migration::finding(
        &change.name,
    ));
    let verdict = if verdicts.is_empty() {
        Verdict::Inconclusive
    } else {
        Verdict::of_all(verdicts)
    };
    let record = RegressRecord {
        verdict,
        change: change.name.clone(),
        migration: None,
        queries: Vec::new(),
        baselines: Some(record),
        timing: None,
    };
    Ok((record, found))
}

/// Sessions on one database, which stands for both sides.
pub(super) async fn open(address: &Address) -> Result<Sessions, PostgresError> {
    Sessions::open(address, address).await
}

/// The plans of a query on the `after` side, with all the sets that a comparison has; the server's
/// refusal where it cannot be executed there. Where a plan is not the accepted one, it is asked
/// whether that is the chance of ANALYZE.
pub(super) async fn observe<'a>(
    options: &RunOptions,
    sessions: &Sessions,
    monitored: &'a MonitoredQuery,
    accepted: Option<&Baseline>,
) -> Result<Result<ObservedQuery<'a>, ServerError>, RunError> {
    let query = &monitored.query;
    if let Err(error) = sessions.after.prepare(&query.sql).await {
        return match sessions.after.error(&error) {
            PostgresError::Server(error) => Ok(Err(error)),
            error => Err(error.into()),
        };
    }
    let count = options.project.config.regress.parameter_sets;
    let mut values = ParameterValues::prepare(&sessions.after, monitored, options.seed).await?;
    let sets = parameter_sets(sessions, monitored, &mut values, count).await?;
    let mut observed = ObservedQuery::of(monitored);
    let mut usable = Vec::with_capacity(sets.len());
    for set in sets {
        let tree = match observe_set(sessions, &query.sql, &set, PlanChoice::Custom).await {
            Ok((one, tree)) => {
                let was = accepted.and_then(|a| a.sets.iter().find(|s| s.label == set.label));
                let was = was.map(|was| &was.plan.nodes);
                if let Some(was) = was.filter(|was| **was != one.plan.nodes)
                    && wavers(sessions, &query.sql, &set, (&tree, was)).await?
                {
                    observed.wavering.push(set.label.clone());
                }
                observed.after.push((set.label.clone(), one));
                tree
            }
            Err(PostgresError::Server(_)) if set.derived => continue,
            Err(PostgresError::Server(error)) => return Ok(Err(error)),
            Err(error) => return Err(error.into()),
        };
        usable.push((set, tree));
    }
    if !query.parameters.is_empty() {
        let settled = observe_settled(sessions, &query.sql, &usable).await?;
        observed.after.extend(settled);
    }
    Ok(Ok(observed))
}

/// The plans that a client gets that prepares the statement, where that is a generic one of another
/// shape: for the first typical set and the derived ones, as a comparison has them.
async fn observe_settled(
    sessions: &Sessions,
    sql: &str,
    sets: &[(LabelledSet, Plan)],
) -> Result<Vec<(String, Observed)>, PostgresError> {
    let typical = sets.iter().filter(|(set, _)| !set.derived);
    let typical: Vec<&[Option<String>]> = typical.map(|(set, _)| set.values.as_slice()).collect();
    let choice = settled_plan(&sessions.after, sql, &typical).await?;
    let mut observed = Vec::new();
    if choice == PlanChoice::Custom {
        return Ok(observed);
    }
    for (index, (set, custom)) in sets.iter().enumerate() {
        if index > 0 && !set.derived {
            continue;
        }
        let (one, tree) = observe_set(sessions, sql, set, choice).await?;
        if !regression::same_shape(&tree, custom) {
            observed.push((set.prepared().label, one));
        }
    }
    Ok(observed)
}

/// Whether another sample of ANALYZE gives the accepted plan again.
async fn wavers(
    sessions: &Sessions,
    sql: &str,
    set: &LabelledSet,
    (tree, accepted): (&Plan, &[String]),
) -> Result<bool, PostgresError> {
    let relations: Vec<(String, String)> = plan::relations(tree).into_iter().collect();
    let statement = [(sql, set.values.as_slice())];
    for _ in 0..ROUNDS {
        let explained = replan(&sessions.after, &relations, &statement).await?;
        let Some(Ok(tree)) = explained.first().map(plan::parse) else {
            continue;
        };
        let side = statements::side(&tree, &sessions.names.1, (0, None), None);
        if Observed::new(sql, &side, &set.values).plan.nodes == accepted {
            return Ok(true);
        }
    }
    Ok(false)
}

async fn observe_set(
    sessions: &Sessions,
    sql: &str,
    set: &LabelledSet,
    choice: PlanChoice,
) -> Result<(Observed, Plan), PostgresError> {
    let session = &sessions.after;
    let mut explained = serde_json::Value::Null;
    for _ in 0..EXPLAIN_RUNS {
        let how = (Mode::Analyze, choice);
        explained = explain_plan(session, sql, &set.values, how).await?;
    }
    let tree = parse(session, &explained)?;
    let work = if statements::works_beside(&tree, &sessions.names.1) {
        Some(statement_work(session, sql, &set.values).await?)
    } else {
        None
    };
    let rows = rows::digest(session, sql, &set.values, None).await?.count;
    let side = statements::side(&tree, &sessions.names.1, (rows, None), work);
    Ok((Observed::new(sql, &side, &set.values), tree))
}
