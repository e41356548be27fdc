//! Sandboxes that captured transactions are run in again.

use std::time::{Duration, Instant};

use dbproof_analysis::lock_order::{Footprint, LockMode, LockObject};
use dbproof_analysis::sql::{StatementKind, template};
use dbproof_analysis::traffic::{SentParameter, SentText};
use dbproof_analysis::transactions::{
    History, HistoryEntry, TransactionClass, TransactionStatement, Transactions,
};
use dbproof_postgres::{Binaries, Databases, EphemeralServer, Session, connect};
use dbproof_scenarios::prediction::{MadeFrom, SandboxLimits, Sandboxes};

pub(crate) const RUN: &str = "sandboxtest";

pub(crate) async fn server() -> EphemeralServer {
    let chosen = std::env::var_os("DBPROOF_PG_BIN").map(std::path::PathBuf::from);
    let binaries = Binaries::find(chosen.as_deref()).expect("PostgreSQL server binaries");
    EphemeralServer::start(&binaries)
        .await
        .expect("a throw-away server")
}

fn sent(sql: &str) -> SentText {
    SentText {
        sql: sql.into(),
        parameters: Vec::new(),
    }
}

/// Transactions of one database, out of a script: a line is a session, `a` or `b`, then what it sent. A
/// line that begins with `>` and a name belongs to the exemplar of that class, and is part of its history
/// unless a `.` stands before the statement.
pub(crate) fn transactions(database: &str, from_the_beginning: bool, script: &str) -> Transactions {
    let mut all = Transactions::default();
    let mut entries = Vec::new();
    for line in script
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
    {
        let (name, rest) = match line.strip_prefix('>') {
            Some(rest) => {
                let (name, rest) = rest.trim().split_once(' ').unwrap();
                (Some(name), rest)
            }
            None => (None, line),
        };
        let (session, sql) = rest.trim().split_once(' ').unwrap();
        let (read_only, sql) = match sql.strip_prefix(". ") {
            Some(sql) => (true, sql),
            None => (false, sql),
        };
        let kind = template(sql, &[]).kind;
        let class = name.map(|name| class_of(&mut all, name));
        if let Some(class) = class {
            all.classes[class].statements.push(statement(sql, kind));
        }
        if !read_only {
            entries.push(HistoryEntry {
                session: u32::from(session == "b"),
                transaction: class.map(|class| u32::try_from(class).unwrap() + 1),
                exemplar_of: class,
                kind,
                sent: sent(sql),
                failed: false,
            });
        }
    }
    all.histories.push(History {
        database: database.to_owned(),
        from_the_beginning,
        entries,
        missing: Vec::new(),
    });
    all
}

fn class_of(all: &mut Transactions, name: &str) -> usize {
    let known = all.classes.iter().position(|class| class.name == name);
    known.unwrap_or_else(|| {
        all.classes.push(TransactionClass {
            name: name.to_owned(),
            database: 0,
            statements: Vec::new(),
            occurrences: 1,
            sessions: 1,
            in_test_transaction: false,
            is_rolled_back: false,
            begin: None,
            settings: Vec::new(),
            migration: None,
        });
        all.classes.len() - 1
    })
}

fn statement(sql: &str, kind: StatementKind) -> TransactionStatement {
    TransactionStatement {
        shape: template(sql, &[]).shape.as_str().into(),
        kind,
        sent: sent(sql),
        tags: None,
        rows: 0,
        failed: None,
    }
}

/// The rows and keys that a footprint locks, by statement.
fn locked(footprint: Option<&Footprint>) -> Vec<Vec<String>> {
    let steps = footprint.expect("a footprint").steps.iter();
    let told = steps.map(|step| {
        let locks = step.locks.iter().filter_map(|lock| match &lock.object {
            LockObject::Row { relation, key } => Some(format!("{relation} {}", key[0].1)),
            LockObject::UniqueKey { index, key, .. } if lock.mode == LockMode::UniqueKey => {
                Some(format!("{index} {}", key[0].1))
            }
            _ => None,
        });
        locks.collect()
    });
    told.collect()
}

pub(crate) async fn databases_left(server: &EphemeralServer) -> Vec<String> {
    let session = connect(server.address()).await.unwrap();
    let sql = format!("SELECT datname FROM pg_database WHERE datname LIKE 'dbproof_{RUN}_%'");
    session.texts(&sql).await.unwrap()
}

async fn first(session: &Session, sql: &str) -> String {
    session.text(sql).await.unwrap().unwrap_or_default()
}

