//! Today's plans as baselines keep them, held against the accepted ones: [`Base`], [`Observed`].

use std::collections::{BTreeMap, BTreeSet};

use dbproof_analysis::baseline::{self, Today};
use dbproof_analysis::plan;
use dbproof_analysis::regression::{Side, Tolerances};
use dbproof_model::{
    Baseline, BaselineBase, BaselinePlan, BaselineQuery, BaselineSet, BaselinesRecord,
};
use dbproof_postgres::{Session, catalog};

use crate::environment::Environment;
use crate::error::RunError;
use crate::options::RunOptions;
use crate::project::MonitoredQuery;
use crate::project::baselines::AcceptedPlans;

/// What the plans of one database depend on, asked once a run.
pub(super) struct Base {
    /// Without its relations, which are those that a query reads.
    common: BaselineBase,
    rows: BTreeMap<(String, String), u64>,
}

impl Base {
    pub(super) async fn ask(
        options: &RunOptions,
        environment: &Environment,
        session: &Session,
    ) -> Result<Self, RunError> {
        let common = BaselineBase {
            server: format!("postgresql {}", major(&environment.server().version)),
            collation: catalog::collation(session).await?,
            seed: options.seed,
            scale: options.project.config.project.scale,
            data: options.project.data_digest()?,
            settings: catalog::planner_settings(session).await?,
            relations: BTreeMap::new(),
        };
        Ok(Base {
            common,
            rows: catalog::relation_rows(session).await?,
        })
    }

    /// The base of a query that reads these relations.
    fn of(&self, relations: &BTreeSet<(String, String)>) -> BaselineBase {
        let rows = relations.iter().filter_map(|key| {
            let (schema, name) = key;
            let shown = match schema.as_str() {
                "public" => name.clone(),
                schema => format!("{schema}.{name}"),
            };
            Some((baseline::tidy(&shown), *self.rows.get(key)?))
        });
        BaselineBase {
            relations: rows.collect(),
            ..self.common.clone()
        }
    }
}

/// `18` of `18.4` or `18beta1`.
fn major(version: &str) -> &str {
    let end = version.find(|c: char| !c.is_ascii_digit());
    &version[..end.unwrap_or(version.len())]
}

/// What a baseline keeps of one set of parameters on one side.
pub(super) struct Observed {
    pub(super) plan: BaselinePlan,
    relations: BTreeSet<(String, String)>,
}

impl Observed {
    /// `side` has its names resolved.
    pub(super) fn new(sql: &str, side: &Side, values: &[Option<String>]) -> Self {
        Observed {
            plan: baseline::observe(side, values, baseline::follows_clock(sql)),
            relations: plan::relations(&side.plan),
        }
    }
}

/// What was observed of one query, by the label of the set; nothing where it fails.
pub(super) struct ObservedQuery<'a> {
    pub(super) monitored: &'a MonitoredQuery,
    pub(super) before: Vec<(String, Observed)>,
    pub(super) after: Vec<(String, Observed)>,
    /// The sets whose plan another sample of ANALYZE would make another.
    pub(super) wavering: Vec<String>,
}

impl<'a> ObservedQuery<'a> {
    /// Nothing yet.
    pub(super) fn of(monitored: &'a MonitoredQuery) -> Self {
        ObservedQuery {
            monitored,
            before: Vec::new(),
            after: Vec::new(),
            wavering: Vec::new(),
        }
    }

    /// What was observed, leaving nothing behind.
    pub(super) fn take(&mut self) -> Self {
        std::mem::replace(self, ObservedQuery::of(self.monitored))
    }
}

/// The bases of both sides; none before where no change is under test.
pub(super) struct Bases {
    pub(super) before: Option<Base>,
    pub(super) after: Base,
}

/// Holds every query against its accepted plan.
pub(super) fn check(
    accepted: &AcceptedPlans,
    bases: &Bases,
    observed: Vec<ObservedQuery<'_>>,
    tolerances: &Tolerances,
) -> BaselinesRecord {
    let names = observed.iter().map(|o| o.monitored.query.name.as_str());
    let unused = accepted.unused(names);
    BaselinesRecord {
        folder: accepted.folder.clone(),
        present: accepted.present,
        unused: unused.iter().map(|file| file.name.clone()).collect(),
        queries: observed
            .into_iter()
            .map(|observed| check_query(accepted, bases, observed, tolerances))
            .collect(),
    }
}

fn check_query(
    accepted: &AcceptedPlans,
    bases: &Bases,
    observed: ObservedQuery<'_>,
    tolerances: &Tolerances,
) -> BaselineQuery {
    let query = &observed.monitored.query;
    let statement = baseline::statement(query);
    let before = bases.before.as_ref();
    let today = Today {
        query: &query.name,
        location: Some(query.location.clone()),
        file: accepted.file_of(&query.name),
        under_test: before.is_some(),
        before: before.and_then(|base| whole(&query.name, &statement, base, observed.before)),
        after: whole(&query.name, &statement, &bases.after, observed.after),
        follows_clock: baseline::follows_clock(&query.sql),
        wavering: observed.wavering,
    };
    let was = accepted.of(&query.name).map(|accepted| &accepted.baseline);
    baseline::check(was, &today, tolerances)
}

/// The sets of one side as a baseline; `None` where there are none.
fn whole(
    query: &str,
    statement: &str,
    base: &Base,
    observed: Vec<(String, Observed)>,
) -> Option<Baseline> {
    if observed.is_empty() {
        return None;
    }
    let relations = observed.iter().flat_map(|(_, o)| o.relations.clone());
    let base = base.of(&relations.collect());
    let sets = observed.into_iter().map(|(label, observed)| BaselineSet {
        label,
        plan: observed.plan,
    });
    Some(Baseline {
        query: query.to_owned(),
        statement: statement.to_owned(),
        base,
        sets: sets.collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::major;

    #[test]
    fn a_minor_version_is_no_other_base() {
        assert_eq!(major("15.18"), "15");
        assert_eq!(major("18beta2"), "18");
        assert_eq!(major("19"), "19");
    }
}
