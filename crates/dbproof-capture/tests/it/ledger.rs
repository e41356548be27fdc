//! Everything that is executed is captured exactly once: what the capture says against what the
//! server counts (`pg_stat_statements`).

use std::collections::BTreeMap;
use std::process::Command;
use std::sync::mpsc::Receiver;
use std::thread::JoinHandle;
use std::time::Duration;

use dbproof_analysis::traffic::Executed;
use dbproof_capture::capture::{Batch, Capture, CaptureOptions, CaptureSummary};
use dbproof_capture::protocol::{SessionEvent, SessionNews};
use dbproof_capture::tee::TeeOptions;
use dbproof_postgres::{EphemeralServer, Session, connect};
use tokio_postgres::{Client, Row, SimpleQueryMessage, Statement};

use crate::scene::{PASSWORD, PATIENCE, Psql, binaries, outcome, prepare, program};

/// A server that counts statements, and a capture before it.
struct Ledger {
    server: EphemeralServer,
    admin: Session,
    capture: Capture,
    taker: JoinHandle<Taken>,
}

/// All that was captured.
#[derive(Default)]
struct Taken {
    executed: Vec<Executed>,
    events: Vec<SessionEvent>,
}

fn take(receiver: Receiver<Batch>) -> Taken {
    let mut taken = Taken::default();
    for batch in receiver {
        taken.executed.extend(batch.executed);
        taken.events.extend(batch.events);
    }
    taken
}

impl Ledger {
    async fn new() -> Ledger {
        let settings = [
            ("shared_preload_libraries", "pg_stat_statements"),
            ("pg_stat_statements.max", "10000"),
        ];
        let server = EphemeralServer::start_with(&binaries(), &settings).await;
        let server = server.expect("a server that counts statements");
        prepare(&server).await;
        let admin = connect(server.address()).await.expect("a session");
        let sql = "CREATE EXTENSION pg_stat_statements";
        admin.run(sql).await.expect("the extension");
        // The buffers of a unix socket are small.
        let options = TeeOptions::new(server.address().clone());
        let (capture, receiver) = Capture::start(&CaptureOptions::new(options)).expect("a capture");
        Ledger {
            server,
            admin,
            capture,
            taker: std::thread::spawn(move || take(receiver)),
        }
    }

    fn port(&self) -> u16 {
        self.capture.address().expect("a port").port()
    }

    fn pgbench(&self, arguments: &[&str]) -> String {
        let mut command = Command::new(program(self.server.binaries(), "pgbench"));
        command
            .args(arguments)
            .env("PGHOST", "127.0.0.1")
            .env("PGPORT", self.port().to_string())
            .env("PGUSER", "ann")
            .env("PGPASSWORD", PASSWORD)
            .env("PGSSLMODE", "disable")
            .arg("postgres");
        outcome(&command.output().expect("pgbench")).unwrap()
    }

    fn psql(&self) -> Psql {
        let port = self.port();
        let connection = format!("host=127.0.0.1 port={port} sslmode=disable");
        Psql::new(self.server.binaries(), &connection)
    }

    async fn client(&self) -> Client {
        let url = format!(
            "postgres://ann:{PASSWORD}@127.0.0.1:{}/postgres",
            self.port()
        );
        let (client, connection) = tokio_postgres::connect(&url, tokio_postgres::NoTls)
            .await
            .expect("a session");
        tokio::spawn(connection);
        client
    }

    /// Ends the capture and compares it with what the server has counted, up to that moment, for
    /// `ann`.
    async fn close(self) -> (Taken, CaptureSummary) {
        let summary = self.capture.stop(PATIENCE);
        let taken = self.taker.join().expect("it took all");
        assert_eq!(summary.incomplete, Vec::<String>::new());
        assert_eq!((summary.dropped, summary.unfinished), (0, 0));
        assert_eq!(summary.executions, taken.executed.len() as u64);
        // The server counts a prepared BEGIN the first time alone (up to version 15).
        let mut counted = counted(&self.admin).await;
        let transactions = |shape: &str| ["begin", "end", "commit"].contains(&shape);
        let mut captured: BTreeMap<String, (u64, u64)> = BTreeMap::new();
        for executed in taken.executed.iter().filter(|e| e.failed.is_none()) {
            let shape = executed.statement.shape().replace("(true)", "(?)");
            let entry = captured.entry(shape).or_default();
            entry.0 += 1;
            entry.1 += executed.rows;
        }
        captured.retain(|shape, _| !transactions(shape));
        counted.retain(|shape, _| !transactions(shape));
        assert_eq!(captured, counted);
        (taken, summary)
    }
}

