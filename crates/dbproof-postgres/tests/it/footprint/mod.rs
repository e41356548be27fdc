//! What transactions lock, read while they run alone.

mod keys;
mod relations;
mod rows;
mod transactions;

use std::fmt::Write as _;

use dbproof_analysis::lock_order::{Footprint, FootprintStep, Lock, LockMode, LockObject, Waiting};
use dbproof_analysis::traffic::SentText;
use dbproof_postgres::footprint::{self, LockObserver};
use dbproof_postgres::{EphemeralServer, Session, connect};

use crate::server;

/// A server, an observer, and a session that transactions run in.
struct Scene {
    server: EphemeralServer,
    observer: LockObserver,
    session: Session,
}

const SCHEMA: &str = "\
    CREATE TABLE users (id int PRIMARY KEY, email text UNIQUE, name text, n int DEFAULT 0);
    CREATE TABLE orders (id serial PRIMARY KEY, user_id int REFERENCES users, total int DEFAULT 0);
    INSERT INTO users SELECT i, 'u' || i, 'name ' || i, i FROM generate_series(1, 9) i;
    INSERT INTO orders (user_id) SELECT i FROM generate_series(1, 9) i";

impl Scene {
    async fn new() -> Self {
        Self::of(SCHEMA).await
    }

    async fn of(schema: &str) -> Self {
        let server = server().await;
        let session = connect(server.address()).await.unwrap();
        session.run(schema).await.unwrap();
        let observer = connect(server.address()).await.unwrap();
        let observer = LockObserver::new(observer).await.unwrap();
        Scene {
            server,
            observer,
            session,
        }
    }

    async fn footprint(&mut self, statements: &[&str]) -> Footprint {
        let statements: Vec<SentText> = statements.iter().map(|sql| sent(sql)).collect();
        let read = footprint::read(&mut self.observer, &self.session, None, &statements).await;
        let read = read.unwrap();
        assert_eq!(read.affected.len(), read.footprint.steps.len());
        read.footprint
    }

    /// Runs statements and compares what each of them locks, a line a statement; the last line, after `;`,
    /// is COMMIT where it locks something.
    async fn check(&mut self, statements: &[&str], expected: &[&str]) {
        let footprint = self.footprint(statements).await;
        assert!(footprint.unread.is_empty(), "{:?}", footprint.unread);
        assert_eq!(told(&footprint), expected, "{statements:?}");
    }
}

fn sent(sql: &str) -> SentText {
    SentText {
        sql: sql.into(),
        parameters: Vec::new(),
    }
}

fn told(footprint: &Footprint) -> Vec<String> {
    let mut told: Vec<String> = footprint.steps.iter().map(step).collect();
    if footprint.commit != FootprintStep::default() {
        let commit = step(&footprint.commit);
        if !commit.is_empty() {
            told.push(format!("COMMIT {commit}"));
        }
    }
    told
}

/// `users RowExclusive, users[1] NoKeyUpdate`; in brackets where the order is not known, and with `!` and
/// the SQLSTATE where it failed.
fn step(step: &FootprintStep) -> String {
    let list = |locks: &[Lock]| {
        let locks = locks.iter().map(lock);
        locks.collect::<Vec<String>>().join(", ")
    };
    let mut told = list(&step.locks);
    if !step.is_ordered && step.failed.is_none() {
        told = format!("({told})");
    }
    if !step.released.is_empty() {
        let _ = write!(told, " - {}", list(&step.released));
    }
    match step.waiting {
        Waiting::Waits => {}
        waiting => {
            let _ = write!(told, " {waiting:?}");
        }
    }
    if let Some(failed) = &step.failed {
        let _ = write!(told, "!{failed}");
    }
    told
}

fn lock(lock: &Lock) -> String {
    let short = |name: &str| name.strip_prefix("public.").unwrap_or(name).to_owned();
    let values = |key: &[(String, String)]| {
        let values = key.iter().map(|(_, value)| value.as_str());
        values.collect::<Vec<&str>>().join("/")
    };
    let mode = match lock.mode {
        LockMode::Relation(mode) => format!("{mode:?}"),
        LockMode::Row(mode) => format!("{mode:?}"),
        mode => format!("{mode:?}"),
    };
    match &lock.object {
        LockObject::Relation(name) => format!("{} {mode}", short(name)),
        LockObject::Row { relation, key } => {
            format!("{}[{}] {mode}", short(relation), values(key))
        }
        LockObject::UniqueKey { index, key, .. } => {
            let mode = mode.replace("UniqueKey", "");
            format!("{index}={}{mode}", values(key))
        }
        LockObject::Advisory(key) => format!("advisory({key}) {mode}"),
    }
}
