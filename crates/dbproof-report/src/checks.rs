//! A run as the checks that it made, each with a verdict: [`of`]. What JUnit calls test cases.

use dbproof_model::{
    BaselineCause, BaselineQuery, BaselineVerdict, DeadlockShape, Finding, NPlusOneGroup,
    PageMeasurement, RegressQuery, RegressVerdict, RunRecord, Scenario, Severity, SlowQuery,
    Verdict, WatchRecord,
};
use serde_json::Value;

use crate::document::one_line;
use crate::figures;
use crate::sections::status::decisive;

/// One thing that was looked at.
#[derive(Debug)]
pub(crate) struct Check<'a> {
    pub(crate) scenario: Scenario,
    /// Unlike that of any other check of the scenario.
    pub(crate) name: String,
    pub(crate) verdict: Verdict,
    /// The time that stands for the check, in milliseconds: the statistic that a threshold is held
    /// against, the time of a page, the outage of a deadlock.
    pub(crate) ms: Option<f64>,
    /// What was seen, in a line.
    pub(crate) seen: String,
    /// What was found about it, the most severe first.
    pub(crate) findings: Vec<&'a Finding>,
}

/// What findings are matched by: their subject, and what else tells two of the same name apart.
struct Subject {
    name: String,
    told_apart: By,
}

enum By {
    Name,
    /// The statement that a loop belongs to.
    Parent(Option<String>),
    /// Whether the finding is about the accepted plan or about the query itself.
    Accepted(bool),
    /// The setting that a shape was measured at, in milliseconds.
    Timeout(f64),
}

impl Subject {
    fn named(name: &str) -> Self {
        Subject {
            name: name.to_owned(),
            told_apart: By::Name,
        }
    }

    fn of_query(name: &str, accepted: bool) -> Self {
        Subject {
            name: name.to_owned(),
            told_apart: By::Accepted(accepted),
        }
    }

    fn has(&self, finding: &Finding) -> bool {
        let evidence = |name: &str| finding.evidence.get(name);
        self.name == finding.subject
            && match &self.told_apart {
                By::Name => true,
                By::Accepted(accepted) => finding.code.starts_with("baseline-") == *accepted,
                By::Parent(parent) => {
                    evidence("parent").and_then(Value::as_str) == parent.as_deref()
                }
                By::Timeout(timeout) => evidence("deadlock_timeout_ms")
                    .and_then(Value::as_f64)
                    .is_none_or(|of_finding| of_finding.total_cmp(timeout).is_eq()),
            }
    }
}

/// The checks of the scenarios that ran.
///
/// Of a scenario whose verdict is `fail` or `inconclusive` at least one check has that verdict, so
/// that whoever counts checks comes to the verdict of the run. A finding that belongs to none of them
/// is a check of its own.
pub(crate) fn of(record: &RunRecord) -> Vec<Check<'_>> {
    let mut checks = Vec::new();
    for scenario in crate::issues::SCENARIOS {
        let verdicts = record.scenarios.verdicts();
        let verdict = verdicts.iter().find(|(name, _)| *name == scenario.as_str());
        let Some((_, verdict)) = verdict else {
            continue;
        };
        let mut of_scenario: Vec<(Check<'_>, Subject)> = looked_at(record, scenario);
        attach(&mut of_scenario, record, scenario);
        let mut of_scenario: Vec<Check<'_>> = of_scenario.into_iter().map(|(c, _)| c).collect();
        let missing = !of_scenario.iter().any(|check| check.verdict == *verdict);
        if missing && (*verdict != Verdict::Pass || of_scenario.is_empty()) {
            let seen = match verdict {
                Verdict::Inconclusive => "too little was seen to tell",
                Verdict::Fail => "the scenario failed",
                Verdict::Pass => "nothing was found",
            };
            of_scenario.push(check(
                scenario,
                scenario.as_str(),
                *verdict,
                None,
                seen.to_owned(),
            ));
        }
        tell_apart(&mut of_scenario);
        checks.extend(of_scenario);
    }
    checks
}

fn check<'a>(
    scenario: Scenario,
    name: &str,
    verdict: Verdict,
    ms: Option<f64>,
    seen: String,
) -> Check<'a> {
    Check {
        scenario,
        name: one_line(name),
        verdict,
        ms,
        seen,
        findings: Vec::new(),
    }
}

fn looked_at(record: &RunRecord, scenario: Scenario) -> Vec<(Check<'_>, Subject)> {
    let all = &record.scenarios;
    match scenario {
        Scenario::Watch => all.watch.iter().map(watch).collect(),
        Scenario::Slow => {
            let queries = all.slow.iter().flat_map(|slow| &slow.queries);
            queries.map(slow).collect()
        }
        Scenario::Regress => {
            let queries = all.regress.iter().flat_map(|regress| &regress.queries);
            let accepted = all.regress.iter().filter_map(|r| r.baselines.as_ref());
            let accepted = accepted
                .filter(|baselines| baselines.present)
                .flat_map(|baselines| &baselines.queries);
            queries.map(regress).chain(accepted.map(baseline)).collect()
        }
        Scenario::NPlusOne => {
            let nplusone = || all.nplusone.iter();
            let pages = nplusone().flat_map(|n| &n.pages).map(page);
            let groups = nplusone().flat_map(|n| &n.groups).map(group);
            pages.chain(groups).collect()
        }
        Scenario::Deadlock => {
            let shapes = all.deadlock.iter().flat_map(|deadlock| &deadlock.shapes);
            shapes.map(shape).collect()
        }
    }
}