/// Calls and rows for each statement, written as the capture writes it.
async fn counted(admin: &Session) -> BTreeMap<String, (u64, u64)> {
    let sql = "SELECT query, calls, rows FROM pg_stat_statements AS s \
               JOIN pg_roles AS r ON r.oid = s.userid WHERE r.rolname = 'ann'";
    let messages = admin.simple_query(sql).await.expect("the ledger");
    let mut counted: BTreeMap<String, (u64, u64)> = BTreeMap::new();
    for message in messages {
        let SimpleQueryMessage::Row(row) = message else {
            continue;
        };
        let number = |column: usize| row.get(column).unwrap().parse::<u64>().unwrap();
        let shape = shape_of(row.get(0).unwrap());
        let entry = counted.entry(shape).or_default();
        entry.0 += number(1);
        entry.1 += number(2);
    }
    counted
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pgbench_in_every_mode() {
    let ledger = Ledger::new().await;
    ledger.pgbench(&["--initialize", "--quiet"]);
    for mode in ["simple", "extended", "prepared"] {
        let protocol = format!("--protocol={mode}");
        let common = ["--no-vacuum", "--client=8", "--jobs=2", &protocol];
        ledger.pgbench(&[&common[..], &["--transactions=50"]].concat());
        ledger.pgbench(&[&common[..], &["--transactions=200", "--select-only"]].concat());
    }
    let (taken, _) = ledger.close().await;
    let select = taken
        .executed
        .iter()
        .filter(|e| e.statement.shape().starts_with("select abalance"));
    let (mut calls, mut hashed) = (0, 0);
    for executed in select {
        calls += 1;
        assert!(executed.values[0].is_some(), "the account is known");
        let result = executed.result.as_ref().expect("it returns a row");
        hashed += result.kept_rows();
        assert_eq!(executed.rows, 1);
    }
    // 50 and 200 in each mode, by eight clients; libpq asks for the columns each time.
    assert_eq!(calls, 3 * 8 * (50 + 200));
    assert_eq!(hashed, calls);
    let begins = taken
        .executed
        .iter()
        .filter(|e| e.statement.shape() == "begin");
    assert!(begins.clone().all(|e| e.transaction.is_some()));
    assert_eq!(begins.count(), 3 * 8 * 50 + 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_pipelines() {
    let ledger = Ledger::new().await;
    let client = ledger.client().await;
    client
        .batch_execute(
            "CREATE TABLE t (id int PRIMARY KEY, name text NOT NULL); \
             INSERT INTO t SELECT n, 'name ' || n FROM generate_series(1, 1000) AS n",
        )
        .await
        .unwrap();
    let one = client
        .prepare("SELECT name FROM t WHERE id = $1")
        .await
        .unwrap();
    let many = client
        .prepare("SELECT id FROM t WHERE id < $1")
        .await
        .unwrap();
    for _ in 0..4 {
        // Megabytes of requests behind one that takes a while are held up on their way.
        let slow = client.batch_execute("SELECT pg_sleep(0.2)");
        let all = (0..20_000).map(|id: i32| ask(&client, &one, id));
        let both = futures_util::future::join(slow, futures_util::future::join_all(all));
        let (slow, all) = both.await;
        slow.unwrap();
        let found = all.into_iter().map(|rows| rows.len()).sum::<usize>();
        assert_eq!(found, 1_000);
    }
    let all = (0..100).map(|id: i32| ask(&client, &many, id));
    futures_util::future::join_all(all).await;
    drop(client);
    let (taken, summary) = ledger.close().await;
    assert_eq!(
        (summary.sessions, summary.databases),
        (1, vec!["postgres".to_owned()])
    );
    let shape = shape_of("SELECT name FROM t WHERE id = $1");
    let ones = taken
        .executed
        .iter()
        .filter(|e| e.statement.shape() == shape);
    assert_eq!(ones.count(), 80_000);
}

async fn ask(client: &Client, statement: &Statement, id: i32) -> Vec<Row> {
    client.query(statement, &[&id]).await.expect("an answer")
}

fn shape_of(sql: &str) -> String {
    dbproof_analysis::sql::template(sql, &[]).shape
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn psql_and_all_that_fails() {
    let ledger = Ledger::new().await;
    let psql = |sql: &str| ledger.psql().run(sql);
    psql("CREATE TABLE t (id int PRIMARY KEY, name text)").unwrap();
    psql("INSERT INTO t SELECT n, 'x' FROM generate_series(1, 100) AS n").unwrap();
    psql("COPY t TO STDOUT").unwrap();
    psql("BEGIN; SELECT 1; SELECT id FROM t WHERE id < 20; COMMIT; SELECT 2").unwrap();
    psql("PREPARE s AS SELECT name FROM t WHERE id = $1; EXECUTE s(7)").unwrap();
    assert!(psql("SELECT 1 / 0").is_err());
    assert!(psql("SELEC 1").is_err());
    assert!(psql("SELECT 3; INSERT INTO t VALUES (1); SELECT 4").is_err());
    let summary = ledger.capture.stop(PATIENCE);
    let taken = ledger.taker.join().expect("it took all");
    assert_eq!(summary.incomplete, Vec::<String>::new());
    let told: Vec<_> = taken
        .executed
        .iter()
        .map(|e| {
            let failed = e
                .failed
                .map(|state| String::from_utf8_lossy(&state).into_owned());
            let shape = e.statement.shape().to_owned();
            (shape, e.rows, failed.unwrap_or_default())
        })
        .collect();
    let expect = |shape: &str, rows: u64, failed: &str| (shape.to_owned(), rows, failed.to_owned());
    let expected = [
        expect("create table t(id int primary key, name text)", 0, ""),
        expect(
            "insert into t select n, ? from generate_series(?, ?) as n",
            100,
            "",
        ),
        expect("copy t to stdout", 100, ""),
        expect("begin", 0, ""),
        expect("select ?", 1, ""),
        expect("select id from t where id < ?", 19, ""),
        expect("commit", 0, ""),
        expect("select ?", 1, ""),
        expect("prepare s as select name from t where id = ?", 0, ""),
        expect("select name from t where id = ?", 1, ""),
        expect("select ? / ?", 0, "22012"),
        expect("selec ?", 0, "42601"),
        expect("select ?", 1, ""),
        expect("insert into t values (?)", 0, "23505"),
    ];
    assert_eq!(told, expected);
    let opened = taken.events.iter().filter_map(|event| match &event.what {
        SessionNews::Opened(opened) => Some(opened.user.as_str()),
        _ => None,
    });
    assert_eq!(opened.collect::<Vec<_>>(), ["ann"; 8]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cursors_portals_copies_and_errors_of_a_driver() {
    let ledger = Ledger::new().await;
    let mut client = ledger.client().await;
    client
        .batch_execute("CREATE TABLE t (id int, name text)")
        .await
        .unwrap();
    let sink = client
        .copy_in::<_, bytes::Bytes>("COPY t FROM STDIN")
        .await
        .unwrap();
    let mut sink = std::pin::pin!(sink);
    let data = "1\tx\n".repeat(1000);
    futures_util::SinkExt::send(&mut sink, data.into())
        .await
        .unwrap();
    assert_eq!(sink.finish().await.unwrap(), 1000);
    let transaction = client.transaction().await.unwrap();
    let portal = transaction
        .bind("SELECT id FROM t ORDER BY id", &[])
        .await
        .unwrap();
    for expected in [300, 300, 300, 100] {
        let rows = transaction.query_portal(&portal, 300).await.unwrap();
        assert_eq!(rows.len(), expected);
    }
    assert!(
        transaction
            .query("SELECT 1 / $1::int", &[&0])
            .await
            .is_err()
    );
    transaction.rollback().await.unwrap();
    assert!(client.query("SELECT nothing", &[]).await.is_err());
    client
        .query("SELECT id FROM t WHERE id = $1 LIMIT 1", &[&1])
        .await
        .unwrap();
    drop(client);
    let summary = ledger.capture.stop(Duration::from_secs(10));
    let taken = ledger.taker.join().expect("it took all");
    assert_eq!(summary.incomplete, Vec::<String>::new());
    let told: Vec<_> = taken
        .executed
        .iter()
        .map(|e| {
            let kept = e.result.as_ref().map_or(0, |result| result.kept_rows());
            format!("{} {} {kept}", e.statement.shape(), e.rows)
        })
        .collect();
    let expected = [
        "create table t(id int, name text) 0 0",
        "copy t from stdin 1000 0",
        "start transaction 0 0",
        "select id from t order by id 1000 1000",
        "select ? / ?::int 0 0",
        "rollback 0 0",
        "select nothing 0 0",
        "select id from t where id = ? limit ? 1 1",
    ];
    assert_eq!(told, expected);
}
