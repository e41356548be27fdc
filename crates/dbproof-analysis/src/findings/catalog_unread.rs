//! `catalog-unread`: a watched database whose catalog could not be read.

use dbproof_model::{Finding, Scenario, Severity, WatchedDatabase};

use super::FindingKind;

/// What is the same for all findings of this code.
pub const KIND: FindingKind = FindingKind {
    code: "catalog-unread",
    scenario: Scenario::Watch,
    severity: Severity::Info,
    title: "the catalog of a watched database was not read",
    page: include_str!("catalog_unread.md"),
};

/// The finding about a database.
#[must_use]
pub fn finding(database: &WatchedDatabase) -> Finding {
    let why = database
        .catalog_error
        .as_deref()
        .unwrap_or("it was gone, or the watch was over, before it could be read");
    let message = format!(
        "the foreign keys of this database are not known: {why}; repeated statements in it are at \
         most likely an N+1, unless both sides name the same column"
    );
    KIND.about(&database.name, message)
        .with_evidence("executions", database.executions)
        .with_remedy(
            "name the server with --database-url and credentials that may connect to this database",
            None,
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_says_why() {
        let database = WatchedDatabase {
            name: "test_shop".to_owned(),
            sessions: 1,
            executions: 5,
            catalog_read: false,
            catalog_error: Some("no password supplied".to_owned()),
        };
        let message = finding(&database).message;
        assert!(message.contains("no password supplied"), "{message}");
    }
}
