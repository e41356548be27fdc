//! The report as Markdown: [`render`].

use dbproof_model::RunRecord;

/// The whole report as GitHub-flavoured Markdown, for a step summary or a pull-request comment.
#[must_use]
pub fn render(record: &RunRecord) -> String {
    format!("{}\n", record.verdict.as_str())
}
