//! Rows that are locked, and how strongly: [`Probes`].

use std::fmt::Write as _;

use dbproof_analysis::lock_order::{Lock, LockMode, LockObject, RowMode};
use tokio_postgres::SimpleQueryMessage;

use super::relation::{Keys, Relation};
use crate::{PostgresError, Session};

/// The most locked rows of one table that are told.
pub(super) const MOST_ROWS: usize = 2_000;

/// A row that is locked, as it was before the transaction.
#[derive(Debug, Clone)]
pub(super) struct LockedRow {
    pub(super) keys: Keys,
    mode: RowMode,
}

impl LockedRow {
    pub(super) fn lock(&self, relation: &Relation) -> Lock {
        Lock {
            object: LockObject::Row {
                relation: relation.name.clone(),
                key: self.keys.identity.clone(),
            },
            mode: LockMode::Row(self.mode),
        }
    }
}

/// The locked rows of a table.
#[derive(Debug, Default)]
pub(super) struct LockedRows {
    pub(super) rows: Vec<LockedRow>,
    /// Whether there are more.
    pub(super) is_cut: bool,
}

/// Tries to lock rows, in transactions that are rolled back.
#[derive(Debug, Default)]
pub(super) struct Probes {
    /// The ids of these transactions: a row that was found free keeps the last one as its `xmax`, and
    /// needs not be tried again.
    xids: Vec<String>,
}

impl Probes {
    /// The rows of a table that somebody holds locks on.
    ///
    /// Whoever locks, updates or deletes a row leaves its mark in the row's `xmax`, and the mark stays
    /// when the lock is gone. Which marks mean a lock is found by trying to lock the rows.
    pub(super) async fn locked_rows(
        &mut self,
        observer: &Session,
        relation: &Relation,
    ) -> Result<LockedRows, PostgresError> {
        loop {
            let marked = self.marked(observer, relation).await?;
            if marked.is_empty() {
                return Ok(LockedRows::default());
            }
            let is_cut = marked.len() > MOST_ROWS;
            let tried = self.try_all(observer, relation, marked).await?;
            // Those that were free do not take the place of others the next time.
            if !is_cut || !tried.any_free {
                return Ok(LockedRows {
                    rows: tried.locked,
                    is_cut,
                });
            }
        }
    }

    async fn marked(
        &self,
        observer: &Session,
        relation: &Relation,
    ) -> Result<Vec<Keys>, PostgresError> {
        let sql = format!(
            "SELECT {} FROM ONLY {} WHERE xmax <> '0'::xid AND NOT (xmax = ANY ('{{{}}}'::xid[])) LIMIT {}",
            relation.selected(),
            relation.name,
            self.xids.join(","),
            MOST_ROWS + 1
        );
        let messages = observer.simple_query(&sql).await;
        let messages = messages.map_err(|e| observer.error(&e))?;
        let rows = messages.iter().filter_map(|message| match message {
            SimpleQueryMessage::Row(row) => Some(relation.keys(row)),
            _ => None,
        });
        Ok(rows.collect())
    }

    async fn try_all(
        &mut self,
        observer: &Session,
        relation: &Relation,
        marked: Vec<Keys>,
    ) -> Result<Tried, PostgresError> {
        let begin = "BEGIN; SET LOCAL lock_timeout = '5ms'; SELECT pg_current_xact_id()::xid::text";
        let xid = observer.texts(begin).await?;
        let tried = modes(observer, relation, marked).await;
        observer.run("ROLLBACK").await?;
        let tried = tried?;
        if tried.any_free {
            self.xids.extend(xid);
        }
        Ok(tried)
    }
}

/// What came of trying to lock rows.
struct Tried {
    locked: Vec<LockedRow>,
    any_free: bool,
}

/// What a lock that cannot be had says of the lock that is held, by table 13.3 of PostgreSQL's
/// documentation: whoever cannot have FOR UPDATE meets a lock; it is FOR KEY SHARE where FOR NO KEY UPDATE
/// can be had, FOR SHARE where FOR SHARE can, FOR NO KEY UPDATE where only FOR KEY SHARE can.
const PROBES: [(RowMode, Option<RowMode>); 4] = [
    (RowMode::Update, None),
    (RowMode::NoKeyUpdate, Some(RowMode::KeyShare)),
    (RowMode::Share, Some(RowMode::Share)),
    (RowMode::KeyShare, Some(RowMode::NoKeyUpdate)),
];

async fn modes(
    observer: &Session,
    relation: &Relation,
    marked: Vec<Keys>,
) -> Result<Tried, PostgresError> {
    let mut left = marked;
    let mut locked = Vec::new();
    let mut any_free = false;
    for (probe, held) in PROBES {
        if left.is_empty() {
            break;
        }
        let mut had = match probe {
            RowMode::KeyShare => key_shareable(observer, relation, &left).await?,
            probe => observer.texts(&probing(relation, &left, probe)).await?,
        };
        had.sort_unstable();
        let (had, others): (Vec<Keys>, Vec<Keys>) = left
            .into_iter()
            .partition(|row| had.binary_search(&row.ctid).is_ok());
        left = others;
        match held {
            None => any_free = !had.is_empty(),
            Some(mode) => locked.extend(had.into_iter().map(|keys| LockedRow { keys, mode })),
        }
    }
    let strongest = left.into_iter();
    locked.extend(strongest.map(|keys| LockedRow {
        keys,
        mode: RowMode::Update,
    }));
    Ok(Tried { locked, any_free })
}

/// Locks those of the rows that can be locked, and selects their places.
fn probing(relation: &Relation, rows: &[Keys], mode: RowMode) -> String {
    format!(
        "SELECT ctid::text FROM ONLY {} WHERE ctid = ANY ({}) {} SKIP LOCKED",
        relation.name,
        places(rows.iter().map(|row| row.ctid.as_str())),
        mode.as_clause()
    )
}

/// The places of those rows that can be locked FOR KEY SHARE.
///
/// SKIP LOCKED waits all the same where a row was updated and this lock is to be had: it is taken on the new
/// version too, and that one may be locked more strongly. As only the transaction itself can hold anything
/// here, whoever waits does so for its end, however short the wait.
async fn key_shareable(
    observer: &Session,
    relation: &Relation,
    rows: &[Keys],
) -> Result<Vec<String>, PostgresError> {
    let mut had = Vec::new();
    let mut parts = vec![rows];
    while let Some(part) = parts.pop() {
        let probing = probing(relation, part, RowMode::KeyShare);
        let sql = format!("SAVEPOINT probe; {probing}; RELEASE SAVEPOINT probe");
        match observer.texts(&sql).await {
            Ok(places) => had.extend(places),
            Err(PostgresError::Server(error)) if error.sqlstate == LOCK_NOT_AVAILABLE => {
                observer.run("ROLLBACK TO SAVEPOINT probe").await?;
                // It was one of them.
                if part.len() > 1 {
                    let (first, second) = part.split_at(part.len() / 2);
                    parts.extend([first, second]);
                }
            }
            Err(error) => return Err(error),
        }
    }
    Ok(had)
}

/// `lock_not_available`: what `lock_timeout` ends with.
const LOCK_NOT_AVAILABLE: &str = "55P03";

/// Places of rows as an array in SQL.
pub(super) fn places<'r>(ctids: impl Iterator<Item = &'r str>) -> String {
    let mut array = "'{".to_owned();
    for (at, ctid) in ctids.enumerate() {
        let comma = if at == 0 { "" } else { "," };
        let _ = write!(array, "{comma}\"{ctid}\"");
    }
    array.push_str("}'::tid[]");
    array
}
