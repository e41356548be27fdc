//! What the deadlock laboratory shows: every shape of the catalogue, again and again, and the storm
//! on the sample shop.
//!
//! Argument: the number of runs of each shape at each timeout (default 20). Not part of the tests:
//! `make bench-deadlocks`.

use std::path::Path;

use dbproof_model::{DeadlockRecord, DeadlockShape, DeadlockStorm, Durations, Scenario};
use dbproof_scenarios::project::Project;
use dbproof_scenarios::{DeadlockChoice, RunOptions, ServerChoice, Silent};

fn main() {
    let runs = std::env::args().skip(1).find_map(|a| a.parse().ok());
    let record = run(DeadlockChoice {
        catalogue: true,
        runs: Some(runs.unwrap_or(20)),
        ..DeadlockChoice::default()
    });
    println!(
        "| shape | deadlock_timeout | expected | as expected | 40P01 seen / counted | control / mended | \
         victim as predicted | detect p50 [p95] | off the timeout | outage p50 | kept p50 | \
         added to bystanders: uninvolved / same table / queued |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|---|---|");
    record.shapes.iter().for_each(shape);
    policies(&record.shapes);
    let storm = run(DeadlockChoice {
        storm: true,
        ..DeadlockChoice::default()
    });
    storms(&storm.storms);
}

fn run(deadlock: DeadlockChoice) -> DeadlockRecord {
    let shop = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/shop/dbproof.toml");
    let options = RunOptions {
        project: Project::open(&shop).expect("the sample shop"),
        scenarios: vec![Scenario::Deadlock],
        server: ServerChoice::Ephemeral {
            binaries: std::env::var_os("DBPROOF_PG_BIN").map(Into::into),
        },
        in_place: false,
        seed: 42,
        keep_values: false,
        threshold: None,
        change: None,
        deadlock,
        trace: None,
        cleaner: None,
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let record = runtime.block_on(dbproof_scenarios::run(&options, &Silent));
    let record = record.unwrap_or_else(|error| panic!("{error}"));
    record.scenarios.deadlock.expect("the scenario ran")
}

fn shape(shape: &DeadlockShape) {
    let versions = [&shape.control, &shape.mended].map(|version| {
        version.as_ref().map_or_else(
            || "–".to_owned(),
            |version| format!("{} of {}", version.deadlocks, version.runs),
        )
    });
    let victims: u64 = shape.victims.iter().map(|victim| victim.runs).sum();
    let predicted = match shape.victims_as_predicted {
        Some(predicted) if victims > 0 => format!("{predicted} of {victims}"),
        _ => "–".to_owned(),
    };
    let timeout = shape.deadlock_timeout_ms;
    let off = shape
        .detect_ms
        .p50
        .filter(|_| shape.expected == dbproof_model::DeadlockExpectation::Deadlock)
        .map_or_else(
            || "–".to_owned(),
            |p50| format!("{:+.1} %", (p50 / timeout - 1.0) * 100.0),
        );
    let excess = &shape.bystanders.excess;
    println!(
        "| {} | {timeout} ms | {} | {} of {} | {} / {} | {} | {predicted} | {} [{}] | {off} | {} | {} | {} / {} / {} |",
        shape.name,
        shape.expected.as_str(),
        shape.as_expected.unwrap_or_default(),
        shape.runs,
        shape.deadlocks,
        shape.server_deadlocks.unwrap_or_default(),
        versions.join(" / "),
        ms(shape.detect_ms.p50),
        ms(shape.detect_ms.p95),
        ms(shape.outage_ms.p50),
        ms(shape.stalled_ms.p50),
        ms(excess.uninvolved_p95_ms),
        ms(excess.same_table_p95_ms),
        ms(excess.queued_p50_ms),
    );
}

fn ms(value: Option<f64>) -> String {
    value.map_or_else(|| "–".to_owned(), |value| format!("{value:.1}"))
}

fn policies(shapes: &[DeadlockShape]) {
    println!("\nWays to try again, at the shortest timeout:\n");
    println!(
        "| shape | policy | 40P01 / runs | work lost | attempts p50 [max] | all over p50 [p95] ms |"
    );
    println!("|---|---|---|---|---|---|");
    for shape in shapes {
        for policy in &shape.policies {
            let Durations { p50, max, .. } = policy.attempts;
            println!(
                "| {} | {} | {} / {} | {} | {} [{}] | {} [{}] |",
                shape.name,
                policy.policy,
                policy.deadlocks,
                policy.runs,
                policy.lost,
                p50.unwrap_or_default(),
                max.unwrap_or_default(),
                ms(policy.outage_ms.p50),
                ms(policy.outage_ms.p95),
            );
        }
    }
}

fn storms(storms: &[DeadlockStorm]) {
    println!("\nThe storm on the sample shop:\n");
    println!(
        "| order | deadlock_timeout | commits a second | deadlocks / counted | a second | transaction p50, p99 ms | bystander p95, p99 ms | before the storm |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    for storm in storms {
        println!(
            "| {} | {} ms | {:.1} | {} / {} | {:.1} | {}, {} | {}, {} | {}, {} |",
            storm.order,
            storm.deadlock_timeout_ms,
            storm.throughput_per_second,
            storm.deadlocks,
            storm.server_deadlocks.unwrap_or_default(),
            storm.deadlocks_per_second,
            ms(storm.transaction_ms.p50),
            ms(storm.transaction_ms.p99),
            ms(storm.bystander_ms.p95),
            ms(storm.bystander_ms.p99),
            ms(storm.bystander_baseline_ms.p95),
            ms(storm.bystander_baseline_ms.p99),
        );
    }
}
