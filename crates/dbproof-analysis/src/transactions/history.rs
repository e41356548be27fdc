//! What was done to the databases, in the order of time: [`Histories`].

use std::collections::BTreeMap;
use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};

use super::act::Act;
use super::class::{History, HistoryEntry};
use super::item::{Role, bytes};
use crate::sql::StatementKind;
use crate::traffic::{Executed, SentText};

/// As many statements are kept, of all databases.
const MOST_ENTRIES: usize = 200_000;
/// Bytes of all statements that are kept.
const MOST_BYTES: usize = 64 << 20;
/// Databases whose making is remembered.
const MOST_BIRTHS: usize = 1_000;
/// Relations whose COPY is told of.
const MOST_COPIES: usize = 100;

/// What was done to the databases.
#[derive(Debug, Default)]
pub(super) struct Histories {
    of: Vec<Recorded>,
    /// Texts, so that equal ones are kept once.
    texts: FxHashSet<Arc<str>>,
    entries: usize,
    bytes: usize,
    births: FxHashMap<String, Birth>,
}

/// What was done to one database.
#[derive(Debug, Default)]
struct Recorded {
    name: String,
    entries: Vec<Entry>,
    /// Statements beyond the limits.
    beyond: u64,
    /// Statements without their text.
    unsent: u64,
    /// Rows copied in, by the relation.
    copies: BTreeMap<String, u64>,
    born_empty: bool,
}

#[derive(Debug, Clone)]
struct Entry {
    number: u64,
    session: u32,
    transaction: Option<u32>,
    kind: StatementKind,
    sent: Arc<SentText>,
    failed: bool,
}

/// When a database was made, by the number of the execution, and from which one.
#[derive(Debug)]
struct Birth {
    at: u64,
    template: Option<String>,
}

impl Histories {
    /// Tells the name of a database.
    pub(super) fn name(&mut self, database: u32, name: &str) {
        name.clone_into(&mut self.database(database).name);
    }

    /// A database is known to have been empty at the beginning.
    pub(super) fn born_empty(&mut self, database: u32) {
        self.database(database).born_empty = true;
    }

    fn database(&mut self, number: u32) -> &mut Recorded {
        let number = number as usize;
        if self.of.len() <= number {
            self.of.resize_with(number + 1, Recorded::default);
        }
        &mut self.of[number]
    }

    /// The text and the parameters of an execution, so that equal texts are one.
    pub(super) fn sent(&self, executed: &Executed) -> Option<Arc<SentText>> {
        let sent = executed.sent.as_deref()?;
        let known = self.texts.get(&sent.sql);
        Some(Arc::new(SentText {
            sql: Arc::clone(known.unwrap_or(&sent.sql)),
            parameters: sent.parameters.clone(),
        }))
    }

    /// Takes an execution in that may have changed its database.
    pub(super) fn take(
        &mut self,
        number: u64,
        executed: &Executed,
        role: &Role,
        sent: Option<&Arc<SentText>>,
    ) {
        match &role.act {
            Act::CreatesDatabase(name, template) if executed.failed.is_none() => {
                if self.births.len() < MOST_BIRTHS || self.births.contains_key(name) {
                    let template = template.clone();
                    self.births.insert(
                        name.clone(),
                        Birth {
                            at: number,
                            template,
                        },
                    );
                }
                return;
            }
            Act::CopiesIn(relation) if executed.failed.is_none() && executed.rows > 0 => {
                let copies = &mut self.database(executed.database).copies;
                if copies.len() < MOST_COPIES || copies.contains_key(relation) {
                    *copies.entry(relation.clone()).or_default() += executed.rows;
                }
                return;
            }
            act if act.is_history() => {}
            _ => return,
        }
        let Some(sent) = sent else {
            self.database(executed.database).unsent += u64::from(executed.failed.is_none());
            return;
        };
        let is_new = !self.texts.contains(&sent.sql);
        let size = size_of::<Entry>() + bytes(sent) - if is_new { 0 } else { sent.sql.len() };
        if self.entries >= MOST_ENTRIES || self.bytes + size > MOST_BYTES {
            self.database(executed.database).beyond += 1;
            return;
        }
        if is_new {
            self.texts.insert(Arc::clone(&sent.sql));
        }
        self.entries += 1;
        self.bytes += size;
        self.database(executed.database).entries.push(Entry {
            number,
            session: executed.session,
            transaction: executed.transaction,
            kind: role.statement.kind(),
            sent: Arc::clone(sent),
            failed: executed.failed.is_some(),
        });
    }

    /// The histories; `exemplars` are the classes by the numbers of their exemplars' executions.
    pub(super) fn finish(self, exemplars: &FxHashMap<u64, usize>) -> Vec<History> {
        let all = (0..self.of.len()).map(|number| self.history(number, exemplars));
        all.collect()
    }

    fn history(&self, number: usize, exemplars: &FxHashMap<u64, usize>) -> History {
        let recorded = &self.of[number];
        let mut missing = Vec::new();
        let mut entries = Vec::new();
        let from_the_beginning = self.told(number, 0, u64::MAX, &mut entries, &mut missing);
        let entry = |entry: &Entry| HistoryEntry {
            session: entry.session,
            transaction: entry.transaction,
            exemplar_of: exemplars.get(&entry.number).copied(),
            kind: entry.kind,
            sent: entry.sent.as_ref().clone(),
            failed: entry.failed,
        };
        History {
            database: recorded.name.clone(),
            from_the_beginning,
            entries: entries.iter().map(|told| entry(told)).collect(),
            missing,
        }
    }

    /// What was done to a database up to an execution, what its template had gone through first.
    /// Whether that is all of it.
    fn told<'a>(
        &'a self,
        number: usize,
        depth: usize,
        until: u64,
        entries: &mut Vec<&'a Entry>,
        missing: &mut Vec<String>,
    ) -> bool {
        let recorded = &self.of[number];
        let birth = self
            .births
            .get(&recorded.name)
            .filter(|birth| birth.at < until);
        let mut is_whole = birth.is_some() || recorded.born_empty;
        if let Some(template) = birth.and_then(|birth| Some((birth.at, birth.template.as_ref()?))) {
            let (at, name) = template;
            let known = self.of.iter().position(|database| database.name == *name);
            is_whole = match known.filter(|known| *known != number && depth < 8) {
                Some(known) => self.told(known, depth + 1, at, entries, missing),
                None => false,
            };
        }
        let from = birth.map_or(0, |birth| birth.at);
        let own = recorded.entries.iter();
        entries.extend(own.filter(|entry| entry.number >= from && entry.number < until));
        missing.extend(recorded.missing());
        is_whole
    }
}

impl Recorded {
    fn missing(&self) -> Vec<String> {
        let copies = self.copies.iter();
        let copies =
            copies.map(|(relation, rows)| format!("{rows} rows that COPY put into {relation}"));
        let mut missing: Vec<String> = copies.collect();
        if self.beyond > 0 {
            missing.push(format!(
                "the last {} statements, beyond what is kept",
                self.beyond
            ));
        }
        if self.unsent > 0 {
            missing.push(format!(
                "{} statements with a text or a parameter that was too long to be kept",
                self.unsent
            ));
        }
        missing
    }
}
