//! What every finding about a query's work before and after has in common: [`QueryWork`].

use dbproof_model::{Finding, Location, Severity};

use super::FindingKind;
use crate::figures::{count, counted, float};

/// A query and its work as a whole on both sides.
#[derive(Debug, Clone)]
pub(crate) struct QueryWork<'a> {
    /// The query's name.
    pub(crate) query: &'a str,
    /// Where it is defined.
    pub(crate) location: Option<Location>,
    /// Shared blocks, hit and read, before.
    pub(crate) blocks_before: u64,
    /// The same after.
    pub(crate) blocks_after: u64,
    /// Whether shared and spill blocks rose beyond the tolerance.
    pub(crate) worse: bool,
}

impl QueryWork<'_> {
    /// A finding about the query, with its blocks as evidence.
    pub(super) fn about(&self, kind: &FindingKind, message: impl Into<String>) -> Finding {
        kind.about(self.query, message)
            .at(self.location.clone())
            .with_evidence("blocks_before", self.blocks_before)
            .with_evidence("blocks_after", self.blocks_after)
    }

    /// An error where the query's work rose, else `otherwise`.
    pub(super) fn severity_or(&self, otherwise: Severity) -> Severity {
        if self.worse {
            Severity::Error
        } else {
            otherwise
        }
    }

    /// The blocks of the whole, for the end of a message.
    pub(super) fn total(&self) -> String {
        format!(
            "the query touches {} where it touched {}",
            counted(float(self.blocks_after), "block"),
            count(float(self.blocks_before)),
        )
    }
}

/// A query whose blocks rose, or did not, for the tests of these findings.
#[cfg(test)]
pub(super) fn sample(blocks_before: u64, blocks_after: u64) -> QueryWork<'static> {
    QueryWork {
        query: "order_history",
        location: None,
        blocks_before,
        blocks_after,
        worse: blocks_after > blocks_before,
    }
}
