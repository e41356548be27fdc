//! How fast `dbproof seed` is, beside `pgbench -i` and a plain COPY of the same bytes.
//!
//! Arguments: rows in all (default 10,000,000) and rounds (default 3). All three work on one
//! throw-away server at its default settings, in turns, each after a checkpoint. Not part of the tests:
//! `make bench-seed`.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use dbproof_postgres::{Address, Binaries, EphemeralServer, connect};
use dbproof_scenarios::project::Project;
use dbproof_scenarios::seed::{Destination, SeedEvent, SeedObserver, SeedOptions, seed};

/// Rows of the sample shop at scale 1.
const SHOP_ROWS: f64 = 13_200.0;
/// Heap bytes of pgbench's tables for each unit of its scale, at the default fill factor.
const PGBENCH_BYTES: f64 = 13_430_000.0;

/// What one way of filling came to.
#[derive(Debug, Clone, Copy)]
struct Filled {
    rows: f64,
    heap_bytes: f64,
    /// From the first row to the last.
    load: f64,
    /// With everything around it.
    whole: f64,
}

/// The server, and what reaches it.
struct Stand {
    server: EphemeralServer,
    bin: PathBuf,
    folder: tempfile::TempDir,
    port: String,
}

const PASSWORD: &str = "bench";

fn main() {
    let numbers: Vec<u32> = std::env::args()
        .filter_map(|argument| argument.parse().ok())
        .collect();
    let rows = f64::from(numbers.first().copied().unwrap_or(10_000_000));
    let rounds = numbers.get(1).map_or(3, |rounds| *rounds.max(&1));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(bench(rows, rounds));
}

async fn bench(rows: f64, rounds: u32) {
    let stand = Stand::start().await;
    let mut results: [Vec<Filled>; 3] = Default::default();
    for round in 0..rounds {
        eprintln!("round {} of {rounds}", round + 1);
        results[0].push(stand.dbproof(rows / SHOP_ROWS).await);
        results[1].push(stand.plain_copy().await);
        stand.run("DROP DATABASE seeded WITH (FORCE)").await;
        let bytes = results[0][0].heap_bytes;
        results[2].push(
            stand
                .pgbench((bytes / PGBENCH_BYTES).round().max(1.0))
                .await,
        );
    }
    println!(
        "| way | rows | heap MB | load s | heap MB/s | whole s | whole heap MB/s | load against ours |\n\
         |---|---|---|---|---|---|---|---|"
    );
    let ours = speed(&results[0], |f| f.load);
    let names = [
        "`dbproof seed`",
        "plain `COPY … (FORMAT binary)` by psql, tables without indexes and keys",
        "`pgbench -i -I dtgvp`",
    ];
    for (name, filled) in names.iter().zip(&results) {
        let first = filled[0];
        println!(
            "| {name} | {:.0} | {:.0} | {:.1} | {:.0} | {:.1} | {:.0} | ours is ×{:.2} |",
            first.rows,
            first.heap_bytes / 1e6,
            median(filled.iter().map(|f| f.load)),
            speed(filled, |f| f.load),
            median(filled.iter().map(|f| f.whole)),
            speed(filled, |f| f.whole),
            ours / speed(filled, |f| f.load),
        );
    }
}

fn speed(filled: &[Filled], seconds: impl Fn(&Filled) -> f64) -> f64 {
    median(filled.iter().map(|f| f.heap_bytes / 1e6 / seconds(f)))
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    f64::midpoint(values[(values.len() - 1) / 2], values[values.len() / 2])
}

impl Stand {
    async fn start() -> Self {
        let chosen = std::env::var_os("DBPROOF_PG_BIN").map(PathBuf::from);
        let binaries = Binaries::find(chosen.as_deref()).expect("server binaries");
        let server = EphemeralServer::start(&binaries).await.expect("a server");
        let file = server.folder().join("data/postmaster.pid");
        let text = std::fs::read_to_string(file).expect("the server's port");
        let stand = Stand {
            port: text.lines().nth(3).expect("a port").to_owned(),
            bin: binaries.folder.clone(),
            folder: tempfile::tempdir().expect("a temporary folder"),
            server,
        };
        let role = format!("CREATE ROLE bench LOGIN SUPERUSER PASSWORD '{PASSWORD}'");
        stand.run(&role).await;
        stand
    }

    fn url(&self, database: &str) -> String {
        format!(
            "postgres://bench:{PASSWORD}@127.0.0.1:{}/{database}",
            self.port
        )
    }

    async fn run(&self, sql: &str) {
        let session = connect(self.server.address()).await.expect("a session");
        session.run(sql).await.expect("the statement works");
        session.close().await;
    }

