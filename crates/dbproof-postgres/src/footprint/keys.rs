//! Keys that a transaction has entered into unique indexes, or whose rows it has changed.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use dbproof_analysis::lock_order::{Lock, LockMode, LockObject};
use tokio_postgres::SimpleQueryMessage;

use super::READING;
use super::relation::{Keys, Relation};
use super::rows::{LockedRow, MOST_ROWS, places};
use crate::{PostgresError, Session};

/// Whoever inserts or updates rows leaves them with its id as `xmin`; only its own session sees them. It
/// looks in a savepoint that is rolled back, which gives back whatever looking locks.
pub(super) async fn read(
    session: &Session,
    relation: &Relation,
    xids: &[String],
    locked: &[LockedRow],
) -> Result<BTreeSet<Lock>, PostgresError> {
    if relation.unique.is_empty() || xids.is_empty() {
        return Ok(BTreeSet::new());
    }
    let (entered, unchanged) = look(session, relation, xids, locked).await?;
    let changed = locked
        .iter()
        .filter(|row| !unchanged.contains(&row.keys.ctid));
    let old: BTreeSet<LockObject> = changed
        .flat_map(|row| objects(relation, &row.keys))
        .collect();
    let new: BTreeSet<LockObject> = entered
        .iter()
        .flat_map(|keys| objects(relation, keys))
        .collect();
    // A key that an update leaves alone is not entered.
    let new = new.difference(&old).map(|object| Lock {
        object: object.clone(),
        mode: LockMode::UniqueKey,
    });
    let old = old.iter().map(|object| Lock {
        object: object.clone(),
        mode: LockMode::OldUniqueKey,
    });
    Ok(new.chain(old).collect())
}

fn objects(relation: &Relation, keys: &Keys) -> Vec<LockObject> {
    let indexes = relation.unique.iter().zip(&keys.unique);
    let keys = indexes.filter_map(|(index, key)| {
        Some(LockObject::UniqueKey {
            relation: relation.name.clone(),
            index: index.name.clone(),
            key: key.clone()?,
        })
    });
    keys.collect()
}

/// The rows that the transaction has written, and the places of the locked ones that it has not changed.
async fn look(
    session: &Session,
    relation: &Relation,
    xids: &[String],
    locked: &[LockedRow],
) -> Result<(Vec<Keys>, BTreeSet<String>), PostgresError> {
    let name = &relation.name;
    let mut sql =
        "SAVEPOINT dbproof_look; SET LOCAL ROLE NONE; SET LOCAL row_security = off; ".to_owned();
    for setting in READING {
        sql.push_str("SET LOCAL ");
        sql.push_str(setting);
        sql.push_str("; ");
    }
    let _ = write!(
        sql,
        "SELECT {} FROM ONLY {name} WHERE xmin = ANY ('{{{}}}'::xid[]) LIMIT {MOST_ROWS}; ",
        relation.selected(),
        xids.join(",")
    );
    let places = places(locked.iter().map(|row| row.keys.ctid.as_str()));
    let _ = write!(
        sql,
        "SELECT ctid::text FROM ONLY {name} WHERE ctid = ANY ({places}); "
    );
    let leave = "ROLLBACK TO SAVEPOINT dbproof_look; RELEASE SAVEPOINT dbproof_look";
    sql.push_str(leave);
    let messages = match session.simple_query(&sql).await {
        Ok(messages) => messages,
        Err(error) => {
            let error = session.error(&error);
            if error.server_error().is_some() {
                session.run(leave).await?;
            }
            return Err(error);
        }
    };
    let mut results = 0;
    let (mut entered, mut unchanged) = (Vec::new(), BTreeSet::new());
    for message in &messages {
        match message {
            SimpleQueryMessage::RowDescription(_) => results += 1,
            SimpleQueryMessage::Row(row) if results == 1 => entered.push(relation.keys(row)),
            SimpleQueryMessage::Row(row) => unchanged.extend(row.get(0).map(str::to_owned)),
            _ => {}
        }
    }
    Ok((entered, unchanged))
}
