//! The change under test on the `after` twin, with everything seen that it locks: [`apply`].

use dbproof_analysis::sql::{self, Statement};
use dbproof_model::{InvalidIndex, LockLimits, MigrationRecord, MigrationStatement};
use dbproof_postgres::migration::{MigrationFailure, ObservedMigration, Transactions};
use dbproof_postgres::{Address, PostgresError, catalog};

use crate::environment::Environment;
use crate::error::RunError;
use crate::options::RunOptions;
use crate::project::MonitoredQuery;
use crate::project::config::{MigrationTransaction, RegressConfig};
use crate::project::migrations::Migration;
use crate::stage;

/// A migration's file with its statements, and how they are put into transactions.
pub(super) struct Prepared<'a> {
    pub(super) migration: &'a Migration,
    pub(super) statements: Vec<Statement>,
    pub(super) transactions: Transactions,
}

impl Prepared<'_> {
    /// The statements' texts.
    pub(super) fn texts(&self) -> Vec<&str> {
        self.statements.iter().map(|s| s.sql.as_str()).collect()
    }
}

/// Clones the base as `after`, and applies the migrations to it.
///
/// A file whose statements do not run in one transaction, as its tool would have to run them, is run
/// again on a new clone, each statement in a transaction of its own.
pub(super) async fn apply<'a>(
    options: &RunOptions,
    environment: &Environment,
    base: &Address,
    migrations: &'a [Migration],
) -> Result<(Address, MigrationRecord, Vec<Prepared<'a>>), RunError> {
    let config = &options.project.config.regress;
    let mut prepared: Vec<Prepared<'a>> = migrations.iter().map(|m| prepare(m, config)).collect();
    let mut notes = Vec::new();
    loop {
        let databases = environment.databases();
        let after = databases.clone(base, "after").await?;
        let failed = match apply_all(environment, &after, &prepared, config).await? {
            Ok(record) => return Ok((after, MigrationRecord { notes, ..record }, prepared)),
            Err(failed) => failed,
        };
        let file = &mut prepared[failed.file];
        if file.transactions == Transactions::Statement {
            return Err(refused(file, failed));
        }
        databases.drop(&after).await?;
        notes.push(format!(
            "{} does not run in one transaction ({}); each of its statements had one of its own",
            file.migration.file.name, failed.failure.error
        ));
        file.transactions = Transactions::Statement;
    }
}

fn prepare<'a>(migration: &'a Migration, config: &RegressConfig) -> Prepared<'a> {
    let statements = sql::split_statements(&migration.sql);
    let together = config.transaction == MigrationTransaction::File
        && statements.len() > 1
        && !migration.declines_transaction();
    Prepared {
        migration,
        statements,
        transactions: if together {
            Transactions::File
        } else {
            Transactions::Statement
        },
    }
}

/// Which file failed, and what it has left behind.
struct Failed {
    file: usize,
    failure: MigrationFailure,
    invalid: Vec<InvalidIndex>,
}

async fn apply_all(
    environment: &Environment,
    after: &Address,
    prepared: &[Prepared<'_>],
    config: &RegressConfig,
) -> Result<Result<MigrationRecord, Failed>, PostgresError> {
    let mut observed = ObservedMigration::begin(after, environment.address()).await?;
    if let Some(timeout) = set_lock_timeout(config) {
        observed.session().run(&timeout).await?;
    }
    let wal_before = catalog::wal_position(observed.session()).await;
    let mut statements = Vec::new();
    for (index, file) in prepared.iter().enumerate() {
        match observed.apply(&file.texts(), file.transactions).await {
            Ok(applied) => statements.extend(placed(file, applied)),
            Err(failure) => {
                // What the server did not refuse is the environment's failure.
                if failure.error.server_error().is_none() {
                    return Err(failure.error);
                }
                let invalid = observed.invalid_indexes().await?;
                observed.finish().await?;
                return Ok(Err(Failed {
                    file: index,
                    failure,
                    invalid,
                }));
            }
        }
        if file.migration.dump {
            // A dump empties the search path for itself.
            observed.session().run("RESET ALL").await?;
        }
    }
    let wal_after = catalog::wal_position(observed.session()).await;
    let seen = observed.finish().await?;
    Ok(Ok(MigrationRecord {
        duration_ms: statements.iter().map(|s| s.duration_ms).sum(),
        wal_bytes: wal_before
            .zip(wal_after)
            .map(|(from, to)| to.saturating_sub(from)),
        statements,
        relations: seen.relations,
        sampling: Some(seen.sampling),
        invalid_indexes: seen.invalid_indexes,
        limits: Some(LockLimits {
            held_ms: config.lock_limit_ms,
            rows: config.lock_rows,
        }),
        notes: Vec::new(),
        traffic: None,
    }))
}

/// What the deployment sets for its session.
pub(super) fn set_lock_timeout(config: &RegressConfig) -> Option<String> {
    let timeout = config.lock_timeout_ms?;
    Some(format!("SET lock_timeout = '{timeout}ms'"))
}

/// Statements with where they stand.
fn placed(file: &Prepared<'_>, applied: Vec<MigrationStatement>) -> Vec<MigrationStatement> {
    let placed = file.statements.iter().zip(applied);
    placed
        .map(|(statement, applied)| MigrationStatement {
            file: Some(file.migration.file.name.clone()),
            line: Some(statement.line),
            ..applied
        })
        .collect()
}

/// Why a file was refused, with what it has left behind.
fn refused(file: &Prepared<'_>, failed: Failed) -> RunError {
    let mut error = stage::refused(file.migration, &file.statements, failed.failure);
    if let (RunError::Input(input), [index, ..]) = (&mut error, &failed.invalid[..]) {
        let left = format!(
            "it leaves index {} on {} behind, which is invalid: writes keep it up, and no query uses \
             it; `DROP INDEX CONCURRENTLY {}` before the next attempt",
            index.index, index.relation, index.index
        );
        let told = input.help.take().map(|help| format!("{help}\n{left}"));
        input.help = Some(told.unwrap_or(left));
    }
    error
}

/// Adds to each table which monitored queries write to it.
pub(super) fn name_writers(
    mut record: MigrationRecord,
    queries: &[MonitoredQuery],
) -> MigrationRecord {
    for monitored in queries {
        let Some(written) = sql::written_relation(&monitored.query.sql) else {
            continue;
        };
        for relation in &mut record.relations {
            // Without a schema the search path decides, and the name alone is all that is known.
            let bare = relation.name.rsplit('.').next().unwrap_or_default();
            let same_schema = written.schema.as_ref().is_none_or(|schema| {
                schema == "public" || relation.name.starts_with(schema.as_str())
            });
            if bare.trim_matches('"') == written.name && same_schema {
                relation.written_by.push(monitored.query.name.clone());
            }
        }
    }
    record
}