    /// Tables of a database with their heap bytes and rows.
    async fn tables(&self, database: &str) -> Vec<(String, f64, f64)> {
        let address = Address::parse(&self.url(database)).expect("a URL");
        let session = connect(&address).await.expect("a session");
        let rows = session
            .query(
                "SELECT relname::text, pg_relation_size(oid)::float8, reltuples::float8
                 FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
                 ORDER BY oid",
                &[],
            )
            .await
            .expect("the tables");
        session.close().await;
        rows.iter()
            .map(|row| (row.get(0), row.get(1), row.get(2)))
            .collect()
    }

    async fn dbproof(&self, scale: f64) -> Filled {
        self.run("CHECKPOINT").await;
        let shop = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/shop/dbproof.toml");
        let options = SeedOptions {
            project: Project::open(&shop).expect("the shop"),
            url: self.url("postgres"),
            destination: Destination::New {
                name: Some("seeded".to_owned()),
            },
            seed: 42,
            scale: Some(scale),
            threads: None,
            cleaner: None,
        };
        let clock = Clock::default();
        let began = Instant::now();
        let record = seed(&options, &clock).await.expect("a seed");
        let whole = began.elapsed().as_secs_f64();
        let tables = self.tables("seeded").await;
        Filled {
            rows: record.tables.iter().map(|table| table.rows as f64).sum(),
            heap_bytes: tables.iter().map(|(_, bytes, _)| bytes).sum(),
            load: clock.load().as_secs_f64(),
            whole,
        }
    }

    /// The rows that dbproof has just made, out of files.
    async fn plain_copy(&self) -> Filled {
        let tables = self.tables("seeded").await;
        let file = |table: &str| self.folder.path().join(table).display().to_string();
        let names = || tables.iter().map(|(name, _, _)| name);
        let dump = names().map(|t| format!("\\copy {t} to '{}' (format binary)", file(t)));
        self.psql("seeded", &dump.collect::<Vec<_>>());
        let mut schema = vec!["CREATE SCHEMA plain".to_owned()];
        schema.extend(names().map(|t| format!("CREATE TABLE plain.{t} (LIKE public.{t})")));
        schema.push("CHECKPOINT".to_owned());
        self.psql("seeded", &schema);
        let load = names().map(|t| format!("\\copy plain.{t} from '{}' (format binary)", file(t)));
        let load: Vec<String> = load.collect();
        let began = Instant::now();
        self.psql("seeded", &load);
        let seconds = began.elapsed().as_secs_f64();
        Filled {
            rows: tables.iter().map(|(_, _, rows)| rows).sum(),
            heap_bytes: tables.iter().map(|(_, bytes, _)| bytes).sum(),
            load: seconds,
            whole: seconds,
        }
    }

    async fn pgbench(&self, scale: f64) -> Filled {
        self.run("CREATE DATABASE pgbench").await;
        self.run("CHECKPOINT").await;
        let began = Instant::now();
        let output = self
            .client("pgbench")
            .args([
                "-i",
                "-I",
                "dtgvp",
                "-q",
                "-s",
                &format!("{scale:.0}"),
                "pgbench",
            ])
            .output()
            .expect("pgbench runs");
        let whole = began.elapsed().as_secs_f64();
        assert!(output.status.success(), "{output:?}");
        let said = String::from_utf8_lossy(&output.stderr);
        let load = said
            .rsplit_once("client-side generate ")
            .and_then(|(_, rest)| rest.split_once(' ')?.0.parse().ok())
            .expect("pgbench tells how long it generated");
        let tables = self.tables("pgbench").await;
        self.run("DROP DATABASE pgbench WITH (FORCE)").await;
        Filled {
            rows: scale * 100_011.0,
            heap_bytes: tables.iter().map(|(_, bytes, _)| bytes).sum(),
            load,
            whole,
        }
    }

    fn psql(&self, database: &str, commands: &[String]) {
        let mut psql = self.client("psql");
        psql.args(["-X", "-q", "-v", "ON_ERROR_STOP=1", database]);
        for command in commands {
            psql.args(["-c", command]);
        }
        assert!(psql.status().expect("psql runs").success(), "{commands:?}");
    }

    fn client(&self, program: &str) -> Command {
        let mut command = Command::new(self.bin.join(program));
        command.args(["-h", "127.0.0.1", "-p", &self.port, "-U", "bench"]);
        command.env("PGPASSWORD", PASSWORD);
        command
    }
}

/// When the first row was asked for, and when the last one was sent.
#[derive(Debug, Default)]
struct Clock(Mutex<(Option<Instant>, Option<Instant>)>);

impl Clock {
    fn load(&self) -> Duration {
        match *self.0.lock().expect("nobody panics") {
            (Some(began), Some(ended)) => ended - began,
            _ => Duration::ZERO,
        }
    }
}

impl SeedObserver for Clock {
    fn event(&self, event: SeedEvent<'_>) {
        let mut times = self.0.lock().expect("nobody panics");
        match event {
            SeedEvent::Step("rows") => times.0 = Some(Instant::now()),
            SeedEvent::Rows { .. } => times.1 = Some(Instant::now()),
            SeedEvent::Step(_) => {}
        }
    }
}