/// Hands the findings to the checks that they are about. An error fails its check.
fn attach<'a>(checks: &mut Vec<(Check<'a>, Subject)>, record: &'a RunRecord, scenario: Scenario) {
    let findings = record.findings.iter().filter(|f| f.scenario == scenario);
    for finding in findings {
        let found = checks.iter().position(|(_, subject)| subject.has(finding));
        let index = found.unwrap_or_else(|| {
            let name = format!("{} {}", finding.code, finding.subject);
            let seen = finding.title.clone();
            let own = check(scenario, &name, Verdict::Pass, None, seen);
            checks.push((own, Subject::named(&finding.subject)));
            checks.len() - 1
        });
        let (check, _) = &mut checks[index];
        if finding.severity == Severity::Error {
            check.verdict = Verdict::Fail;
        }
        check.findings.push(finding);
    }
}

fn tell_apart(checks: &mut [Check<'_>]) {
    let mut seen = std::collections::BTreeMap::<String, u32>::new();
    for check in checks {
        let count = seen.entry(check.name.clone()).or_default();
        *count += 1;
        if *count > 1 {
            check.name = format!("{} ({count})", check.name);
        }
    }
}

fn watch(record: &WatchRecord) -> (Check<'static>, Subject) {
    let seen = format!(
        "{} in {}; {}",
        figures::counted(record.executions, "statement"),
        figures::counted(record.sessions, "session"),
        if record.complete {
            "all that passed was read"
        } else {
            "not all that passed was read"
        }
    );
    let check = check(
        Scenario::Watch,
        "capture",
        record.verdict,
        Some(record.duration_ms),
        seen,
    );
    (check, Subject::named("capture"))
}

fn slow(query: &SlowQuery) -> (Check<'static>, Subject) {
    let figure = decisive(query);
    let seen = format!(
        "{} {}, threshold {} ms, {}",
        query.statistic.as_str(),
        figures::ms_with_unit(figure),
        figures::chosen(query.threshold_ms),
        figures::counted(query.samples, "sample"),
    );
    let check = check(Scenario::Slow, &query.name, query.verdict, figure, seen);
    (check, Subject::named(&query.name))
}

fn regress(query: &RegressQuery) -> (Check<'static>, Subject) {
    let verdict = match query.verdict {
        RegressVerdict::Regressed => Verdict::Fail,
        RegressVerdict::Inconclusive => Verdict::Inconclusive,
        RegressVerdict::Improved | RegressVerdict::Changed | RegressVerdict::Unchanged => {
            Verdict::Pass
        }
    };
    let seen = format!("{}: {}", query.verdict.as_str(), query.reasons.join("; "));
    let ms = query.after.as_ref().and_then(|after| after.execution_ms);
    let check = check(Scenario::Regress, &query.name, verdict, ms, seen);
    (check, Subject::of_query(&query.name, false))
}

fn baseline(query: &BaselineQuery) -> (Check<'static>, Subject) {
    let unaccepted = query
        .sets
        .iter()
        .any(|set| set.verdict == BaselineVerdict::NoBaseline);
    let verdict = match query.verdict {
        BaselineVerdict::Regressed if query.cause != Some(BaselineCause::Base) => Verdict::Fail,
        BaselineVerdict::Kept | BaselineVerdict::Improved | BaselineVerdict::Changed
            if !unaccepted =>
        {
            Verdict::Pass
        }
        _ => Verdict::Inconclusive,
    };
    let name = format!("{} (accepted plan)", query.name);
    let seen = query.verdict.as_str().to_owned();
    let check = check(Scenario::Regress, &name, verdict, None, seen);
    (check, Subject::of_query(&query.name, true))
}

fn page(page: &PageMeasurement) -> (Check<'static>, Subject) {
    let name = format!("{} {}", page.page, page.version);
    let seen = format!(
        "{} in {}",
        figures::counted(page.statements, "statement"),
        figures::counted(page.round_trips, "round trip")
    );
    let ms = Some(page.wall_ms);
    let check = check(Scenario::NPlusOne, &name, Verdict::Pass, ms, seen);
    (check, Subject::named(&name))
}

fn group(group: &NPlusOneGroup) -> (Check<'static>, Subject) {
    let parent = group.parent.as_ref().map(|parent| parent.template.clone());
    let seen = format!(
        "{}: {} with {}",
        group.verdict.as_str(),
        figures::counted(group.executions, "execution"),
        figures::counted(group.distinct_values, "distinct value")
    );
    let ms = group.cost.and_then(|cost| cost.looped_ms);
    let check = check(Scenario::NPlusOne, &group.template, Verdict::Pass, ms, seen);
    let subject = Subject {
        name: group.template.clone(),
        told_apart: By::Parent(parent),
    };
    (check, subject)
}

/// A shape is made to deadlock, so that it does is no failure; that it was not seen to is no pass.
fn shape(shape: &DeadlockShape) -> (Check<'static>, Subject) {
    let expected = shape.as_expected.unwrap_or(shape.deadlocks);
    let counted = shape.server_deadlocks.unwrap_or(shape.deadlocks);
    let verdict = if shape.runs > 0 && expected == shape.runs && counted == shape.deadlocks {
        Verdict::Pass
    } else {
        Verdict::Inconclusive
    };
    let name = format!(
        "{} at {}",
        shape.name,
        figures::span(shape.deadlock_timeout_ms)
    );
    let seen = format!(
        "{} of {} as expected; outage {}",
        figures::count(expected),
        figures::counted(shape.runs, "run"),
        figures::ms_with_unit(shape.outage_ms.p50)
    );
    let check = check(
        Scenario::Deadlock,
        &name,
        verdict,
        shape.outage_ms.p50,
        seen,
    );
    let subject = Subject {
        name: shape.name.clone(),
        told_apart: By::Timeout(shape.deadlock_timeout_ms),
    };
    (check, subject)
}
