//! Filling a database of our own: [`fill`].

use dbproof_data::Rows;
use futures_util::future::try_join_all;
use tokio::sync::Semaphore;

use super::deferred::Deferred;
use super::load::{Meter, load};
use super::target::Target;
use super::{Filled, LoadError, Loading, SHARED_FROM, sequences};
use crate::{Address, PostgresError, Session, connect};

/// Fills tables of a database that is ours alone; the tables are given parents first.
///
/// Indexes and foreign keys are taken away before and made anew after the rows are in. On an error,
/// or where the future is dropped, the database is left as it happens to be: it is for the caller to
/// drop it.
pub async fn fill(
    address: &Address,
    tables: &[Rows],
    loading: Loading<'_>,
) -> Result<Vec<Filled>, LoadError> {
    let session = connect(address).await?;
    let mut targets = Vec::new();
    for rows in tables {
        targets.push(Target::find(&session, rows).await?);
    }
    let deferred = Deferred::take_away(&session, &targets).await?;
    let meter = Meter::new(loading, &targets);
    let filled = if deferred.keys_remain() {
        one_after_the_other(&session, &targets, loading, &meter).await?
    } else {
        at_once(address, &targets, loading, &meter).await?
    };
    deferred
        .make_anew(address, &session, loading.threads)
        .await?;
    sequences::advance(&session, &targets).await?;
    session.close().await;
    Ok(filled)
}

/// The way where foreign keys stay: a parent's rows must be there before its children's.
async fn one_after_the_other(
    session: &Session,
    targets: &[Target],
    loading: Loading<'_>,
    meter: &Meter<'_>,
) -> Result<Vec<Filled>, LoadError> {
    let mut filled = Vec::new();
    for target in targets {
        let start_over = async || empty(session, target).await;
        filled.push(load(&[session], target, loading.threads, meter, start_over).await?);
    }
    Ok(filled)
}

async fn at_once(
    address: &Address,
    targets: &[Target],
    loading: Loading<'_>,
    meter: &Meter<'_>,
) -> Result<Vec<Filled>, LoadError> {
    let threads = u32::try_from(loading.threads.max(1)).unwrap_or(u32::MAX);
    let permits = Semaphore::new(threads as usize);
    let loads = targets.iter().map(|target| {
        let wanted = if target.rows.row_count() > SHARED_FROM {
            threads
        } else {
            1
        };
        let permits = &permits;
        async move {
            let _permit = permits.acquire_many(wanted).await;
            let about = LoadError::about(target.name());
            let sessions = connections(address, wanted).await.map_err(about)?;
            let borrowed: Vec<&Session> = sessions.iter().collect();
            let start_over = async || empty(borrowed[0], target).await;
            let filled = load(&borrowed, target, 1, meter, start_over).await?;
            for session in sessions {
                session.close().await;
            }
            Ok::<_, LoadError>(filled)
        }
    });
    try_join_all(loads).await
}

async fn connections(address: &Address, count: u32) -> Result<Vec<Session>, PostgresError> {
    let mut sessions = Vec::new();
    for _ in 0..count {
        sessions.push(connect(address).await?);
    }
    Ok(sessions)
}

async fn empty(session: &Session, target: &Target) -> Result<(), PostgresError> {
    session
        .run(&format!("DELETE FROM {}", target.relation()))
        .await
}
