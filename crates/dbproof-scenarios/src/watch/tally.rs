//! What stands out of the traffic, beside repetition: [`Tally`].

use std::collections::HashMap;

use dbproof_analysis::traffic::{Executed, SqlState, Tags};
use dbproof_model::{FailedStatement, IdleTransaction, SlowStatement};

/// Statements that are told apart in each list; what comes after is counted with none.
const MOST_KEPT: usize = 2_000;
/// Statements that each list of the record names.
const MOST_NAMED: usize = 50;
/// The longest text of a statement with its values, in characters.
const LONGEST_EXAMPLE: usize = 10_000;

/// What stands out of the traffic, beside repetition.
#[derive(Debug)]
pub(super) struct Tally {
    threshold_us: u64,
    keep_values: bool,
    slow: HashMap<Box<str>, Slow>,
    failed: HashMap<(Box<str>, SqlState), u64>,
    idle: HashMap<Box<str>, Idle>,
    /// Executions, by the number of the database.
    databases: Vec<u64>,
}

#[derive(Debug, Default)]
struct Slow {
    count: u64,
    max_us: u64,
    from: Vec<String>,
    example: Option<String>,
}

#[derive(Debug, Default)]
struct Idle {
    count: u64,
    longest_us: u64,
    abandoned: bool,
}

impl Tally {
    /// Nothing seen; statements are slow from the threshold on, in milliseconds.
    pub(super) fn new(threshold_ms: f64, keep_values: bool) -> Self {
        let threshold = std::time::Duration::try_from_secs_f64(threshold_ms / 1e3);
        let threshold_us = threshold.map_or(u64::MAX, |t| u64::try_from(t.as_micros()).unwrap_or(u64::MAX));
        Tally {
            threshold_us,
            keep_values,
            slow: HashMap::new(),
            failed: HashMap::new(),
            idle: HashMap::new(),
            databases: Vec::new(),
        }
    }

    /// Takes an execution.
    pub(super) fn executed(&mut self, executed: &Executed) {
        let database = executed.database as usize;
        if self.databases.len() <= database {
            self.databases.resize(database + 1, 0);
        }
        self.databases[database] += 1;
        let shape = executed.statement.shape();
        if let Some(sqlstate) = executed.failed
            && let Some(count) = entry(&mut self.failed, (shape.into(), sqlstate))
        {
            *count += 1;
        }
        let took_us = executed.finished_us.saturating_sub(executed.sent_us);
        if took_us < self.threshold_us {
            return;
        }
        let Some(slow) = entry(&mut self.slow, shape.into()) else {
            return;
        };
        slow.count += 1;
        if took_us >= slow.max_us {
            slow.max_us = took_us;
            slow.from = executed.tags.as_deref().map(origin).unwrap_or_default();
            let sent = executed.sent.as_ref().filter(|_| self.keep_values);
            slow.example = sent.map(|sent| sent.sql.chars().take(LONGEST_EXAMPLE).collect());
        }
    }

    /// Takes a transaction that waited for its application after this statement.
    pub(super) fn idle(&mut self, after: &str, waited_us: u64, abandoned: bool) {
        if let Some(idle) = entry(&mut self.idle, after.into()) {
            idle.count += 1;
            if waited_us >= idle.longest_us {
                idle.longest_us = waited_us;
                idle.abandoned = abandoned;
            }
        }
    }

    /// Executions in a database.
    pub(super) fn executions_in(&self, database: usize) -> u64 {
        self.databases.get(database).copied().unwrap_or(0)
    }

    /// The slow statements, the slowest first; `executions` tells how often each was executed.
    pub(super) fn slow(&self, executions: impl Fn(&str) -> Option<u64>) -> Vec<SlowStatement> {
        let slow = self.slow.iter().map(|(template, slow)| SlowStatement {
            template: template.to_string(),
            slow: slow.count,
            executions: executions(template).unwrap_or(slow.count),
            max_ms: slow.max_us as f64 / 1e3,
            from: slow.from.clone(),
            example: slow.example.clone(),
        });
        let mut slow: Vec<SlowStatement> = slow.collect();
        slow.sort_by(|a, b| {
            let by_time = b.max_ms.total_cmp(&a.max_ms);
            by_time.then_with(|| a.template.cmp(&b.template))
        });
        slow.truncate(MOST_NAMED);
        slow
    }

