//! What a capture says of itself, complete or not.

use std::sync::mpsc::Receiver;
use std::thread::JoinHandle;
use std::time::Duration;

use dbproof_capture::capture::{Batch, Capture, CaptureOptions};
use dbproof_capture::protocol::{IdleTransaction, SessionNews};
use dbproof_capture::tee::TeeOptions;
use dbproof_postgres::{EphemeralServer, connect};

use crate::scene::{PASSWORD, PATIENCE, Psql, prepare, server, wait_until};

struct Captured {
    server: EphemeralServer,
    capture: Capture,
}

async fn capture(change: impl FnOnce(&mut CaptureOptions)) -> (Captured, Receiver<Batch>) {
    let server = server().await;
    prepare(&server).await;
    let mut options = CaptureOptions::new(TeeOptions::new(server.address().clone()));
    change(&mut options);
    let (capture, receiver) = Capture::start(&options).expect("a capture");
    (Captured { server, capture }, receiver)
}

impl Captured {
    fn port(&self) -> u16 {
        self.capture.address().expect("a port").port()
    }

    fn psql(&self, parameters: &str) -> Psql {
        let port = self.port();
        let connection = format!("host=127.0.0.1 port={port} sslmode=disable {parameters}");
        Psql::new(self.server.binaries(), &connection)
    }

    async fn client(&self) -> tokio_postgres::Client {
        let port = self.port();
        let url = format!("postgres://ann:{PASSWORD}@127.0.0.1:{port}/postgres");
        let connected = tokio_postgres::connect(&url, tokio_postgres::NoTls).await;
        let (client, connection) = connected.expect("a session");
        tokio::spawn(connection);
        client
    }
}

/// Takes all batches on a thread of its own.
fn take(receiver: Receiver<Batch>) -> JoinHandle<Vec<Batch>> {
    std::thread::spawn(move || receiver.into_iter().collect())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_nobody_takes_is_counted() {
    let (captured, receiver) = capture(|_| {}).await;
    drop(receiver);
    assert_eq!(captured.psql("").run("SELECT 1; SELECT 2").unwrap(), "1\n2");
    let summary = captured.capture.stop(PATIENCE);
    assert_eq!((summary.executions, summary.dropped), (2, 2));
    assert_eq!(
        summary.incomplete,
        ["2 executions were not taken by the analysis"]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn traffic_waits_for_a_taker_that_is_slow() {
    let (captured, receiver) = capture(|_| {}).await;
    let client = captured.client().await;
    let statement = client.prepare("SELECT $1::int").await.unwrap();
    let (all, every) = (30_000, 1_000);
    let asked = tokio::spawn(async move {
        for round in 0..all / every {
            let ask = |n: i32| {
                let (client, statement) = (&client, &statement);
                async move { client.query(statement, &[&n]).await.map(|rows| rows.len()) }
            };
            let asked = (round * every..(round + 1) * every).map(ask);
            for found in futures_util::future::join_all(asked).await {
                assert_eq!(found.unwrap(), 1);
            }
        }
    });
    // More is executed than there is room for, and each batch takes longer to work on than to fill.
    let taker = std::thread::spawn(move || {
        let mut executions = 0;
        for batch in receiver {
            for executed in &batch.executed {
                let told = (0..20).map(|_| format!("{executed:?}").len()).max();
                executions += usize::from(told.is_some());
            }
        }
        executions
    });
    asked.await.unwrap();
    let summary = captured.capture.stop(PATIENCE);
    assert_eq!(taker.join().unwrap(), 30_000);
    assert_eq!((summary.executions, summary.dropped), (30_000, 0));
    assert_eq!(summary.incomplete, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_in_flight_at_the_end_are_told() {
    let (captured, receiver) = capture(|_| {}).await;
    let taker = take(receiver);
    let client = captured.client().await;
    let running = tokio::spawn(async move { client.simple_query("SELECT pg_sleep(600)").await });
    let admin = connect(captured.server.address()).await.unwrap();
    let sql =
        "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%sleep(600)' AND usename = 'ann'";
    while admin.text(sql).await.unwrap().as_deref() != Some("1") {}
    let summary = captured.capture.stop(Duration::ZERO);
    assert!(running.await.unwrap().is_err());
    assert_eq!((summary.sessions, summary.unfinished), (1, 1));
    assert_eq!((summary.executions, summary.incomplete.len()), (0, 0));
    drop(taker.join());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replication_is_passed_on_unread() {
    let (captured, receiver) = capture(|_| {}).await;
    let taker = take(receiver);
    let shown = captured.psql("replication=database").run("IDENTIFY_SYSTEM");
    assert!(shown.unwrap().contains("|postgres"));
    assert_eq!(captured.psql("").run("SELECT 1").unwrap(), "1");
    let summary = captured.capture.stop(PATIENCE);
    assert_eq!((summary.sessions, summary.executions), (2, 1));
    assert_eq!(summary.incomplete, Vec::<String>::new());
    assert_eq!(
        summary.not_read,
        ["session 1 was not read: it is a replication connection"]
    );
    drop(taker.join());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transaction_that_is_left_idle_is_told_with_its_last_statement() {
    let limit = Duration::from_millis(20);
    let (captured, receiver) = capture(|options| options.idle_transaction = limit).await;
    let taker = take(receiver);
    let mut client = captured.client().await;
    let transaction = client.transaction().await.unwrap();
    // Once it is dropped, the driver would close it, which is traffic.
    let statement = transaction.prepare("SELECT 7").await.unwrap();
    transaction.query(&statement, &[]).await.unwrap();
    let began = std::time::Instant::now();
    wait_until("the limit is over", || began.elapsed() > limit);
    transaction.commit().await.unwrap();
    drop((statement, client));
    let summary = captured.capture.stop(PATIENCE);
    assert_eq!(summary.incomplete, Vec::<String>::new());
    let batches = taker.join().unwrap();
    let events = batches.iter().flat_map(|batch| &batch.events);
    let idle: Vec<&IdleTransaction> = events
        .filter_map(|event| match &event.what {
            SessionNews::Idle(idle) => Some(idle),
            _ => None,
        })
        .collect();
    let [idle] = idle[..] else {
        panic!("{idle:?}");
    };
    assert!(idle.for_us >= 20_000, "{}", idle.for_us);
    assert_eq!(idle.transaction, 1);
    assert_eq!(idle.last.as_ref().unwrap().shape(), "select ?");
}
