//! Prediction of deadlocks, held against brute force over the interleavings of statements.
//!
//! Arguments: `search NAME…` searches the suites of these names under `tests/prediction/` by brute
//! force, and keeps what is found beside them; `predict NAME…` has an application send their
//! transactions through a watch, and compares what is predicted. Not part of the tests:
//! `make bench-predictions`.

mod application;
#[expect(dead_code, reason = "the tests search whole lists of transactions")]
#[path = "../../tests/it/brute_force.rs"]
mod brute_force;
mod predicted;
mod replay;
mod suite;
mod truth;

use std::process::ExitCode;

use predicted::{Comparison, heading};
use replay::{STYLES, replay};
use suite::Suite;
use truth::Truth;

fn main() -> ExitCode {
    let arguments = std::env::args().skip(1).filter(|a| a != "--bench");
    let arguments: Vec<String> = arguments.collect();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    match runtime.block_on(run(&arguments)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: &[String]) -> Result<(), String> {
    let usage = "search NAME…, or predict NAME…";
    let (command, names) = arguments.split_first().ok_or(usage)?;
    match command.as_str() {
        "search" => search(names).await,
        "predict" => predict(names).await,
        // What `predict` watches is this program once more.
        "replay" => {
            let [name, style] = names else {
                return Err("replay NAME STYLE".to_owned());
            };
            replay(&Suite::read(name)?, style.parse()?).await
        }
        other => Err(format!("no command `{other}`; there are {usage}")),
    }
}

async fn search(names: &[String]) -> Result<(), String> {
    println!(
        "| suite | transactions | pairs that deadlock | of | pairs of calls searched | schedules |"
    );
    println!("|---|---|---|---|---|---|");
    for name in names {
        let suite = Suite::read(name)?;
        let truth = Truth::search(&suite).await?;
        let count = suite.templates.len();
        println!(
            "| {name} | {count} | {} | {} | {} | {} |",
            truth.deadlocks.len(),
            count * (count + 1) / 2,
            truth.searched,
            truth.schedules
        );
        truth.write(&suite)?;
    }
    Ok(())
}

async fn predict(names: &[String]) -> Result<(), String> {
    println!("{}", heading());
    let mut comparisons = Vec::new();
    for name in names {
        let suite = Suite::read(name)?;
        let truth = Truth::read(&suite)?;
        for style in STYLES {
            let comparison = Comparison::of(name, &suite, &truth, style).await?;
            println!("{}", comparison.row());
            comparisons.push(comparison);
        }
    }
    for comparison in &comparisons {
        print!("{}", comparison.differences());
    }
    Ok(())
}
