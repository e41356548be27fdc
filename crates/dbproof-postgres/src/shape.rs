//! Tables as their catalog and their statistics describe them: [`table_shapes`].

use std::collections::BTreeMap;

use dbproof_data::{ColumnShape, ColumnStatistics, ForeignKeyShape, TableShape};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use crate::{PostgresError, Session};

/// Ordinary and partitioned tables of the user's; a partition belongs to its table, and what an
/// extension brings is its own.
const TABLES: &str = "
    WITH leaves AS (
      SELECT c.oid AS top, t.relid AS leaf
      FROM pg_class c, LATERAL pg_partition_tree(c.oid) t WHERE c.relkind = 'p' AND t.isleaf)
    SELECT c.oid,
           CASE WHEN n.nspname = 'public' THEN c.relname::text
                ELSE n.nspname || '.' || c.relname END,
           CASE WHEN c.relkind = 'r' THEN c.reltuples
                ELSE (SELECT CASE WHEN bool_or(l.reltuples < 0) THEN -1 ELSE sum(l.reltuples) END
                      FROM leaves JOIN pg_class l ON l.oid = leaf WHERE top = c.oid) END::float8,
           EXISTS (SELECT FROM pg_stats s WHERE s.schemaname = n.nspname AND s.tablename = c.relname),
           coalesce((SELECT array_agg(pg_get_expr(l.relpartbound, l.oid) ORDER BY l.oid)
                     FROM pg_inherits i JOIN pg_class l ON l.oid = i.inhrelid
                     WHERE i.inhparent = c.oid AND c.relkind = 'p'), '{}'),
           (SELECT a.attname::text FROM pg_partitioned_table p
            JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = p.partattrs[0]
            WHERE p.partrelid = c.oid AND p.partnatts = 1),
           -- The statistics of the whole, or else those of the largest partition.
           CASE WHEN c.relkind = 'p'
                 AND NOT EXISTS (SELECT FROM pg_statistic s WHERE s.starelid = c.oid AND s.stainherit)
                THEN (SELECT leaf::oid FROM leaves JOIN pg_class l ON l.oid = leaf
                      WHERE top = c.oid ORDER BY l.reltuples DESC, l.oid LIMIT 1) END
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relpersistence <> 't'
      AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname NOT LIKE 'pg\\_%'
      AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass
                      AND d.objid = c.oid AND d.deptype = 'e')
    ORDER BY c.oid";

const COLUMNS: &str = "
    WITH RECURSIVE base (attnum, type, modifier, not_null, checks) AS (
      SELECT attnum, atttypid, atttypmod, attnotnull, '{}'::text[]
      FROM pg_attribute WHERE attrelid = $1 AND attnum > 0 AND NOT attisdropped
      UNION ALL
      SELECT attnum, t.typbasetype, CASE WHEN t.typtypmod >= 0 THEN t.typtypmod ELSE modifier END,
             not_null OR t.typnotnull,
             checks || coalesce((SELECT array_agg(pg_get_constraintdef(c.oid)) FROM pg_constraint c
                                 WHERE c.contypid = t.oid AND c.contype = 'c'), '{}')
      FROM base JOIN pg_type t ON t.oid = base.type WHERE t.typtype = 'd')
    SELECT a.attname::text, coalesce(e.typname, t.typname)::text,
           format_type(a.atttypid, a.atttypmod), b.modifier,
           e.oid IS NOT NULL, coalesce(e.typtype, t.typtype)::text, b.not_null,
           a.atthasdef OR a.attidentity <> '', a.attgenerated <> '',
           coalesce((SELECT array_agg(l.enumlabel::text ORDER BY l.enumsortorder) FROM pg_enum l
                     WHERE l.enumtypid = t.oid), '{}'),
           b.checks, s.avg_width, s.null_frac::float8, s.n_distinct::float8,
           s.most_common_vals::text::text[], s.most_common_freqs::float8[], s.correlation::float8,
           s.histogram_bounds::text::text[]
    FROM base b
    JOIN pg_attribute a ON a.attrelid = $1 AND a.attnum = b.attnum
    JOIN pg_type t ON t.oid = b.type
    LEFT JOIN pg_type e ON e.oid = t.typelem AND t.typcategory = 'A'
    LEFT JOIN (pg_stats s JOIN pg_namespace n ON n.nspname = s.schemaname
               JOIN pg_class c ON c.relname = s.tablename AND c.relnamespace = n.oid)
      ON c.oid = $2 AND s.attname = a.attname
         AND s.inherited = (c.relkind = 'p')
    WHERE t.typtype <> 'd'
    ORDER BY b.attnum";

const KEYS: &str = "
    SELECT array_agg(a.attname::text ORDER BY k.place)
    FROM pg_index i
    CROSS JOIN LATERAL unnest(i.indkey::int2[]) WITH ORDINALITY AS k (attnum, place)
    JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
    WHERE i.indrelid = $1 AND i.indisunique AND i.indpred IS NULL AND i.indexprs IS NULL
      AND k.place <= i.indnkeyatts
    GROUP BY i.indexrelid ORDER BY i.indexrelid";

