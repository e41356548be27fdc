//! Today's plans against the accepted ones, and whose doing a difference is: [`check`].

use std::collections::BTreeSet;

use dbproof_model::{
    Baseline, BaselineBase, BaselineCause, BaselineComparison, BaselineQuery, BaselineSet,
    BaselineVerdict, Location,
};

use super::compare;
use crate::figures::{count, counted, float};
use crate::regression::Tolerances;

/// A relation that grew or shrank by less than this share has not moved.
const NOTABLE_GROWTH: f64 = 0.01;

/// A query's plans today.
#[derive(Debug, Clone)]
pub struct Today<'a> {
    /// The query's name.
    pub query: &'a str,
    /// Where it is defined.
    pub location: Option<Location>,
    /// The file of its baseline, whether it is there or not.
    pub file: String,
    /// Its plans with every migration applied; `None` where it fails.
    pub after: Option<Baseline>,
    /// Its plans before the change under test; `None` where it fails there, or where no change is
    /// under test.
    pub before: Option<Baseline>,
    /// Whether a change is under test.
    pub under_test: bool,
    /// Whether its rows depend on when it runs, or on chance.
    pub follows_clock: bool,
    /// The labels of the sets whose plan another sample of ANALYZE makes another.
    pub wavering: Vec<String>,
}

/// Holds a query's plans against the accepted ones.
///
/// A difference is the change's doing where the plan before it was as accepted, or where the change
/// goes further the same way. What the plan before the change shows already is never put down to the
/// change: the base moved, or an earlier migration did it. Where the plan before is neither, as when
/// the change is what made the accepted plan possible and was edited since, nobody can tell.
#[must_use]
pub fn check(
    accepted: Option<&Baseline>,
    today: &Today<'_>,
    tolerances: &Tolerances,
) -> BaselineQuery {
    let mut query = BaselineQuery {
        name: today.query.to_owned(),
        location: today.location.clone(),
        file: today.file.clone(),
        verdict: BaselineVerdict::NotRun,
        cause: None,
        moved: Vec::new(),
        sets: Vec::new(),
        now: today.after.clone(),
    };
    let Some(now) = &today.after else {
        return query;
    };
    let accepted = match accepted {
        None => {
            query.verdict = BaselineVerdict::NoBaseline;
            return query;
        }
        Some(accepted) if accepted.statement != now.statement => {
            query.verdict = BaselineVerdict::StatementEdited;
            return query;
        }
        Some(accepted) => accepted,
    };
    query.moved = moved(&accepted.base, &today.before.as_ref().unwrap_or(now).base);
    if today.follows_clock {
        query
            .moved
            .push("the time or the chance that the statement asks for".to_owned());
    }
    for set in &now.sets {
        let was = find(accepted, &set.label);
        let other_values = was.is_some_and(|was| was.plan.values != set.plan.values);
        let base_stood_still = query.moved.is_empty() && !other_values;
        let mut checked = check_set(was, set, today, base_stood_still, tolerances);
        if checked.verdict.differs() && today.wavering.contains(&set.label) {
            checked.cause = Some(BaselineCause::Base);
            query
                .moved
                .push(format!("the sample of ANALYZE for `{}`", set.label));
        }
        if other_values && checked.verdict.differs() {
            query.moved.push(format!("the values of `{}`", set.label));
        }
        query.sets.push(checked);
    }
    if let Some(decides) = query.sets.iter().rev().max_by_key(|set| rank(set)) {
        query.verdict = decides.verdict;
        query.cause = decides.cause;
    }
    query.sets.extend(no_longer_run(accepted, now));
    query
}

/// Which set decides about its query: one that the change made worse before all others.
fn rank(set: &BaselineComparison) -> (u8, bool) {
    let rank = match set.verdict {
        BaselineVerdict::Regressed => 5,
        BaselineVerdict::Changed => 3,
        BaselineVerdict::Improved => 2,
        BaselineVerdict::NoBaseline => 1,
        BaselineVerdict::Kept | BaselineVerdict::StatementEdited | BaselineVerdict::NotRun => 0,
    };
    (rank, set.cause == Some(BaselineCause::Change))
}

