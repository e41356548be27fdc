//! What differs between two run records: [`compare`].

use dbproof_model::{Finding, RunRecord, Severity};

use crate::terminal::Style;

/// What differs between two run records.
#[derive(Debug, Clone, PartialEq)]
pub struct Delta {
    /// Findings that the base does not have.
    pub new: Vec<Finding>,
}

impl Delta {
    /// Whether a finding of severity `error` is in the head alone.
    #[must_use]
    pub fn has_new_errors(&self) -> bool {
        self.new
            .iter()
            .any(|finding| finding.severity == Severity::Error)
    }
}

/// Holds two records against each other.
#[must_use]
pub fn compare(base: &RunRecord, head: &RunRecord) -> Delta {
    let new = head
        .findings
        .iter()
        .filter(|f| !base.findings.contains(f))
        .cloned()
        .collect();
    Delta { new }
}

/// The delta as text for a terminal.
#[must_use]
pub fn terminal(delta: &Delta, style: &Style) -> String {
    format!("{} {}\n", delta.new.len(), style.width)
}

/// The delta as Markdown for a pull-request comment.
#[must_use]
pub fn markdown(delta: &Delta) -> String {
    format!("{}\n", delta.new.len())
}
