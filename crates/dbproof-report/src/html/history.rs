//! The queries over earlier runs, each as a line.

use crate::document::{Cell, one_line};
use crate::figures;
use crate::history::{History, Series};
use crate::sections;

pub(crate) struct View {
    pub(crate) told: String,
    pub(crate) charts: Vec<Chart>,
    pub(crate) names: Vec<Cell>,
    pub(crate) runs: Vec<RunView>,
}

/// A line in a box of 100 by 100.
pub(crate) struct Chart {
    pub(crate) name: Cell,
    /// The stretches without a gap, as `x,y x,y`.
    pub(crate) lines: Vec<String>,
    pub(crate) points: Vec<Point>,
    pub(crate) threshold_y: Option<String>,
    pub(crate) first: String,
    pub(crate) last: String,
    pub(crate) range: String,
}

pub(crate) struct Point {
    pub(crate) x: String,
    pub(crate) y: String,
    pub(crate) label: String,
}

pub(crate) struct RunView {
    pub(crate) started_at: String,
    pub(crate) commit: String,
    pub(crate) differs: String,
    pub(crate) figures: Vec<String>,
}

pub(crate) fn view(history: &History) -> View {
    let runs = history.runs.iter().enumerate().map(|(index, run)| RunView {
        started_at: one_line(&run.started_at),
        commit: one_line(&run.short_commit()),
        differs: one_line(&run.differs.join("; ")),
        figures: history
            .series
            .iter()
            .map(|series| figures::ms_or_absent(series.p95_ms[index]))
            .collect(),
    });
    View {
        told: sections::history::told(history),
        charts: history.series.iter().map(|s| chart(s, history)).collect(),
        names: history.series.iter().map(|s| Cell::code(&s.name)).collect(),
        runs: runs.collect(),
    }
}

fn chart(series: &Series, history: &History) -> Chart {
    let known = || {
        series
            .p95_ms
            .iter()
            .flatten()
            .copied()
            .filter(|v| v.is_finite())
    };
    let highest = known().fold(0.0, f64::max);
    // The threshold is drawn where it is near; a far one would press the line flat.
    let threshold = series.threshold_ms.filter(|ms| *ms <= highest * 2.0);
    let top = highest.max(threshold.unwrap_or(0.0)).max(f64::MIN_POSITIVE) * 1.1;
    let steps = history.runs.len().saturating_sub(1).max(1) as f64;
    let x = |index: usize| format!("{:.2}", index as f64 / steps * 100.0);
    let y = |value: f64| format!("{:.2}", 100.0 - value / top * 100.0);
    let mut chart = Chart {
        name: Cell::code(&series.name),
        lines: Vec::new(),
        points: Vec::new(),
        threshold_y: threshold.map(y),
        first: history
            .runs
            .first()
            .map_or_else(String::new, |r| one_line(&r.started_at)),
        last: history
            .runs
            .last()
            .map_or_else(String::new, |r| one_line(&r.started_at)),
        range: range(series),
    };
    let mut stretch: Vec<String> = Vec::new();
    for (index, figure) in series.p95_ms.iter().enumerate() {
        let Some(value) = figure.filter(|v| v.is_finite()) else {
            close(&mut stretch, &mut chart.lines);
            continue;
        };
        stretch.push(format!("{},{}", x(index), y(value)));
        let run = &history.runs[index];
        chart.points.push(Point {
            x: x(index),
            y: y(value),
            label: one_line(&format!(
                "{} ms at {}, {}",
                figures::ms(value),
                run.short_commit(),
                run.started_at
            )),
        });
    }
    close(&mut stretch, &mut chart.lines);
    chart
}

fn close(stretch: &mut Vec<String>, lines: &mut Vec<String>) {
    if stretch.len() > 1 {
        lines.push(stretch.join(" "));
    }
    stretch.clear();
}

fn range(series: &Series) -> String {
    match series.ends() {
        Some((first, last)) => format!("p95 {} → {} ms", figures::ms(first), figures::ms(last)),
        None => "not measured".to_owned(),
    }
}
