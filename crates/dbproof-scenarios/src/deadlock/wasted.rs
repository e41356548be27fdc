//! What a victim's attempt writes for nothing: [`of`].

use dbproof_postgres::{Address, PostgresError, Session, catalog, connect};

use super::play::run_all;
use crate::error::RunError;
use crate::project::shapes::{Action, Shape};

/// How often the attempt is repeated; the smallest figure is free of what others wrote meanwhile
/// and of the page images after a checkpoint.
const REPEATS: usize = 3;

/// What one attempt leaves behind.
#[derive(Debug, Default)]
pub(super) struct Wasted {
    pub(super) wal_bytes: Option<u64>,
    pub(super) dead_tuples: Option<u64>,
}

/// Runs the victim's steps before the one that waited, alone, to a ROLLBACK. Their inserted and
/// updated rows are the dead tuples.
pub(super) async fn of(
    address: &Address,
    shape: &Shape,
    victim: usize,
) -> Result<Wasted, RunError> {
    let session = connect(address).await?;
    let mut wasted = Wasted::default();
    for _ in 0..REPEATS {
        run_all(&session, shape, &shape.reset, "reset").await?;
        let before = catalog::wal_position(&session).await;
        let Ok(dead) = attempt(&session, shape, victim).await else {
            session.run("ROLLBACK").await?;
            break;
        };
        let after = catalog::wal_position(&session).await;
        let wal = before.zip(after).map(|(from, to)| to.saturating_sub(from));
        let least = |known: Option<u64>, new: Option<u64>| match (known, new) {
            (Some(known), Some(new)) => Some(known.min(new)),
            (known, new) => known.or(new),
        };
        wasted.wal_bytes = least(wasted.wal_bytes, wal);
        wasted.dead_tuples = least(wasted.dead_tuples, dead);
    }
    session.close().await;
    Ok(wasted)
}

async fn attempt(
    session: &Session,
    shape: &Shape,
    victim: usize,
) -> Result<Option<u64>, PostgresError> {
    let party = &shape.script.sessions[victim];
    session.run(&party.begin.text).await?;
    for step in &party.steps[..waiting_step(shape, victim)] {
        session.run(&step.sql.text).await?;
    }
    let written = "SELECT coalesce(sum(n_tup_ins + n_tup_upd), 0) FROM pg_stat_xact_user_tables";
    let dead = session.text(written).await?;
    session.run("ROLLBACK").await?;
    Ok(dead.and_then(|text| text.parse().ok()))
}

/// The index of the session's last step that waits, or of its last one.
fn waiting_step(shape: &Shape, victim: usize) -> usize {
    let entries = shape.script.entries.iter().rev();
    let waits = entries.filter_map(|entry| match entry.action {
        Action::Step { step, wait, .. } if entry.session == victim => {
            (wait != crate::project::shapes::Wait::No).then_some(step)
        }
        _ => None,
    });
    let last = shape.script.sessions[victim].steps.len() - 1;
    waits.into_iter().next().unwrap_or(last)
}
