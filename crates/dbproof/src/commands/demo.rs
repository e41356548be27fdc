//! `dbproof demo`: all four scenarios on the sample shop.

use std::path::PathBuf;

use anyhow::Context as _;
use dbproof_model::{GroupVerdict, RegressVerdict, RunRecord};
use dbproof_scenarios::project::Project;
use dbproof_scenarios::{DeadlockChoice, RunOptions, ServerChoice};
use include_dir::{Dir, include_dir};

use crate::arguments::DemoArguments;
use crate::commands::{runner, scenarios};
use crate::exit::{Outcome, outcome};
use crate::output::Outputs;
use crate::progress::ProgressLine;

static SHOP: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/shop");

const FOLDER: &str = "dbproof-output";

pub(crate) fn run(arguments: &DemoArguments) -> anyhow::Result<Outcome> {
    let folder = arguments
        .output
        .output
        .clone()
        .unwrap_or_else(|| PathBuf::from(FOLDER));
    let mut outputs = Outputs::open(&arguments.output.formats, None, arguments.output.color)?;
    outputs.also("html", &folder)?;
    outputs.also("json", &folder)?;
    let shop = tempfile::Builder::new()
        .prefix("dbproof-shop-")
        .tempdir()
        .context("failed to make a temporary folder for the sample shop")?;
    SHOP.extract(shop.path())
        .context("failed to unpack the sample shop")?;
    let options = RunOptions {
        project: Project::open(&shop.path().join("dbproof.toml"))?,
        scenarios: Vec::new(),
        server: ServerChoice::Ephemeral {
            binaries: arguments.binaries.pg_bin.clone(),
        },
        in_place: false,
        seed: arguments.measure.seed,
        keep_values: arguments.measure.keep_values,
        threshold: scenarios::threshold()?,
        change: None,
        deadlock: DeadlockChoice::default(),
        trace: None,
        cleaner: None,
    };
    let progress = ProgressLine::new(arguments.output.quiet);
    let record = runner::run(&options, &progress);
    progress.finish();
    let Some(record) = record? else {
        return Ok(Outcome::Interrupted);
    };
    let files = outputs.write(&record)?;
    name_files(&files);
    let missing = not_shown(&record);
    for expectation in &missing {
        anstream::eprintln!("error: the demo should show that {expectation}");
    }
    Ok(if missing.is_empty() {
        outcome(&record, arguments.fail_on)
    } else {
        Outcome::Fail
    })
}

fn name_files(files: &[(&str, PathBuf)]) {
    for (format, path) in files {
        let absolute = std::path::absolute(path).unwrap_or_else(|_| path.clone());
        let what = match *format {
            "html" => "report",
            "json" => "run record",
            other => other,
        };
        anstream::eprintln!("{what}: {}", absolute.display());
    }
}

/// What the shop is built to show and this run did not. No timing is among it.
fn not_shown(record: &RunRecord) -> Vec<&'static str> {
    let scenarios = &record.scenarios;
    let improved = scenarios.regress.as_ref().is_some_and(|regress| {
        let order_history = regress
            .queries
            .iter()
            .find(|query| query.name == "order_history");
        order_history.is_some_and(|query| query.verdict == RegressVerdict::Improved)
    });
    let proven = scenarios.nplusone.as_ref().map_or(0, |nplusone| {
        nplusone
            .groups
            .iter()
            .filter(|group| group.verdict == GroupVerdict::Proven)
            .count()
    });
    let deadlocks = scenarios.deadlock.as_ref().is_some_and(|deadlock| {
        deadlock.shapes.iter().all(|shape| {
            let victims: u64 = shape.victims.iter().map(|victim| victim.runs).sum();
            victims == shape.runs && shape.control.as_ref().is_some_and(|c| c.deadlocks == 0)
        })
    });
    [
        (
            scenarios.slow.is_some(),
            "the monitored queries are measured",
        ),
        (improved, "002_add_indexes.sql improves order_history"),
        (
            proven == 1,
            "the looped page is the one N+1, and no other page is",
        ),
        (
            deadlocks,
            "the inverted transactions deadlock in every run, and the control in none",
        ),
    ]
    .into_iter()
    .filter_map(|(shown, expectation)| (!shown).then_some(expectation))
    .collect()
}
