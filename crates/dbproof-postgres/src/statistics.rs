//! What the planner knows of a table's columns: [`table_statistics`].

use dbproof_data::{ColumnStatistics, TableStatistics};
use tokio_postgres::Row;

use crate::{PostgresError, Session};

/// Rows that ANALYZE looks at for each unit of the statistics target.
const ROWS_PER_TARGET: u64 = 300;

/// The planner's statistics of a table, which is named as in `data/*.toml`.
pub async fn table_statistics(
    session: &Session,
    table: &str,
) -> Result<TableStatistics, PostgresError> {
    let relation = crate::copy::escape_relation(table);
    let failed = |e| session.error(&e);
    let about = session
        .query_one(
            "SELECT c.oid, c.relkind = 'p',
                    greatest(d.target, max(coalesce(a.attstattarget, -1)))::bigint,
                    greatest(c.relpages, 0)::bigint
             FROM pg_class c
             CROSS JOIN (SELECT current_setting('default_statistics_target')::int AS target) d
             LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
             WHERE c.oid = $1::text::regclass
             GROUP BY c.oid, c.relkind, c.relpages, d.target",
            &[&relation],
        )
        .await
        .map_err(failed)?;
    let (oid, partitioned): (u32, bool) = (about.get(0), about.get(1));
    let target: i64 = about.get(2);
    let columns = session
        .query(
            "SELECT s.attname::text, s.null_frac::float8, s.n_distinct::float8,
                    s.most_common_vals::text::text[], s.most_common_freqs::float8[],
                    s.correlation::float8,
                    (CASE WHEN coalesce(a.attstattarget, -1) < 0
                          THEN current_setting('default_statistics_target')::int
                          ELSE a.attstattarget END)::bigint,
                    t.typcategory IN ('S', 'E') OR b.typname IN ('uuid', 'citext'),
                    t.typanalyze = 0 OR t.typcategory = 'A'
             FROM pg_stats s
             JOIN pg_class c ON c.relname = s.tablename
             JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = s.schemaname
             JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = s.attname
             JOIN pg_type t ON t.oid = a.atttypid
             LEFT JOIN pg_type b ON b.oid = CASE t.typtype WHEN 'd' THEN t.typbasetype ELSE t.oid END
             WHERE c.oid = $1 AND s.inherited = (c.relkind = 'p')",
            &[&oid],
        )
        .await
        .map_err(failed)?;
    Ok(TableStatistics {
        sample: ROWS_PER_TARGET * u64::try_from(target).unwrap_or(100),
        pages: u64::try_from(about.get::<_, i64>(3)).unwrap_or(0),
        partitioned,
        columns: columns.iter().map(column).collect(),
    })
}

fn column(row: &Row) -> ColumnStatistics {
    let values: Option<Vec<Option<String>>> = row.get(3);
    let shares: Option<Vec<f64>> = row.get(4);
    let values = values.unwrap_or_default().into_iter();
    ColumnStatistics {
        column: row.get(0),
        null_fraction: row.get(1),
        distinct: row.get(2),
        common: values
            .map(Option::unwrap_or_default)
            .zip(shares.unwrap_or_default())
            .collect(),
        correlation: row.get(5),
        written_as_given: row.get(7),
        counted: row.get(8),
        target: u64::try_from(row.get::<_, i64>(6)).unwrap_or(0),
    }
}
