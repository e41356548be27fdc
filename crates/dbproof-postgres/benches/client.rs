//! How lean the measuring connection is: a prepared primary-key lookup on pgbench's schema, by the
//! measuring connection, by tokio-postgres in two ways and by pgbench, side by side in one run.
//!
//! Every round runs all of them, one after the other, and each round begins with another of them; the
//! figures are medians over the rounds, and so are the ratios, which are formed within a round.
//! Arguments: the number of rounds (default 20) and of executions a round on one connection
//! (default 5000). Not part of the tests: `make bench-client`.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Arc, Barrier};
use std::time::{Duration, Instant};

use dbproof_postgres::{
    Address, Binaries, EphemeralServer, MeasuringConnection, affinity, connect,
};
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha12Rng;
use tokio_postgres::NoTls;

const SELECT: &str = "SELECT abalance FROM pgbench_accounts WHERE aid = ";
/// Rows of `pgbench_accounts` at scale 1.
const ACCOUNTS: i32 = 100_000;
const WARMUP: usize = 500;
const SIDES: [Side; 4] = [Side::Ours, Side::Tokio, Side::TokioOneThread, Side::Pgbench];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Ours,
    /// As its documentation shows it, under `#[tokio::main]`: a runtime of several threads.
    Tokio,
    /// On a runtime of one thread, which is the leanest that it can be.
    TokioOneThread,
    Pgbench,
}

/// What one side came to in one round.
#[derive(Debug, Clone, Copy)]
struct Outcome {
    p50_us: f64,
    per_second: f64,
}

/// Where the server is, for clients of every kind.
#[derive(Debug, Clone)]
struct Place {
    host: String,
    port: String,
    binaries: PathBuf,
    scratch: PathBuf,
}

fn main() {
    let numbers: Vec<usize> = std::env::args().filter_map(|a| a.parse().ok()).collect();
    let rounds = numbers.first().copied().unwrap_or(20);
    let executions = numbers.get(1).copied().unwrap_or(5_000);
    let runtime = runtime();
    let scratch = tempfile::tempdir().expect("a temporary folder");
    let (server, places) = runtime.block_on(prepare(scratch.path().to_owned()));
    println!(
        "PostgreSQL {}, {rounds} rounds of {executions} executions a connection (half as many with 8)\n",
        server.binaries().version
    );
    println!(
        "| placement | transport | connections | figure | ours | tokio-postgres | tokio-postgres, one thread | pgbench | ours / tokio-postgres | ours / one thread | ours / pgbench |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|---|");
    // Free first: a thread that was pinned stays so.
    for placement in [Placement::Free, Placement::Apart, Placement::Together] {
        if !placement.take(&server) {
            println!("| {placement:?} | not possible here |");
            continue;
        }
        for (transport, place) in &places {
            let many = if placement == Placement::Free { 8 } else { 1 };
            for connections in [1, many].into_iter().take(many.min(2)) {
                let outcomes: Vec<[Outcome; 4]> = (0..rounds)
                    .map(|round| {
                        play(
                            round,
                            place,
                            connections,
                            executions.div_ceil(2.min(connections)),
                        )
                    })
                    .collect();
                let label = format!("{placement:?} | {transport} | {connections}");
                if connections == 1 {
                    row(&label, "p50 µs", &outcomes, |o| o.p50_us);
                }
                row(&label, "executions a second", &outcomes, |o| o.per_second);
            }
        }
    }
}

/// On which processors clients and server run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Placement {
    /// Wherever the system puts them.
    Free,
    /// The clients on one, the server on another.
    Apart,
    /// Clients and server on the same one.
    Together,
}

impl Placement {
    /// Pins this thread, which every client is started from, and the server, which every backend is.
    fn take(self, server: &EphemeralServer) -> bool {
        let allowed = affinity::allowed_processors();
        let postmaster = server.process_id().expect("a running server");
        match (self, allowed.as_slice()) {
            (Placement::Free, _) => true,
            (Placement::Apart, [first, .., last]) => {
                affinity::pin_to(*last, &[postmaster]) && affinity::pin_to(*first, &[])
            }
            (Placement::Together, [only]) => affinity::pin_to(*only, &[postmaster]),
            _ => false,
        }
    }
}

