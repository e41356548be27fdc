//! What the server says about itself and its relations.

use std::collections::BTreeMap;

use dbproof_model::{Column, ForeignKey, PlanNames, Relation, Schema};

use crate::{PostgresError, Session};

/// Settings that decide about plans, memory and durability: always recorded.
const DECISIVE: &str = "'fsync', 'synchronous_commit', 'full_page_writes', 'wal_level', \
    'shared_buffers', 'work_mem', 'effective_cache_size', 'random_page_cost', 'seq_page_cost', \
    'jit', 'max_parallel_workers_per_gather', 'deadlock_timeout', 'autovacuum', \
    'default_statistics_target', 'plan_cache_mode', 'max_connections'";

/// The server's version, such as `15.18`.
pub async fn version(session: &Session) -> Result<String, PostgresError> {
    let text = session
        .text("SHOW server_version")
        .await?
        .unwrap_or_default();
    Ok(text
        .split_whitespace()
        .next()
        .unwrap_or_default()
        .to_owned())
}

/// The settings that are not at their built-in defaults, and the decisive ones. Paths, addresses
/// and anything that could hold a secret are left out.
pub async fn settings(session: &Session) -> Result<BTreeMap<String, String>, PostgresError> {
    let sql = format!(
        "SELECT name, current_setting(name) FROM pg_settings
         WHERE name IN ({DECISIVE})
            OR (source NOT IN ('default', 'override', 'client', 'session')
                AND category NOT LIKE 'File Locations%'
                AND category NOT LIKE 'Connections and Authentication%'
                AND category NOT LIKE 'Replication%'
                AND category NOT LIKE 'Reporting and Logging%'
                AND name NOT LIKE '%command' AND name NOT LIKE '%conninfo')"
    );
    let rows = session
        .query(&sql, &[])
        .await
        .map_err(|e| session.error(&e))?;
    Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
}

/// Settings that decide about plans and are not at their built-in defaults. The two that
/// [`explain`](crate::explain::explain) sets for itself are left out.
pub async fn planner_settings(
    session: &Session,
) -> Result<BTreeMap<String, String>, PostgresError> {
    let rows = session
        .query(
            "SELECT name, current_setting(name) FROM pg_settings
             WHERE (category LIKE 'Query Tuning%'
                    OR name IN ('work_mem', 'hash_mem_multiplier', 'temp_buffers'))
               AND name NOT IN ('plan_cache_mode', 'max_parallel_workers_per_gather')
               AND setting IS DISTINCT FROM boot_val",
            &[],
        )
        .await
        .map_err(|e| session.error(&e))?;
    Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
}

/// The collation of the database, and its provider where that is not the C library.
pub async fn collation(session: &Session) -> Result<String, PostgresError> {
    // Which columns there are differs from version to version.
    let text = session
        .text(
            "SELECT CASE d->>'datlocprovider' WHEN 'i' THEN 'icu ' WHEN 'b' THEN 'builtin ' \
                    ELSE '' END \
                 || CASE WHEN d->>'datlocprovider' IN ('i', 'b') \
                    THEN coalesce(d->>'datlocale', d->>'daticulocale') ELSE d->>'datcollate' END \
             FROM (SELECT to_jsonb(pg_database) FROM pg_database \
                   WHERE datname = current_database()) AS own (d)",
        )
        .await?;
    Ok(text.unwrap_or_default())
}

/// Rows of every relation outside of the system's schemas, by schema and name, as the planner's
/// statistics have them.
pub async fn relation_rows(
    session: &Session,
) -> Result<BTreeMap<(String, String), u64>, PostgresError> {
    let rows = session
        .query(
            "SELECT n.nspname::text, c.relname::text, greatest(c.reltuples, 0)::bigint
             FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
             WHERE c.relkind IN ('r', 'p', 'm', 'f')
               AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')",
            &[],
        )
        .await
        .map_err(|e| session.error(&e))?;
    let count = |rows: i64| u64::try_from(rows).unwrap_or_default();
    Ok(rows
        .iter()
        .map(|row| ((row.get(0), row.get(1)), count(row.get(2))))
        .collect())
}

