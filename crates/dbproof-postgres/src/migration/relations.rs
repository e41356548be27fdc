//! The relations of a database while a migration runs: [`Snapshot`].

use std::collections::BTreeMap;

use dbproof_model::RelationKind;

use crate::{PostgresError, Session};

/// OIDs from here on are not the system's own (`FirstNormalObjectId`).
pub(super) const FIRST_OWN_OID: u32 = 16_384;

/// One relation at one moment.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct RelationState {
    /// With the schema where that is not `public`.
    pub(super) name: String,
    /// Without the schema.
    pub(super) bare: String,
    pub(super) kind: RelationKind,
    /// The number of its file; none where it has no storage.
    pub(super) filenode: Option<u32>,
    /// The same of its TOAST table.
    pub(super) toast_filenode: Option<u32>,
    /// The table of an index or a sequence, the partitioned table of a partition.
    pub(super) of: Option<u32>,
    /// Rows by the planner's statistics.
    pub(super) rows: Option<u64>,
    /// Rows that this session's transaction has read by scanning; only differences mean something.
    read: u64,
    /// Rows that it has written.
    written: u64,
    /// Whether an index is valid.
    pub(super) valid: bool,
    /// Whether a constraint rests on an index.
    pub(super) constraint: bool,
}

/// All relations outside of the system's schemas, as a session sees them inside of its transaction.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Snapshot {
    pub(super) relations: BTreeMap<u32, RelationState>,
    /// `lock_timeout` in milliseconds.
    pub(super) lock_timeout_ms: f64,
    /// The end of the write-ahead log in bytes, where the role may ask for it.
    pub(super) wal: Option<u64>,
}

/// No relation is locked by asking: sizes, which do lock, are asked for elsewhere. Temporary relations
/// are nobody else's.
const RELATIONS: &str = "\
    SELECT c.oid, \
           CASE WHEN n.nspname = 'public' THEN '' ELSE quote_ident(n.nspname) || '.' END \
               || quote_ident(c.relname), \
           c.relname::text, c.relkind::text, \
           pg_relation_filenode(c.oid), pg_relation_filenode(nullif(c.reltoastrelid, 0)), \
           coalesce(i.indrelid, \
                    (SELECT h.inhparent FROM pg_inherits h \
                     WHERE h.inhrelid = c.oid AND c.relispartition LIMIT 1), \
                    (SELECT d.refobjid FROM pg_depend d \
                     WHERE c.relkind = 'S' AND d.classid = 'pg_class'::regclass AND d.objid = c.oid \
                       AND d.refclassid = 'pg_class'::regclass AND d.refobjsubid > 0 LIMIT 1)), \
           CASE WHEN c.reltuples >= 0 THEN c.reltuples::bigint END, \
           pg_stat_get_xact_tuples_returned(c.oid), \
           pg_stat_get_xact_tuples_inserted(c.oid) + pg_stat_get_xact_tuples_updated(c.oid) \
               + pg_stat_get_xact_tuples_deleted(c.oid), \
           coalesce(i.indisvalid, true), \
           EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = c.oid AND k.contype IN ('p', 'u', 'x')) \
    FROM pg_class c \
    JOIN pg_namespace n ON n.oid = c.relnamespace \
    LEFT JOIN pg_index i ON i.indexrelid = c.oid \
    WHERE c.relkind IN ('r', 'p', 'm', 'i', 'I', 'S', 'v', 'f') AND c.relpersistence <> 't' \
      AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')";

impl Snapshot {
    /// Asks for it; `wal` says whether the end of the log may be asked for, since what is refused ends
    /// a transaction.
    pub(super) async fn take(session: &Session, wal: bool) -> Result<Self, PostgresError> {
        let rows = session
            .query(RELATIONS, &[])
            .await
            .map_err(|e| session.error(&e))?;
        let position = if wal {
            "pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::bigint"
        } else {
            "NULL::bigint"
        };
        let sql = format!(
            "SELECT setting::float8, {position} FROM pg_settings WHERE name = 'lock_timeout'"
        );
        let own = session
            .query_one(&sql, &[])
            .await
            .map_err(|e| session.error(&e))?;
        let wal: Option<i64> = own.get(1);
        Ok(Snapshot {
            relations: rows.iter().map(|row| (row.get(0), state(row))).collect(),
            lock_timeout_ms: own.get(0),
            wal: wal.and_then(|bytes| u64::try_from(bytes).ok()),
        })
    }

    /// Rows read and written by relation since an earlier snapshot of the same transaction.
    pub(super) fn rows_since(&self, earlier: &Snapshot) -> Vec<(u32, u64, u64)> {
        let worked = self.relations.iter().filter_map(|(oid, now)| {
            let then = earlier.relations.get(oid);
            let since = |now: u64, then: Option<u64>| now.saturating_sub(then.unwrap_or(0));
            let read = since(now.read, then.map(|t| t.read));
            let written = since(now.written, then.map(|t| t.written));
            let a_table = matches!(
                now.kind,
                RelationKind::Table | RelationKind::MaterializedView
            );
            (a_table && read + written > 0).then_some((*oid, read, written))
        });
        worked.collect()
    }
}

fn state(row: &tokio_postgres::Row) -> RelationState {
    let count = |n: i64| u64::try_from(n).unwrap_or(0);
    let kind: String = row.get(3);
    RelationState {
        name: row.get(1),
        bare: row.get(2),
        kind: match kind.as_str() {
            "r" => RelationKind::Table,
            "p" => RelationKind::PartitionedTable,
            "m" => RelationKind::MaterializedView,
            "i" | "I" => RelationKind::Index,
            "S" => RelationKind::Sequence,
            _ => RelationKind::Other,
        },
        filenode: row.get(4),
        toast_filenode: row.get(5),
        of: row.get(6),
        rows: row.get::<_, Option<i64>>(7).map(count),
        read: count(row.get(8)),
        written: count(row.get(9)),
        valid: row.get(10),
        constraint: row.get(11),
    }
}

/// Sizes of all relations of a snapshot with indexes and TOAST, in bytes. They are locked for a moment,
/// so this is asked outside of the migration.
pub(super) async fn sizes(session: &Session) -> Result<BTreeMap<u32, u64>, PostgresError> {
    let sql = "SELECT c.oid, pg_total_relation_size(c.oid) FROM pg_class c \
               WHERE c.relkind IN ('r', 'm', 'i', 'S') AND c.oid >= $1";
    let rows = session
        .query(sql, &[&FIRST_OWN_OID])
        .await
        .map_err(|e| session.error(&e))?;
    let size = |row: &tokio_postgres::Row| row.get::<_, Option<i64>>(1);
    Ok(rows
        .iter()
        .filter_map(|row| Some((row.get(0), u64::try_from(size(row)?).ok()?)))
        .collect())
}

/// The definition of an index, if it is still there.
pub(super) async fn definition(
    session: &Session,
    index: u32,
) -> Result<Option<String>, PostgresError> {
    let row = session
        .query_one("SELECT pg_get_indexdef($1)", &[&index])
        .await
        .map_err(|e| session.error(&e))?;
    Ok(row.get(0))
}
