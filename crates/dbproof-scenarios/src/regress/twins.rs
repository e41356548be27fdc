//! The databases that are compared: [`Twins`], and a session on each: [`Sessions`].

use dbproof_model::{MigrationRecord, PlanNames, Schema};
use dbproof_postgres::{Address, PostgresError, Session, catalog, connect};

use super::{applied, traffic};
use crate::environment::Environment;
use crate::error::RunError;
use crate::options::{GivenDatabases, RunOptions};
use crate::project::MonitoredQuery;
use crate::project::migrations::Change;
use crate::stage;

/// Two databases that differ by the change alone, and one that does not differ from the first.
pub(super) struct Twins {
    pub(super) before: Address,
    pub(super) after: Address,
    pub(super) control: Address,
    /// Whether dbproof has made them; others are read, and not written to.
    pub(super) ours: bool,
}

/// A session on each twin.
pub(super) struct Sessions {
    pub(super) before: Session,
    pub(super) after: Session,
    /// What the names of indexes and partitions stand for on each side.
    pub(super) names: (PlanNames, PlanNames),
    /// The relations before the change.
    pub(super) schema: Schema,
    /// Whether both sides were filled with the same rows, so that results can be compared.
    pub(super) same_rows: bool,
}

impl Twins {
    /// Clones one seeded database, applies the change to one of the clones, analyses them all. Where
    /// the schema dump itself has changed, `after` is made from today's instead.
    pub(super) async fn make(
        options: &RunOptions,
        environment: &Environment,
        change: &Change,
        queries: &[MonitoredQuery],
    ) -> Result<(Self, Option<MigrationRecord>), RunError> {
        let databases = environment.databases();
        let (base, left_out) = stage::prepare_base(
            environment,
            &options.project,
            &change.base,
            options.seed,
            super::BASE,
        )
        .await?;
        let before = databases.clone(&base, "before").await?;
        let control = databases.clone(&base, "control").await?;
        let (after, migration) = if let Some(all) = &change.rebuilt {
            let project = &options.project;
            let after = stage::prepare(environment, project, all, options.seed, "after").await?;
            (after, None)
        } else {
            let migrations = &change.migrations;
            let (after, record, prepared) =
                applied::apply(options, environment, &base, migrations).await?;
            left_out.fill(&options.project, &after).await?;
            let mut record = applied::name_writers(record, queries);
            if options.project.config.regress.with_traffic {
                let what = (&prepared[..], queries);
                traffic::measure(options, environment, &base, what, &mut record).await?;
            }
            (after, Some(record))
        };
        let twins = Twins {
            before,
            after,
            control,
            ours: true,
        };
        for twin in [&twins.before, &twins.after, &twins.control] {
            let session = connect(twin).await?;
            session.run("VACUUM (ANALYZE)").await?;
            session.close().await;
        }
        Ok((twins, migration))
    }
}

impl Twins {
    /// Two databases of the user's. What they are timed beside is the first against itself.
    pub(super) fn given(given: &GivenDatabases) -> Self {
        Twins {
            before: given.before.clone(),
            after: given.after.clone(),
            control: given.before.clone(),
            ours: false,
        }
    }
}

impl Sessions {
    pub(super) async fn open(before: &Address, after: &Address) -> Result<Self, PostgresError> {
        let before = connect(before).await?;
        let after = connect(after).await?;
        let mut names = (
            catalog::plan_names(&before).await?,
            catalog::plan_names(&after).await?,
        );
        // Findings speak of relations by the names that they have now.
        names.0.learn_renames(&names.1);
        Ok(Sessions {
            names,
            schema: catalog::schema(&before).await?,
            same_rows: true,
            before,
            after,
        })
    }

    pub(super) async fn close(self) {
        self.before.close().await;
        self.after.close().await;
    }
}
