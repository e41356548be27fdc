//! `loops-multiplied`: a step runs at least ten times as often as before.

use dbproof_model::{Finding, Scenario, Severity};

use super::FindingKind;
use super::query_work::QueryWork;
use crate::figures::count;

/// What is the same for all findings of this code.
pub const KIND: FindingKind = FindingKind {
    code: "loops-multiplied",
    scenario: Scenario::Regress,
    severity: Severity::Warning,
    title: "runs many times more often",
    page: include_str!("loops_multiplied.md"),
};

/// The finding for a scan that runs ten times as often or more: an error where the query's work
/// rose, else a warning.
pub(crate) fn finding(
    work: &QueryWork<'_>,
    relation: &str,
    node: &str,
    loops: (f64, f64),
) -> Finding {
    let message = format!(
        "{node} on {relation} runs {} times where it ran {}; {}",
        count(loops.1),
        count(loops.0),
        work.total()
    );
    work.about(&KIND, message)
        .with_severity(work.severity_or(Severity::Warning))
        .with_evidence("relation", relation)
        .with_evidence("node", node)
        .with_evidence("loops_before", loops.0)
        .with_evidence("loops_after", loops.1)
        .with_remedy(
            "See why so many more rows reach the outer side of this loop: a lost condition, \
             another join order, or an estimate that is far too low, which ANALYZE or extended \
             statistics on the columns of the condition would mend.",
            None,
        )
}

#[cfg(test)]
mod tests {
    use super::super::query_work::sample;
    use super::*;

    #[test]
    fn the_work_decides_how_much_it_matters() {
        let warned = finding(
            &sample(40, 40),
            "users",
            "Index Scan using users_pkey",
            (3.0, 3000.0),
        );
        assert_eq!(warned.severity, Severity::Warning);
        insta::assert_snapshot!(warned.message, @"Index Scan using users_pkey on users runs 3,000 times where it ran 3; the query touches 40 blocks where it touched 40");
        let failed = finding(&sample(40, 9000), "users", "Seq Scan", (3.0, 3000.0));
        assert_eq!(failed.severity, Severity::Error);
    }
}
