//! The report as one self-contained HTML file: [`render`].
//!
//! No script, nothing from elsewhere: a policy in the document forbids both. Every field goes
//! through the templates' escaping; nothing is marked as safe.

mod deadlock;
mod history;
mod nplusone;
mod plan;
mod regress;
mod slow;
mod watch;

use askama::Template;
use dbproof_model::RunRecord;

use crate::document::{Align, Block, Cell, Tone, many_lines};
use crate::formats::Format;
use crate::history::History;
use crate::sections::{findings, summary};

/// One HTML file.
pub(crate) const FORMAT: Format<RunRecord> =
    Format::new("html", "report.html", |record, setting| {
        render_with(record, setting.history)
    });

/// The whole report as an HTML document that needs nothing from anywhere else.
///
/// # Panics
///
/// Never: drawing to a string cannot fail.
#[must_use]
pub fn render(record: &RunRecord) -> String {
    render_with(record, None)
}

/// The same, with the same queries in earlier runs.
fn render_with(record: &RunRecord, history: Option<&History>) -> String {
    let scenarios = &record.scenarios;
    let project = record
        .project
        .as_ref()
        .map(|name| format!(" {name}"))
        .unwrap_or_default();
    let report = Report {
        title: format!("dbproof{project}: {}", record.verdict.as_str()),
        tone: record.verdict.into(),
        summary: summary::line(record),
        setting: summary::setting(record),
        findings: record.findings.iter().map(finding).collect(),
        slow: scenarios.slow.as_ref().map(slow::view),
        regress: scenarios.regress.as_ref().map(regress::view),
        nplusone: scenarios.nplusone.as_ref().map(nplusone::view),
        deadlock: scenarios.deadlock.as_ref().map(deadlock::view),
        watch: scenarios.watch.as_ref().map(watch::view),
        history: history.map(history::view),
        record,
    };
    let mut html = report.render().expect("a string takes everything");
    html.truncate(html.trim_end().len());
    html.push('\n');
    html
}

#[derive(Template)]
#[template(path = "report.html")]
struct Report<'a> {
    record: &'a RunRecord,
    title: String,
    tone: Tone,
    summary: Vec<Cell>,
    setting: String,
    findings: Vec<FindingView>,
    slow: Option<slow::View>,
    regress: Option<regress::View>,
    nplusone: Option<nplusone::View>,
    deadlock: Option<deadlock::View>,
    watch: Option<watch::View>,
    history: Option<history::View>,
}

struct FindingView {
    class: &'static str,
    blocks: Vec<Block>,
}

fn finding(finding: &dbproof_model::Finding) -> FindingView {
    let blocks = findings::blocks(finding)
        .into_iter()
        .map(tame_sql)
        .collect();
    FindingView {
        class: Tone::from(finding.severity).class(),
        blocks,
    }
}

/// Without the plans as text, where they are drawn as trees.
fn without_folded(blocks: Vec<Block>) -> Vec<Block> {
    let drawn = |block: &Block| !matches!(block, Block::Folded { .. });
    blocks.into_iter().filter(drawn).collect()
}

/// Statements come as they are, and are read as they are shown: no control characters.
fn tame_sql(block: Block) -> Block {
    match block {
        Block::Sql(sql) => Block::Sql(many_lines(&sql)),
        other => other,
    }
}

/// A length as a share of the longest, in percent; something that is there stays visible.
fn percent(value: f64, longest: f64) -> String {
    let share = if longest > 0.0 {
        value / longest * 100.0
    } else {
        0.0
    };
    let share = if share.is_finite() {
        share.clamp(0.0, 100.0)
    } else {
        0.0
    };
    format!("{share:.2}")
}
