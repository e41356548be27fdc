//! What real clients and a real server said to each other, recorded and read again, cut otherwise.

use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use dbproof_analysis::traffic::HashKey;
use dbproof_capture::protocol::{Collector, ReadingOptions, Session};
use dbproof_capture::tap::{Closed, Listener, Peer, Tap};
use dbproof_capture::tee::{Tee, TeeOptions};
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use crate::scene::{PASSWORD, Psql, outcome, prepare, program, server};

/// A stretch of bytes of one side, in the order in which they passed.
type Stretch = (bool, Vec<u8>);

/// Keeps all bytes of all sessions.
#[derive(Default, Clone)]
struct Tape(Arc<Mutex<Vec<Vec<Stretch>>>>);

struct Track {
    tape: Tape,
    index: usize,
}

impl Listener for Tape {
    type Tap = Track;

    fn session(&mut self, _: u32, _: Peer) -> Track {
        let mut sessions = self.0.lock().unwrap();
        sessions.push(Vec::new());
        Track {
            tape: self.clone(),
            index: sessions.len() - 1,
        }
    }
}

impl Track {
    fn keep(&self, is_client: bool, bytes: &[u8]) {
        let session = &mut self.tape.0.lock().unwrap()[self.index];
        match session.last_mut() {
            Some((same, before)) if *same == is_client => before.extend_from_slice(bytes),
            _ => session.push((is_client, bytes.to_vec())),
        }
    }
}

impl Tap for Track {
    fn from_client(&mut self, bytes: &[u8], _: u64) {
        self.keep(true, bytes);
    }

    fn from_server(&mut self, bytes: &[u8], _: u64) {
        self.keep(false, bytes);
    }

    fn closed(&mut self, _: u64, _: Closed) {}
}

/// Everything that is read from a session, each stretch being cut as `next` says.
fn read(session: &[Stretch], mut next: impl FnMut() -> usize) -> (usize, String) {
    let mut collector = Collector::new(ReadingOptions {
        key: HashKey(1, 2),
        keep_sent: true,
        idle_transaction_us: u64::MAX,
    });
    let mut reading = Session::new(1);
    let mut at_us = 0;
    for (is_client, bytes) in session {
        at_us += 1;
        let mut rest = &bytes[..];
        while !rest.is_empty() {
            let (now, later) = rest.split_at(next().min(rest.len()));
            rest = later;
            if *is_client {
                reading.from_client(now, at_us, &mut collector);
            } else {
                reading.from_server(now, at_us, &mut collector);
            }
        }
    }
    reading.closed(at_us + 1, Closed::ByClient, &mut collector);
    assert_eq!(collector.totals.unassigned, 0);
    let (executed, events) = collector.take();
    let told = format!("{executed:?}{events:?}");
    assert!(!told.contains("NotRead"), "{events:?}");
    (executed.len(), told)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn recorded_sessions_are_read_alike_however_they_are_cut() {
    let server = server().await;
    prepare(&server).await;
    let tape = Tape::default();
    let options = TeeOptions::new(server.address().clone());
    let tee = Tee::start(&options, tape.clone()).expect("a tee");
    let port = tee.address().expect("a port").port();

    let psql = |sql: &str| {
        let connection = format!("host=127.0.0.1 port={port} sslmode=disable");
        Psql::new(server.binaries(), &connection).run(sql)
    };
    psql(
        "CREATE TABLE t (id int, body text); INSERT INTO t SELECT n, repeat('x', n) \
          FROM generate_series(1, 2000) AS n; SELECT * FROM t WHERE id % 7 = 0",
    )
    .unwrap();
    assert!(psql("BEGIN; SELECT 1 / 0").is_err());
    for mode in ["simple", "extended", "prepared"] {
        let mut pgbench = Command::new(program(server.binaries(), "pgbench"));
        if mode == "simple" {
            pgbench.arg("--initialize").arg("--quiet");
        } else {
            pgbench.args(["--no-vacuum", "--transactions=20"]);
            pgbench.arg(format!("--protocol={mode}"));
        }
        pgbench
            .env("PGHOST", "127.0.0.1")
            .env("PGPORT", port.to_string())
            .env("PGUSER", "ann")
            .env("PGPASSWORD", PASSWORD)
            .env("PGSSLMODE", "disable")
            .arg("postgres");
        outcome(&pgbench.output().expect("pgbench")).unwrap();
    }
    drive(port).await;
    let (listener, _) = tee.stop(Duration::from_secs(10));
    drop(listener);

    let mut random = ChaCha8Rng::seed_from_u64(1);
    let sessions = std::mem::take(&mut *tape.0.lock().unwrap());
    let mut executions = 0;
    for session in &sessions {
        let (count, whole) = read(session, || usize::MAX);
        executions += count;
        assert!(whole == read(session, || 1).1, "byte by byte");
        for longest in [3, 40, 5_000] {
            let cut = || random.random_range(1..=longest);
            assert!(
                whole == read(session, cut).1,
                "in pieces of up to {longest}"
            );
        }
    }
    assert!(sessions.len() >= 6 && executions > 300, "{executions}");
}

/// A driver that prepares, pipelines, fails, and reads long values in binary form.
async fn drive(port: u16) {
    let url = format!("postgres://ann:{PASSWORD}@127.0.0.1:{port}/postgres");
    let (client, connection) = tokio_postgres::connect(&url, tokio_postgres::NoTls)
        .await
        .expect("a session");
    tokio::spawn(connection);
    let statement = client.prepare("SELECT id, body, id + 1 AS next FROM t WHERE id < $1");
    let statement = statement.await.unwrap();
    let limits: Vec<i32> = (0..20).map(|n| n * 7).collect();
    let all = limits.iter().map(|limit| async {
        let limit = *limit;
        client
            .query(&statement, &[&limit])
            .await
            .map(|rows| rows.len())
    });
    for found in futures_util::future::join_all(all).await {
        found.unwrap();
    }
    assert!(client.query("SELECT $1::text::int", &[&"x"]).await.is_err());
    let long = "y".repeat(3_000_000);
    let echoed = client
        .query_one("SELECT 1, $1::text, $2::int", &[&long, &7])
        .await
        .unwrap();
    assert_eq!(echoed.get::<_, i32>(2), 7);
}