    /// The statements that the server refused, the most frequent first.
    pub(super) fn failed(&self) -> Vec<FailedStatement> {
        let failed = self.failed.iter().map(|((template, sqlstate), count)| FailedStatement {
            template: template.to_string(),
            sqlstate: String::from_utf8_lossy(sqlstate).into_owned(),
            count: *count,
        });
        let mut failed: Vec<FailedStatement> = failed.collect();
        failed.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.template.cmp(&b.template)));
        failed.truncate(MOST_NAMED);
        failed
    }

    /// The transactions that were left idle, the longest first.
    pub(super) fn left_idle(&self) -> Vec<IdleTransaction> {
        let idle = self.idle.iter().map(|(after, idle)| IdleTransaction {
            after: after.to_string(),
            count: idle.count,
            longest_ms: idle.longest_us as f64 / 1e3,
            abandoned: idle.abandoned,
            from: Vec::new(),
        });
        let mut idle: Vec<IdleTransaction> = idle.collect();
        idle.sort_by(|a, b| {
            let by_time = b.longest_ms.total_cmp(&a.longest_ms);
            by_time.then_with(|| a.after.cmp(&b.after))
        });
        idle.truncate(MOST_NAMED);
        idle
    }
}

/// The entry of a key; `None` where there is no room for another one.
fn entry<K: std::hash::Hash + Eq, V: Default>(map: &mut HashMap<K, V>, key: K) -> Option<&mut V> {
    if map.len() >= MOST_KEPT && !map.contains_key(&key) {
        return None;
    }
    Some(map.entry(key).or_default())
}

/// Tags that tell where a statement comes from, and nothing of its values.
const ORIGINS: &[&str] = &[
    "route",
    "controller",
    "action",
    "file",
    "line",
    "function",
    "job",
    "test",
    "test_name",
];

fn origin(tags: &Tags) -> Vec<String> {
    let told = tags.pairs.iter().filter(|(key, _)| ORIGINS.contains(&key.as_str()));
    told.map(|(key, value)| format!("{key}={value}")).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use dbproof_analysis::traffic::{HashKey, Statements};

    use super::*;

    fn executed(statements: &mut Statements, sql: &str, took_ms: u64, failed: Option<&str>) -> Executed {
        let text = statements.read(sql);
        let values = text.values(statements.hasher(), &[]);
        Executed {
            session: 1,
            database: 0,
            transaction: None,
            sent_us: 5_000,
            finished_us: 5_000 + took_ms * 1_000,
            statement: text.statement,
            tags: text.tags.map(|tags| Arc::new((*tags).clone())),
            values,
            rows: 0,
            failed: failed.map(|state| state.as_bytes().try_into().expect("five characters")),
            result: None,
            sent: None,
        }
    }

    #[test]
    fn slow_failed_and_idle_are_told_without_values() {
        let mut statements = Statements::new(HashKey(1, 2));
        let mut tally = Tally::new(100.0, false);
        for (sql, took, failed) in [
            ("select 1 from t where a = 'x' /*route='/r',traceparent='00-a-b-01'*/", 99, None),
            ("select 1 from t where a = 'y' /*route='/r'*/", 100, None),
            ("select 1 from t where a = 'z' /*route='/s'*/", 300, None),
            ("insert into t values (5)", 1, Some("23505")),
            ("insert into t values (6)", 1, Some("23505")),
        ] {
            tally.executed(&executed(&mut statements, sql, took, failed));
        }
        tally.idle("begin", 2_000_000, false);
        tally.idle("begin", 3_000_000, true);
        let slow = tally.slow(|_| Some(3));
        assert_eq!(slow.len(), 1);
        assert_eq!((slow[0].slow, slow[0].executions, slow[0].max_ms), (2, 3, 300.0));
        assert_eq!(slow[0].from, ["route=/s"]);
        let failed = tally.failed();
        assert_eq!((failed[0].count, failed[0].sqlstate.as_str()), (2, "23505"));
        let idle = tally.left_idle();
        assert_eq!((idle[0].count, idle[0].longest_ms, idle[0].abandoned), (2, 3_000.0, true));
        assert_eq!(tally.executions_in(0), 5);
        let all = format!("{slow:?}{failed:?}");
        assert!(!all.contains("'z'") && !all.contains('6'), "{all}");
    }
}
