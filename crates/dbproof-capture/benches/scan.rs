//! What it costs to read a round trip, hashing on. Not part of the tests: `make bench-scan`.
//!
//! One session's bytes, as the sockets would cut them: a request and its answer at a time, or chunks
//! of 64 KiB where an answer is longer. No socket and no tee is measured, but that what is executed is
//! handed on to another thread, which frees it.

#[expect(
    dead_code,
    reason = "the conversations of the tests use more of the messages"
)]
#[path = "../src/protocol/tests/wire.rs"]
mod wire;

use std::hint::black_box;
use std::sync::mpsc::sync_channel;
use std::time::{Duration, Instant};

use dbproof_analysis::traffic::HashKey;
use dbproof_capture::protocol::{Collector, ReadingOptions, Session, SessionEvent, SessionNews};
use wire::{
    INT4, Sent, TEXT, bind, bind_as, bound, columns, complete, describe, execute, parse, parsed,
    query, ready, row, sync,
};

const REPEATS: usize = 20;
const LEAST: Duration = Duration::from_millis(25);
const CHUNK: usize = 64 << 10;

fn main() {
    println!("| conversation | bytes | ns a round trip | MB/s | executions a second |");
    println!("|---|---|---|---|---|");
    let abalance = "SELECT abalance FROM pgbench_accounts WHERE aid = ";
    let answer = [
        columns(&[("abalance", INT4)]),
        row(&["-4711"]),
        complete("SELECT 1"),
        ready(b'I'),
    ];
    bench(
        "pgbench -S, simple, another literal each time",
        1,
        &[],
        |n| {
            let literal = query(&format!("{abalance}{n};"));
            [&[literal], &answer[..]].concat()
        },
    );
    bench("pgbench -S, extended", 1, &[], |n| {
        let sql = format!("{abalance}$1;");
        let mut sent = vec![
            parse("", &sql, &[]),
            bind("", "", &[Some(&n.to_string())]),
            describe('P', ""),
            execute("", 0),
            sync(),
            parsed(),
            bound(),
        ];
        sent.extend_from_slice(&answer);
        sent
    });
    let prepared = [
        parse("s", &format!("{abalance}$1"), &[]),
        describe('S', "s"),
        sync(),
        parsed(),
        wire::parameters(&[INT4]),
        columns(&[("abalance", INT4)]),
        ready(b'I'),
    ];
    bench("pgbench -S, prepared", 1, &prepared, |n| {
        let mut sent = vec![
            bind("", "s", &[Some(&n.to_string())]),
            describe('P', ""),
            execute("", 0),
            sync(),
            bound(),
        ];
        sent.extend_from_slice(&answer);
        sent
    });
    bench("described once, all binary", 1, &prepared, |n| {
        let value = i32::try_from(n).unwrap_or(0).to_be_bytes();
        vec![
            bind_as("", "s", &[1], &[Some(&value)], &[1]),
            execute("", 0),
            sync(),
            bound(),
            wire::row_of(&[Some(&[0, 0, 18, 103])]),
            complete("SELECT 1"),
            ready(b'I'),
        ]
    });
    let tagged = "/*traceparent='00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'*/";
    bench("an ORM's join, literals and tags", 1, &[], |n| {
        let sql = format!(
            "SELECT \"o\".\"id\", \"o\".\"user_id\", \"o\".\"status\", \"i\".\"sku\" FROM \"orders\" \
             \"o\" LEFT JOIN \"items\" \"i\" ON \"i\".\"order_id\" = \"o\".\"id\" WHERE \
             \"o\".\"user_id\" = {n} AND \"o\".\"status\" IN ('paid', 'sent') ORDER BY \
             \"o\".\"created_at\" DESC LIMIT 20 {tagged}"
        );
        let mut sent = vec![
            query(&sql),
            columns(&[
                ("id", INT4),
                ("user_id", INT4),
                ("status", TEXT),
                ("sku", TEXT),
            ]),
        ];
        sent.extend((0..20).map(|at| row(&[&(n + at).to_string(), "77", "paid", "AB-1234"])));
        sent.extend([complete("SELECT 20"), ready(b'I')]);
        sent
    });
    rows();
    memory();
}

/// How much memory ten million statements take, of 64 sessions, a hundredth of them never seen before.
fn memory() {
    let mut collector = collector();
    let (sender, receiver) = sync_channel(16);
    let taker = std::thread::spawn(move || receiver.iter().map(drop).count());
    let mut sessions: Vec<_> = (0..64).map(Session::new).collect();
    for session in &mut sessions {
        feed(session, &chunks(&wire::startup()), &mut collector);
    }
    let mut resident = Vec::new();
    for n in 0..10_000_000_usize {
        let sql = if n.is_multiple_of(100) {
            format!("SELECT id FROM t{n} WHERE a = {n}")
        } else {
            format!("SELECT id FROM t{} WHERE a = {n}", n % 50)
        };
        let sent = [
            query(&sql),
            columns(&[("id", INT4)]),
            row(&["1"]),
            row(&["2"]),
            complete("SELECT 2"),
            ready(b'I'),
        ];
        feed(&mut sessions[n % 64], &chunks(&sent), &mut collector);
        if collector.executed.len() >= 512 {
            sender.send(collector.take()).expect("it takes all");
        }
        if (n + 1).is_multiple_of(1_000_000) {
            resident.push(resident_kib());
        }
    }
    drop(sender);
    taker.join().expect("it took all");
    println!("\nResident memory after each of ten million statements, in MiB:");
    let told: Vec<_> = resident
        .iter()
        .map(|kib| (kib / 1024).to_string())
        .collect();
    println!("{}", told.join(", "));
}

