//! The report for a terminal: [`render`].

pub(crate) mod layout;
mod paint;
mod table;

use dbproof_model::RunRecord;

use crate::document::{Block, Cell, Section, Tone, many_lines};
use crate::formats::{Format, Setting};
use crate::sections::{self, findings, status, summary};

/// Text for a terminal.
pub(crate) const FORMAT: Format<RunRecord> = Format::new("terminal", "report.txt", render_in);

/// How to draw for a terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Style {
    /// Whether to colour verdicts and severities.
    pub color: bool,
    /// The columns that a line may take.
    pub width: usize,
}

impl Default for Style {
    fn default() -> Self {
        Style {
            color: false,
            width: 80,
        }
    }
}

/// The whole report as text that ends with a newline.
#[must_use]
pub fn render(record: &RunRecord, style: &Style) -> String {
    let setting = Setting {
        style: *style,
        history: None,
    };
    render_in(record, &setting)
}

fn render_in(record: &RunRecord, setting: &Setting<'_>) -> String {
    let mut page = Page::new(&setting.style);
    page.statuses(&status::lines(record));
    for section in sections::scenarios(record) {
        page.section(&section);
    }
    if let Some(history) = setting.history {
        page.section(&sections::history::section(history));
    }
    if !record.findings.is_empty() {
        page.section(&findings::section(record));
    }
    page.rule();
    page.sentence(
        "",
        "  ",
        &[Cell::toned(summary::setting(record), Tone::Muted)],
    );
    page.sentence("", "  ", &summary::line(record));
    page.finish()
}

/// A report being written.
pub(crate) struct Page<'a> {
    style: &'a Style,
    text: String,
}

/// Narrower than this, nothing can be laid out; lines then run over.
const NARROWEST: usize = 24;

impl<'a> Page<'a> {
    pub(crate) fn new(style: &'a Style) -> Self {
        Page {
            style,
            text: String::new(),
        }
    }

    pub(crate) fn finish(self) -> String {
        self.text
    }

    pub(crate) fn rule(&mut self) {
        let rule = "-".repeat(self.width().min(80));
        self.push_line(&paint::paint(&rule, Tone::Muted, self.style.color));
    }

    pub(crate) fn section(&mut self, section: &Section) {
        self.gap();
        let mut title = vec![Cell::plain(section.title)];
        if let Some(verdict) = section.verdict {
            title.extend([Cell::plain(": "), Cell::toned(verdict.as_str(), verdict)]);
        }
        self.rule();
        self.sentence("", "  ", &title);
        self.blocks(&section.blocks);
    }

    pub(crate) fn blocks(&mut self, blocks: &[Block]) {
        for (index, block) in blocks.iter().enumerate() {
            match block {
                Block::Heading(cells) => {
                    if index > 0 {
                        self.gap();
                    }
                    self.sentence("  ", "    ", cells);
                }
                Block::Line(cells) => self.sentence("  ", "  ", cells),
                Block::Item(cells) => self.sentence("  - ", "    ", cells),
                Block::Table(table) => {
                    let lines = table::draw(table, self.width() - 2, self.style.color);
                    for line in lines {
                        self.push_line(&format!("  {line}"));
                    }
                }
                Block::Sql(sql) => self.sql(sql),
                // Plans are in the other formats, where they can be folded away.
                Block::Folded { .. } => {}
            }
        }
    }

    /// Words with their tones, wrapped.
    pub(crate) fn sentence(&mut self, first: &str, next: &str, cells: &[Cell]) {
        let lines = layout::wrap(cells, self.width(), first, next, self.style.color);
        for line in lines {
            self.push_line(&line);
        }
    }

    fn statuses(&mut self, statuses: &[status::Status]) {
        let figures = statuses
            .iter()
            .map(|s| layout::width(&s.figure))
            .max()
            .unwrap_or(0);
        let words = statuses
            .iter()
            .map(|s| layout::width(&s.word.text))
            .max()
            .unwrap_or(0);
        // A word or figure out of a record may be of any length; it must not push the rest away.
        let (figures, words) = (figures.min(20), words.min(12));
        let room = self.width();
        for status in statuses {
            let word = layout::cut(&status.word.text, words);
            let figure = layout::cut(&status.figure, figures);
            let head = format!(
                "{}{} [{}{figure}] {} ",
                " ".repeat(words - layout::width(&word)),
                paint::paint(&word, status.word.tone, self.style.color),
                " ".repeat(figures - layout::width(&figure)),
                status.scenario.as_str(),
            );
            let used = words + figures + status.scenario.as_str().len() + 5;
            let left = room.saturating_sub(used).max(8);
            let subject = layout::cut(&status.subject.text, left);
            let left = left.saturating_sub(layout::width(&subject) + 3);
            let remark = if left < 8 {
                String::new()
            } else {
                layout::clip(&status.remark.text, left)
            };
            let remark = match remark.as_str() {
                "" => remark,
                _ => format!(
                    "   {}",
                    paint::paint(&remark, Tone::Muted, self.style.color)
                ),
            };
            self.push_line(&format!("{head}{subject}{remark}"));
        }
    }

    fn sql(&mut self, sql: &str) {
        for line in many_lines(sql).lines() {
            let indent = line.len() - line.trim_start().len();
            let first = format!("      {}", " ".repeat(indent.min(20)));
            let next = format!("{first}  ");
            self.sentence(&first, &next, &[Cell::plain(line.trim_start())]);
        }
    }

    fn gap(&mut self) {
        if !self.text.is_empty() && !self.text.ends_with("\n\n") {
            self.text.push('\n');
        }
    }

    fn push_line(&mut self, line: &str) {
        self.text.push_str(line.trim_end());
        self.text.push('\n');
    }

    fn width(&self) -> usize {
        self.style.width.max(NARROWEST)
    }
}
