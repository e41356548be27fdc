//! Transactions of traffic that is written down as text.

mod frameworks;
mod histories;
mod limits;
mod plain;

use std::collections::HashMap;

use super::{Collector, Transactions};
use crate::traffic::{Executed, HashKey, SentText, SqlState, Statements};

/// Makes executions out of text, one request a line: `[session|] sql [!SQLSTATE] [#rows]`. Statements
/// of one request are separated by ` ;; `. Transactions are numbered as the capture does.
struct Traffic {
    statements: Statements,
    sessions: HashMap<u32, Session>,
    now_us: u64,
}

#[derive(Default)]
struct Session {
    transactions: u32,
    open: Option<u32>,
    series: u32,
}

impl Traffic {
    fn new() -> Self {
        Self {
            statements: Statements::new(HashKey(1, 2)),
            sessions: HashMap::new(),
            now_us: 0,
        }
    }

    fn line(&mut self, line: &str, mut take: impl FnMut(Executed)) {
        let (session, request) = match line.split_once('|') {
            Some((session, request)) => (session.trim().parse().unwrap(), request),
            None => (1, line),
        };
        self.now_us += 100;
        for sql in request.split(" ;; ") {
            take(self.one(session, sql.trim()));
        }
        self.sessions.entry(session).or_default().series += 1;
    }

    fn one(&mut self, number: u32, sql: &str) -> Executed {
        let (sql, rows) = match sql.rsplit_once(" #") {
            Some((sql, rows)) => (sql, rows.parse().unwrap()),
            None => (sql, 1),
        };
        let (sql, failed) = match sql.rsplit_once(" !") {
            Some((sql, state)) => (sql, Some(state.as_bytes().try_into().unwrap())),
            None => (sql, None),
        };
        let failed: Option<SqlState> = failed;
        let text = self.statements.read(sql);
        let session = self.sessions.entry(number).or_default();
        let shape = text.statement.shape();
        let begins = shape.starts_with("begin") || shape.starts_with("start transaction");
        if begins && session.open.is_none() && failed.is_none() {
            session.transactions += 1;
            session.open = Some(session.transactions);
        }
        let transaction = session.open;
        let ends = ["commit", "rollback", "end", "abort"]
            .iter()
            .any(|word| shape.starts_with(word));
        if ends && !shape.contains(" to ") {
            session.open = None;
        }
        Executed {
            session: number,
            database: 0,
            transaction,
            series: session.series,
            sent_us: self.now_us,
            finished_us: self.now_us + 50,
            values: text.values(self.statements.hasher(), &[]),
            statement: text.statement,
            tags: text.tags,
            rows,
            failed,
            result: None,
            sent: Some(Box::new(SentText {
                sql: sql.into(),
                parameters: Vec::new(),
            })),
        }
    }
}

fn collect(script: &str) -> Transactions {
    collect_with(script, Collector::new())
}

fn collect_with(script: &str, mut collector: Collector) -> Transactions {
    let mut traffic = Traffic::new();
    collector.database(0, "shop");
    for line in script
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
    {
        traffic.line(line, |executed| collector.push(&executed));
    }
    collector.finish()
}

/// The classes, each on a line, and what was lost.
fn shown(transactions: &Transactions) -> String {
    let mut text = String::new();
    for class in &transactions.classes {
        let mark = |is: bool, mark: &'static str| if is { mark } else { "" };
        let begin = class.begin.as_deref().map(|begin| format!(" {begin}"));
        let statements: Vec<_> = class
            .statements
            .iter()
            .map(|s| s.sent.sql.as_ref())
            .collect();
        let line = format!(
            "{} ×{}{}{}{}: {}\n",
            class.name,
            class.occurrences,
            mark(class.in_test_transaction, " in test"),
            mark(class.is_rolled_back, " rolled back"),
            begin.unwrap_or_default(),
            statements.join("; ")
        );
        text.push_str(&line);
    }
    for lost in &transactions.lost {
        text.push_str("lost: ");
        text.push_str(lost);
        text.push('\n');
    }
    text
}

#[track_caller]
fn check(script: &str, expected: &str) {
    let lines = expected
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty());
    let expected: Vec<_> = lines.collect();
    let seen = shown(&collect(script));
    assert_eq!(seen.lines().collect::<Vec<_>>(), expected);
}
