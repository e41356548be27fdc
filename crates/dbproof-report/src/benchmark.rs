//! The figures as github-action-benchmark reads them (`customSmallerIsBetter`): [`render`].

use dbproof_model::{
    DeadlockShape, PageMeasurement, RegressQuery, RunRecord, SlowQuery, TemplateTotal,
};
use serde::Serialize;

use crate::document::one_line;
use crate::figures;
use crate::formats::Format;
use crate::sections::status::decisive;

/// Figures of a run.
pub(crate) const FORMAT: Format<RunRecord> =
    Format::new("benchmark", "benchmark.json", |record, _| render(record));

/// One figure.
#[derive(Debug, Serialize)]
struct Figure {
    name: String,
    unit: &'static str,
    value: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    range: Option<String>,
    extra: String,
}

/// The figures that are better the smaller they are: latencies of queries, blocks of plans, statements
/// and times of pages, outages of deadlocks, times of an application's statements.
///
/// A figure that was not measured is left out, and one that decides nothing says so in `extra`; this
/// format has no verdicts.
///
/// # Panics
///
/// Never: the figures are plain data.
#[must_use]
pub fn render(record: &RunRecord) -> String {
    let scenarios = &record.scenarios;
    let mut all: Vec<Figure> = Vec::new();
    all.extend(
        scenarios
            .slow
            .iter()
            .flat_map(|slow| &slow.queries)
            .filter_map(slow),
    );
    let regress = scenarios
        .regress
        .iter()
        .flat_map(|regress| &regress.queries);
    all.extend(regress.filter_map(blocks));
    let pages = scenarios
        .nplusone
        .iter()
        .flat_map(|nplusone| &nplusone.pages);
    all.extend(pages.flat_map(page));
    let shapes = scenarios
        .deadlock
        .iter()
        .flat_map(|deadlock| &deadlock.shapes);
    all.extend(shapes.flat_map(deadlock));
    let templates = scenarios.watch.iter().flat_map(|watch| &watch.templates);
    all.extend(templates.filter_map(statement));
    all.retain(|figure| figure.value.is_finite());
    tell_apart(&mut all);
    let mut text = serde_json::to_string_pretty(&all).expect("the figures are plain data");
    text.push('\n');
    text
}

fn slow(query: &SlowQuery) -> Option<Figure> {
    Some(Figure {
        name: format!("slow/{} {}", query.name, query.statistic.as_str()),
        unit: "ms",
        value: decisive(query)?,
        range: query
            .stddev_ms
            .map(|deviation| format!("± {}", figures::ms(deviation))),
        extra: format!(
            "verdict {}; threshold {} ms; {}",
            query.verdict.as_str(),
            figures::chosen(query.threshold_ms),
            figures::counted(query.samples, "sample")
        ),
    })
}

fn blocks(query: &RegressQuery) -> Option<Figure> {
    let after = query.after.as_ref()?;
    Some(Figure {
        name: format!("regress/{} blocks", query.name),
        unit: "blocks",
        value: (after.shared_hit_blocks + after.shared_read_blocks) as f64,
        range: None,
        extra: format!(
            "verdict {}; rows {}",
            query.verdict.as_str(),
            figures::number(after.rows)
        ),
    })
}

fn page(page: &PageMeasurement) -> [Figure; 2] {
    let name = |what: &str| format!("nplusone/{} {} {what}", page.page, page.version);
    let extra = format!(
        "{} in {}",
        figures::counted(page.statements, "statement"),
        figures::counted(page.round_trips, "round trip")
    );
    let figure = |what, unit, value| Figure {
        name: name(what),
        unit,
        value,
        range: None,
        extra: extra.clone(),
    };
    [
        figure("statements", "statements", page.statements as f64),
        figure("time", "ms", page.wall_ms),
    ]
}

fn deadlock(shape: &DeadlockShape) -> Vec<Figure> {
    let at = figures::span(shape.deadlock_timeout_ms);
    let figure = |what: &str, durations: &dbproof_model::Durations| {
        let range = match (durations.min, durations.max) {
            (Some(min), Some(max)) => Some(format!("{} to {}", figures::ms(min), figures::ms(max))),
            _ => None,
        };
        Some(Figure {
            name: format!("deadlock/{} at {at} {what} p50", shape.name),
            unit: "ms",
            value: durations.p50?,
            range,
            extra: format!(
                "{} of {} as expected",
                figures::count(shape.as_expected.unwrap_or(shape.deadlocks)),
                figures::counted(shape.runs, "run")
            ),
        })
    };
    let all = [
        figure("outage", &shape.outage_ms),
        figure("recovery", &shape.recover_ms),
    ];
    all.into_iter().flatten().collect()
}

fn statement(template: &TemplateTotal) -> Option<Figure> {
    Some(Figure {
        name: one_line(&format!("watch/{} p95", template.template)),
        unit: "ms",
        value: template.p95_ms?,
        range: None,
        extra: format!(
            "{}, {} ms in all",
            figures::counted(template.executions, "execution"),
            figures::ms(template.total_ms)
        ),
    })
}

/// A series is known by its name.
fn tell_apart(all: &mut [Figure]) {
    let mut seen = std::collections::BTreeMap::<String, u32>::new();
    for figure in all {
        let count = seen.entry(figure.name.clone()).or_default();
        *count += 1;
        if *count > 1 {
            figure.name = format!("{} ({count})", figure.name);
        }
    }
}
