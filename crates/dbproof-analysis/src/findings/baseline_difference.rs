//! What every finding about a plan that is not the accepted one has in common.

use dbproof_model::{BaselineQuery, Finding};

use super::FindingKind;

/// A finding about the query, with what moved in each of its sets and `more` after it.
pub(super) fn about(kind: &FindingKind, query: &BaselineQuery, more: &str) -> Finding {
    let mut parts: Vec<String> = query
        .sets
        .iter()
        .filter(|set| set.verdict.differs())
        .map(|set| format!("{}: {}", set.label, set.reasons.join("; ")))
        .collect();
    parts.push(more.to_owned());
    kind.about(query.name.as_str(), parts.join(". "))
        .at(query.location.clone())
        .with_evidence("baseline", query.file.as_str())
}

/// The command that takes today's plan of a query as the one to keep.
pub(super) fn command(query: &BaselineQuery) -> String {
    format!("`dbproof accept --query {}`", query.name)
}

/// A query whose one set differs, for the tests of these findings.
#[cfg(test)]
pub(super) fn sample(
    verdict: dbproof_model::BaselineVerdict,
    cause: dbproof_model::BaselineCause,
) -> BaselineQuery {
    BaselineQuery {
        name: "order_history".to_owned(),
        location: None,
        file: "baselines/order_history.plan".to_owned(),
        verdict,
        cause: Some(cause),
        moved: Vec::new(),
        sets: vec![dbproof_model::BaselineComparison {
            label: "heavy".to_owned(),
            verdict,
            cause: Some(cause),
            reasons: vec![
                "3 → 225 blocks".to_owned(),
                "Bitmap Heap Scan on orders → Seq Scan on orders".to_owned(),
            ],
            accepted: None,
        }],
        now: None,
    }
}
