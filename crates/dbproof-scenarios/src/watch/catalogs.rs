//! The catalogs of the databases under watch: [`Catalogs`].
//!
//! They are read over connections of dbproof's own, each as short as can be: a test suite drops its
//! databases, and the server waits five seconds at most for others to leave one.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use dbproof_model::Schema;
use dbproof_postgres::{Address, PostgresError, catalog, connect};

/// How long one catalog may take.
const LIMIT: Duration = Duration::from_secs(3);
/// A catalog that is wanted is not read more often than this …
const WANTED_AGAIN: Duration = Duration::from_millis(200);
/// … and one that may have changed not more often than this.
const CHANGED_AGAIN: Duration = Duration::from_secs(2);
/// After a database was made or dropped, others may be on their way to be: nothing is read then.
const PAUSE: Duration = Duration::from_millis(100);

/// The catalogs of the databases under watch, read when they are needed.
#[derive(Debug)]
pub(super) struct Catalogs {
    requests: Option<Sender<(usize, String)>>,
    answers: Receiver<(usize, Result<Schema, String>)>,
    thread: Option<JoinHandle<()>>,
    databases: Vec<Database>,
    not_before: Option<Instant>,
}

/// What is known of one database.
#[derive(Debug, Default, Clone)]
pub(super) struct Database {
    pub(super) name: String,
    /// Whether its catalog was read at least once.
    pub(super) is_read: bool,
    /// Why it was not, the last time that it was tried.
    pub(super) error: Option<String>,
    /// Statements since that may have changed it.
    is_changed: bool,
    is_asked: bool,
    existence: Existence,
    /// When a session last began in it, in microseconds of the capture.
    opened_us: u64,
    asked_at: Option<Instant>,
}

/// Whether a database is there, as far as the traffic tells.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Existence {
    #[default]
    There,
    Dropped,
}

impl Catalogs {
    /// A thread of its own reads, so that a server that is slow to answer holds nothing up.
    pub(super) fn new(address: &Address) -> Self {
        let (requests, asked) = channel();
        let (answer, answers) = channel();
        let address = address.clone();
        let thread = std::thread::Builder::new().name("catalogs".to_owned());
        let thread = thread.spawn(move || serve(&address, &asked, &answer)).ok();
        Catalogs {
            requests: Some(requests),
            answers,
            thread,
            databases: Vec::new(),
            not_before: None,
        }
    }

    /// The databases, by their numbers.
    pub(super) fn databases(&self) -> &[Database] {
        &self.databases
    }

    /// A session has begun in a database: it is there, whatever was dropped before.
    pub(super) fn opened(&mut self, number: usize, name: &str, at_us: u64) {
        if self.databases.len() <= number {
            self.databases.resize(number + 1, Database::default());
        }
        let database = &mut self.databases[number];
        name.clone_into(&mut database.name);
        database.opened_us = database.opened_us.max(at_us);
        if database.existence == Existence::Dropped {
            database.existence = Existence::There;
            database.is_changed = true;
        }
    }

    /// A statement that is neither a query nor a change of rows was executed in a database.
    pub(super) fn executed(&mut self, number: usize, shape: &str, at_us: u64) {
        let mut words = shape.split_whitespace();
        match (words.next(), words.next()) {
            (Some("drop"), Some("database")) => {
                let name = words.find(|word| !matches!(*word, "if" | "exists"));
                let name = name.map(|name| name.trim_matches(['"', ';']));
                self.not_before = Some(Instant::now() + PAUSE);
                let gone = self.databases.iter_mut();
                let gone = gone.filter(|d| Some(d.name.as_str()) == name && d.opened_us < at_us);
                gone.for_each(|database| database.existence = Existence::Dropped);
            }
            (Some("create"), Some("database")) => self.not_before = Some(Instant::now() + PAUSE),
            (Some("create" | "alter" | "drop" | "do" | "call" | "commit" | "end"), _) => {
                let is_end = shape.starts_with("commit") || shape.starts_with("end");
                if let Some(database) = self.databases.get_mut(number).filter(|_| !is_end) {
                    database.is_changed = true;
                }
            }
            _ => {}
        }
    }

