//! Both sides of each wait of a cycle: [`of`].
//!
//! The server names the statement that waits, and not the one that took the lock, which may be long
//! over. So the holder's statements are run again, one by one, until the waiting statement is
//! blocked by them: that one took the lock.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use dbproof_model::DeadlockParticipant;
use dbproof_postgres::locks::Watcher;
use dbproof_postgres::{Address, PostgresError, connect};

use super::play::{PlayedRun, SeenWait, run_all};
use crate::error::RunError;
use crate::project::shapes::Shape;

/// How long a statement may take to be done or blocked.
const LIMIT: Duration = Duration::from_secs(5);

/// The waits that a run saw, with the statements on both sides.
pub(super) async fn of(
    address: &Address,
    shape: &Shape,
    run: &PlayedRun,
    logged: &BTreeMap<i32, String>,
) -> Result<Vec<DeadlockParticipant>, RunError> {
    let sessions = &shape.script.sessions;
    let mut participants = Vec::new();
    for wait in &run.waits {
        let waiter = &sessions[wait.waiter];
        for &holder in &wait.blockers {
            let held_by = match taken_by(address, shape, wait, holder).await {
                Ok(step) => step,
                // It is not possible in every state of the data, and then it is not known.
                Err(RunError::Environment(PostgresError::Server(_))) => None,
                Err(error) => return Err(error),
            };
            participants.push(DeadlockParticipant {
                session: waiter.name.clone(),
                statement: waiter.steps[wait.step].sql.text.clone(),
                logged_statement: run
                    .pids
                    .get(wait.waiter)
                    .and_then(|pid| logged.get(pid).cloned()),
                lock: wait.lock.clone(),
                blocked_by: sessions[holder].name.clone(),
                held_by_statement: held_by
                    .map(|step| sessions[holder].steps[step].sql.text.clone()),
            });
        }
    }
    Ok(participants)
}

/// The step by which the holder took the lock.
async fn taken_by(
    address: &Address,
    shape: &Shape,
    wait: &SeenWait,
    holder: usize,
) -> Result<Option<usize>, RunError> {
    if shape.verbatim {
        return Ok(None);
    }
    let watcher = Watcher::new(connect(address).await?).await?;
    let (holds, waits) = (connect(address).await?, connect(address).await?);
    let (holding, waiting) = (holds.backend_pid().await?, waits.backend_pid().await?);
    run_all(&holds, shape, &shape.reset, "reset").await?;
    let holder = &shape.script.sessions[holder];
    let waiter = &shape.script.sessions[wait.waiter];
    let mut found = None;
    holds.run(&holder.begin.text).await?;
    for (index, step) in holder.steps.iter().enumerate() {
        holds.run(&step.sql.text).await?;
        waits.run(&waiter.begin.text).await?;
        let sql = &waiter.steps[wait.step].sql.text;
        let blocked = async {
            let began = Instant::now();
            loop {
                if watcher.blockers(waiting).await?.contains(&holding) {
                    return Ok::<_, PostgresError>(true);
                }
                if began.elapsed() > LIMIT {
                    return Ok(false);
                }
            }
        };
        let mut statement = std::pin::pin!(waits.run(sql));
        let is_blocked = tokio::select! {
            biased;
            _ = &mut statement => None,
            blocked = blocked => Some(blocked?),
        };
        // Only then, because a statement that is cancelled ends as one does that nobody has blocked.
        if is_blocked.is_some() {
            watcher.cancel(waiting).await?;
            statement.await.ok();
        }
        waits.run("ROLLBACK").await?;
        if is_blocked == Some(true) {
            found = Some(index);
            break;
        }
    }
    holds.run("ROLLBACK").await?;
    for session in [holds, waits] {
        session.close().await;
    }
    watcher.close().await;
    Ok(found)
}
