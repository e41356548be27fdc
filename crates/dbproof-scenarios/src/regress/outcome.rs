//! What became of one query: [`Compared`].

use dbproof_analysis::{findings, regression};
use dbproof_model::{
    Finding, PreparedPlans, Ratios, RegressQuery, RegressVerdict, Scenario, Severity, TimingOutcome,
};
use dbproof_postgres::ServerError;

use super::baselines::ObservedQuery;
use super::compare::Comparison;
use super::timing::{TimedOutcome, TimedQuery};
use crate::project::MonitoredQuery;
use crate::slow::failed;

/// What is known of a query after its plans were compared.
pub(super) struct Compared<'a> {
    pub(super) record: RegressQuery,
    pub(super) findings: Vec<Finding>,
    /// What a baseline keeps of its plans.
    pub(super) observed: ObservedQuery<'a>,
    /// Whether it regressed to a plan that was accepted.
    pub(super) accepted: bool,
    /// Whether only the change makes it possible to run it.
    pub(super) is_new: bool,
    /// What to time; nothing where one side cannot execute the query.
    pub(super) timed: Option<TimedQuery<'a>>,
}

impl<'a> Compared<'a> {
    pub(super) fn new(
        record: RegressQuery,
        findings: Vec<Finding>,
        observed: ObservedQuery<'a>,
        timed: TimedQuery<'a>,
    ) -> Self {
        Compared {
            record,
            findings,
            observed,
            accepted: false,
            is_new: false,
            timed: Some(timed),
        }
    }

    fn unplanned(
        monitored: &'a MonitoredQuery,
        record: RegressQuery,
        findings: Vec<Finding>,
    ) -> Self {
        Compared {
            record,
            findings,
            observed: ObservedQuery::of(monitored),
            accepted: false,
            is_new: false,
            timed: None,
        }
    }

    /// Takes the plans after the change as reviewed and wanted: what is said of them is told, and
    /// fails nothing. Other rows, failures and times were not accepted with a plan.
    pub(super) fn accept(&mut self, file: &str) {
        let about_the_plan = |finding: &Finding| {
            ![
                findings::result_rows_differ::KIND.code,
                findings::query_failed::KIND.code,
                findings::slower::KIND.code,
            ]
            .contains(&finding.code.as_str())
        };
        for finding in &mut self.findings {
            if finding.severity != Severity::Info && about_the_plan(finding) {
                finding.severity = Severity::Info;
                finding.message = format!("{}; accepted in {file}", finding.message);
            }
        }
        let fails = self.findings.iter().any(|f| f.severity == Severity::Error);
        self.accepted = self.record.verdict == RegressVerdict::Regressed && !fails;
        if self.accepted {
            self.record.reasons.push(format!("accepted in {file}"));
        }
    }

    /// Lets the times add to the verdict.
    pub(super) fn add_time(&mut self, timed: TimedOutcome, gates: bool) {
        let outcome = timed.timing.outcome;
        let record = &mut self.record;
        record.ratio.time = timed.ratio;
        record.timing = Some(timed.timing);
        if !gates {
            return;
        }
        let verdict = regression::with_time(record.verdict, outcome);
        if let (TimingOutcome::Slower | TimingOutcome::Faster, Some(ratio)) =
            (outcome, record.ratio.time)
        {
            record
                .reasons
                .push(format!("time ×{:.2}, {}", ratio.estimate, outcome.as_str()));
        }
        record.verdict = verdict;
        if outcome != TimingOutcome::Slower {
            return;
        }
        // What says that it improved would contradict what was measured.
        self.findings
            .retain(|finding| finding.code != findings::plan_improved::KIND.code);
        // An error about the plan tells why already; the time stands beside it.
        if !self
            .findings
            .iter()
            .any(|finding| finding.severity == Severity::Error)
        {
            self.findings.push(findings::slower::finding(record));
        }
    }
}

/// The parameter set that decides is shown: a regression before an improvement before a change.
pub(super) fn summarise(
    monitored: &MonitoredQuery,
    comparisons: &[Comparison],
    prepared: Option<PreparedPlans>,
) -> (RegressQuery, Vec<Finding>) {
    let rank = |verdict: RegressVerdict| match verdict {
        RegressVerdict::Regressed => 4,
        RegressVerdict::Inconclusive => 3,
        RegressVerdict::Improved => 2,
        RegressVerdict::Changed => 1,
        RegressVerdict::Unchanged => 0,
    };
    let mut findings: Vec<Finding> = Vec::new();
    let mut shown: Option<&Comparison> = None;
    for comparison in comparisons {
        for finding in &comparison.judgement.findings {
            let known = |f: &Finding| f.code == finding.code && f.subject == finding.subject;
            if !findings.iter().any(known) {
                let label = comparison.set.label.as_str();
                findings.push(finding.clone().with_evidence("parameter_set", label));
            }
        }
        if shown.is_none_or(|s| rank(comparison.judgement.verdict) > rank(s.judgement.verdict)) {
            shown = Some(comparison);
        }
    }
    let shown = shown.expect("at least one parameter set is compared");
    let mut reasons = shown.judgement.reasons.clone();
    let elsewhere = comparisons
        .iter()
        .any(|c| c.judgement.verdict != shown.judgement.verdict);
    if elsewhere {
        reasons.insert(0, format!("parameter set `{}`", shown.set.label));
    }
    let set = shown.record();
    let record = RegressQuery {
        name: monitored.query.name.clone(),
        location: Some(monitored.query.location.clone()),
        before: Some(set.before),
        after: Some(set.after),
        changes: set.changes,
        ratio: set.ratio,
        verdict: set.verdict,
        reasons,
        timing: None,
        parameter_set: Some(set.label),
        prepared,
        sets: comparisons.iter().map(Comparison::record).collect(),
    };
    (record, findings)
}

fn without_plans(
    monitored: &MonitoredQuery,
    verdict: RegressVerdict,
    reason: String,
) -> RegressQuery {
    RegressQuery {
        name: monitored.query.name.clone(),
        location: Some(monitored.query.location.clone()),
        before: None,
        after: None,
        changes: Vec::new(),
        ratio: Ratios::default(),
        verdict,
        reasons: vec![reason],
        timing: None,
        parameter_set: None,
        prepared: None,
        sets: Vec::new(),
    }
}

pub(super) fn broken_by_the_change<'a>(
    monitored: &'a MonitoredQuery,
    error: &ServerError,
) -> Compared<'a> {
    let reason = format!("it fails after the change: {error}");
    let record = without_plans(monitored, RegressVerdict::Regressed, reason);
    Compared::unplanned(monitored, record, vec![refusal(monitored, error)])
}

/// The change is not to blame for what failed without it.
pub(super) fn failed_before<'a>(
    monitored: &'a MonitoredQuery,
    error: &ServerError,
) -> Compared<'a> {
    let reason = format!("it fails without the change already: {error}");
    let record = without_plans(monitored, RegressVerdict::Inconclusive, reason);
    Compared::unplanned(monitored, record, vec![refusal(monitored, error)])
}

pub(super) fn new_with_the_change<'a>(
    monitored: &'a MonitoredQuery,
    error: &ServerError,
) -> Compared<'a> {
    let reason = format!("it cannot run before the change, so there is no comparison: {error}");
    let record = without_plans(monitored, RegressVerdict::Inconclusive, reason);
    Compared {
        is_new: true,
        ..Compared::unplanned(monitored, record, Vec::new())
    }
}

fn refusal(monitored: &MonitoredQuery, error: &ServerError) -> Finding {
    let mut finding = failed(monitored, error, 1);
    finding.scenario = Scenario::Regress;
    finding
}
