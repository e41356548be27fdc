//! The latency of the monitored queries against their thresholds.

use dbproof_model::{OpenLoop, SlowMix, SlowQuery, SlowRecord, Verdict};

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
        if let Some(mix) = &record.mix {
            blocks.push(Block::Line(vec![Cell::plain(mixed(mix))]));
        }
        let mut table = Table::new(&COLUMNS);
        table.rows = record.queries.iter().map(row).collect();
        blocks.push(Block::Table(table));
        blocks.extend(server_part(&record.queries));
        // What every query has in common is said once; a doubt is explained.
        let alike = measured(&record.queries) != TIMES;
        let told = |query: &&SlowQuery| {
            !alike || query.verdict != Verdict::Pass || query.open_loop.is_some()
        };
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

/// How much of each mean the server itself needed, where it tells.
fn server_part(queries: &[SlowQuery]) -> Option<Block> {
    let known: Vec<(&SlowQuery, f64)> = queries
        .iter()
        .filter_map(|query| Some((query, query.server_ms?)))
        .collect();
    let mut cells = vec![Cell::plain("The server's own part of avg, by its count:")];
    for (index, (query, milliseconds)) in known.iter().enumerate() {
        let end = if index + 1 == known.len() { "." } else { "," };
        cells.push(Cell::plain(" "));
        cells.push(Cell::code(&query.name));
        cells.push(Cell::plain(format!(" {}{end}", figures::ms(*milliseconds))));
    }
    (!known.is_empty()).then_some(Block::Line(cells))
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
    let share = query.weight.map_or(String::new(), |weight| {
        format!(" at weight {}", figures::chosen(weight))
    });
    let rate = query
        .open_loop
        .as_ref()
        .map_or(String::new(), |o| format!("; {}", paced(o)));
    let text = format!(
        ": {}{share}, {} to warm up{errors}{rate}{bounds}",
        figures::counted(query.samples, "sample"),
        figures::count(query.warmup),
    );
    Block::Item(vec![Cell::code(&query.name), Cell::plain(text)])
}

/// All queries together, where they were a mix.
fn mixed(mix: &SlowMix) -> String {
    let speed = mix.throughput_per_s.map_or(String::new(), |per_second| {
        format!(", {} a second", figures::chosen(per_second.round()))
    });
    let server = mix.server_ms.map_or(String::new(), |_| {
        format!(
            "; the server worked {} on each",
            figures::ms_with_unit(mix.server_ms)
        )
    });
    let rate = mix
        .open_loop
        .as_ref()
        .map_or(String::new(), |o| format!("; {}", paced(o)));
    format!(
        "A mix of {}{speed}{server}{rate}.",
        figures::counted(mix.executions, "execution")
    )
}

/// The rate of an open loop, and whether it was kept.
fn paced(open_loop: &OpenLoop) -> String {
    let rate = |per_second: f64| figures::chosen((per_second * 10.0).round() / 10.0);
    let outcome = if open_loop.kept_up {
        "kept up"
    } else {
        "not kept up"
    };
    format!(
        "open loop, {outcome}: {} a second asked, {} offered, {} reached, {} delayed",
        rate(open_loop.asked_per_s),
        rate(open_loop.offered_per_s),
        rate(open_loop.reached_per_s),
        figures::count(open_loop.delayed)
    )
}