/// What this process holds in memory; 0 where the system does not tell.
fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
    number.unwrap_or(0)
}

fn collector() -> Collector {
    Collector::new(ReadingOptions {
        key: HashKey(1, 2),
        keep_sent: false,
        idle_transaction_us: u64::MAX,
    })
}

fn feed(session: &mut Session, chunks: &[(bool, Vec<u8>)], collector: &mut Collector) {
    for (is_client, bytes) in chunks {
        if *is_client {
            session.from_client(bytes, 1, collector);
        } else {
            session.from_server(bytes, 2, collector);
        }
    }
}

/// Long results.
fn rows() {
    let described = columns(&[
        ("id", INT4),
        ("user_id", INT4),
        ("email", TEXT),
        ("total", 1700),
    ]);
    bench("10,000 rows of 4 columns", 1, &[], |_| {
        let mut sent = vec![query("SELECT * FROM orders"), described.clone()];
        sent.extend(
            (0..10_000).map(|n| row(&[&n.to_string(), "12345", "somebody@example.org", "12.50"])),
        );
        sent.extend([complete("SELECT 10000"), ready(b'I')]);
        sent
    });
    bench("100 rows of 1 MB", 1, &[], |_| {
        let mut sent = vec![
            query("SELECT id, body FROM t"),
            columns(&[("id", INT4), ("b", TEXT)]),
        ];
        let body = "x".repeat(1_000_000);
        sent.extend((0..100).map(|n| row(&[&n.to_string(), &body])));
        sent.extend([complete("SELECT 100"), ready(b'I')]);
        sent
    });
    bench("COPY of 100 MB", 1, &[], |_| {
        let mut sent = vec![
            query("COPY t TO STDOUT"),
            wire::server(b'H', &[0, 0, 1, 0, 0]),
        ];
        let line = vec![b'x'; 1_000];
        sent.extend((0..100_000).map(|_| wire::server(b'd', &line)));
        sent.extend([
            wire::server(b'c', b""),
            complete("COPY 100000"),
            ready(b'I'),
        ]);
        sent
    });
}

/// Neighbours of one side, cut into chunks.
fn chunks(sent: &[Sent]) -> Vec<(bool, Vec<u8>)> {
    let mut all: Vec<(bool, Vec<u8>)> = Vec::new();
    for sent in sent {
        let (is_client, bytes) = match sent {
            Sent::Client(bytes) => (true, bytes),
            Sent::Server(bytes) => (false, bytes),
            Sent::Later(_) => continue,
        };
        for bytes in bytes.chunks(CHUNK) {
            match all.last_mut() {
                Some((same, before)) if *same == is_client && before.len() < CHUNK => {
                    before.extend_from_slice(bytes);
                }
                _ => all.push((is_client, bytes.to_vec())),
            }
        }
    }
    all
}

fn bench(what: &str, executions: u64, before: &[Sent], one: impl Fn(usize) -> Vec<Sent>) {
    let mut collector = collector();
    let mut session = Session::new(1);
    let (sender, receiver) = sync_channel(16);
    let taker = std::thread::spawn(move || receiver.iter().map(drop).count());
    let mut begin = wire::startup();
    begin.extend_from_slice(before);
    feed(&mut session, &chunks(&begin), &mut collector);
    // As many different round trips as fit into a few megabytes.
    let first = chunks(&one(0));
    let bytes: usize = first.iter().map(|(_, bytes)| bytes.len()).sum();
    let trips: Vec<_> = (0..(4 << 20) / bytes.max(1))
        .map(|n| chunks(&one(n)))
        .collect();
    let trips = if trips.is_empty() { vec![first] } else { trips };
    let mut best = f64::MAX;
    for _ in 0..REPEATS {
        let start = Instant::now();
        let mut count = 0;
        while start.elapsed() < LEAST {
            for trip in &trips {
                feed(&mut session, black_box(trip), &mut collector);
                if collector.executed.len() >= 512 {
                    sender.send(collector.take()).expect("it takes all");
                }
            }
            count += trips.len();
        }
        best = best.min(start.elapsed().as_secs_f64() / count as f64);
    }
    assert!(collector.totals.executions > 0 && collector.totals.unassigned == 0);
    drop(sender);
    taker.join().expect("it took all");
    let (_, events) = collector.take();
    let unread = |event: &SessionEvent| matches!(event.what, SessionNews::NotRead { .. });
    assert!(!events.iter().any(unread), "{events:?}");
    println!(
        "| {what} | {bytes} | {:.0} | {:.0} | {:.0} |",
        best * 1e9,
        bytes as f64 / best / 1e6,
        executions as f64 / best
    );
}
