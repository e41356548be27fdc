//! What the server's log says of a deadlock: [`ServerLog`].
//!
//! A client is told which processes took part. Their statements stand in the server's log alone,
//! which can be read where the server is ours, or where the role may read its files.

use std::collections::BTreeMap;

use dbproof_postgres::{Session, connect};

use crate::environment::Environment;

/// How much of a log is read at the most, in bytes.
const MOST_BYTES: u64 = 4 << 20;

/// The log of a run's server.
pub(super) struct ServerLog<'a> {
    environment: &'a Environment,
}

/// A place in the log.
#[derive(Debug)]
pub(super) enum Mark {
    Lines(usize),
    File { name: String, bytes: u64 },
    Unreadable,
}

impl<'a> ServerLog<'a> {
    pub(super) fn new(environment: &'a Environment) -> Self {
        ServerLog { environment }
    }

    /// The end of the log at this moment.
    pub(super) async fn mark(&self) -> Mark {
        if let Some(lines) = self.environment.log_lines() {
            return Mark::Lines(lines);
        }
        let Ok(session) = connect(self.environment.address()).await else {
            return Mark::Unreadable;
        };
        let file = log_file(&session).await;
        session.close().await;
        file.map_or(Mark::Unreadable, |(name, bytes)| Mark::File { name, bytes })
    }

    /// The statements that deadlocks since then name, by process.
    pub(super) async fn statements_since(&self, mark: &Mark) -> BTreeMap<i32, String> {
        match mark {
            Mark::Lines(lines) => statements(&self.environment.log_lines_after(*lines)),
            Mark::File { name, bytes } => {
                let Ok(session) = connect(self.environment.address()).await else {
                    return BTreeMap::new();
                };
                let sql = "SELECT pg_read_file($1, $2, $3)";
                let (from, most) = (bytes.cast_signed(), MOST_BYTES.cast_signed());
                let read = session.query_one(sql, &[name, &from, &most]).await;
                session.close().await;
                let text: String = read.ok().and_then(|row| row.get(0)).unwrap_or_default();
                statements(&text.lines().map(str::to_owned).collect::<Vec<_>>())
            }
            Mark::Unreadable => BTreeMap::new(),
        }
    }
}

/// The log's file and its size, where the role may see them.
async fn log_file(session: &Session) -> Option<(String, u64)> {
    let sql = "SELECT f, (pg_stat_file(f)).size FROM pg_current_logfile('stderr') AS f";
    let row = session.query_opt(sql, &[]).await.ok()??;
    let (name, bytes): (Option<String>, Option<i64>) = (row.get(0), row.get(1));
    Some((name?, u64::try_from(bytes?).ok()?))
}

/// `Process 42: UPDATE …` in the details of deadlocks; the first deadlock of a process counts.
/// The lines of a detail after its first one begin with a tab.
fn statements(lines: &[String]) -> BTreeMap<i32, String> {
    let mut found: BTreeMap<i32, String> = BTreeMap::new();
    let mut complete: Vec<i32> = Vec::new();
    let mut open: Option<i32> = None;
    for line in lines {
        let Some(rest) = line.strip_prefix('\t') else {
            complete = found.keys().copied().collect();
            open = None;
            continue;
        };
        let named = rest.strip_prefix("Process ").and_then(|rest| {
            let (pid, sql) = rest.split_once(": ")?;
            Some((pid.parse::<i32>().ok()?, sql))
        });
        match (named, open) {
            (Some((pid, sql)), _) => {
                open = (!complete.contains(&pid)).then_some(pid);
                if open.is_some() {
                    found.insert(pid, sql.to_owned());
                }
            }
            (None, Some(pid)) => {
                if let Some(text) = found.get_mut(&pid) {
                    text.push('\n');
                    text.push_str(rest);
                }
            }
            (None, None) => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_statements_of_the_first_deadlock_are_found_with_all_of_their_lines() {
        let log = "2026-01-01 UTC [7] ERROR:  deadlock detected
2026-01-01 UTC [7] DETAIL:  Process 7 waits for ShareLock on transaction 9; blocked by process 8.
\tProcess 8 waits for ShareLock on transaction 10; blocked by process 7.
\tProcess 7: UPDATE t
\tSET a = 1
\tProcess 8: UPDATE t SET a = 2
2026-01-01 UTC [7] HINT:  See server log for query details.
2026-01-01 UTC [7] DETAIL:  Process 7 waits for ShareLock on transaction 9; blocked by process 8.
\tProcess 8 waits for ShareLock on transaction 10; blocked by process 7.
\tProcess 7: SELECT later";
        let lines: Vec<String> = log.lines().map(str::to_owned).collect();
        let found = statements(&lines);
        assert_eq!(found[&7], "UPDATE t\nSET a = 1");
        assert_eq!(found[&8], "UPDATE t SET a = 2");
    }
}
