//! A database with schema and data: the stage that the scenarios play on.

use dbproof_analysis::sql;
use dbproof_postgres::copy::Loading;
use dbproof_postgres::migration::{AppliedStatement, MigrationFailure};
use dbproof_postgres::{Address, PostgresError, Session, connect, copy, migration};

use crate::environment::Environment;
use crate::error::{InputError, RunError};
use crate::project::Project;
use crate::project::migrations::Migration;
use crate::seed::{SeedData, default_threads};

/// Makes a database, applies migrations, seeds it, and gives the planner its statistics.
pub(crate) async fn prepare(
    environment: &Environment,
    project: &Project,
    migrations: &[Migration],
    seed: u64,
    name: &str,
) -> Result<Address, RunError> {
    let address = environment.databases().create(name).await?;
    let session = connect(&address).await?;
    for migration in migrations {
        apply(&session, migration).await?;
    }
    fill(&address, project, seed).await?;
    session.run("VACUUM (ANALYZE)").await?;
    session.close().await;
    Ok(address)
}

/// Applies a migration; an error of the server is shown in the user's file.
pub(crate) async fn apply(
    session: &Session,
    migration: &Migration,
) -> Result<Vec<(String, AppliedStatement)>, RunError> {
    let statements = sql::split_statements(&migration.sql);
    let texts: Vec<&str> = statements.iter().map(|s| s.sql.as_str()).collect();
    let applied = migration::apply(session, &texts).await;
    if migration.dump {
        // A dump empties the search path for itself.
        session.run("RESET ALL").await?;
    }
    match applied {
        Ok(applied) => Ok(statements.into_iter().map(|s| s.sql).zip(applied).collect()),
        Err(MigrationFailure {
            statement,
            error: PostgresError::Server(error),
        }) => {
            let statement = &statements[statement];
            let file = &migration.file;
            Err(InputError::from_server(
                "the migration fails",
                &error,
                &file.name,
                &file.text,
                statement.line,
                &statement.sql,
            )
            .into())
        }
        Err(MigrationFailure { error, .. }) => Err(error.into()),
    }
}

/// Fills a database of our own with the project's rows.
async fn fill(address: &Address, project: &Project, seed: u64) -> Result<(), RunError> {
    let data = SeedData::read(project, seed, project.config.project.scale)?;
    let loading = Loading {
        threads: default_threads(),
        progress: &|_| {},
    };
    match copy::fill(address, &data.rows, loading).await {
        Ok(_) => Ok(()),
        Err(error) => Err(data.explain(project, error)),
    }
}
