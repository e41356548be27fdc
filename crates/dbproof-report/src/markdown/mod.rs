//! The report as Markdown: [`render`].

pub(crate) mod draw;
pub(crate) mod escape;

use dbproof_model::RunRecord;

use crate::document::{Align, Cell, Section, Table};
use crate::formats::{Format, Setting};
use crate::history::History;
use crate::sections::{self, findings, status, summary};

/// Markdown of a run.
pub(crate) const FORMAT: Format<RunRecord> =
    Format::new("markdown", "report.md", |record, setting: &Setting<'_>| {
        draw_within(record, setting.history, LARGEST)
    });

/// A step summary may have 1 MiB; what is over is counted and left out.
const LARGEST: usize = 1_000_000;

/// The whole report as GitHub-flavoured Markdown, for a step summary or a pull-request comment.
#[must_use]
pub fn render(record: &RunRecord) -> String {
    within(record, LARGEST)
}

/// The same in at most so many bytes; what is over is counted and left out.
#[must_use]
pub fn within(record: &RunRecord, largest: usize) -> String {
    draw_within(record, None, largest)
}

fn draw_within(record: &RunRecord, history: Option<&History>, largest: usize) -> String {
    let mut page = draw::Page::new(largest);
    page.push(&format!("## dbproof: {}\n\n", record.verdict.as_str()));
    page.push(&format!("{}\n\n", draw::cells(&summary::line(record))));
    page.push(&format!("{}\n\n", escape::prose(&summary::setting(record))));
    let statuses = status::lines(record);
    if !statuses.is_empty() {
        page.push(&draw::table(&overview(&statuses)));
    }
    if !record.findings.is_empty() {
        section(&mut page, &findings::section(record));
    }
    if let Some(history) = history {
        section(&mut page, &sections::history::section(history));
    }
    for scenario in sections::scenarios(record) {
        section(&mut page, &scenario);
    }
    page.finish()
}

fn section(page: &mut draw::Page, section: &Section) {
    let verdict = section
        .verdict
        .map(|verdict| format!(": {}", verdict.as_str()));
    page.push(&format!(
        "### {}{}\n\n",
        section.title,
        verdict.unwrap_or_default()
    ));
    page.blocks(&section.blocks);
}

fn overview(statuses: &[status::Status]) -> Table {
    let mut table = Table::new(&[
        ("", Align::Left),
        ("scenario", Align::Left),
        ("what", Align::Left),
        ("figure", Align::Right),
        ("", Align::Left),
    ]);
    let row = |status: &status::Status| {
        vec![
            status.word.clone(),
            Cell::plain(status.scenario.as_str()),
            status.subject.clone(),
            Cell::plain(&status.figure),
            status.remark.clone(),
        ]
    };
    table.rows = statuses.iter().map(row).collect();
    table
}