fn whys(sandboxes: &Sandboxes<'_>) -> Vec<String> {
    let told = sandboxes.not_done.iter();
    told.map(|not| format!("{}: {}", not.what, not.why))
        .collect()
}

const SHOP: &str = "
    a CREATE TABLE old (id int)
    a DROP TABLE old
    a CREATE TABLE accounts (id serial PRIMARY KEY, owner text UNIQUE, balance int DEFAULT 100)
    a CREATE TABLE entries (id serial PRIMARY KEY, account_id int REFERENCES accounts, amount int)
    a BEGIN
    a INSERT INTO accounts (owner) VALUES ('ann')
    a INSERT INTO accounts (owner) VALUES ('bob')
    > transfer a UPDATE accounts SET balance = balance - 1 WHERE id = 1
    > transfer a INSERT INTO entries (account_id, amount) VALUES (1, -1)
    > transfer a UPDATE accounts SET balance = balance + 1 WHERE id = 2
    a ROLLBACK
    a INSERT INTO accounts (owner) VALUES ('cid')
    > open b INSERT INTO accounts (owner) VALUES ('dan')
    > open b . SELECT id FROM accounts WHERE id = 4 FOR UPDATE
    b UPDATE accounts SET balance = 7 WHERE id = 4
    > close b DELETE FROM accounts WHERE id = 4
    a TRUNCATE entries, accounts
    a DELETE FROM accounts
    a DROP TABLE entries
    > pay a UPDATE accounts SET balance = 0 WHERE owner = 'cid'
";

#[tokio::test]
async fn a_history_is_done_again_and_each_exemplar_is_run_at_its_place() {
    let server = server().await;
    let databases = Databases::new(server.address(), RUN);
    let transactions = transactions("gone", true, SHOP);
    let mut sandboxes = Sandboxes::make(
        &databases,
        server.address(),
        &transactions,
        SandboxLimits::default(),
    )
    .await;
    assert_eq!(whys(&sandboxes), [""; 0]);
    let of = |name: usize| locked(sandboxes.footprints[name].as_ref());
    assert_eq!(
        of(0),
        [
            vec!["public.accounts 1"],
            vec!["entries_pkey 1"],
            vec!["public.accounts 2"],
        ]
    );
    // The number that the sequence gave is the one that was captured, though the transaction is run twice.
    assert_eq!(
        of(1),
        [vec!["accounts_owner_key dan", "accounts_pkey 4"], vec![]]
    );
    assert_eq!(of(2), [vec!["public.accounts 4"]]);
    // What cleans up after tests is left out, and what was rolled back is there.
    assert_eq!(of(3), [vec!["public.accounts 3"]]);
    let made = &sandboxes.made[0];
    assert_eq!((made.from, made.failed), (MadeFrom::History, 0));
    assert_eq!(made.statements, 13);
    let schema = sandboxes.schemas[0].as_ref().unwrap();
    let names: Vec<&str> = schema.relations.iter().map(|r| r.name.as_str()).collect();
    assert_eq!(names, ["accounts", "entries"]);

    // Account 4 is there where its opening is no part of what is to be run, and not where it is.
    let balances = "SELECT string_agg(id || '=' || balance, ' ' ORDER BY id) FROM accounts";
    for (classes, expected) in [
        (vec![0], "1=100 2=100"),
        (vec![0, 1], "1=100 2=100 3=100"),
        (vec![2], "1=99 2=101 3=100 4=7"),
        (vec![0, 3], "1=100 2=100 3=100"),
        (vec![3, 1, 3], "1=99 2=101 3=100"),
        (vec![3, 1], "1=99 2=101 3=100"),
    ] {
        for _ in 0..2 {
            let state = sandboxes.state_for(&classes).await.unwrap();
            let session = connect(&state).await.unwrap();
            assert_eq!(first(&session, balances).await, expected, "{classes:?}");
            session
                .run("UPDATE accounts SET balance = 0")
                .await
                .unwrap();
            // Whoever is connected is no obstacle.
            sandboxes.discard(state);
        }
    }
    assert!(sandboxes.state_for(&[]).await.is_err());
    assert!(sandboxes.state_for(&[77]).await.is_err());
    sandboxes.close().await.unwrap();
    assert_eq!(databases_left(&server).await, [""; 0]);
}

