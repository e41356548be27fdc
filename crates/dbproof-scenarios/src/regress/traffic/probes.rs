//! What others do beside a migration: [`choose`].

use dbproof_analysis::sql::{mask_literals, template};
use dbproof_model::{ProbeKind, RelationKind};
use dbproof_postgres::{PostgresError, Session};

use super::LockedTable;
use crate::error::RunError;
use crate::options::RunOptions;
use crate::parameters::{ParameterValues, ValueSet};
use crate::project::MonitoredQuery;

/// So many of the project's queries run beside the probes of tables, at the most.
const MOST_QUERIES: usize = 6;

/// Values that are drawn for a query; afterwards it begins again with the first.
const DRAWN: usize = 200;

/// One probe.
#[derive(Debug)]
pub(super) struct Probe {
    pub(super) kind: ProbeKind,
    /// The relation or the query.
    pub(super) subject: String,
    /// What it executes, without values.
    pub(super) told: String,
    pub(super) work: Work,
}

/// How a probe is executed.
#[derive(Debug)]
pub(super) enum Work {
    /// Statements of their own, which end what they begin.
    Statements(String),
    /// A prepared statement with ever other values.
    Prepared { sql: String, values: Vec<ValueSet> },
}

/// A read and a write of every locked table, and the project's queries about these.
pub(super) async fn choose(
    options: &RunOptions,
    session: &Session,
    tables: &[LockedTable],
    queries: &[MonitoredQuery],
) -> Result<Vec<Probe>, RunError> {
    let mut probes = Vec::new();
    for table in tables {
        let sql = format!("SELECT FROM {} LIMIT 1", table.name);
        probes.push(Probe {
            kind: ProbeKind::Read,
            subject: table.name.clone(),
            told: sql.clone(),
            work: Work::Statements(sql),
        });
        if table.kind != RelationKind::MaterializedView {
            probes.extend(write(session, table).await?);
        }
    }
    let about = queries.iter().filter(|query| {
        let relations = template(&query.query.sql, &[]).relations;
        relations.iter().any(|relation| {
            let bare = |table: &LockedTable| {
                let name = table.name.rsplit('.').next().unwrap_or_default();
                name.trim_matches('"') == relation.name
            };
            tables.iter().any(bare)
        })
    });
    for monitored in about.take(MOST_QUERIES) {
        let sql = &monitored.query.sql;
        // What only runs after the change is no work of today's.
        if session.prepare(sql).await.is_err() {
            continue;
        }
        let mut values = ParameterValues::prepare(session, monitored, options.seed).await?;
        probes.push(Probe {
            kind: ProbeKind::Query,
            subject: monitored.query.name.clone(),
            told: mask_literals(sql),
            work: Work::Prepared {
                sql: sql.clone(),
                values: (0..DRAWN).map(|_| values.draw()).collect(),
            },
        });
    }
    Ok(probes)
}

/// A write that changes nothing and is rolled back: of one row, so that it waits for the locks of rows
/// too, or of none where the table has no row or no key of one column. Nothing where a table refuses
/// both.
async fn write(session: &Session, table: &LockedTable) -> Result<Option<Probe>, PostgresError> {
    let name = &table.name;
    let sql = format!(
        "SELECT quote_ident(a.attname), quote_ident(k.attname) FROM pg_class c
         JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
              AND a.attgenerated = '' AND a.attidentity <> 'a'
         LEFT JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary AND i.indnkeyatts = 1
         LEFT JOIN pg_attribute k ON k.attrelid = c.oid AND k.attnum = i.indkey[0]
         WHERE c.oid = {}::regclass
         ORDER BY a.attnum = i.indkey[0] NULLS FIRST, a.attnum LIMIT 1",
        literal(name)
    );
    let row = session
        .query_opt(&sql, &[])
        .await
        .map_err(|e| session.error(&e))?;
    let Some(row) = row else { return Ok(None) };
    let (column, key): (String, Option<String>) = (row.get(0), row.get(1));
    let update = format!("UPDATE {name} SET {column} = {column} WHERE");
    let mut candidates = Vec::new();
    if let Some(key) = key {
        let value = session
            .text(&format!("SELECT quote_literal({key}) FROM {name} LIMIT 1"))
            .await?;
        if let Some(value) = value {
            candidates.push((
                format!("{update} {key} = {value}"),
                format!("{update} {key} = ?"),
            ));
        }
    }
    candidates.push((format!("{update} false"), format!("{update} false")));
    for (sql, told) in candidates {
        let sql = format!("BEGIN; {sql}; ROLLBACK");
        if session.run(&sql).await.is_ok() {
            return Ok(Some(Probe {
                kind: ProbeKind::Write,
                subject: name.clone(),
                told,
                work: Work::Statements(sql),
            }));
        }
        session.run("ROLLBACK").await?;
    }
    Ok(None)
}

fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
