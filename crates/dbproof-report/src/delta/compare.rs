//! Holding two records against each other.

use dbproof_model::{
    DeadlockShape, Finding, NPlusOneGroup, RegressQuery, RunRecord, Scenario, SlowQuery,
};

use super::{
    DeadlockChange, Delta, FigureChange, GroupChange, RegressChange, Remaining, SlowChange,
};

/// Holds two records against each other.
///
/// A finding is the same if its code, scenario and subject are; messages hold figures, which
/// differ from run to run.
#[must_use]
pub fn compare(base: &RunRecord, head: &RunRecord) -> Delta {
    let mut delta = Delta {
        incomparable: incomparable(base, head),
        ..Delta::default()
    };
    findings(&mut delta, base, head);
    // What only one of the two looked at has not changed: it was not looked at.
    let both_ran = |scenario| ran(base, scenario) && ran(head, scenario);
    if both_ran(Scenario::Slow) {
        delta.slow = slow(base, head);
    }
    if both_ran(Scenario::Regress) {
        delta.regress = regress(base, head);
    }
    if both_ran(Scenario::NPlusOne) {
        delta.groups = groups(base, head);
    }
    if both_ran(Scenario::Deadlock) {
        delta.deadlock = deadlock(base, head);
    }
    delta
}

fn incomparable(base: &RunRecord, head: &RunRecord) -> Vec<String> {
    let facts = |record: &RunRecord| {
        let server = &record.server;
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
            (
                "who runs the server",
                if server.ephemeral {
                    "dbproof"
                } else {
                    "others"
                }
                .to_owned(),
            ),
        ]
    };
    let pairs = facts(base).into_iter().zip(facts(head));
    let mut differences: Vec<String> = pairs
        .filter(|(base, head)| base.1 != head.1)
        .map(|((what, base), (_, head))| format!("{what} was {base} and is {head}"))
        .collect();
    differences.extend(settings(base, head));
    let scenarios = [
        Scenario::Slow,
        Scenario::Regress,
        Scenario::NPlusOne,
        Scenario::Deadlock,
        Scenario::Watch,
    ];
    differences.extend(
        scenarios
            .into_iter()
            .filter(|s| ran(base, *s) != ran(head, *s))
            .map(|s| {
                let side = if ran(base, s) { "base" } else { "head" };
                format!("only the {side} ran {}", s.as_str())
            }),
    );
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

fn findings(delta: &mut Delta, base: &RunRecord, head: &RunRecord) {
    let mut unmatched: Vec<&Finding> = base.findings.iter().collect();
    for finding in &head.findings {
        // Taken out once matched, since a code may be found twice about one subject.
        match unmatched.iter().position(|old| same(old, finding)) {
            Some(index) => {
                let was = unmatched.remove(index).severity;
                delta.remaining.push(Remaining {
                    finding: finding.clone(),
                    was,
                });
            }
            None => delta.new.push(finding.clone()),
        }
    }
    let (gone, unchecked): (Vec<_>, Vec<_>) = unmatched
        .into_iter()
        .cloned()
        .partition(|old| ran(head, old.scenario));
    (delta.gone, delta.unchecked) = (gone, unchecked);
}

fn same(a: &Finding, b: &Finding) -> bool {
    a.code == b.code && a.scenario == b.scenario && a.subject == b.subject
}

fn ran(record: &RunRecord, scenario: Scenario) -> bool {
    record
        .scenarios
        .verdicts()
        .iter()
        .any(|(name, _)| *name == scenario.as_str())
}

/// What both sides have, in the order of the head, then what the base alone has.
fn paired<'a, T>(
    base: &'a [T],
    head: &'a [T],
    same: impl Fn(&T, &T) -> bool,
) -> Vec<(Option<&'a T>, Option<&'a T>)> {
    let of_head = head
        .iter()
        .map(|new| (base.iter().find(|old| same(old, new)), Some(new)));
    let of_base = base
        .iter()
        .filter(|old| !head.iter().any(|new| same(old, new)));
    of_head
        .chain(of_base.map(|old| (Some(old), None)))
        .collect()
}