/// The number of rows of a relation, counted.
pub async fn row_count(session: &Session, relation: &str) -> Result<i64, PostgresError> {
    let name = postgres_protocol::escape::escape_identifier(relation);
    let row = session
        .query_one(&format!("SELECT count(*) FROM {name}"), &[])
        .await
        .map_err(|e| session.error(&e))?;
    Ok(row.get(0))
}

/// Tables of the project that hold data but were never analysed: the planner then guesses from
/// the size of their files.
pub async fn never_analysed(session: &Session) -> Result<Vec<String>, PostgresError> {
    session
        .texts(
            "SELECT c.oid::regclass::text
             FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
             WHERE c.relkind IN ('r', 'p', 'm')
               AND n.nspname NOT IN ('pg_catalog', 'information_schema')
               AND n.nspname NOT LIKE 'pg_toast%'
               AND (c.relkind = 'p' OR pg_relation_size(c.oid) > 0)
               AND NOT EXISTS (SELECT 1 FROM pg_statistic s WHERE s.starelid = c.oid)
               AND EXISTS (SELECT 1 FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0)
             ORDER BY 1",
        )
        .await
}

/// The relations and foreign keys outside of the system's schemas.
pub async fn schema(session: &Session) -> Result<Schema, PostgresError> {
    let rows = session
        .query(
            "SELECT c.oid, n.nspname::text, c.relname::text, a.attnum, a.attname::text,
                    format_type(a.atttypid, a.atttypmod),
                    EXISTS (SELECT FROM pg_index i
                            WHERE i.indrelid = c.oid AND i.indisunique AND i.indpred IS NULL
                              AND i.indnkeyatts = 1 AND i.indkey[0] = a.attnum)
             FROM pg_class c
             JOIN pg_namespace n ON n.oid = c.relnamespace
             JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
             WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f')
               AND n.nspname NOT IN ('pg_catalog', 'information_schema')
             ORDER BY c.oid, a.attnum",
            &[],
        )
        .await
        .map_err(|e| session.error(&e))?;
    let mut relations: Vec<Relation> = Vec::new();
    for row in rows {
        let oid: u32 = row.get(0);
        if relations.last().is_none_or(|r| r.oid != oid) {
            relations.push(Relation {
                oid,
                schema: row.get(1),
                name: row.get(2),
                columns: Vec::new(),
            });
        }
        let column = Column {
            attribute: row.get(3),
            name: row.get(4),
            type_name: row.get(5),
            unique: row.get(6),
        };
        relations
            .last_mut()
            .expect("one was just pushed")
            .columns
            .push(column);
    }
    Ok(Schema {
        relations,
        foreign_keys: foreign_keys(session).await?,
    })
}

async fn foreign_keys(session: &Session) -> Result<Vec<ForeignKey>, PostgresError> {
    let rows = session
        .query(
            "SELECT conrelid, conkey, confrelid, confkey FROM pg_constraint WHERE contype = 'f'",
            &[],
        )
        .await
        .map_err(|e| session.error(&e))?;
    Ok(rows
        .iter()
        .map(|row| ForeignKey {
            relation_oid: row.get(0),
            attributes: row.get(1),
            referenced_oid: row.get(2),
            referenced_attributes: row.get(3),
        })
        .collect())
}

