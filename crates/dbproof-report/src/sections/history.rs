//! The queries over earlier runs.

use crate::document::{Align, Block, Cell, Section, Table, Tone};
use crate::figures;
use crate::history::{History, Series};

/// A line has room for so many runs; earlier ones are in the data.
const DRAWN: usize = 40;

pub(crate) fn section(history: &History) -> Section {
    let mut blocks = vec![Block::Line(vec![Cell::plain(told(history))])];
    let mut table = Table::new(&[
        ("p95 in ms", Align::Left),
        ("runs", Align::Left),
        ("first", Align::Right),
        ("last", Align::Right),
        ("", Align::Right),
        ("threshold", Align::Right),
    ]);
    table.rows = history.series.iter().map(row).collect();
    if !table.rows.is_empty() {
        blocks.push(Block::Table(table));
        blocks.push(Block::Folded {
            title: "figures of each run".to_owned(),
            text: data(history),
        });
    }
    Section {
        title: "history",
        verdict: None,
        blocks,
    }
}

/// `6 runs since 2026-02-14T09:15:03Z, the earliest first.`
pub(crate) fn told(history: &History) -> String {
    let runs = history.runs.len() as u64;
    let since = history.runs.first().map_or("", |run| &run.started_at);
    let mut text = format!(
        "{} since {since}, the earliest first",
        figures::counted(runs, "run")
    );
    if history.incomparable() > 0 {
        let count = figures::count(history.incomparable() as u64);
        text.extend([
            "; ",
            &count,
            " on another machine or server, so that times differ for that alone",
        ]);
    }
    if history.of_others > 0 {
        let records = figures::counted(history.of_others as u64, "record");
        text.extend(["; ", &records, " of another project left out"]);
    }
    text.push('.');
    text
}

fn row(series: &Series) -> Vec<Cell> {
    let (first, last) = match series.ends() {
        Some((first, last)) => (Some(first), Some(last)),
        None => (None, None),
    };
    let ratio = match (first, last) {
        (Some(first), Some(last)) if first > 0.0 => figures::ratio(last / first),
        _ => String::new(),
    };
    let threshold = series.threshold_ms.map(figures::chosen);
    vec![
        Cell::code(&series.name),
        Cell::plain(sparkline(&series.p95_ms)),
        Cell::plain(figures::ms_or_absent(first)),
        Cell::plain(figures::ms_or_absent(last)),
        Cell::toned(ratio, Tone::Muted),
        Cell::plain(threshold.unwrap_or_default()),
    ]
}

/// One character a run, from the smallest to the largest figure; a dot where there is none.
fn sparkline(figures: &[Option<f64>]) -> String {
    const STEPS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let drawn = &figures[figures.len().saturating_sub(DRAWN)..];
    let known = || drawn.iter().flatten().copied().filter(|v| v.is_finite());
    let low = known().fold(f64::INFINITY, f64::min);
    let high = known().fold(f64::NEG_INFINITY, f64::max);
    let step = |value: f64| {
        let share = if high > low {
            (value - low) / (high - low)
        } else {
            0.5
        };
        // From 0 to 1, so that it is an index.
        let index = STEPS
            .iter()
            .enumerate()
            .rfind(|(index, _)| share * 7.0 >= *index as f64 - 0.5);
        index.map_or(STEPS[0], |(_, c)| *c)
    };
    let of = |figure: &Option<f64>| figure.filter(|v| v.is_finite()).map_or('·', step);
    drawn.iter().map(of).collect()
}

/// Tab-separated: when, which commit, and each query's figure.
fn data(history: &History) -> String {
    let names: Vec<String> = history
        .series
        .iter()
        .map(|series| crate::document::one_line(&series.name))
        .collect();
    let mut lines = vec![format!("started_at\tcommit\t{}", names.join("\t"))];
    for (index, run) in history.runs.iter().enumerate() {
        let figures: Vec<String> = history
            .series
            .iter()
            .map(|series| series.p95_ms[index].map_or_else(String::new, |ms| format!("{ms:.4}")))
            .collect();
        lines.push(format!(
            "{}\t{}\t{}",
            run.started_at,
            run.short_commit(),
            figures.join("\t")
        ));
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_spans_from_the_least_to_the_most() {
        let check = |figures: &[Option<f64>], expected| assert_eq!(sparkline(figures), expected);
        check(&[Some(1.0), None, Some(4.5), Some(8.0)], "▁·▅█");
        check(&[Some(2.0), Some(2.0)], "▅▅");
        check(&[], "");
        check(&[Some(f64::NAN), Some(1.0)], "·▅");
    }
}
