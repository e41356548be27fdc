//! As many look-ups as another statement returned rows, as counters tell.

use dbproof_model::{Finding, Scenario, Severity};

use super::FindingKind;
use crate::nplusone::CountedLoop;

/// A statement ran once for each row of another.
pub const KIND: FindingKind = FindingKind {
    code: "lookups-per-row",
    scenario: Scenario::NPlusOne,
    severity: Severity::Warning,
    title: "as many look-ups as another statement returned rows",
    page: include_str!("lookups_per_row.md"),
};

/// The finding about a statement and the one that it likely runs for.
#[must_use]
pub fn finding(of: &CountedLoop) -> Finding {
    let message = format!(
        "executed {} times by {}, and `{}` returned {} rows in {} executions meanwhile; counters \
         cannot tell whether these are the same",
        of.calls, of.column, of.parent, of.parent_rows, of.parent_calls
    );
    KIND.about(&of.template, message)
        .with_evidence("executions", of.calls)
        .with_evidence("total_ms", of.total_ms)
        .with_evidence("parent", of.parent.clone())
        .with_evidence("parent_executions", of.parent_calls)
        .with_evidence("parent_rows", of.parent_rows)
        .with_evidence("column", of.column.clone())
        .with_remedy(
            "watch the traffic of what sends it (`dbproof watch -- COMMAND`): that proves the loop, \
             or rules it out, and writes the batched statement",
            None,
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_says_what_was_counted() {
        let finding = finding(&CountedLoop {
            template: "select * from users where id = ?".to_owned(),
            calls: 195,
            total_ms: 4.2,
            parent: "select * from orders limit ?".to_owned(),
            parent_calls: 10,
            parent_rows: 200,
            column: "users.id".to_owned(),
        });
        assert_eq!(
            finding.message,
            "executed 195 times by users.id, and `select * from orders limit ?` returned 200 rows in \
             10 executions meanwhile; counters cannot tell whether these are the same"
        );
        assert_eq!(finding.evidence["parent_rows"], 200);
    }
}
