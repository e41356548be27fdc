//! The tables of the store and their version: [`migrate`].
//!
//! Migrations only go forward. Each is a file; a new one is added at the end, and none is edited once
//! it is released.

use super::{Lock, StoreError, begin, on};
use crate::{PostgresError, Session};

/// The migrations in order; the version of a store is how many of them it has.
const MIGRATIONS: [&str; 1] = [include_str!("migrations/0001_runs.sql")];

/// The version that this dbproof writes.
pub(super) fn newest() -> i32 {
    i32::try_from(MIGRATIONS.len()).expect("few migrations")
}

/// Brings the store to the newest version. A store that is there already costs one query.
pub(super) async fn migrate(session: &Session) -> Result<(), StoreError> {
    if is_newest(version(session).await?)? {
        return Ok(());
    }
    begin(session, Lock::Exclusive).await?;
    // Another exporter may have done it while this one waited for the lock.
    let found = version(session).await?;
    if !is_newest(found)? {
        apply(session, found).await?;
    }
    session.run("COMMIT").await?;
    Ok(())
}

/// Whether a store's version is ours; a newer one is refused.
pub(super) fn is_newest(found: i32) -> Result<bool, StoreError> {
    let known = newest();
    if found > known {
        return Err(StoreError::Newer { found, known });
    }
    Ok(found == known)
}

/// The version of the store; 0 where there is none.
pub(super) async fn version(session: &Session) -> Result<i32, StoreError> {
    // Not `to_regclass`: it asks the backend's cache, which does not know what others have made while
    // this one waited for the advisory lock.
    let there = session
        .query_one(
            "SELECT EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                            WHERE n.nspname = 'dbproof' AND c.relname = 'store_versions')",
            &[],
        )
        .await
        .map_err(on(session))?;
    if !there.get::<_, bool>(0) {
        return Ok(0);
    }
    let row = session
        .query_one(
            "SELECT coalesce(max(version), 0) FROM dbproof.store_versions",
            &[],
        )
        .await
        .map_err(on(session))?;
    Ok(row.get(0))
}

async fn apply(session: &Session, found: i32) -> Result<(), StoreError> {
    let outcome = run_all(session, found).await;
    let Err(PostgresError::Server(error)) = &outcome else {
        return Ok(outcome?);
    };
    if error.sqlstate != "42501" {
        return Ok(outcome?);
    }
    let reason = error.message.clone();
    session.run("ROLLBACK").await?;
    let row = session
        .query_one("SELECT current_user::text, current_database()::text", &[])
        .await
        .map_err(on(session))?;
    Err(StoreError::MayNotCreate {
        user: row.get(0),
        database: row.get(1),
        server: session.server().to_owned(),
        reason,
    })
}

async fn run_all(session: &Session, found: i32) -> Result<(), PostgresError> {
    // IF NOT EXISTS would ask for the right to make a schema even where it is there.
    let schema = session
        .text("SELECT nspname FROM pg_namespace WHERE nspname = 'dbproof'")
        .await?;
    if schema.is_none() {
        session.run("CREATE SCHEMA IF NOT EXISTS dbproof").await?;
    }
    if found == 0 {
        session
            .run(
                "CREATE TABLE IF NOT EXISTS dbproof.store_versions (
                     version integer PRIMARY KEY,
                     applied_at timestamptz NOT NULL DEFAULT now()
                 )",
            )
            .await?;
    }
    for (version, sql) in (1..).zip(MIGRATIONS) {
        if version > found {
            session.run(sql).await?;
            session
                .run(&format!(
                    "INSERT INTO dbproof.store_versions (version) VALUES ({version})"
                ))
                .await?;
        }
    }
    Ok(())
}
