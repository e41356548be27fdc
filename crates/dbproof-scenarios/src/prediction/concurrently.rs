//! What a statement locks that runs outside of a transaction block: [`read`].

use dbproof_analysis::lock_order::{
    Footprint, FootprintStep, Lock, LockMode, LockObject, RelationMode,
};
use dbproof_postgres::locks::Watcher;
use dbproof_postgres::{Address, PostgresError, Session, connect};

/// Every table that somebody may write to.
const TABLES: &str = "\
    SELECT format('%I.%I', n.nspname, c.relname) \
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
    WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relpersistence <> 't' \
      AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_toast' \
      AND has_table_privilege(c.oid, 'UPDATE')";

/// What a process has of tables, and what it waits for.
const LOCKS: &str = "\
    SELECT CASE WHEN c.oid IS NOT NULL THEN format('%I.%I', n.nspname, c.relname) END, l.mode, l.granted \
    FROM pg_locks l LEFT JOIN pg_class c ON l.locktype = 'relation' AND c.oid = l.relation \
    LEFT JOIN pg_namespace n ON n.oid = c.relnamespace \
    WHERE l.pid = $1 AND (c.relkind IN ('r', 'p', 'm') AND n.nspname NOT IN ('pg_catalog', 'pg_toast') \
        OR NOT l.granted)";

/// Runs the statement for good, and reads what it locks.
///
/// It keeps its locks to itself once it is done, and there is no moment within it at which it could be
/// asked. Therefore it is run beside a transaction that may have written to every table: whatever waits
/// for those who write waits for that one, and is looked at meanwhile. What does not wait holds no lock
/// that could be in a cycle with somebody who only reads and writes. An error of the statement itself is
/// what it came to.
pub(super) async fn read(
    session: &Session,
    address: &Address,
    sql: &str,
) -> Result<Result<Footprint, PostgresError>, PostgresError> {
    let writer = connect(address).await?;
    let tables = writer.texts(TABLES).await?;
    writer.run("BEGIN").await?;
    for table in &tables {
        let lock = format!("LOCK TABLE {table} IN ROW EXCLUSIVE MODE");
        writer.run(&lock).await?;
    }
    let writing = writer.backend_pid().await?;
    let pid = session.backend_pid().await?;
    let watcher = Watcher::new(connect(address).await?).await?;
    let mut locks = Vec::new();
    let mut running = std::pin::pin!(session.run(sql));
    let mut done = None;
    loop {
        let blockers = tokio::select! {
            biased;
            ended = &mut running => {
                done = Some(ended);
                break;
            }
            blockers = watcher.blockers(pid) => blockers?,
        };
        if blockers.contains(&writing) {
            locks = waiting(watcher.session(), pid, sql).await?;
            break;
        }
    }
    writer.run("ROLLBACK").await?;
    writer.close().await;
    // A build waits for whoever looks at anything in its database.
    watcher.close().await;
    let ended = match done {
        Some(ended) => ended,
        None => running.await,
    };
    Ok(ended.map(|()| Footprint {
        steps: vec![FootprintStep {
            locks,
            is_ordered: true,
            ..FootprintStep::default()
        }],
        ..Footprint::default()
    }))
}

/// What it holds, and behind that what it waits for.
async fn waiting(watcher: &Session, pid: i32, sql: &str) -> Result<Vec<Lock>, PostgresError> {
    let rows = watcher.query(LOCKS, &[&pid]).await;
    let rows = rows.map_err(|error| watcher.error(&error))?;
    let lock = |relation: &str, mode| Lock {
        object: LockObject::Relation(relation.to_owned()),
        mode: LockMode::Relation(mode),
    };
    let (mut held, mut awaited) = (Vec::new(), None);
    let mut waits_for_writers = false;
    for row in &rows {
        let relation: Option<&str> = row.get(0);
        let mode = RelationMode::from_pg_locks(row.get(1));
        match (relation.zip(mode), row.get(2)) {
            (Some((relation, mode)), true) => held.push(lock(relation, mode)),
            (Some((relation, mode)), false) => awaited = Some(lock(relation, mode)),
            (None, _) => waits_for_writers = true,
        }
    }
    let words = sql.trim_start().to_ascii_lowercase();
    // Builds wait for those who write, and removals for those who read as well.
    let mode = if words.starts_with("drop") || words.starts_with("alter") {
        RelationMode::AccessExclusive
    } else {
        RelationMode::Share
    };
    let strongest = held.iter().max_by_key(|lock| lock.mode).cloned();
    if let Some(Lock { object, .. }) = strongest.filter(|_| waits_for_writers) {
        awaited = Some(Lock {
            object,
            mode: LockMode::Relation(mode),
        });
    }
    held.extend(awaited);
    Ok(held)
}
