//! What the sessions of a log are at: [`Sessions`].

use std::collections::HashMap;

use dbproof_analysis::sql::split_statements;
use dbproof_analysis::traffic::{Executed, SqlState, Statements, ValueHash};

use super::entry::Entry;
use super::message::{Message, read};
use super::parameters::parameters;

/// Entries are written when a statement has ended, so the first one began before the log: times count
/// from an hour before it, in microseconds.
const BEFORE_US: i64 = 3_600_000_000;

/// What the sessions of a log are at.
pub(super) struct Sessions {
    statements: Statements,
    by_id: HashMap<String, Session>,
    databases: Vec<String>,
    /// The time of the first entry.
    origin_us: Option<i64>,
}

struct Session {
    number: u32,
    database: u32,
    transactions: u32,
    /// Texts that were executed.
    texts: u32,
    in_transaction: bool,
    /// A statement that has begun, and of which no end is logged yet.
    begun: Option<Begun>,
}

struct Begun {
    sql: String,
    parameters: Vec<Option<String>>,
    at_us: u64,
}

impl Sessions {
    pub(super) fn new(statements: Statements) -> Self {
        Self {
            statements,
            by_id: HashMap::new(),
            databases: Vec::new(),
            origin_us: None,
        }
    }

    /// The names of the databases, by their numbers.
    pub(super) fn databases(&self) -> &[String] {
        &self.databases
    }

    pub(super) fn count(&self) -> usize {
        self.by_id.len()
    }

    /// Takes an entry in; what was executed is appended.
    pub(super) fn take(&mut self, entry: &Entry, executed: &mut Vec<Executed>) {
        let origin = *self.origin_us.get_or_insert(entry.at_us);
        let at_us = u64::try_from(entry.at_us - origin + BEFORE_US).unwrap_or(0);
        match entry.severity.as_str() {
            "LOG" => {
                let parameters = || parameters(&entry.detail);
                match read(&entry.message) {
                    Message::Begins(sql) => {
                        self.end(entry, 0, None, executed);
                        let session = self.session(entry);
                        session.begun = Some(Begun {
                            sql: sql.to_owned(),
                            parameters: parameters(),
                            at_us,
                        });
                    }
                    Message::Done(sql, took) => {
                        self.end(entry, 0, None, executed);
                        let begun = Begun {
                            sql: sql.to_owned(),
                            parameters: parameters(),
                            at_us: at_us.saturating_sub(took),
                        };
                        self.push(entry, &begun, at_us, None, executed);
                    }
                    // The entry is written in the millisecond after the end; the duration is finer.
                    Message::Took(took) => {
                        let session = self.session(entry);
                        let ended = session.begun.as_ref().map(|begun| begun.at_us + took);
                        self.end(entry, ended.unwrap_or(at_us), None, executed);
                    }
                    Message::Other => {}
                }
            }
            "ERROR" | "FATAL" | "PANIC" => {
                let state: SqlState = entry.sql_state.as_bytes().try_into().unwrap_or(*b"XX000");
                let begun = self.session(entry).begun.as_ref();
                if begun.is_some_and(|b| entry.query.is_empty() || b.sql == entry.query) {
                    self.end(entry, at_us, Some(state), executed);
                } else if !entry.query.is_empty() {
                    self.end(entry, 0, None, executed);
                    let begun = Begun {
                        sql: entry.query.clone(),
                        parameters: Vec::new(),
                        at_us,
                    };
                    self.push(entry, &begun, at_us, Some(state), executed);
                }
            }
            _ => {}
        }
    }

    /// What has begun and has no end in the log.
    pub(super) fn finish(&mut self, executed: &mut Vec<Executed>) {
        let mut begun: Vec<(String, u64)> = Vec::new();
        for (id, session) in &self.by_id {
            begun.extend(session.begun.as_ref().map(|b| (id.clone(), b.at_us)));
        }
        begun.sort_by_key(|(_, at)| *at);
        for (session, at_us) in begun {
            let entry = Entry {
                session,
                ..Entry::default()
            };
            self.end(&entry, at_us, None, executed);
        }
    }

    fn session(&mut self, entry: &Entry) -> &mut Session {
        let next = u32::try_from(self.by_id.len() + 1).unwrap_or(u32::MAX);
        let databases = &mut self.databases;
        self.by_id.entry(entry.session.clone()).or_insert_with(|| {
            let known = databases.iter().position(|name| *name == entry.database);
            let database = known.unwrap_or_else(|| {
                databases.push(entry.database.clone());
                databases.len() - 1
            });
            Session {
                number: next,
                database: u32::try_from(database).unwrap_or(u32::MAX),
                transactions: 0,
                texts: 0,
                in_transaction: false,
                begun: None,
            }
        })
    }

    /// Ends the statement that has begun, if one has.
    fn end(
        &mut self,
        entry: &Entry,
        at_us: u64,
        failed: Option<SqlState>,
        executed: &mut Vec<Executed>,
    ) {
        if let Some(begun) = self.session(entry).begun.take() {
            self.push(entry, &begun, at_us.max(begun.at_us), failed, executed);
        }
    }

    fn push(
        &mut self,
        entry: &Entry,
        begun: &Begun,
        finished_us: u64,
        failed: Option<SqlState>,
        executed: &mut Vec<Executed>,
    ) {
        let hashed: Vec<Option<ValueHash>> = {
            let hasher = self.statements.hasher();
            let values = begun.parameters.iter();
            values
                .map(|value| hasher.text(value.as_ref()?.as_bytes()))
                .collect()
        };
        let split = split_statements(&begun.sql);
        // A statement of its own keeps the comments around it, with their tags. A text of several
        // has one duration for all.
        let texts: Vec<&str> = match split.len() {
            0 | 1 => vec![&begun.sql],
            _ => split
                .iter()
                .map(|statement| statement.sql.as_str())
                .collect(),
        };
        let session = self.session(entry);
        session.texts = session.texts.wrapping_add(1);
        let series = session.texts;
        for sql in texts {
            let text = self.statements.read(sql);
            let values = text.values(self.statements.hasher(), &hashed);
            let session = self.session(entry);
            let transaction = session.transaction(text.statement.shape());
            executed.push(Executed {
                session: session.number,
                database: session.database,
                transaction,
                series,
                sent_us: begun.at_us,
                finished_us,
                statement: text.statement,
                tags: text.tags,
                values,
                rows: 0,
                failed,
                result: None,
                sent: None,
            });
        }
    }
}

impl Session {
    /// The number of the explicit transaction that a statement belongs to, which it may begin or end.
    fn transaction(&mut self, shape: &str) -> Option<u32> {
        let words: Vec<&str> = shape.split_whitespace().take(2).collect();
        let begins = matches!(words[..], ["begin", ..] | ["start", "transaction"]);
        if begins && !self.in_transaction {
            self.in_transaction = true;
            self.transactions += 1;
        }
        let number = self.in_transaction.then_some(self.transactions);
        let ends = match words[..] {
            ["rollback", second] => second != "to",
            ["commit", second] => second != "prepared",
            ["commit" | "rollback" | "end" | "abort", ..] | ["prepare", "transaction"] => true,
            _ => false,
        };
        if ends {
            self.in_transaction = false;
        }
        number
    }
}