/// One round: every side once, another one first each time.
fn play(round: usize, place: &Place, connections: usize, executions: usize) -> [Outcome; 4] {
    let mut outcomes = [Outcome {
        p50_us: f64::NAN,
        per_second: f64::NAN,
    }; 4];
    for turn in 0..SIDES.len() {
        let index = (round + turn) % SIDES.len();
        let seed = round as u64;
        outcomes[index] = match SIDES[index] {
            Side::Ours => ours(place, connections, executions, seed),
            Side::Tokio => {
                several_threads().block_on(tokio_side(place, connections, executions, seed))
            }
            Side::TokioOneThread => {
                runtime().block_on(tokio_side(place, connections, executions, seed))
            }
            Side::Pgbench => pgbench(place, connections, executions),
        };
    }
    outcomes
}

fn row(label: &str, figure: &str, rounds: &[[Outcome; 4]], value: impl Fn(Outcome) -> f64) {
    let of = |side: usize| median(rounds.iter().map(|round| value(round[side])).collect());
    let ratio = |side: usize| {
        median(
            rounds
                .iter()
                .map(|round| value(round[0]) / value(round[side]))
                .collect(),
        )
    };
    let digits = usize::from(figure.starts_with("p50"));
    println!(
        "| {label} | {figure} | {:.digits$} | {:.digits$} | {:.digits$} | {:.digits$} | {:.3} | {:.3} | {:.3} |",
        of(0),
        of(1),
        of(2),
        of(3),
        ratio(1),
        ratio(2),
        ratio(3)
    );
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    if values.len().is_multiple_of(2) {
        f64::midpoint(values[middle - 1], values[middle])
    } else {
        values[middle]
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime")
}

fn several_threads() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("a runtime")
}

