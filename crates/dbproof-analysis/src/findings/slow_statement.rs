//! `slow-statement`: a statement of an application that took at least the threshold.

use dbproof_model::{Finding, Scenario, Severity, SlowStatement};

use super::FindingKind;

/// What is the same for all findings of this code.
pub const KIND: FindingKind = FindingKind {
    code: "slow-statement",
    scenario: Scenario::Watch,
    severity: Severity::Warning,
    title: "a statement of the application was slow",
    page: include_str!("slow_statement.md"),
};

/// The finding about a statement; the threshold is in milliseconds.
#[must_use]
pub fn finding(statement: &SlowStatement, threshold_ms: f64) -> Finding {
    let from = match statement.from.as_slice() {
        [] => String::new(),
        tags => format!("; it came from {}", tags.join(", ")),
    };
    let message = format!(
        "{} of {} executions took {threshold_ms} ms or more, the longest {:.1} ms{from}",
        statement.slow, statement.executions, statement.max_ms
    );
    KIND.about(&statement.template, message)
        .with_evidence("slow", statement.slow)
        .with_evidence("executions", statement.executions)
        .with_evidence("max_ms", statement.max_ms)
        .with_evidence("threshold_ms", threshold_ms)
        .with_remedy(
            "put the statement into queries/ with parameters like those of the application, and let \
             `dbproof slow` measure it and show its plan",
            None,
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_has_the_figures_and_where_it_came_from() {
        let statement = SlowStatement {
            template: "select pg_sleep(?)".to_owned(),
            slow: 2,
            executions: 7,
            max_ms: 250.04,
            from: vec!["route=/report".to_owned()],
            example: None,
        };
        assert_eq!(
            finding(&statement, 100.0).message,
            "2 of 7 executions took 100 ms or more, the longest 250.0 ms; it came from route=/report"
        );
    }
}
