//! `query-failed`: the server answered a monitored query with an error.

use dbproof_model::{Finding, Location, Scenario, Severity};

use super::FindingKind;

/// What is the same for all findings of this code.
pub const KIND: FindingKind = FindingKind {
    code: "query-failed",
    scenario: Scenario::Slow,
    severity: Severity::Error,
    title: "the server refused it",
    page: include_str!("query_failed.md"),
};

/// The error that the server answered with.
#[derive(Debug, Clone)]
pub struct Failure<'a> {
    /// The query's name.
    pub query: &'a str,
    /// Where it is defined.
    pub location: Option<Location>,
    /// The five characters of SQLSTATE.
    pub sqlstate: &'a str,
    /// The server's message.
    pub message: &'a str,
    /// The server's hint, where it gives one.
    pub hint: Option<&'a str>,
    /// How many executions failed.
    pub errors: u64,
}

/// The finding for a query that the server answered with an error.
#[must_use]
pub fn finding(failure: &Failure<'_>) -> Finding {
    let times = match failure.errors {
        0 | 1 => String::new(),
        several => format!(" ({several} times)"),
    };
    let message = format!(
        "the server answered {}: {}{times}",
        failure.sqlstate, failure.message
    );
    let finding = KIND
        .about(failure.query, message)
        .at(failure.location.clone())
        .with_evidence("sqlstate", failure.sqlstate)
        .with_evidence("server_message", failure.message)
        .with_evidence("errors", failure.errors);
    match failure.hint {
        Some(hint) => finding.with_remedy(format!("The server's hint: {hint}"), None),
        None => finding.with_remedy(advice(failure.sqlstate), None),
    }
}

/// By the class of the SQLSTATE (PostgreSQL's appendix "PostgreSQL Error Codes").
fn advice(sqlstate: &str) -> &'static str {
    match (sqlstate, sqlstate.get(..2).unwrap_or_default()) {
        ("57014", _) => "The statement was cancelled, as a rule by statement_timeout.",
        (_, "42") => {
            "The statement does not fit the schema: compare the names and types in it with the \
             migrations."
        }
        (_, "22") => "A parameter's value does not fit its type: check the `-- param` line.",
        (_, "23") => {
            "The statement violates a constraint: its parameters need values that the data allows."
        }
        (_, "40") => "The transaction met another: retry, and lock in the same order everywhere.",
        _ => "Run the statement by hand with the same parameters to see the whole error.",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure() -> Failure<'static> {
        Failure {
            query: "order_history",
            location: None,
            sqlstate: "42703",
            message: "column \"user_id\" does not exist",
            hint: None,
            errors: 3,
        }
    }

    #[test]
    fn the_servers_own_words_are_told() {
        let finding = finding(&failure());
        insta::assert_snapshot!(finding.message, @r#"the server answered 42703: column "user_id" does not exist (3 times)"#);
        assert_eq!(finding.evidence["sqlstate"], "42703");
        assert!(finding.remedy.unwrap().text.contains("migrations"));
    }

    #[test]
    fn the_servers_hint_is_better_than_ours() {
        let hinted = Failure {
            hint: Some("Perhaps you meant orders.userid."),
            ..failure()
        };
        assert!(
            finding(&hinted)
                .remedy
                .unwrap()
                .text
                .contains("Perhaps you meant")
        );
    }

    #[test]
    fn a_short_sqlstate_is_no_reason_to_panic() {
        let odd = Failure {
            sqlstate: "4",
            ..failure()
        };
        assert!(finding(&odd).remedy.is_some());
    }
}