/// What the names of indexes and partitions stand for.
pub async fn plan_names(session: &Session) -> Result<PlanNames, PostgresError> {
    // The name and the relation are quoted where they must be, and their definition is the rest.
    let indexes = session
        .query(
            "SELECT n.nspname::text, c.relname::text,
                    CASE WHEN i.indisunique THEN 'unique ' ELSE '' END
                    || substring(pg_get_indexdef(c.oid) FROM ' USING (.*)')
                    || CASE WHEN i.indisvalid THEN '' ELSE ' INVALID' END,
                    tn.nspname::text, t.relname::text
             FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
             JOIN pg_namespace n ON n.oid = c.relnamespace
             JOIN pg_class t ON t.oid = i.indrelid JOIN pg_namespace tn ON tn.oid = t.relnamespace
             WHERE n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')",
            &[],
        )
        .await
        .map_err(|e| session.error(&e))?;
    let partitions = session
        .query(
            "WITH RECURSIVE parts AS (
                 SELECT h.inhrelid AS oid, h.inhparent AS parent
                 FROM pg_inherits h JOIN pg_class p ON p.oid = h.inhparent AND p.relkind IN ('p', 'I')
                 UNION ALL
                 SELECT parts.oid, h.inhparent FROM parts JOIN pg_inherits h ON h.inhrelid = parts.parent
             )
             SELECT n.nspname::text, c.relname::text, pn.nspname::text, p.relname::text
             FROM parts
             JOIN pg_class c ON c.oid = parts.oid JOIN pg_namespace n ON n.oid = c.relnamespace
             JOIN pg_class p ON p.oid = parts.parent JOIN pg_namespace pn ON pn.oid = p.relnamespace
             WHERE NOT EXISTS (SELECT 1 FROM pg_inherits h WHERE h.inhrelid = parts.parent)",
            &[],
        )
        .await
        .map_err(|e| session.error(&e))?;
    let relations = session
        .query(
            "SELECT c.oid, n.nspname::text, c.relname::text, coalesce(t.relpages > 0, false)
             FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
             LEFT JOIN pg_class t ON t.oid = c.reltoastrelid
             WHERE c.relkind IN ('r', 'p', 'm', 'f')
               AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')",
            &[],
        )
        .await
        .map_err(|e| session.error(&e))?;
    let row_security = session
        .query(
            "SELECT n.nspname::text, c.relname::text,
                    coalesce(string_agg(concat_ws(' ', p.polname, p.polcmd, p.polpermissive, p.polroles::text,
                                 pg_get_expr(p.polqual, c.oid), pg_get_expr(p.polwithcheck, c.oid)),
                             '; ' ORDER BY p.polname), '')
             FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
             LEFT JOIN pg_policy p ON p.polrelid = c.oid
             WHERE c.relrowsecurity AND NOT row_security_active(c.oid)
             GROUP BY 1, 2",
            &[],
        )
        .await
        .map_err(|e| session.error(&e))?;
    let mut maintained: BTreeMap<(String, String), Vec<String>> = BTreeMap::new();
    for row in &indexes {
        let table = (row.get(3), row.get(4));
        maintained.entry(table).or_default().push(row.get(2));
    }
    for definitions in maintained.values_mut() {
        definitions.sort_unstable();
    }
    Ok(PlanNames {
        maintained,
        renamed: BTreeMap::new(),
        row_security: row_security
            .iter()
            .map(|row| ((row.get(0), row.get(1)), row.get(2)))
            .collect(),
        toasted: relations
            .iter()
            .filter(|row| row.get(3))
            .map(|row| (row.get(1), row.get(2)))
            .collect(),
        relations: relations
            .iter()
            .map(|row| (row.get(0), (row.get(1), row.get(2))))
            .collect(),
        indexes: indexes
            .iter()
            .map(|row| ((row.get(0), row.get(1)), row.get(2)))
            .collect(),
        partitions: partitions
            .iter()
            .map(|row| ((row.get(0), row.get(1)), (row.get(2), row.get(3))))
            .collect(),
    })
}

/// The end of the write-ahead log, in bytes; `None` where the role may not ask.
pub async fn wal_position(session: &Session) -> Option<u64> {
    let text = session
        .text("SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::bigint")
        .await
        .ok()??;
    text.parse().ok()
}
