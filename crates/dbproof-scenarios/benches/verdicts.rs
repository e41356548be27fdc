//! How often `regress` is wrong: false alarms between identical sides, and true effects missed.
//!
//! Each run is a whole one, from a new server to the verdict. Arguments: the number of runs of each
//! row (default 20). Not part of the tests: `make bench-verdicts`.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use dbproof_model::{RegressRecord, RegressVerdict, Scenario, TimingOutcome};
use dbproof_scenarios::project::Project;
use dbproof_scenarios::{ChangeChoice, DeadlockChoice, RunOptions, ServerChoice, Silent};

/// Rounds of the function's loop before the change. So many that a call's own cost does not show.
const ROUNDS: u32 = 200;

/// What the runs of one row came to.
#[derive(Debug, Default)]
struct Tally {
    queries: usize,
    regressed: usize,
    improved: usize,
    inconclusive_times: usize,
    unusable_runs: usize,
    ratios: Vec<f64>,
}

fn main() {
    let runs = std::env::args()
        .skip(1)
        .find_map(|a| a.parse().ok())
        .unwrap_or(20);
    println!(
        "| change | load | runs | comparisons | regressed | improved | times inconclusive | runs whose control separated | median time ratio |"
    );
    println!("|---|---|---|---|---|---|---|---|---|");
    let effects = effects();
    let controls = if effects.is_empty() {
        &[false, true][..]
    } else {
        &[]
    };
    for &busy in controls {
        let _hogs = busy.then(Hogs::start);
        let load = if busy { "every processor busy" } else { "none" };
        row("a comment", load, runs, |seed| {
            shop("changes/comment_only.sql", seed)
        });
    }
    let effects = if effects.is_empty() {
        vec![10, 15, 20, 30]
    } else {
        effects
    };
    for percent in effects {
        let after = ROUNDS + ROUNDS * percent / 100;
        row(
            &format!("processor time + {percent} %"),
            "none",
            runs,
            |seed| function(after, seed),
        );
    }
}

/// The true effects that were asked for alone, as `15%`; none for every row.
fn effects() -> Vec<u32> {
    let percent = |argument: String| argument.strip_suffix('%')?.parse().ok();
    std::env::args().skip(1).filter_map(percent).collect()
}

fn row(change: &str, load: &str, runs: u32, run: impl Fn(u64) -> RegressRecord) {
    let mut tally = Tally::default();
    for seed in 0..runs {
        tally.add(&run(u64::from(seed)));
    }
    tally.ratios.sort_by(f64::total_cmp);
    let median = tally
        .ratios
        .get(tally.ratios.len() / 2)
        .copied()
        .unwrap_or(f64::NAN);
    println!(
        "| {change} | {load} | {runs} | {} | {} | {} | {} | {} | {median:.3} |",
        tally.queries,
        tally.regressed,
        tally.improved,
        tally.inconclusive_times,
        tally.unusable_runs
    );
}

impl Tally {
    fn add(&mut self, record: &RegressRecord) {
        self.unusable_runs += usize::from(record.timing.as_ref().is_none_or(|t| !t.gates));
        for query in &record.queries {
            self.queries += 1;
            self.regressed += usize::from(query.verdict == RegressVerdict::Regressed);
            self.improved += usize::from(query.verdict == RegressVerdict::Improved);
            let outcome = query.timing.as_ref().map(|timing| timing.outcome);
            self.inconclusive_times += usize::from(outcome == Some(TimingOutcome::Inconclusive));
            self.ratios
                .extend(query.ratio.time.map(|ratio| ratio.estimate));
        }
    }
}

/// The sample shop with one of its changes.
fn shop(change: &str, seed: u64) -> RegressRecord {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/shop");
    regress(&folder, change, seed)
}

/// A query whose function becomes dearer.
fn function(rounds_after: u32, seed: u64) -> RegressRecord {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, text).expect("a file");
    };
    write("dbproof.toml", "");
    write("migrations/001.sql", &definition(ROUNDS));
    write("change.sql", &definition(rounds_after));
    write(
        "queries/q.sql",
        "-- name: q\nSELECT sum(weight(i)) FROM generate_series(1, 200) i;\n",
    );
    regress(folder.path(), "change.sql", seed)
}

fn definition(rounds: u32) -> String {
    format!(
        "CREATE OR REPLACE FUNCTION weight(n int) RETURNS int LANGUAGE plpgsql AS $$
         BEGIN FOR i IN 1..{rounds} LOOP n := n + 1; END LOOP; RETURN n - {rounds}; END $$;"
    )
}

fn regress(folder: &Path, change: &str, seed: u64) -> RegressRecord {
    let options = RunOptions {
        project: Project::open(&folder.join("dbproof.toml")).expect("a project"),
        scenarios: vec![Scenario::Regress],
        server: ServerChoice::Ephemeral {
            binaries: std::env::var_os("DBPROOF_PG_BIN").map(Into::into),
        },
        in_place: false,
        seed,
        keep_values: false,
        threshold: None,
        change: Some(ChangeChoice::Migration(folder.join(change))),
        deadlock: DeadlockChoice::default(),
        trace: None,
        cleaner: None,
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let record = runtime
        .block_on(dbproof_scenarios::run(&options, &Silent))
        .expect("a record");
    record.scenarios.regress.expect("regress ran")
}

/// Threads that keep every processor busy until they are dropped.
struct Hogs(Arc<AtomicBool>);

impl Hogs {
    fn start() -> Self {
        let over = Arc::new(AtomicBool::new(false));
        for _ in 0..std::thread::available_parallelism().map_or(1, std::num::NonZero::get) {
            let over = Arc::clone(&over);
            std::thread::spawn(move || {
                while !over.load(Ordering::Relaxed) {
                    std::hint::spin_loop();
                }
            });
        }
        Hogs(over)
    }
}

impl Drop for Hogs {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
