//! A database with schema and data: the stage that the scenarios play on.

use dbproof_analysis::sql;
use dbproof_data::Rows;
use dbproof_postgres::copy::Loading;
use dbproof_postgres::migration::{AppliedStatement, MigrationFailure};
use dbproof_postgres::{Address, PostgresError, Session, catalog, connect, copy, migration};

use crate::environment::Environment;
use crate::error::{InputError, RunError};
use crate::project::Project;
use crate::project::migrations::Migration;
use crate::seed::{MissingData, SeedData, default_threads};

/// Makes a database, applies migrations, seeds it, and gives the planner its statistics.
pub(crate) async fn prepare(
    environment: &Environment,
    project: &Project,
    migrations: &[Migration],
    seed: u64,
    name: &str,
) -> Result<Address, RunError> {
    let (address, session) = migrate(environment, migrations, name).await?;
    let data = SeedData::read(project, seed, project.config.project.scale)?;
    fill(&address, project, &data).await?;
    session.run("VACUUM (ANALYZE)").await?;
    session.close().await;
    Ok(address)
}

/// The same for what stands before a change: rows for tables and columns that only the change makes are
/// left out, and told, so that they can be looked for once it is applied.
pub(crate) async fn prepare_base(
    environment: &Environment,
    project: &Project,
    migrations: &[Migration],
    seed: u64,
    name: &str,
) -> Result<(Address, LeftOut), RunError> {
    let (address, session) = migrate(environment, migrations, name).await?;
    let mut data = SeedData::read(project, seed, project.config.project.scale)?;
    let (missing, rows) = data.leave_out_missing(&catalog::schema(&session).await?);
    fill(&address, project, &data).await?;
    session.run("VACUUM (ANALYZE)").await?;
    session.close().await;
    let left_out = LeftOut {
        data,
        missing,
        rows,
    };
    Ok((address, left_out))
}

/// Rows that were left out before a change.
#[derive(Debug)]
pub(crate) struct LeftOut {
    data: SeedData,
    missing: Vec<MissingData>,
    /// Those of the tables that were not there.
    rows: Vec<Rows>,
}

impl LeftOut {
    /// Fills the tables that the change has made, where it has left them empty. Whatever is still
    /// missing is an error of the user's files.
    pub(crate) async fn fill(mut self, project: &Project, after: &Address) -> Result<(), RunError> {
        if self.missing.is_empty() {
            return Ok(());
        }
        let session = connect(after).await?;
        let schema = catalog::schema(&session).await?;
        if let Some(missing) = self.missing.iter().find(|missing| !missing.is_in(&schema)) {
            return Err(self.data.never_made(project, missing));
        }
        self.data.rows.clear();
        for rows in self.rows {
            if copy::is_empty(&session, rows.table_name()).await? {
                self.data.rows.push(rows);
            }
        }
        session.close().await;
        fill(after, project, &self.data).await
    }
}

/// A database with these migrations, and a session on it.
async fn migrate(
    environment: &Environment,
    migrations: &[Migration],
    name: &str,
) -> Result<(Address, Session), RunError> {
    let address = environment.databases().create(name).await?;
    let session = connect(&address).await?;
    for migration in migrations {
        apply(&session, migration).await?;
    }
    Ok((address, session))
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
        Err(failure) => Err(refused(migration, &statements, failure)),
    }
}

/// Why a migration could not be applied; an error of the server is shown in the user's file.
pub(crate) fn refused(
    migration: &Migration,
    statements: &[sql::Statement],
    failure: MigrationFailure,
) -> RunError {
    let MigrationFailure { statement, error } = failure;
    let (PostgresError::Server(error), Some(statement)) = (&error, statements.get(statement))
    else {
        return error.into();
    };
    let file = &migration.file;
    InputError::from_server(
        "the migration fails",
        error,
        &file.name,
        &file.text,
        statement.line,
        &statement.sql,
    )
    .into()
}

/// Fills a database of our own with the project's rows.
async fn fill(address: &Address, project: &Project, data: &SeedData) -> Result<(), RunError> {
    let loading = Loading {
        threads: default_threads(),
        progress: &|_| {},
    };
    match copy::fill(address, &data.rows, loading).await {
        Ok(_) => Ok(()),
        Err(error) => Err(data.explain(project, error)),
    }
}
