//! The locks that `pg_locks` tells of: [`Held`].

use std::collections::BTreeSet;

use dbproof_analysis::lock_order::{Lock, LockMode, LockObject, RelationMode};
use tokio_postgres::Statement;

use crate::{PostgresError, Session};

/// The locks of one session.
#[derive(Debug, Clone, Default)]
pub(super) struct Held {
    /// Relations by their OIDs; each mode that is held, also those that a stronger one covers.
    pub(super) relations: BTreeSet<(u32, RelationMode)>,
    /// Advisory locks.
    pub(super) advisory: BTreeSet<Lock>,
    /// The ids of the transaction and of its subtransactions that were not rolled back.
    pub(super) xids: Vec<String>,
}

/// Asks for the locks of a session.
#[derive(Debug)]
pub(super) struct HeldQuery(Statement);

impl HeldQuery {
    pub(super) async fn prepare(observer: &Session) -> Result<Self, PostgresError> {
        let sql = "SELECT locktype, relation, mode, classid, objid, objsubid, transactionid::text \
                   FROM pg_locks WHERE pid = $1 AND granted AND (\
                       (locktype = 'transactionid' AND mode = 'ExclusiveLock') \
                       OR (locktype IN ('relation', 'advisory') AND database = \
                           (SELECT oid FROM pg_database WHERE datname = current_database())))";
        let statement = observer.prepare(sql).await;
        Ok(HeldQuery(statement.map_err(|e| observer.error(&e))?))
    }

    pub(super) async fn read(&self, observer: &Session, pid: i32) -> Result<Held, PostgresError> {
        let rows = observer.query(&self.0, &[&pid]).await;
        let mut held = Held::default();
        for row in rows.map_err(|e| observer.error(&e))? {
            let mode: &str = row.get(2);
            match row.get(0) {
                "relation" => {
                    // Not a mode is SIReadLock, which nobody waits for.
                    let mode = RelationMode::from_pg_locks(mode);
                    held.relations.extend(mode.map(|mode| (row.get(1), mode)));
                }
                "advisory" => {
                    held.advisory.extend(advisory(&row, mode));
                }
                _ => held.xids.extend(row.get::<_, Option<String>>(6)),
            }
        }
        Ok(held)
    }
}

/// "The key is shown as two halves" (`pg_locks` in PostgreSQL's documentation): a `bigint` by its high and
/// low half with `objsubid` 1, two `int` with `objsubid` 2.
fn advisory(row: &tokio_postgres::Row, mode: &str) -> Option<Lock> {
    let mode = match mode {
        "ExclusiveLock" => LockMode::AdvisoryExclusive,
        "ShareLock" => LockMode::AdvisoryShared,
        _ => return None,
    };
    let (high, low): (u32, u32) = (row.get(3), row.get(4));
    let key = match row.get::<_, i16>(5) {
        1 => ((u64::from(high) << 32) | u64::from(low))
            .cast_signed()
            .to_string(),
        _ => format!("{}, {}", high.cast_signed(), low.cast_signed()),
    };
    Some(Lock {
        object: LockObject::Advisory(key),
        mode,
    })
}
