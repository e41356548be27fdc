//! A database with schema and data: the stage that the scenarios play on.

use dbproof_analysis::sql;
use dbproof_data::{Context, generate, load_order};
use dbproof_postgres::migration::{AppliedStatement, MigrationFailure};
use dbproof_postgres::{Address, PostgresError, Session, connect, copy, migration};

use crate::environment::Environment;
use crate::error::{InputError, Place, RunError};
use crate::project::Project;
use crate::project::migrations::Migration;

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
    seed_tables(&session, project, seed).await?;
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
    match migration::apply(session, &texts).await {
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

async fn seed_tables(session: &Session, project: &Project, seed: u64) -> Result<(), RunError> {
    let tables = project.tables()?;
    let mut context = Context::new(seed, project.config.project.scale);
    for table in load_order(&tables).map_err(|e| project.data_error(&e))? {
        let rows = generate(table, &context).map_err(|e| project.data_error(&e))?;
        context.add_parent(&rows);
        let columns: Vec<String> = rows
            .column_names()
            .iter()
            .map(|name| (*name).to_string())
            .collect();
        match copy::load(session, table.name(), &columns, rows).await {
            Ok(_) => {}
            Err(PostgresError::Server(error)) => {
                let (file, line) = table.location();
                let text = std::fs::read_to_string(project.folder.join(file)).unwrap_or_default();
                let place = Place {
                    file: file.to_owned(),
                    line,
                    column: None,
                    text,
                };
                let help = error.detail.clone().or_else(|| error.hint.clone());
                return Err(InputError::at(
                    format!(
                        "the server refuses the data for `{}`: {error}",
                        table.name()
                    ),
                    place,
                )
                .with_help(help)
                .into());
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}
