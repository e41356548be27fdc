//! `failed-statements`: statements of an application that the server refused.

use dbproof_model::{FailedStatement, Finding, Scenario, Severity};

use super::FindingKind;

/// What is the same for all findings of this code.
pub const KIND: FindingKind = FindingKind {
    code: "failed-statements",
    scenario: Scenario::Watch,
    severity: Severity::Info,
    title: "the server refused a statement of the application",
    page: include_str!("failed_statements.md"),
};

/// The finding about one statement and one error.
#[must_use]
pub fn finding(failed: &FailedStatement) -> Finding {
    let times = if failed.count == 1 { "time" } else { "times" };
    let message = format!(
        "refused {} {times} with SQLSTATE {}{}",
        failed.count,
        failed.sqlstate,
        meaning(&failed.sqlstate)
    );
    KIND.about(&failed.template, message)
        .with_evidence("sqlstate", failed.sqlstate.clone())
        .with_evidence("count", failed.count)
        .with_remedy(
            "look whether the application means it: a test of a constraint does, an unknown column \
             does not",
            None,
        )
}

/// ` (name)` of the condition, from appendix A of PostgreSQL's manual, for those that are met most;
/// else nothing.
#[must_use]
pub fn meaning(sqlstate: &str) -> &'static str {
    match sqlstate {
        "22012" => " (division_by_zero)",
        "22P02" => " (invalid_text_representation)",
        "23502" => " (not_null_violation)",
        "23503" => " (foreign_key_violation)",
        "23505" => " (unique_violation)",
        "23514" => " (check_violation)",
        "25P02" => " (in_failed_sql_transaction)",
        "28000" => " (invalid_authorization_specification)",
        "28P01" => " (invalid_password)",
        "3D000" => " (invalid_catalog_name)",
        "40001" => " (serialization_failure)",
        "40P01" => " (deadlock_detected)",
        "42501" => " (insufficient_privilege)",
        "42601" => " (syntax_error)",
        "42703" => " (undefined_column)",
        "42P01" => " (undefined_table)",
        "42P07" => " (duplicate_table)",
        "53300" => " (too_many_connections)",
        "55P03" => " (lock_not_available)",
        "57014" => " (query_canceled)",
        "57P01" => " (admin_shutdown)",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_names_the_condition() {
        let check = |sqlstate: &str, expected: &str| {
            let failed = FailedStatement {
                template: "select ?".to_owned(),
                sqlstate: sqlstate.to_owned(),
                count: 3,
            };
            assert_eq!(finding(&failed).message, expected);
        };
        check(
            "23505",
            "refused 3 times with SQLSTATE 23505 (unique_violation)",
        );
        check("XX001", "refused 3 times with SQLSTATE XX001");
    }
}
