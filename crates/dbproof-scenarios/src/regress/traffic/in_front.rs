//! A transaction that the migration has to wait for: [`InFront`].

use std::time::{Duration, Instant};

use dbproof_analysis::lock_order::RelationMode;
use dbproof_model::RelationKind;
use dbproof_postgres::locks::Watcher;
use dbproof_postgres::{Address, PostgresError, Session, connect};
use tokio::time::{MissedTickBehavior, interval};

use super::{LockedTable, wait};

/// How long it stays open once the migration waits for it. A report or a page of a dump takes as long;
/// longer ones only make longer waits.
pub(super) const OPEN_FOR: Duration = Duration::from_secs(1);

/// The pause between two looks at whom the migration waits for.
const PAUSE: Duration = Duration::from_millis(2);

/// An open transaction that has read, or written to, every table that the migration locks.
pub(super) struct InFront {
    session: Session,
    pid: i32,
    watcher: Watcher,
}

impl InFront {
    /// Opens it. It holds the weakest lock that the migration's conflicts with: that of a reader where
    /// the migration keeps readers out, that of a writer where it keeps writers out.
    pub(super) async fn open(
        address: &Address,
        tables: &[LockedTable],
    ) -> Result<Self, PostgresError> {
        let session = connect(address).await?;
        session.run("BEGIN").await?;
        for table in tables {
            let reads = table.mode == RelationMode::AccessExclusive
                || table.kind == RelationKind::MaterializedView;
            let sql = if reads {
                format!("SELECT FROM {} LIMIT 1", table.name)
            } else {
                format!("LOCK TABLE {} IN ROW EXCLUSIVE MODE", table.name)
            };
            session.run(&sql).await?;
        }
        Ok(InFront {
            pid: session.backend_pid().await?,
            session,
            watcher: Watcher::new(connect(address).await?).await?,
        })
    }

    /// Lets the migration run, and ends the transaction when it has been waited for long enough.
    /// Returns also how long that was, if the migration waited at all.
    pub(super) async fn until_waited_for<T>(
        self,
        pid: i32,
        migration: impl Future<Output = Result<T, PostgresError>>,
    ) -> Result<(T, Option<Duration>), PostgresError> {
        let InFront {
            session,
            pid: own,
            watcher,
        } = self;
        let ending = async {
            let mut pause = interval(PAUSE);
            pause.set_missed_tick_behavior(MissedTickBehavior::Delay);
            while !watcher.blockers(pid).await?.contains(&own) {
                pause.tick().await;
            }
            let began = Instant::now();
            wait(OPEN_FOR).await;
            session.run("COMMIT").await?;
            Ok::<Duration, PostgresError>(began.elapsed())
        };
        let mut waited = None;
        let outcome = {
            tokio::pin!(migration, ending);
            // Whoever is done first, the migration's end is waited for.
            tokio::select! {
                done = &mut migration => done,
                ended = &mut ending => {
                    waited = Some(ended?);
                    migration.await
                }
            }
        };
        session.run("ROLLBACK").await?;
        session.close().await;
        watcher.close().await;
        Ok((outcome?, waited))
    }
}