/// A server with pgbench's schema, and a role that every client can use.
async fn prepare(scratch: PathBuf) -> (EphemeralServer, [(&'static str, Place); 2]) {
    let chosen = std::env::var_os("DBPROOF_PG_BIN").map(PathBuf::from);
    let binaries = Binaries::find(chosen.as_deref()).expect("PostgreSQL server binaries");
    let server = EphemeralServer::start(&binaries).await.expect("a server");
    let session = connect(server.address()).await.expect("a session");
    session
        .run("CREATE ROLE bench SUPERUSER LOGIN PASSWORD 'bench'")
        .await
        .expect("a role");
    let pid_file = fs::read_to_string(server.folder().join("data/postmaster.pid")).expect("a file");
    let port = pid_file.lines().nth(3).expect("a port").to_owned();
    let place = |host: String| Place {
        host,
        port: port.clone(),
        binaries: binaries.folder.clone(),
        scratch: scratch.clone(),
    };
    let places = [
        ("unix socket", place(server.folder().display().to_string())),
        ("TCP", place("127.0.0.1".to_owned())),
    ];
    fs::write(
        scratch.join("select.sql"),
        format!("\\set aid random(1, {ACCOUNTS})\n{SELECT}:aid;\n"),
    )
    .expect("a script");
    let mut initialise = places[0].1.pgbench();
    initialise.args(["--initialize", "--quiet", "--scale=1"]);
    finish(&mut initialise);
    session.run("VACUUM (ANALYZE)").await.expect("a vacuum");
    (server, places)
}

fn finish(command: &mut Command) -> String {
    let output = command
        .output()
        .expect("pgbench, of the server's own programs");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "pgbench failed: {errors}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

impl Place {
    fn url(&self) -> String {
        let host = self.host.replace('/', "%2F");
        format!(
            "postgres://bench:bench@{host}:{}/postgres?sslmode=disable",
            self.port
        )
    }

    fn pgbench(&self) -> Command {
        let mut command = Command::new(self.binaries.join("pgbench"));
        command
            .env("PGHOST", &self.host)
            .env("PGPORT", &self.port)
            .env("PGUSER", "bench")
            .env("PGPASSWORD", "bench")
            .env("PGDATABASE", "postgres")
            .env("PGSSLMODE", "disable")
            .current_dir(&self.scratch);
        command
    }
}

/// Values of the parameter, alike for every client.
fn accounts(seed: u64, count: usize) -> Vec<i32> {
    let mut random = ChaCha12Rng::seed_from_u64(seed);
    (0..count)
        .map(|_| random.random_range(1..=ACCOUNTS))
        .collect()
}

fn outcome(mut samples: Vec<Duration>, wall: Duration) -> Outcome {
    let count = samples.len();
    let (_, p50, _) = samples.select_nth_unstable(count / 2);
    Outcome {
        p50_us: p50.as_secs_f64() * 1e6,
        per_second: count as f64 / wall.as_secs_f64(),
    }
}

fn ours(place: &Place, connections: usize, executions: usize, seed: u64) -> Outcome {
    let barrier = Arc::new(Barrier::new(connections + 1));
    let threads: Vec<_> = (0..connections)
        .map(|index| {
            let (url, barrier) = (place.url(), Arc::clone(&barrier));
            std::thread::spawn(move || {
                let address = Address::parse(&url).expect("an address");
                let mut connection = MeasuringConnection::open(&address).expect("a connection");
                connection.watch();
                let statement = connection
                    .prepare(&format!("{SELECT}$1"))
                    .expect("a statement");
                let values = accounts(seed * 100 + index as u64, executions);
                let requests: Vec<_> = values
                    .iter()
                    .map(|aid| connection.encode(&statement, &[Some(aid.to_string())]))
                    .collect::<Result<_, _>>()
                    .expect("requests");
                for request in requests.iter().take(WARMUP) {
                    connection.execute(request).expect("a row");
                }
                let mut samples = Vec::with_capacity(executions);
                barrier.wait();
                for request in &requests {
                    let began = Instant::now();
                    let rows = connection.execute(request).expect("a row");
                    samples.push(began.elapsed());
                    assert_eq!(rows, 1);
                }
                samples
            })
        })
        .collect();
    barrier.wait();
    let began = Instant::now();
    let samples: Vec<Vec<Duration>> = threads
        .into_iter()
        .map(|thread| thread.join().expect("samples"))
        .collect();
    outcome(samples.concat(), began.elapsed())
}

async fn tokio_side(place: &Place, connections: usize, executions: usize, seed: u64) -> Outcome {
    let mut clients = Vec::new();
    for index in 0..connections {
        let (client, connection) = tokio_postgres::connect(&place.url(), NoTls)
            .await
            .expect("a connection");
        tokio::spawn(connection);
        let statement = client
            .prepare(&format!("{SELECT}$1"))
            .await
            .expect("a statement");
        let values = accounts(seed * 100 + index as u64, executions);
        for aid in values.iter().take(WARMUP) {
            client.query(&statement, &[aid]).await.expect("a row");
        }
        clients.push((client, statement, values));
    }
    let began = Instant::now();
    let tasks: Vec<_> = clients
        .into_iter()
        .map(|(client, statement, values)| {
            tokio::spawn(async move {
                let mut samples = Vec::with_capacity(values.len());
                for aid in &values {
                    let began = Instant::now();
                    let rows = client.query(&statement, &[aid]).await.expect("a row");
                    samples.push(began.elapsed());
                    assert_eq!(rows.len(), 1);
                }
                samples
            })
        })
        .collect();
    let mut samples = Vec::new();
    for task in tasks {
        samples.extend(task.await.expect("samples"));
    }
    outcome(samples, began.elapsed())
}

/// Two runs of pgbench: its log of transactions tells the median, and a run without the log, which
/// costs time, tells the throughput.
fn pgbench(place: &Place, connections: usize, executions: usize) -> Outcome {
    let run = |log: bool| {
        let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let mut command = place.pgbench();
        command
            .args(["--no-vacuum", "--protocol=prepared", "--file=select.sql"])
            .arg(format!("--client={connections}"))
            .arg(format!("--jobs={}", threads.min(connections)))
            .arg(format!("--transactions={executions}"));
        if log {
            command.args(["--log", "--log-prefix=transactions"]);
        }
        finish(&mut command)
    };
    let p50_us = if connections == 1 {
        run(true);
        logged_median(place)
    } else {
        f64::NAN
    };
    let report = run(false);
    let rate = report
        .lines()
        .find_map(|line| line.strip_prefix("tps = "))
        .and_then(|rest| rest.split(' ').next()?.parse().ok());
    Outcome {
        p50_us,
        per_second: rate.unwrap_or_else(|| panic!("pgbench tells no rate:\n{report}")),
    }
}

/// Reads and removes the logs: client, transaction, elapsed microseconds, …
fn logged_median(place: &Place) -> f64 {
    let mut elapsed = Vec::new();
    for entry in fs::read_dir(&place.scratch).expect("a folder").flatten() {
        if !entry
            .file_name()
            .to_string_lossy()
            .starts_with("transactions")
        {
            continue;
        }
        let log = fs::read_to_string(entry.path()).expect("a log");
        let column = |line: &str| line.split(' ').nth(2)?.parse::<f64>().ok();
        elapsed.extend(log.lines().filter_map(column));
        fs::remove_file(entry.path()).expect("a log to remove");
    }
    assert!(!elapsed.is_empty(), "pgbench logged nothing");
    median(elapsed)
}
