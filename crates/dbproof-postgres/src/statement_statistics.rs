//! What `pg_stat_statements` counted: [`statement_statistics`].

use std::collections::HashMap;

use crate::{PostgresError, Session};

/// What a statement has done since its counters were reset.
#[derive(Debug, Clone, PartialEq)]
pub struct StatementCounter {
    /// The statement, constants replaced by parameters as the extension writes them.
    pub query: String,
    /// How often it was executed.
    pub calls: u64,
    /// The rows that it returned or affected.
    pub rows: u64,
    /// Its execution time in milliseconds.
    pub total_ms: f64,
}

/// The counters of a database at one moment.
#[derive(Debug, Clone)]
pub struct StatementStatistics {
    counters: HashMap<(u32, i64), StatementCounter>,
    /// How often entries were thrown away for want of space, and when all were reset.
    state: (i64, String),
}

/// Why there are no counters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoStatistics {
    /// The library is not loaded: `shared_preload_libraries` does not name it.
    NotLoaded,
    /// The extension was not created in this database.
    NotCreated,
}

impl std::fmt::Display for NoStatistics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            NoStatistics::NotLoaded => {
                "pg_stat_statements is not loaded; set shared_preload_libraries = \
                 'pg_stat_statements' and restart the server"
            }
            NoStatistics::NotCreated => {
                "pg_stat_statements is not in this database; run CREATE EXTENSION pg_stat_statements"
            }
        })
    }
}

/// Marks our own statements; comments of a statement are kept in its text.
const OURS: &str = "/* dbproof reads counters */";

/// Reads the counters of the session's database, our own statements left out. Statements inside of functions count only where `pg_stat_statements.track` says so.
pub async fn statement_statistics(
    session: &Session,
) -> Result<Result<StatementStatistics, NoStatistics>, PostgresError> {
    let failed = |e| session.error(&e);
    let schema = session
        .text(
            "SELECT /* dbproof reads counters */ quote_ident(n.nspname) FROM pg_extension e
             JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'pg_stat_statements'",
        )
        .await?;
    let Some(schema) = schema else {
        return Ok(Err(NoStatistics::NotCreated));
    };
    // The setting exists once the library is loaded.
    let loaded = session
        .text("SELECT /* dbproof reads counters */ current_setting('pg_stat_statements.max', true)")
        .await?;
    if loaded.is_none_or(|max| max.is_empty()) {
        return Ok(Err(NoStatistics::NotLoaded));
    }
    let state = session
        .query_one(
            &format!(
                "SELECT {OURS} dealloc, stats_reset::text FROM {schema}.pg_stat_statements_info"
            ),
            &[],
        )
        .await
        .map_err(failed)?;
    let rows = session
        .query(
            &format!(
                "SELECT {OURS} userid, queryid, query, sum(calls)::bigint, sum(rows)::bigint,
                        sum(total_exec_time)::float8
                 FROM {schema}.pg_stat_statements
                 WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
                   AND toplevel AND queryid IS NOT NULL
                   AND query NOT LIKE '%{OURS}%'
                 GROUP BY userid, queryid, query"
            ),
            &[],
        )
        .await
        .map_err(failed)?;
    let count = |value: i64| u64::try_from(value).unwrap_or(0);
    let counters = rows.iter().map(|row| {
        let counter = StatementCounter {
            query: row.get(2),
            calls: count(row.get(3)),
            rows: count(row.get(4)),
            total_ms: row.get(5),
        };
        ((row.get(0), row.get(1)), counter)
    });
    Ok(Ok(StatementStatistics {
        counters: counters.collect(),
        state: (
            state.get(0),
            state.get::<_, Option<String>>(1).unwrap_or_default(),
        ),
    }))
}

impl StatementStatistics {
    /// What was executed since an earlier moment, the longest time first.
    #[must_use]
    pub fn since(&self, before: &StatementStatistics) -> Vec<StatementCounter> {
        let mut more: Vec<StatementCounter> = self
            .counters
            .iter()
            .filter_map(|(key, now)| {
                // Counters that went down were reset, or thrown away and begun again.
                let then = before
                    .counters
                    .get(key)
                    .filter(|then| then.calls <= now.calls);
                let (calls, rows, total_ms) =
                    then.map_or((0, 0, 0.0), |then| (then.calls, then.rows, then.total_ms));
                let calls = now.calls - calls;
                (calls > 0).then(|| StatementCounter {
                    query: now.query.clone(),
                    calls,
                    rows: now.rows.saturating_sub(rows),
                    total_ms: (now.total_ms - total_ms).max(0.0),
                })
            })
            .collect();
        more.sort_by(|a, b| {
            b.total_ms
                .total_cmp(&a.total_ms)
                .then(a.query.cmp(&b.query))
        });
        more
    }

    /// What was executed since the counters were reset, the longest time first.
    #[must_use]
    pub fn all(&self) -> Vec<StatementCounter> {
        self.since(&StatementStatistics {
            counters: HashMap::new(),
            state: self.state.clone(),
        })
    }

    /// Whether counters were lost since an earlier moment, and how.
    #[must_use]
    pub fn lost_since(&self, before: &StatementStatistics) -> Option<String> {
        if self.state.1 != before.state.1 {
            return Some("the counters of pg_stat_statements were reset meanwhile".to_owned());
        }
        (self.state.0 != before.state.0).then(|| {
            "pg_stat_statements threw counters away for want of space; raise pg_stat_statements.max"
                .to_owned()
        })
    }
}
