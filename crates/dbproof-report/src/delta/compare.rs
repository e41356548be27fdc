//! Holding two records against each other.

use dbproof_model::{Finding, RegressVerdict, RunRecord, Scenario, Verdict};

use super::{Change, DELTA_SCHEMA, Delta, FindingChange, Side, queries, rows};
use crate::fingerprint::fingerprints;
use crate::issues::SCENARIOS;

/// Holds two records against each other.
///
/// A finding is the same if its [fingerprint](crate::fingerprint::fingerprint) is; messages hold
/// figures, which differ from run to run.
#[must_use]
pub fn compare(base: &RunRecord, head: &RunRecord) -> Delta {
    let circumstances = circumstances(base, head);
    let mut queries = Vec::new();
    for scenario in SCENARIOS {
        // What only one of the two looked at has not changed: it was not looked at.
        if ran(base, scenario) && ran(head, scenario) {
            let comparable = circumstances.is_empty();
            queries.extend(queries::compare(base, head, scenario, comparable));
        }
    }
    let mut incomparable = circumstances;
    incomparable.extend(
        SCENARIOS
            .into_iter()
            .filter(|s| ran(base, *s) != ran(head, *s))
            .map(|s| {
                let side = if ran(base, s) { "base" } else { "head" };
                format!("only the {side} ran {}", s.as_str())
            }),
    );
    let mut findings = findings(base, head);
    findings.sort_by_key(rows::rank_of_finding);
    queries.sort_by_key(rows::rank_of_query);
    Delta {
        schema: DELTA_SCHEMA.to_owned(),
        base: Side::of(base),
        head: Side::of(head),
        incomparable,
        findings,
        queries,
    }
}

/// In what two runs differ, so that neither times nor blocks can be held against each other; empty
/// where they can.
pub(crate) fn circumstances(base: &RunRecord, head: &RunRecord) -> Vec<String> {
    let facts = |record: &RunRecord| {
        let server = &record.server;
        let whose = if server.ephemeral {
            "dbproof"
        } else {
            "others"
        };
        [
            (
                "the project",
                record.project.clone().unwrap_or_else(|| "none".to_owned()),
            ),
            (
                "the server",
                format!("{} {}", server.engine, server.version),
            ),
            ("dbproof", record.tool.version.clone()),
            (
                "the host",
                format!("{}, {} cores", record.host.os, record.host.cores),
            ),
            ("the seed", record.seed.to_string()),
            ("who runs the server", whose.to_owned()),
        ]
    };
    let pairs = facts(base).into_iter().zip(facts(head));
    let mut differences: Vec<String> = pairs
        .filter(|(base, head)| base.1 != head.1)
        .map(|((what, base), (_, head))| format!("{what} was {base} and is {head}"))
        .collect();
    differences.extend(settings(base, head));
    differences
}

fn settings(base: &RunRecord, head: &RunRecord) -> Option<String> {
    let (base, head) = (&base.server.settings, &head.server.settings);
    let mut names: Vec<&str> = base.keys().chain(head.keys()).map(String::as_str).collect();
    names.sort_unstable();
    names.dedup();
    names.retain(|name| base.get(*name) != head.get(*name));
    (!names.is_empty()).then(|| format!("server settings differ: {}", names.join(", ")))
}

fn findings(base: &RunRecord, head: &RunRecord) -> Vec<FindingChange> {
    let of_base: Vec<(String, &Finding)> = fingerprints(&base.findings)
        .into_iter()
        .zip(&base.findings)
        .collect();
    let of_head: Vec<(String, &Finding)> = fingerprints(&head.findings)
        .into_iter()
        .zip(&head.findings)
        .collect();
    let mut all = Vec::new();
    for (fingerprint, finding) in &of_head {
        let old = of_base.iter().find(|(print, _)| print == fingerprint);
        let was = old.map(|(_, old)| old.severity);
        let change = match was {
            None => Change::New,
            Some(was) => match finding.severity.cmp(&was) {
                std::cmp::Ordering::Greater => Change::Worse,
                std::cmp::Ordering::Less => Change::Better,
                std::cmp::Ordering::Equal => Change::Same,
            },
        };
        all.push(FindingChange {
            change,
            fingerprint: fingerprint.clone(),
            was,
            is: Some(finding.severity),
            finding: (*finding).clone(),
        });
    }
    let lost = of_base
        .iter()
        .filter(|(print, _)| !of_head.iter().any(|(new, _)| new == print));
    all.extend(lost.map(|(fingerprint, finding)| FindingChange {
        change: if looked_for(head, finding) {
            Change::Gone
        } else {
            Change::Unchecked
        },
        fingerprint: fingerprint.clone(),
        was: Some(finding.severity),
        is: None,
        finding: (*finding).clone(),
    }));
    all
}

/// Whether the run would have found it again: what it could not decide is not gone.
fn looked_for(record: &RunRecord, finding: &Finding) -> bool {
    let scenarios = &record.scenarios;
    let of_query = match finding.scenario {
        Scenario::Slow => scenarios.slow.as_ref().and_then(|slow| {
            let query = slow.queries.iter().find(|q| q.name == finding.subject)?;
            Some(query.verdict != Verdict::Inconclusive)
        }),
        Scenario::Regress => scenarios.regress.as_ref().and_then(|regress| {
            let query = regress.queries.iter().find(|q| q.name == finding.subject)?;
            Some(query.verdict != RegressVerdict::Inconclusive)
        }),
        Scenario::NPlusOne | Scenario::Deadlock | Scenario::Watch => None,
    };
    of_query.unwrap_or_else(|| {
        let verdicts = scenarios.verdicts();
        let own = verdicts
            .iter()
            .find(|(name, _)| *name == finding.scenario.as_str());
        own.is_some_and(|(_, verdict)| *verdict != Verdict::Inconclusive)
    })
}

fn ran(record: &RunRecord, scenario: Scenario) -> bool {
    let verdicts = record.scenarios.verdicts();
    verdicts.iter().any(|(name, _)| *name == scenario.as_str())
}
