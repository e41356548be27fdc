//! The databases that are compared: [`Twins`], and a session on each: [`Sessions`].

use dbproof_model::{MigrationRecord, MigrationStatement, PlanNames, Schema};
use dbproof_postgres::{Address, PostgresError, Session, catalog, connect};

use crate::environment::Environment;
use crate::error::RunError;
use crate::options::{GivenDatabases, RunOptions};
use crate::project::migrations::{Change, Migration};
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
    ) -> Result<(Self, Option<MigrationRecord>), RunError> {
        let databases = environment.databases();
        let (base, left_out) = stage::prepare_base(
            environment,
            &options.project,
            &change.base,
            options.seed,
            "base",
        )
        .await?;
        let after = match &change.rebuilt {
            Some(all) => {
                let project = &options.project;
                stage::prepare(environment, project, all, options.seed, "after").await?
            }
            None => databases.clone(&base, "after").await?,
        };
        let twins = Twins {
            before: databases.clone(&base, "before").await?,
            after,
            control: databases.clone(&base, "control").await?,
            ours: true,
        };
        let mut migration = None;
        if change.rebuilt.is_none() {
            let session = connect(&twins.after).await?;
            migration = Some(apply_change(&session, &change.migrations).await?);
            session.close().await;
            left_out.fill(&options.project, &twins.after).await?;
        }
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

async fn apply_change(
    session: &Session,
    migrations: &[Migration],
) -> Result<MigrationRecord, RunError> {
    let wal_before = catalog::wal_position(session).await;
    let mut statements = Vec::new();
    for migration in migrations {
        let applied = stage::apply(session, migration).await?;
        statements.extend(
            applied
                .into_iter()
                .map(|(sql, applied)| MigrationStatement {
                    file: Some(migration.file.name.clone()),
                    sql,
                    duration_ms: applied.duration_ms,
                    locks: applied.locks,
                }),
        );
    }
    let wal_after = catalog::wal_position(session).await;
    Ok(MigrationRecord {
        duration_ms: statements.iter().map(|s| s.duration_ms).sum(),
        wal_bytes: wal_before
            .zip(wal_after)
            .map(|(from, to)| to.saturating_sub(from)),
        statements,
    })
}
