//! `migration-invalid-index`: an index is left that no query uses and every write keeps up.

use dbproof_model::{Finding, InvalidIndex, Scenario, Severity};

use super::FindingKind;

/// What is the same for all findings of this code.
pub const KIND: FindingKind = FindingKind {
    code: "migration-invalid-index",
    scenario: Scenario::Regress,
    severity: Severity::Error,
    title: "a migration leaves an invalid index",
    page: include_str!("migration_invalid_index.md"),
};

/// The finding for an index that is invalid after the migration. Of a partitioned table that is a
/// step on the way, and a warning.
pub(crate) fn finding(invalid: &InvalidIndex) -> Finding {
    let InvalidIndex {
        index,
        relation,
        partitioned,
    } = invalid;
    let finding = KIND.about(
        index.as_str(),
        format!("{index} on {relation} is invalid: no query uses it, and writes keep it up"),
    );
    if *partitioned {
        return finding.with_severity(Severity::Warning).with_remedy(
            "Attach the index of every partition; with the last one it becomes valid.",
            Some(format!("ALTER INDEX {index} ATTACH PARTITION …;")),
        );
    }
    finding.with_remedy(
        "Drop it and build it again, or rebuild it in place, outside of a transaction.",
        Some(format!("REINDEX INDEX CONCURRENTLY {index};")),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn on_a_partitioned_table_it_is_a_step_on_the_way() {
        let invalid = |partitioned| InvalidIndex {
            index: "i".to_owned(),
            relation: "t".to_owned(),
            partitioned,
        };
        assert_eq!(finding(&invalid(false)).severity, Severity::Error);
        assert_eq!(finding(&invalid(true)).severity, Severity::Warning);
    }
}