#[tokio::test]
async fn sessions_keep_what_they_set_and_statements_their_parameters() {
    let server = server().await;
    let databases = Databases::new(server.address(), RUN);
    let mut transactions = transactions(
        "gone",
        true,
        "
        a CREATE SCHEMA one
        a CREATE SCHEMA two
        b SET search_path = two
        a SET search_path = one
        b CREATE TABLE t (id int PRIMARY KEY, n int)
        a CREATE TABLE t (id int PRIMARY KEY, n int)
        b SET statement_timeout = 1
        b PREPARE add AS INSERT INTO t VALUES ($1, 0)
        b EXECUTE add(5)
        > first b UPDATE t SET n = 1 WHERE id = 5
        > local a SET LOCAL search_path = two
        > local a UPDATE t SET n = 2 WHERE id = 5
        a INSERT INTO t VALUES (9, 0)
        b EXECUTE add(6)
        > second a UPDATE t SET n = 1
        a CREATE TABLE failing (id int
        b INSERT INTO nowhere VALUES (1)
        > bound b UPDATE t SET n = $2 WHERE id = $1
        ",
    );
    let parameter = |value: &[u8], binary| SentParameter {
        type_oid: 0,
        binary,
        value: Some(value.to_vec()),
    };
    let parameters = vec![
        parameter(&6_i32.to_be_bytes(), true),
        parameter(b"3", false),
    ];
    transactions.classes[3].statements[0].sent.parameters = parameters.clone();
    let entries = &mut transactions.histories[0].entries;
    entries.last_mut().unwrap().sent.parameters = parameters;
    let sandboxes = Sandboxes::make(
        &databases,
        server.address(),
        &transactions,
        SandboxLimits::default(),
    )
    .await;
    assert_eq!(whys(&sandboxes), [""; 0]);
    let of = |name: usize| locked(sandboxes.footprints[name].as_ref());
    assert_eq!(of(0), [vec!["two.t 5"]]);
    assert_eq!(of(1), [vec![], vec!["two.t 5"]]);
    assert_eq!(of(2), [vec!["one.t 9"]]);
    assert_eq!(of(3), [vec!["two.t 6"]]);
    assert_eq!(sandboxes.made[0].failed, 2);
    sandboxes.close().await.unwrap();
}

#[tokio::test]
async fn what_acts_outside_of_the_database_is_never_run() {
    let server = server().await;
    let databases = Databases::new(server.address(), RUN);
    let mut transactions = transactions(
        "gone",
        true,
        "
        a CREATE ROLE intruder
        a CREATE TABLE t (id int PRIMARY KEY)
        a INSERT INTO t VALUES (1)
        a CREATE FUNCTION die() RETURNS void LANGUAGE plpgsql AS \
            'BEGIN EXECUTE ''SELECT pg_terminate'' || ''_backend(pg_backend_pid())''; END'
        a CREATE FUNCTION hold() RETURNS void LANGUAGE sql AS 'SELECT pg_advisory_lock(1)'
        > ends a SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        > commits a UPDATE t SET id = 1
        > commits a COMMIT
        > waits b . SELECT id FROM t WHERE id = 1 FOR UPDATE
        > waits b . SELECT pg_advisory_xact_lock(1)
        > waits b . SELECT id FROM t FOR UPDATE
        > fails b INSERT INTO t VALUES (1)
        > tells b INSERT INTO t VALUES (7)
        > tells b . NOTIFY jobs
        > tells b . SELECT pg_notify('jobs', 'x')
        > tells b UPDATE t SET id = 8 WHERE id = 7
        > dies b SELECT die()
        > unmet b UPDATE t SET id = 3 WHERE id = 99
        a SELECT hold()
        ",
    );
    transactions.classes[6].statements[0].rows = 2;
    let sandboxes = Sandboxes::make(
        &databases,
        server.address(),
        &transactions,
        SandboxLimits::default(),
    )
    .await;
    let sandbox = databases.address("sandbox_0");
    let lost = format!("the connection to {sandbox} was lost: ");
    assert_eq!(
        whys(&sandboxes)
            .iter()
            .map(|why| why.replace(&lost, ""))
            .collect::<Vec<String>>(),
        [
            "ends: statement 1 is never run again: it calls pg_terminate_backend, which acts outside of \
             the database",
            "commits: statement 2 is never run again: it begins or ends a transaction itself",
            "fails: statement 1 fails in the sandbox (SQLSTATE 23505)",
            "dies: its session ended: terminating connection due to administrator command",
            "unmet: statement 1 met 2 rows when it was captured and none in the sandbox, so that its locks \
             are not all known",
            "waits: statement 2 waits for a lock in the sandbox, where nobody else should hold one; what \
             follows was not run",
            "gone: 2 statements of its history act outside of it and were not run again",
        ]
    );
    assert!(sandboxes.footprints[0].is_none() && sandboxes.footprints[1].is_none());
    assert_eq!(
        locked(sandboxes.footprints[2].as_ref()),
        [vec!["public.t 1"], vec![]]
    );
    let told = locked(sandboxes.footprints[4].as_ref());
    assert_eq!(told, [vec!["t_pkey 7"], vec![], vec![], vec!["t_pkey 8"]]);
    let session = connect(server.address()).await.unwrap();
    let roles = "SELECT count(*)::text FROM pg_roles WHERE rolname = 'intruder'";
    assert_eq!(first(&session, roles).await, "0");
    sandboxes.close().await.unwrap();
}

#[tokio::test]
async fn a_database_that_is_still_there_is_copied_and_stays_as_it_is() {
    let server = server().await;
    let session = connect(server.address()).await.unwrap();
    session.run("CREATE DATABASE shop").await.unwrap();
    session
        .run("ALTER DATABASE shop SET search_path = app")
        .await
        .unwrap();
    let shop = server.address().with_database("shop");
    let application = connect(&shop).await.unwrap();
    application
        .run(
            "CREATE SCHEMA app; CREATE TABLE app.t (id int PRIMARY KEY, n int);
             INSERT INTO app.t VALUES (1, 0), (2, 0);
             CREATE SCHEMA other; CREATE TABLE other.t (id int PRIMARY KEY, n int);
             INSERT INTO other.t VALUES (1, 0);
             CREATE FUNCTION app.leave() RETURNS void LANGUAGE plpgsql AS
                 'BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); END'",
        )
        .await
        .unwrap();
    let script = "
        > set a UPDATE t SET n = 1 WHERE id = 1
        > one a UPDATE t SET n = 1 WHERE id = 1
        > one a INSERT INTO t VALUES (3, 3)
        > leaving a SELECT app.leave()
        > two a UPDATE t SET n = 1 WHERE id = 2
    ";
    let databases = Databases::new(server.address(), RUN);
    let mut transactions = transactions("shop", false, script);
    // What its session had set before, and what is the replay's own to set.
    let settings = ["SET search_path = other", "SET lock_timeout = 0"];
    transactions.classes[0].settings = settings.iter().map(|sql| sent(sql)).collect();
    let limits = SandboxLimits::default();
    let connected = Sandboxes::make(&databases, server.address(), &transactions, limits).await;
    assert_eq!(
        whys(&connected),
        ["shop: somebody is still connected to it, and then it cannot be copied (SQLSTATE 55006)"]
    );
    assert!(connected.footprints.iter().all(Option::is_none));
    connected.close().await.unwrap();

    application.close().await;
    let mut sandboxes = Sandboxes::make(&databases, server.address(), &transactions, limits).await;
    assert_eq!(
        whys(&sandboxes),
        [
            "shop: its copy is without what acts outside of it: function app.leave()",
            "leaving: statement 1 fails in the sandbox (SQLSTATE 42883)",
        ]
    );
    assert_eq!(sandboxes.made[0].from, MadeFrom::Clone);
    assert_eq!(
        locked(sandboxes.footprints[0].as_ref()),
        [vec!["other.t 1"]]
    );
    assert_eq!(
        locked(sandboxes.footprints[1].as_ref()),
        [vec!["app.t 1"], vec!["t_pkey 3"]]
    );
    assert_eq!(locked(sandboxes.footprints[3].as_ref()), [vec!["app.t 2"]]);
    let state = sandboxes.state_for(&[1, 3]).await.unwrap();
    let copy = connect(&state).await.unwrap();
    assert_eq!(first(&copy, "SELECT sum(n)::text FROM t").await, "0");
    copy.run("UPDATE t SET n = 8").await.unwrap();
    sandboxes.close().await.unwrap();
    let application = connect(&shop).await.unwrap();
    let untouched = "SELECT sum(n) || ' ' || count(*) || ' ' || max(xmax::text) FROM t";
    assert_eq!(first(&application, untouched).await, "0 2 0");
    application
        .run("SELECT app.leave() WHERE false")
        .await
        .unwrap();
    sandboxes_of_a_dropped_database(&server).await;
}

async fn sandboxes_of_a_dropped_database(server: &EphemeralServer) {
    let databases = Databases::new(server.address(), RUN);
    let gone = transactions("dropped", false, "> one a UPDATE t SET n = 1");
    let limits = SandboxLimits::default();
    let mut none = Sandboxes::make(&databases, server.address(), &gone, limits).await;
    assert_eq!(
        whys(&none),
        [
            "dropped: it is not there any more, and was there before it was watched, so that it cannot be \
          made again"
        ]
    );
    assert!(none.state_for(&[0]).await.is_err());
}

#[tokio::test]
async fn nothing_takes_longer_than_its_limit() {
    let server = server().await;
    let databases = Databases::new(server.address(), RUN);
    let endless = "SELECT count(*) FROM generate_series(1, 100000000000) i WHERE i % 7 = 8";
    let script = format!(
        "
        a CREATE TABLE t (id int PRIMARY KEY)
        a {endless}
        > slow a INSERT INTO t VALUES (1)
        > slow a {endless}
        > quick a INSERT INTO t VALUES (2)
        "
    );
    let transactions = transactions("gone", true, &script);
    let limits = SandboxLimits {
        statement: Duration::from_millis(200),
        ..SandboxLimits::default()
    };
    let sandboxes = Sandboxes::make(&databases, server.address(), &transactions, limits).await;
    assert_eq!(
        whys(&sandboxes),
        [
            "slow: statement 2 takes too long in the sandbox",
            "gone: 2 statements of its history waited for a lock or took too long",
        ]
    );
    assert_eq!(locked(sandboxes.footprints[1].as_ref()), [vec!["t_pkey 2"]]);
    sandboxes.close().await.unwrap();

    let limits = SandboxLimits {
        total: Duration::from_secs(1),
        statement: Duration::from_secs(600),
    };
    let mut sandboxes = Sandboxes::make(&databases, server.address(), &transactions, limits).await;
    assert_eq!(
        whys(&sandboxes),
        [
            "gone: its replay stopped: it took longer than 1 s",
            "slow: it was not run, because the replay stopped before it",
            "quick: it was not run, because the replay stopped before it",
        ]
    );
    let state = sandboxes.state_for(&[1]).await.unwrap_err();
    assert!(state.ends_with("it took longer than 1 s"), "{state}");
    sandboxes.close().await.unwrap();
    assert_eq!(databases_left(&server).await, [""; 0]);
}

#[tokio::test]
async fn a_long_history_is_done_again_in_seconds() {
    let server = server().await;
    let databases = Databases::new(server.address(), RUN);
    let mut script = String::from(
        "a CREATE TABLE users (id serial PRIMARY KEY, name text UNIQUE, n int DEFAULT 0)\n\
         a CREATE TABLE orders (id serial PRIMARY KEY, user_id int REFERENCES users, total int)\n",
    );
    for i in 1..=10_000 {
        let s = if i % 50 < 5 { "b" } else { "a" };
        let line = format!(
            "{s} INSERT INTO users (name) VALUES ('u{i}')\n\
             {s} INSERT INTO orders (user_id, total) VALUES ({i}, 1)\n"
        );
        script.push_str(&line);
        if i % 100 == 0 {
            let class = format!(
                "> c{i} a UPDATE users SET n = n + 1 WHERE id = {i}\n\
                 > c{i} a INSERT INTO orders (user_id, total) VALUES ({i}, 2)\n\
                 > c{i} a UPDATE users SET n = n + 1 WHERE id = {}\n",
                i - 1
            );
            script.push_str(&class);
        }
    }
    let transactions = transactions("gone", true, &script);
    let began = Instant::now();
    let mut sandboxes = Sandboxes::make(
        &databases,
        server.address(),
        &transactions,
        SandboxLimits::default(),
    )
    .await;
    let made = began.elapsed();
    assert_eq!(whys(&sandboxes), [""; 0]);
    assert_eq!(sandboxes.made[0].failed, 0);
    let last = locked(sandboxes.footprints[99].as_ref());
    assert_eq!(last[0], ["public.users 10000"]);
    assert_eq!(last[2], ["public.users 9999"]);
    let began = Instant::now();
    for pair in [[0, 1], [40, 42], [98, 99], [0, 99]] {
        let state = sandboxes.state_for(&pair).await.unwrap();
        sandboxes.discard(state);
    }
    eprintln!(
        "{} statements and {} footprints in {made:?}, four states in {:?}",
        sandboxes.made[0].statements,
        sandboxes.footprints.len(),
        began.elapsed()
    );
    sandboxes.close().await.unwrap();
}
