//! The report for a terminal: [`render`].

use dbproof_model::RunRecord;

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
    format!("{} {}\n", record.verdict.as_str(), style.width)
}
