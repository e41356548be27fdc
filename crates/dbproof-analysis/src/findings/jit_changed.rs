//! `jit-changed`: just-in-time compilation begins, or ends.

use dbproof_model::{Finding, Scenario, Severity};

use super::FindingKind;
use super::query_work::QueryWork;

/// What is the same for all findings of this code.
pub const KIND: FindingKind = FindingKind {
    code: "jit-changed",
    scenario: Scenario::Regress,
    severity: Severity::Info,
    title: "compiled just in time, or no longer",
    page: include_str!("jit_changed.md"),
};

/// The finding for a query that is compiled on one side only.
pub(crate) fn finding(work: &QueryWork<'_>, compiled_after: bool) -> Finding {
    let message = if compiled_after {
        "expressions are compiled just in time (JIT) where they were not"
    } else {
        "expressions are no longer compiled just in time (JIT)"
    };
    work.about(&KIND, message.to_owned())
        .with_evidence("compiled_before", !compiled_after)
        .with_evidence("compiled_after", compiled_after)
        .with_remedy(
            "If compiling takes longer than it saves, raise jit_above_cost, or turn jit off for \
             this statement.",
            compiled_after.then(|| "SET LOCAL jit = off;".to_owned()),
        )
}

#[cfg(test)]
mod tests {
    use super::super::query_work::sample;
    use super::*;

    #[test]
    fn only_what_compiles_can_be_told_not_to() {
        let began = finding(&sample(40, 40), true);
        assert_eq!(began.severity, Severity::Info);
        assert_eq!(began.remedy.unwrap().sql.unwrap(), "SET LOCAL jit = off;");
        let ended = finding(&sample(40, 40), false);
        assert_eq!(ended.remedy.unwrap().sql, None);
    }
}
