//! Takes executions in, and keeps their transactions: [`Collector`].

use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::act::Act;
use super::class::Transactions;
use super::depths::Depths;
use super::found::Setting;
use super::history::Histories;
use super::item::{Item, Role, Roles};
use super::open::Open;
use super::table::Table;
use crate::traffic::{Executed, SentText};

/// Bytes of all transactions that are open; a long one is cut earlier where there are more.
const MOST_BYTES: usize = 64 << 20;
/// What is cut then.
const LONG: usize = 64 << 10;
/// Sessions that are remembered, because they have something open or have set something. Where
/// nobody tells that they are over, all are forgotten when there are more.
const MOST_SESSIONS: usize = 20_000;

/// Takes executions in, in the order in which they finished, and keeps their transactions. What it
/// needs of memory does not grow with their number.
#[derive(Debug, Default)]
pub struct Collector {
    roles: Roles,
    sessions: FxHashMap<u32, Session>,
    histories: Histories,
    table: Table,
    depths: Vec<Depths>,
    /// Numbers the executions.
    number: u64,
    /// Bytes of the transactions that are open.
    open: usize,
    /// Whether transactions that only read are kept as well.
    keeps_readers: bool,
}

/// What is remembered of a session.
#[derive(Debug, Default)]
struct Session {
    open: Option<Open>,
    settings: Vec<(String, Arc<SentText>)>,
}

impl Collector {
    /// Nothing seen yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Keeps transactions that only read as well, of two statements and more: among others of the
    /// application they hold nobody up, and a migration they do.
    #[must_use]
    pub fn keeping_readers(mut self, keeps: bool) -> Self {
        self.keeps_readers = keeps;
        self
    }

    /// Tells the name of a database by its number.
    pub fn database(&mut self, number: u32, name: &str) {
        self.histories.name(number, name);
    }

    /// Tells that a database was empty when the capture began.
    pub fn is_born_empty(&mut self, number: u32) {
        self.histories.born_empty(number);
    }

    /// Tells that a session is over; what it had open is rolled back.
    pub fn session_over(&mut self, number: u32) {
        if let Some(session) = self.sessions.remove(&number)
            && let Some(open) = session.open
        {
            let commits = open.transaction.is_none();
            self.end(open, commits);
        }
    }

    /// Takes an execution in. Its text and parameters are needed: one that has none belongs to no
    /// class.
    pub fn push(&mut self, executed: &Executed) {
        self.number += 1;
        let role = Arc::clone(self.roles.of(&executed.statement));
        let known = self.sessions.get_mut(&executed.session);
        if let Some(known) = known {
            let goes_on = known
                .open
                .as_ref()
                .is_some_and(|open| open.goes_on(executed));
            if !goes_on && let Some(open) = known.open.take() {
                // Of an explicit one, the end was not seen.
                let commits = open.transaction.is_none();
                self.end(open, commits);
            }
        } else if executed.transaction.is_none() && !begins(&role.act) {
            return;
        }
        let open = self.sessions.get(&executed.session);
        let open = open.and_then(|session| session.open.as_ref());
        if role.act == Act::Reads && open.is_some_and(|open| open.repeats(&role)) {
            return;
        }
        let sent = if role.act == Act::Reads {
            executed.sent.as_deref().cloned().map(Arc::new)
        } else {
            self.histories.sent(executed)
        };
        self.histories
            .take(self.number, executed, &role, sent.as_ref());
        if self.sessions.len() >= MOST_SESSIONS && !self.sessions.contains_key(&executed.session) {
            self.forget();
        }
        self.transact(executed, &role, sent);
        let session = self.sessions.get(&executed.session);
        if session.is_some_and(|s| s.open.is_none() && s.settings.is_empty()) {
            self.sessions.remove(&executed.session);
        }
    }

    /// What was seen.
    #[must_use]
    pub fn finish(mut self) -> Transactions {
        self.forget();
        let (classes, lost) = self.table.finish(&self.depths);
        let exemplars = classes.iter().enumerate();
        let exemplars =
            exemplars.flat_map(|(class, (_, numbers))| numbers.iter().map(move |n| (*n, class)));
        let histories = self.histories.finish(&exemplars.collect());
        Transactions {
            classes: classes.into_iter().map(|(class, _)| class).collect(),
            histories,
            lost,
        }
    }

