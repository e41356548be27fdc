//! Records what two identical databases differ by: paired times, with and without pinning, on a
//! machine that is left alone, one whose processors are all busy, and one with bursty neighbours.
//!
//! Writes `crates/dbproof-analysis/tests/noise/{sessions,long}.txt`, which the tests and
//! `make bench-rules` judge. Not part of the tests: `scripts/record-noise`.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use dbproof_postgres::{
    Address, Binaries, EphemeralServer, MeasuringConnection, PostgresError, affinity, connect,
};

/// How often each cell is recorded in sessions of 20 pairs, 40 sessions a comparison …
const COMPARISONS: usize = 2;
const SESSIONS: usize = 40;
const PAIRS: usize = 20;
/// … and in one long session.
const LONG: usize = 8;
const LONG_PAIRS: usize = 200;
const WARMUP: usize = 10;

const SCHEMA: &str = "
    CREATE TABLE users (id int PRIMARY KEY, email text NOT NULL, country int NOT NULL);
    INSERT INTO users SELECT i, 'user' || i || '@example.org', i % 50 FROM generate_series(1, 6000) i;
    CREATE FUNCTION weight(n int) RETURNS int LANGUAGE plpgsql AS $$
    BEGIN FOR i IN 1..120 LOOP n := n + 1; END LOOP; RETURN n; END $$;";

