//! `baseline-missing`: queries without an accepted plan.

use dbproof_model::{BaselineQuery, BaselineVerdict, BaselinesRecord, Finding, Scenario, Severity};

use super::FindingKind;
use crate::figures::{count, float};

/// What is the same for all findings of this code.
pub const KIND: FindingKind = FindingKind {
    code: "baseline-missing",
    scenario: Scenario::Regress,
    severity: Severity::Info,
    title: "no accepted plan yet",
    page: include_str!("baseline_missing.md"),
};

/// This many are named; a new project has as many as it has queries.
const NAMED: usize = 5;

/// The finding for all queries, or sets of their parameters, that were never accepted; `None` where
/// there is none.
#[must_use]
pub fn finding(record: &BaselinesRecord) -> Option<Finding> {
    let lacking: Vec<&str> = record
        .queries
        .iter()
        .filter(|query| lacks_a_plan(query))
        .map(|query| query.name.as_str())
        .collect();
    let (shown, rest) = lacking.split_at(lacking.len().min(NAMED));
    let mut names = shown.join(", ");
    if !rest.is_empty() {
        names = format!("{names} and {} more", rest.len());
    }
    if lacking.is_empty() {
        return None;
    }
    let message = format!(
        "nothing was accepted yet for {} monitored {}: {names}",
        count(float(lacking.len() as u64)),
        if lacking.len() == 1 {
            "query"
        } else {
            "queries"
        }
    );
    let finding = KIND
        .about(record.folder.as_str(), message)
        .with_evidence("queries", lacking.len())
        .with_remedy(
            "See what would be kept with `dbproof accept --dry-run`, then `dbproof accept`.",
            None,
        );
    Some(finding)
}

fn lacks_a_plan(query: &BaselineQuery) -> bool {
    let lacking = |verdict| verdict == BaselineVerdict::NoBaseline;
    lacking(query.verdict) || query.sets.iter().any(|set| lacking(set.verdict))
}

#[cfg(test)]
mod tests {
    use dbproof_model::BaselineCause;

    use super::super::baseline_difference::sample;
    use super::*;

    fn of(names: &[&str]) -> Option<String> {
        let queries = names.iter().map(|name| {
            let mut query = sample(BaselineVerdict::NoBaseline, BaselineCause::Change);
            (*name).clone_into(&mut query.name);
            query
        });
        let record = BaselinesRecord {
            folder: "baselines".to_owned(),
            present: true,
            queries: queries.collect(),
            unused: Vec::new(),
        };
        finding(&record).map(|finding| finding.message)
    }

    #[test]
    fn some_are_named_and_the_rest_counted() {
        assert_eq!(of(&[]), None);
        insta::assert_snapshot!(of(&["a"]).unwrap(), @"nothing was accepted yet for 1 monitored query: a");
        insta::assert_snapshot!(of(&["a", "b", "c", "d", "e", "f", "g"]).unwrap(), @"nothing was accepted yet for 7 monitored queries: a, b, c, d, e and 2 more");
    }
}
