//! Filling a database that is the user's: [`fill_in_transaction`].

use dbproof_data::Rows;

use super::load::{Meter, load};
use super::target::{Target, escape_relation};
use super::{Filled, LoadError, Loading, sequences};
use crate::{PostgresError, Session};

/// Fills empty tables of the session's database in one transaction; the tables are given parents
/// first. Nothing but rows is added: indexes, keys and triggers work as they do for anybody.
///
/// Everything goes over one connection, because that is what makes it all or nothing, even where
/// this process or the server dies. Where the future is dropped, so must be the session.
pub async fn fill_in_transaction(
    session: &Session,
    tables: &[Rows],
    loading: Loading<'_>,
) -> Result<Vec<Filled>, LoadError> {
    session.run("BEGIN").await?;
    let filled = fill(session, tables, loading).await;
    match filled {
        Ok(filled) => {
            session.run("COMMIT").await?;
            Ok(filled)
        }
        Err(error) => {
            session.run("ROLLBACK").await.ok();
            Err(error)
        }
    }
}

async fn fill(
    session: &Session,
    tables: &[Rows],
    loading: Loading<'_>,
) -> Result<Vec<Filled>, LoadError> {
    let mut targets = Vec::new();
    for rows in tables {
        targets.push(Target::find(session, rows).await?);
    }
    refuse_filled(session, &targets).await?;
    let meter = Meter::new(loading, &targets);
    let mut filled = Vec::new();
    for target in &targets {
        session.run("SAVEPOINT before_table").await?;
        let start_over = async || session.run("ROLLBACK TO before_table").await;
        filled.push(load(&[session], target, loading.threads, &meter, start_over).await?);
    }
    // A sequence is not rolled back, so that it comes last; ahead of an empty table it does no harm.
    sequences::advance(session, &targets).await?;
    Ok(filled)
}

/// Refuses tables with rows, after a lock that keeps others from adding some.
async fn refuse_filled(session: &Session, targets: &[Target]) -> Result<(), LoadError> {
    let mut tables = Vec::new();
    for target in targets {
        let about = || LoadError::about(target.name());
        let relation = target.relation();
        let lock = format!("LOCK TABLE {relation} IN SHARE ROW EXCLUSIVE MODE");
        session.run(&lock).await.map_err(about())?;
        if has_rows(session, relation).await.map_err(about())? {
            tables.push(target.name().to_owned());
        }
    }
    if tables.is_empty() {
        Ok(())
    } else {
        Err(LoadError::NotEmpty { tables })
    }
}

/// Whether a table, as the specification names it, has no row.
pub async fn is_empty(session: &Session, table: &str) -> Result<bool, PostgresError> {
    Ok(!has_rows(session, &escape_relation(table)).await?)
}

async fn has_rows(session: &Session, relation: &str) -> Result<bool, PostgresError> {
    let row = session
        .query_one(&format!("SELECT EXISTS (SELECT FROM {relation})"), &[])
        .await
        .map_err(|e| session.error(&e))?;
    Ok(row.get(0))
}