/// A statement and the unit that its times are written in, in nanoseconds.
const QUERIES: [(&str, &str, u32); 3] = [
    ("lookup", "SELECT email FROM users WHERE id = 4711", 100),
    (
        "aggregate",
        "SELECT country, count(*), max(email) FROM users GROUP BY country ORDER BY 2",
        1000,
    ),
    (
        "function",
        "SELECT sum(weight(i)) FROM generate_series(1, 200) i",
        1000,
    ),
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let chosen = std::env::var_os("DBPROOF_PG_BIN").map(std::path::PathBuf::from);
    let binaries = Binaries::find(chosen.as_deref())?;
    let server = runtime.block_on(EphemeralServer::start(&binaries))?;
    let sides = runtime.block_on(twins(&server))?;
    let processors = affinity::allowed_processors();
    if processors.is_empty() {
        return Err("nothing can be pinned on this system, so half of the corpus cannot be".into());
    }
    let about = format!(
        "# PostgreSQL {}, {} processors; recorded by scripts/record-noise, which says what the lines hold\n",
        binaries.version,
        processors.len()
    );
    let (mut sessions, mut long) = (about.clone(), about);
    for load in [Load::None, Load::Busy, Load::Bursty] {
        for pinned in [true, false] {
            let _neighbours = Neighbours::start(load, processors.len());
            for (name, sql, unit) in QUERIES {
                let cell = format!(
                    "{} {} {name} {unit}",
                    load.name(),
                    if pinned { "pinned" } else { "unpinned" }
                );
                eprintln!("{cell}");
                let processor = |n: usize| pinned.then(|| processors[n % processors.len()]);
                for _ in 0..COMPARISONS {
                    writeln!(sessions, "{cell}")?;
                    for n in 0..SESSIONS {
                        let line = session(&sides, sql, processor(n), n % 2 == 0, PAIRS, unit)?;
                        writeln!(sessions, "{line}")?;
                    }
                }
                for n in 0..LONG {
                    writeln!(long, "{cell}")?;
                    let line = session(&sides, sql, processor(n), n % 2 == 0, LONG_PAIRS, unit)?;
                    writeln!(long, "{line}")?;
                }
            }
        }
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../dbproof-analysis/tests/noise");
    std::fs::write(folder.join("sessions.txt"), sessions)?;
    std::fs::write(folder.join("long.txt"), long)?;
    Ok(())
}

/// Two databases that are the same to the block.
async fn twins(server: &EphemeralServer) -> Result<[Address; 2], PostgresError> {
    let session = connect(server.address()).await?;
    session.run("CREATE DATABASE noise_base").await?;
    let base = connect(&server.address().with_database("noise_base")).await?;
    base.run(SCHEMA).await?;
    base.run("VACUUM (ANALYZE)").await?;
    base.close().await;
    for side in ["noise_left", "noise_right"] {
        let clone = format!("CREATE DATABASE {side} TEMPLATE noise_base");
        session.run(&clone).await?;
    }
    Ok(["noise_left", "noise_right"].map(|side| server.address().with_database(side)))
}

/// One session on connections of its own, as a line: the times of left, right, left, right, … as
/// differences from the one before, in `unit` nanoseconds.
fn session(
    sides: &[Address; 2],
    sql: &str,
    processor: Option<usize>,
    left_first: bool,
    pairs: usize,
    unit: u32,
) -> Result<String, Box<dyn std::error::Error>> {
    let sides = sides.clone();
    let sql = sql.to_owned();
    // A thread of its own, because it may stay pinned until its end.
    let recorded = std::thread::spawn(move || -> Result<Vec<[Duration; 2]>, PostgresError> {
        let mut open = sides
            .iter()
            .map(|address| {
                let mut connection = MeasuringConnection::open(address)?;
                let statement = connection.prepare(&sql)?;
                let request = connection.encode(&statement, &[])?;
                Ok((connection, request))
            })
            .collect::<Result<Vec<_>, PostgresError>>()?;
        if let Some(processor) = processor {
            let backends: Vec<u32> = open.iter().map(|(side, _)| side.process_id()).collect();
            assert!(affinity::pin_to(processor, &backends), "cannot be pinned");
        }
        for _ in 0..WARMUP {
            for (connection, request) in &mut open {
                connection.execute(request)?;
            }
        }
        let order = if left_first { [0, 1] } else { [1, 0] };
        let mut times = vec![[Duration::ZERO; 2]; pairs];
        for pair in &mut times {
            for side in order {
                let (connection, request) = &mut open[side];
                let began = Instant::now();
                connection.execute(request)?;
                pair[side] = began.elapsed();
            }
        }
        Ok(times)
    })
    .join()
    .map_err(|_| "a session panicked")??;
    let mut line = String::new();
    let mut last = 0;
    for time in recorded.iter().flatten() {
        let units = i64::try_from((time.as_nanos() + u128::from(unit) / 2) / u128::from(unit))?;
        let space = if line.is_empty() { "" } else { " " };
        write!(line, "{space}{}", units - last)?;
        last = units;
    }
    Ok(line)
}

/// What else goes on on the machine.
#[derive(Clone, Copy)]
enum Load {
    None,
    Busy,
    Bursty,
}

impl Load {
    fn name(self) -> &'static str {
        match self {
            Load::None => "alone",
            Load::Busy => "busy",
            Load::Bursty => "bursty",
        }
    }
}

/// Threads that load the machine until they are dropped.
struct Neighbours(Arc<AtomicBool>);

impl Neighbours {
    fn start(load: Load, processors: usize) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let count = if matches!(load, Load::None) {
            0
        } else {
            processors
        };
        for number in 0..count {
            let over = Arc::clone(&over);
            std::thread::spawn(move || {
                // Bursts of 3 to 130 ms, rests of the same, never in step.
                let mut state = 12_345 + 7919 * number as u64;
                let mut next = || {
                    state = state
                        .wrapping_mul(6_364_136_223_846_793_005)
                        .wrapping_add(1);
                    Duration::from_millis(3 + (state >> 57))
                };
                while !over.load(Ordering::Relaxed) {
                    let began = Instant::now();
                    let burst = next();
                    while began.elapsed() < burst {
                        std::hint::spin_loop();
                    }
                    if matches!(load, Load::Bursty) {
                        std::thread::park_timeout(next());
                    }
                }
            });
        }
        Neighbours(over)
    }
}

impl Drop for Neighbours {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
