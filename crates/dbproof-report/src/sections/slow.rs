//! The latency of the monitored queries against their thresholds.

use dbproof_model::{SlowQuery, SlowRecord, Verdict};

use crate::document::{Align, Block, Cell, Section, Table};
use crate::{explain, figures};

const TIMES: &str = "Times in milliseconds.";

const COLUMNS: [(&str, Align); 9] = [
    ("query", Align::Left),
    ("avg", Align::Right),
    ("p50", Align::Right),
    ("p95", Align::Right),
    ("p99", Align::Right),
    ("max", Align::Right),
    ("stddev", Align::Right),
    ("threshold", Align::Right),
    ("verdict", Align::Right),
];

pub(crate) fn section(record: &SlowRecord) -> Section {
    let mut blocks = Vec::new();
    if record.queries.is_empty() {
        blocks.push(Block::Line(vec![Cell::plain("No query was measured.")]));
    } else {
        blocks.push(Block::Line(vec![Cell::plain(measured(&record.queries))]));
        let mut table = Table::new(&COLUMNS);
        table.rows = record.queries.iter().map(row).collect();
        blocks.push(Block::Table(table));
        // What every query has in common is said once; a doubt is explained.
        let alike = measured(&record.queries) != TIMES;
        let told = |query: &&SlowQuery| !alike || query.verdict != Verdict::Pass;
        blocks.extend(record.queries.iter().filter(told).map(sampling));
    }
    for query in &record.queries {
        if let Some(plan) = &query.slowest_plan {
            blocks.push(Block::Folded {
                title: format!("Plan of the slowest sample of {}", query.name),
                text: explain::outline(plan),
            });
        }
    }
    Section {
        title: "slow",
        verdict: Some(record.verdict),
        blocks,
    }
}

/// The units of the table and, where all queries were measured alike, how.
fn measured(queries: &[SlowQuery]) -> String {
    let how = |query: &SlowQuery| (query.samples, query.warmup, query.errors);
    let alike = queries
        .windows(2)
        .all(|pair| how(&pair[0]) == how(&pair[1]));
    match queries.first() {
        Some(first) if alike && first.errors == 0 => format!(
            "{TIMES} {} each, after {} to warm up.",
            figures::counted(first.samples, "sample"),
            figures::count(first.warmup),
        ),
        _ => TIMES.to_owned(),
    }
}

fn row(query: &SlowQuery) -> Vec<Cell> {
    let figure = |value| Cell::plain(figures::ms_or_absent(value));
    vec![
        Cell::code(&query.name),
        figure(query.avg_ms),
        figure(query.p50_ms),
        figure(query.p95_ms),
        figure(query.p99_ms),
        figure(query.max_ms),
        figure(query.stddev_ms),
        Cell::plain(format!(
            "{} {}",
            query.statistic.as_str(),
            figures::chosen(query.threshold_ms)
        )),
        Cell::toned(query.verdict.as_str(), query.verdict),
    ]
}

/// What the figures rest on: samples, errors, and the bounds that decide.
fn sampling(query: &SlowQuery) -> Block {
    let errors = match query.errors {
        0 => String::new(),
        n => format!(", {}", figures::counted(n, "error")),
    };
    let bounds = query.bounds.map_or(String::new(), |bounds| {
        format!(
            "; {} {} [{}, {}] with 99% confidence",
            query.statistic.as_str(),
            figures::ms(bounds.estimate),
            figures::ms_or_absent(bounds.low),
            figures::ms_or_absent(bounds.high),
        )
    });
    let text = format!(
        ": {}, {} to warm up{errors}{bounds}",
        figures::counted(query.samples, "sample"),
        figures::count(query.warmup),
    );
    Block::Item(vec![Cell::code(&query.name), Cell::plain(text)])
}