fn check_set(
    was: Option<&BaselineSet>,
    now: &BaselineSet,
    today: &Today<'_>,
    base_stood_still: bool,
    tolerances: &Tolerances,
) -> BaselineComparison {
    let mut checked = BaselineComparison {
        label: now.label.clone(),
        verdict: BaselineVerdict::NoBaseline,
        cause: None,
        reasons: Vec::new(),
        accepted: None,
    };
    let Some(was) = was else {
        checked
            .reasons
            .push("nothing was accepted for this set".to_owned());
        return checked;
    };
    let (verdict, reasons) = compare(&was.plan, &now.plan, tolerances);
    checked.verdict = verdict;
    checked.reasons = reasons;
    if !verdict.differs() {
        return checked;
    }
    checked.accepted = Some(was.plan.clone());
    let before = today
        .before
        .as_ref()
        .and_then(|before| find(before, &now.label));
    let Some(before) = before else {
        checked.cause = Some(match (base_stood_still, today.under_test) {
            (false, _) => BaselineCause::Base,
            (true, true) => BaselineCause::Change,
            (true, false) => BaselineCause::EarlierMigration,
        });
        return checked;
    };
    let moved_before = compare(&was.plan, &before.plan, tolerances).0.differs();
    let by_the_change = compare(&before.plan, &now.plan, tolerances).0;
    checked.cause = Some(if !moved_before || by_the_change == verdict {
        BaselineCause::Change
    } else if !base_stood_still {
        BaselineCause::Base
    } else if in_the_same_way(by_the_change, verdict) {
        BaselineCause::EarlierMigration
    } else {
        BaselineCause::Unclear
    });
    if moved_before {
        checked.reasons.push(format!(
            "before the change {}",
            counted(float(before.plan.blocks), "block")
        ));
    }
    checked
}

/// Whether the plans before and after the change differ from the accepted one alike, given what lies
/// between the two of them.
fn in_the_same_way(by_the_change: BaselineVerdict, verdict: BaselineVerdict) -> bool {
    match by_the_change {
        BaselineVerdict::Kept => true,
        // The same work, which is what differs from the accepted plan.
        BaselineVerdict::Changed => verdict != BaselineVerdict::Changed,
        _ => false,
    }
}

/// Sets that were accepted and that the query has no more.
fn no_longer_run(accepted: &Baseline, now: &Baseline) -> Vec<BaselineComparison> {
    accepted
        .sets
        .iter()
        .filter(|set| find(now, &set.label).is_none())
        .map(|set| BaselineComparison {
            label: set.label.clone(),
            verdict: BaselineVerdict::NotRun,
            cause: None,
            reasons: vec!["the query has no such set of parameters any more".to_owned()],
            accepted: None,
        })
        .collect()
}

fn find<'a>(baseline: &'a Baseline, label: &str) -> Option<&'a BaselineSet> {
    baseline.sets.iter().find(|set| set.label == label)
}

/// What of the base is not as it was, each in a few words.
#[must_use]
pub fn moved(was: &BaselineBase, is: &BaselineBase) -> Vec<String> {
    let mut moved = Vec::new();
    let mut step = |what: &str, was: &str, is: &str| {
        if was != is {
            moved.push(format!("{what}{was} → {is}"));
        }
    };
    step("", &was.server, &is.server);
    step("collation ", &was.collation, &is.collation);
    step("seed ", &was.seed.to_string(), &is.seed.to_string());
    step("scale ", &was.scale.to_string(), &is.scale.to_string());
    let names: BTreeSet<&String> = was.settings.keys().chain(is.settings.keys()).collect();
    for name in names {
        let value = |base: &BaselineBase| {
            let value = base.settings.get(name);
            value.map_or_else(|| "its default".to_owned(), Clone::clone)
        };
        step(&format!("{name} "), &value(was), &value(is));
    }
    for (name, rows) in &was.relations {
        // A relation that the plan no longer reads has not moved for that.
        if let Some(now) = is.relations.get(name) {
            // Of a partitioned table ANALYZE has an estimate, which is another every time.
            if float(rows.abs_diff(*now)) > float(*rows) * NOTABLE_GROWTH {
                let figure = |rows: &u64| format!("{} rows", count(float(*rows)));
                step(&format!("{name} "), &figure(rows), &figure(now));
            }
        }
    }
    if was.data != is.data {
        moved.push("the files of the seed data".to_owned());
    }
    moved
}