    /// Ends what is open, in the order of the sessions.
    fn forget(&mut self) {
        let mut numbers: Vec<u32> = self.sessions.keys().copied().collect();
        numbers.sort_unstable();
        for number in numbers {
            self.session_over(number);
        }
    }

    fn transact(&mut self, executed: &Executed, role: &Arc<Role>, sent: Option<Arc<SentText>>) {
        let keeps_readers = self.keeps_readers;
        let session = self.sessions.entry(executed.session).or_default();
        match (&role.act, executed.transaction) {
            (Act::Begin(begin), Some(_)) if executed.failed.is_none() => {
                let open = open(executed, session, begin.clone(), keeps_readers);
                if session.open.is_none() {
                    session.open = Some(open);
                }
                return;
            }
            (Act::Commit, _) => {
                if let Some(open) = session.open.take() {
                    self.end(open, executed.failed.is_none());
                }
                return;
            }
            (Act::Rollback, _) => {
                if let Some(open) = session.open.take() {
                    self.end(open, false);
                }
                return;
            }
            (
                Act::Sets {
                    name,
                    is_local: false,
                },
                _,
            ) if executed.failed.is_none() => {
                session.settings.retain(|(known, _)| known != name);
                session
                    .settings
                    .extend(sent.clone().map(|sent| (name.clone(), sent)));
            }
            (Act::ResetsAll, _) if executed.failed.is_none() => session.settings.clear(),
            (Act::Nothing, _) => return,
            // Whatever a transaction that has failed is asked for.
            _ if executed.failed == Some(*b"25P02") => return,
            _ => {}
        }
        if session.open.is_none() {
            if executed.transaction.is_none() && !locks(&role.act) {
                return;
            }
            session.open = Some(open(executed, session, None, keeps_readers));
        }
        let item = Item {
            number: self.number,
            sent_us: executed.sent_us,
            role: Arc::clone(role),
            sent,
            tags: executed.tags.clone(),
            rows: executed.rows,
            failed: executed.failed,
        };
        if let Some(open) = &mut session.open {
            let grown = open.take(item);
            self.open = self.open.saturating_add_signed(grown);
            if self.open > MOST_BYTES && open.bytes() > LONG {
                self.open -= open.bytes();
                open.fold();
                self.open += open.bytes();
            }
        }
    }

    fn end(&mut self, open: Open, commits: bool) {
        self.open = self.open.saturating_sub(open.bytes());
        let database = open.setting.database as usize;
        if self.depths.len() <= database {
            self.depths.resize(database + 1, Depths::default());
        }
        open.end(commits, &mut self.table, &mut self.depths[database]);
    }
}

impl Open {
    /// Whether an execution of its session belongs to it.
    fn goes_on(&self, executed: &Executed) -> bool {
        match (self.transaction, executed.transaction) {
            (None, None) => self.series == executed.series,
            (explicit, of) => explicit == of,
        }
    }
}

fn open(
    executed: &Executed,
    session: &Session,
    begin: Option<String>,
    keeps_readers: bool,
) -> Open {
    let setting = Setting {
        database: executed.database,
        session: executed.session,
        begin,
        settings: session.settings.clone(),
        keeps_readers,
    };
    Open::new(executed.transaction, executed.series, setting)
}

/// Whether something is remembered of a statement outside of any transaction.
fn begins(act: &Act) -> bool {
    act.is_history() || matches!(act, Act::CreatesDatabase(..) | Act::CopiesIn(_))
}

/// Whether a statement by itself can be a transaction.
fn locks(act: &Act) -> bool {
    matches!(
        act,
        Act::Locks | Act::Clears | Act::Schema | Act::CopiesIn(_)
    )
}

#[cfg(test)]
impl Collector {
    /// Bytes of the transactions that are open.
    pub(super) fn open_bytes(&self) -> usize {
        self.open
    }

    /// How many sessions are remembered.
    pub(super) fn sessions(&self) -> usize {
        self.sessions.len()
    }
}
