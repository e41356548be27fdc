//! How many executions a second the N+1 detector takes on one processor, and how much memory it needs
//! for very many. Not part of the tests: `make bench-detect`.
//!
//! The traffic is made up (`traffic`), in pieces whose making is not timed. What is timed is every
//! `push` and the `finish`. `ARGS="10000000"` says how many executions each kind of traffic has.

mod traffic;

use std::time::{Duration, Instant};

use dbproof_analysis::nplusone::{Detector, Thresholds};
use dbproof_analysis::traffic::Totals;
use dbproof_analysis::transactions::Collector;

use traffic::{Kind, Traffic};

/// Executions that are made before they are pushed.
const PIECE: usize = 8_192;

fn main() {
    let count = std::env::args()
        .skip(1)
        .find_map(|argument| argument.parse().ok());
    let count: u64 = count.unwrap_or(2_000_000);
    println!(
        "| traffic | executions | groups | detector, executions a second | with totals | with \
         transactions | memory after a tenth | after all |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    for kind in Kind::ALL {
        let run = run(kind, count);
        let rate = |took: Duration| format!("{:.2} M", count as f64 / took.as_secs_f64() / 1e6);
        println!(
            "| {} | {count} | {} | {} | {} | {} | {:.1} MiB | {:.1} MiB |",
            kind.name(),
            run.groups,
            rate(run.detector),
            rate(run.detector + run.totals),
            rate(run.detector + run.totals + run.transactions),
            run.early_mib,
            run.late_mib
        );
    }
}

struct Run {
    groups: usize,
    detector: Duration,
    totals: Duration,
    transactions: Duration,
    /// The most memory that the process has held, above what it held at the beginning.
    early_mib: f64,
    late_mib: f64,
}

fn run(kind: Kind, count: u64) -> Run {
    let mut traffic = Traffic::new(kind);
    let mut detector = Detector::new(Thresholds::default());
    detector.schema(0, Traffic::schema());
    let mut totals = Totals::new(100_000);
    let mut collector = Collector::new();
    let mut collecting = Duration::ZERO;
    let mut piece = Vec::with_capacity(PIECE + 64);
    reset_peak();
    let before = peak_mib();
    let (mut detecting, mut totalling) = (Duration::ZERO, Duration::ZERO);
    let (mut pushed, mut early) = (0, None);
    while pushed < count {
        while piece.len() < PIECE {
            traffic.next(&mut piece);
        }
        pushed += piece.len() as u64;
        let began = Instant::now();
        for executed in &piece {
            totals.push(executed);
        }
        totalling += began.elapsed();
        let began = Instant::now();
        for executed in &mut piece {
            collector.push(executed);
            // As the watch does, which gives the detector no more than hashes.
            executed.sent = None;
        }
        collecting += began.elapsed();
        let began = Instant::now();
        for executed in piece.drain(..) {
            detector.push(executed);
        }
        detecting += began.elapsed();
        if pushed >= count / 10 && early.is_none() {
            early = Some(peak_mib());
        }
    }
    let began = Instant::now();
    let detection = detector.finish();
    detecting += began.elapsed();
    assert_eq!(detection.executions, pushed);
    let began = Instant::now();
    assert!(collector.finish().lost.is_empty());
    collecting += began.elapsed();
    let scale = count as f64 / pushed as f64;
    Run {
        groups: detection.groups.len(),
        detector: detecting.mul_f64(scale),
        totals: totalling.mul_f64(scale),
        transactions: collecting.mul_f64(scale),
        early_mib: early.unwrap_or(before) - before,
        late_mib: peak_mib() - before,
    }
}

/// Begins to measure the peak of this process's memory anew (Linux).
fn reset_peak() {
    std::fs::write("/proc/self/clear_refs", "5").ok();
}

/// The peak of this process's memory (`VmHWM`), in MiB; 0 where the system does not tell.
fn peak_mib() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
    kib.unwrap_or(0.0) / 1024.0
}