    /// Asks for the catalogs that are needed now, and hands on those that have come.
    pub(super) fn turn(&mut self, wanted: &[u32], mut take: impl FnMut(u32, Schema)) {
        while let Ok(answer) = self.answers.try_recv() {
            self.take(answer, &mut take);
        }
        let now = Instant::now();
        if self.not_before.is_some_and(|time| now < time) {
            return;
        }
        for number in 0..self.databases.len() {
            let database = &self.databases[number];
            let is_wanted = !database.is_read || wanted.iter().any(|w| *w as usize == number);
            let again = if is_wanted {
                WANTED_AGAIN
            } else {
                CHANGED_AGAIN
            };
            let is_time = database.asked_at.is_none_or(|at| now >= at + again);
            if (is_wanted || database.is_changed) && is_time {
                self.ask(number);
            }
        }
    }

    /// Reads once more what may have changed or is still wanted, and waits for it.
    pub(super) fn finish(&mut self, wanted: &[u32], mut take: impl FnMut(u32, Schema)) {
        for number in 0..self.databases.len() {
            let database = &self.databases[number];
            let is_wanted = wanted.iter().any(|w| *w as usize == number);
            if is_wanted || database.is_changed || !database.is_read {
                self.ask(number);
            }
        }
        self.requests = None;
        let until = Instant::now() + 2 * LIMIT;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            match self.answers.recv_timeout(left) {
                Ok(answer) => self.take(answer, &mut take),
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => break,
            }
        }
        // Every answer has its limit, so that the thread is about to end if it has not.
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
    }

    fn ask(&mut self, number: usize) {
        let database = &mut self.databases[number];
        if database.is_asked || database.existence == Existence::Dropped || database.name.is_empty()
        {
            return;
        }
        let request = (number, database.name.clone());
        if self
            .requests
            .as_ref()
            .is_some_and(|r| r.send(request).is_ok())
        {
            database.is_asked = true;
            database.is_changed = false;
            database.asked_at = Some(Instant::now());
        }
    }

    fn take(
        &mut self,
        answer: (usize, Result<Schema, String>),
        take: &mut impl FnMut(u32, Schema),
    ) {
        let (number, answer) = answer;
        let Some(database) = self.databases.get_mut(number) else {
            return;
        };
        database.is_asked = false;
        match answer {
            Ok(schema) => {
                database.is_read = true;
                database.error = None;
                if let Ok(number) = u32::try_from(number) {
                    take(number, schema);
                }
            }
            Err(error) => database.error = Some(error),
        }
    }
}

/// Reads catalogs, one after the other, for as long as somebody asks.
fn serve(
    address: &Address,
    asked: &Receiver<(usize, String)>,
    answer: &Sender<(usize, Result<Schema, String>)>,
) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    while let Ok((number, name)) = asked.recv() {
        let read = match &runtime {
            Ok(runtime) => runtime.block_on(read(&address.with_database(&name))),
            Err(error) => Err(error.to_string()),
        };
        if answer.send((number, read)).is_err() {
            return;
        }
    }
}

async fn read(address: &Address) -> Result<Schema, String> {
    let reading = async {
        let session = connect(address).await?;
        let schema = async {
            session
                .run("SET statement_timeout = '3s'; SET lock_timeout = '1s'; BEGIN READ ONLY")
                .await?;
            catalog::schema(&session).await
        };
        let schema = schema.await;
        session.close().await;
        schema
    };
    match tokio::time::timeout(LIMIT, reading).await {
        Ok(read) => read.map_err(|error: PostgresError| error.to_string()),
        Err(_) => Err("the server did not answer in time".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_dropped_is_not_read_and_what_was_made_again_is() {
        let address = Address::parse("postgres://ann@127.0.0.1:1/x").expect("an address");
        let mut catalogs = Catalogs::new(&address);
        catalogs.opened(0, "test_shop", 5);
        catalogs.executed(1, "drop database if exists \"test_shop\"", 9);
        assert_eq!(catalogs.databases()[0].existence, Existence::Dropped);
        assert!(catalogs.not_before.is_some());
        catalogs.turn(&[0], |_, _| {});
        assert!(!catalogs.databases()[0].is_asked);
        catalogs.opened(0, "test_shop", 5);
        assert_eq!(catalogs.databases()[0].existence, Existence::There);
        catalogs.executed(0, "alter table t add column b int", 9);
        assert!(catalogs.databases()[0].is_changed);
        catalogs.finish(&[], |_, _| {});
        let database = &catalogs.databases()[0];
        assert!(
            !database.is_read && database.error.is_some(),
            "{database:?}"
        );
    }
}