const FOREIGN_KEYS: &str = "
    SELECT ARRAY (SELECT a.attname::text FROM unnest(c.conkey) WITH ORDINALITY AS k (attnum, place)
                  JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.attnum
                  ORDER BY k.place),
           c.confrelid,
           ARRAY (SELECT a.attname::text FROM unnest(c.confkey) WITH ORDINALITY AS k (attnum, place)
                  JOIN pg_attribute a ON a.attrelid = c.confrelid AND a.attnum = k.attnum
                  ORDER BY k.place)
    FROM pg_constraint c WHERE c.conrelid = $1 AND c.contype = 'f' ORDER BY c.oid";

/// What else decides which rows are taken: CHECK constraints, and what is unique or excluded in
/// ways that columns alone do not tell.
const CHECKS: &str = "
    SELECT pg_get_constraintdef(oid) FROM pg_constraint
    WHERE conrelid = $1 AND contype IN ('c', 'x')
    UNION ALL
    SELECT pg_get_indexdef(indexrelid) FROM pg_index
    WHERE indrelid = $1 AND indisunique AND (indpred IS NOT NULL OR indexprs IS NOT NULL)";

/// The user's tables in the session's database. Nothing is written.
pub async fn table_shapes(session: &Session) -> Result<Vec<TableShape>, PostgresError> {
    session
        .run("BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        .await?;
    let shapes = read(session).await;
    session.run("ROLLBACK").await?;
    shapes
}

async fn read(session: &Session) -> Result<Vec<TableShape>, PostgresError> {
    let tables = query(session, TABLES, &[]).await?;
    let names: BTreeMap<u32, String> = tables.iter().map(|row| (row.get(0), row.get(1))).collect();
    let mut shapes = Vec::new();
    for row in &tables {
        let oid: u32 = row.get(0);
        let rows: Option<f64> = row.get(2);
        let of_partition: Option<u32> = row.get(6);
        let columns = query(session, COLUMNS, &[&oid, &of_partition.unwrap_or(oid)]).await?;
        let foreign_keys = query(session, FOREIGN_KEYS, &[&oid]).await?;
        shapes.push(TableShape {
            name: row.get(1),
            rows: rows.and_then(|rows| count(rows, row.get(3))),
            partition_bounds: row.get(4),
            partition_key: row.get(5),
            columns: columns.iter().map(column).collect(),
            keys: query(session, KEYS, &[&oid])
                .await?
                .iter()
                .map(|row| row.get(0))
                .collect(),
            foreign_keys: foreign_keys
                .iter()
                .map(|row| ForeignKeyShape {
                    columns: row.get(0),
                    parent: names.get(&row.get(1)).cloned().unwrap_or_default(),
                    parent_columns: row.get(2),
                })
                .collect(),
            checks: query(session, CHECKS, &[&oid])
                .await?
                .iter()
                .map(|row| row.get(0))
                .collect(),
        });
    }
    Ok(shapes)
}

async fn query(
    session: &Session,
    sql: &str,
    parameters: &[&(dyn ToSql + Sync)],
) -> Result<Vec<Row>, PostgresError> {
    session
        .query(sql, parameters)
        .await
        .map_err(|e| session.error(&e))
}

/// `reltuples`: −1 where it was never set, and 0 as well in servers older than 14 that were
/// upgraded; without statistics 0 need not be true.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a number of rows of at least 0, and `as` saturates"
)]
fn count(rows: f64, has_statistics: bool) -> Option<u64> {
    (rows > 0.0 || rows == 0.0 && !has_statistics).then_some(rows.round() as u64)
}

fn column(row: &Row) -> ColumnShape {
    let width: Option<i32> = row.get(11);
    let kind: String = row.get(5);
    let values: Option<Vec<Option<String>>> = row.get(14);
    let shares: Option<Vec<f64>> = row.get(15);
    let histogram: Option<Vec<Option<String>>> = row.get(17);
    let known: Option<f64> = row.get(12);
    let name: String = row.get(0);
    let statistics = known.map(|null_fraction| ColumnStatistics {
        column: name.clone(),
        null_fraction,
        distinct: row.get::<_, Option<f64>>(13).unwrap_or(0.0),
        common: values
            .unwrap_or_default()
            .into_iter()
            .map(Option::unwrap_or_default)
            .zip(shares.unwrap_or_default())
            .collect(),
        correlation: row.get(16),
        written_as_given: false,
        counted: true,
        target: 0,
    });
    ColumnShape {
        name,
        base_type: row.get(1),
        shown_type: row.get(2),
        modifier: row.get(3),
        array: row.get(4),
        kind: kind.chars().next().unwrap_or('b'),
        not_null: row.get(6),
        has_default: row.get(7),
        generated: row.get(8),
        labels: row.get(9),
        domain_checks: row.get(10),
        width: width.and_then(|width| u64::try_from(width).ok()),
        statistics,
        histogram: histogram
            .unwrap_or_default()
            .into_iter()
            .flatten()
            .collect(),
    }
}