fn slow(base: &RunRecord, head: &RunRecord) -> Vec<SlowChange> {
    let queries = |r: &'_ RunRecord| -> Vec<SlowQuery> {
        r.scenarios
            .slow
            .as_ref()
            .map(|s| s.queries.clone())
            .unwrap_or_default()
    };
    let (base, head) = (queries(base), queries(head));
    paired(&base, &head, |a, b| a.name == b.name)
        .into_iter()
        .filter_map(|(base, head)| {
            let figure = |get: fn(&SlowQuery) -> Option<f64>| FigureChange {
                base: base.and_then(get),
                head: head.and_then(get),
            };
            Some(SlowChange {
                name: head.or(base)?.name.clone(),
                avg_ms: figure(|q| q.avg_ms),
                p50_ms: figure(|q| q.p50_ms),
                p95_ms: figure(|q| q.p95_ms),
            })
        })
        .collect()
}

fn regress(base: &RunRecord, head: &RunRecord) -> Vec<RegressChange> {
    let queries = |r: &RunRecord| -> Vec<RegressQuery> {
        r.scenarios
            .regress
            .as_ref()
            .map(|s| s.queries.clone())
            .unwrap_or_default()
    };
    let (base, head) = (queries(base), queries(head));
    paired(&base, &head, |a, b| a.name == b.name)
        .into_iter()
        .filter_map(|(base, head)| {
            let name = head.or(base)?.name.clone();
            Some(RegressChange {
                name,
                base: base.map(|q| q.verdict),
                head: head.map(|q| q.verdict),
            })
        })
        .filter(|change| change.base != change.head)
        .collect()
}

fn groups(base: &RunRecord, head: &RunRecord) -> Vec<GroupChange> {
    let groups = |r: &RunRecord| -> Vec<NPlusOneGroup> {
        r.scenarios
            .nplusone
            .as_ref()
            .map(|s| s.groups.clone())
            .unwrap_or_default()
    };
    let (base, head) = (groups(base), groups(head));
    let parent = |group: &NPlusOneGroup| group.parent.as_ref().map(|p| p.template.clone());
    paired(&base, &head, |a, b| {
        a.template == b.template && parent(a) == parent(b)
    })
    .into_iter()
    .filter_map(|(base, head)| {
        let template = head.or(base)?.template.clone();
        let side = |group: Option<&NPlusOneGroup>| group.map(|g| (g.verdict, g.executions));
        Some(GroupChange {
            template,
            base: side(base),
            head: side(head),
        })
    })
    .filter(|change| change.base.map(|b| b.0) != change.head.map(|h| h.0))
    .collect()
}

fn deadlock(base: &RunRecord, head: &RunRecord) -> Vec<DeadlockChange> {
    let shapes = |r: &RunRecord| -> Vec<DeadlockShape> {
        r.scenarios
            .deadlock
            .as_ref()
            .map(|s| s.shapes.clone())
            .unwrap_or_default()
    };
    let (base, head) = (shapes(base), shapes(head));
    let same = |a: &DeadlockShape, b: &DeadlockShape| {
        a.name == b.name && a.deadlock_timeout_ms.eq(&b.deadlock_timeout_ms)
    };
    paired(&base, &head, same)
        .into_iter()
        .filter_map(|(base, head)| {
            let figure = |get: fn(&DeadlockShape) -> Option<f64>| FigureChange {
                base: base.and_then(get),
                head: head.and_then(get),
            };
            let shape = head.or(base)?;
            Some(DeadlockChange {
                name: shape.name.clone(),
                deadlock_timeout_ms: shape.deadlock_timeout_ms,
                deadlock_share: figure(|s| {
                    (s.runs > 0).then(|| s.deadlocks as f64 / s.runs as f64)
                }),
                outage_ms: figure(|s| s.outage_ms.p50),
                recover_ms: figure(|s| s.recover_ms.p50),
                queued_ms: figure(|s| s.bystanders.queued_ms.p95),
            })
        })
        .collect()
}
