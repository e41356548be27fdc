//! What is to be said of today's plans, and whether they were checked: [`conclude`].

use dbproof_model::{
    BaselineCause, BaselineQuery, BaselineVerdict, BaselinesRecord, Finding, Verdict,
};

use crate::findings::{
    base_moved, baseline_changed, baseline_improved, baseline_missing, baseline_regressed,
    baseline_statement_edited, baseline_unused,
};

/// The findings about all queries, and a verdict for each where no change is under test.
///
/// With a change under test the comparison of its two sides has the say about the rest, so that a
/// missing baseline leaves nothing undecided. Without one, what could not be compared, or is worse on
/// another base than it was accepted on, is `inconclusive`.
#[must_use]
pub fn conclude(record: &BaselinesRecord, change_under_test: bool) -> (Vec<Finding>, Vec<Verdict>) {
    if !record.present {
        return (Vec::new(), Vec::new());
    }
    let mut findings: Vec<Finding> = record
        .queries
        .iter()
        .filter_map(|query| finding(query, change_under_test))
        .collect();
    findings.extend(baseline_missing::finding(record));
    findings.extend(
        record
            .unused
            .iter()
            .map(|file| baseline_unused::finding(file)),
    );
    let verdicts = if change_under_test {
        Vec::new()
    } else {
        record.queries.iter().map(verdict).collect()
    };
    (findings, verdicts)
}

fn finding(query: &BaselineQuery, change_under_test: bool) -> Option<Finding> {
    let by_the_base = match query.cause {
        Some(BaselineCause::Base) => true,
        Some(BaselineCause::EarlierMigration) => change_under_test,
        Some(BaselineCause::Change | BaselineCause::Unclear) | None => false,
    };
    match query.verdict {
        verdict if verdict.differs() && by_the_base => {
            Some(base_moved::finding(query, change_under_test))
        }
        BaselineVerdict::Regressed => Some(baseline_regressed::finding(query)),
        BaselineVerdict::Improved => Some(baseline_improved::finding(query)),
        BaselineVerdict::Changed => Some(baseline_changed::finding(query)),
        BaselineVerdict::StatementEdited => Some(baseline_statement_edited::finding(query)),
        BaselineVerdict::Kept | BaselineVerdict::NoBaseline | BaselineVerdict::NotRun => None,
    }
}

fn verdict(query: &BaselineQuery) -> Verdict {
    let unchecked = query
        .sets
        .iter()
        .any(|set| set.verdict == BaselineVerdict::NoBaseline);
    match query.verdict {
        BaselineVerdict::Regressed if query.cause == Some(BaselineCause::Base) => {
            Verdict::Inconclusive
        }
        BaselineVerdict::Regressed => Verdict::Fail,
        BaselineVerdict::NoBaseline
        | BaselineVerdict::StatementEdited
        | BaselineVerdict::NotRun => Verdict::Inconclusive,
        _ if unchecked => Verdict::Inconclusive,
        BaselineVerdict::Kept | BaselineVerdict::Improved | BaselineVerdict::Changed => {
            Verdict::Pass
        }
    }
}

#[cfg(test)]
mod tests {
    use dbproof_model::BaselineComparison;

    use super::*;

    #[track_caller]
    fn check(
        verdict: BaselineVerdict,
        cause: Option<BaselineCause>,
        change_under_test: bool,
        code: Option<&str>,
        of_run: Option<Verdict>,
    ) {
        let query = BaselineQuery {
            name: "q".to_owned(),
            location: None,
            file: "baselines/q.plan".to_owned(),
            verdict,
            cause,
            moved: Vec::new(),
            sets: vec![BaselineComparison {
                label: "typical".to_owned(),
                verdict,
                cause,
                reasons: Vec::new(),
                accepted: None,
            }],
            now: None,
        };
        let record = BaselinesRecord {
            folder: "baselines".to_owned(),
            present: true,
            queries: vec![query],
            unused: Vec::new(),
        };
        let (findings, verdicts) = conclude(&record, change_under_test);
        assert_eq!(findings.first().map(|f| f.code.as_str()), code);
        assert_eq!(verdicts.first().copied(), of_run);
        let absent = BaselinesRecord {
            present: false,
            ..record
        };
        assert_eq!(
            conclude(&absent, change_under_test),
            (Vec::new(), Vec::new())
        );
    }

    #[test]
    fn every_verdict_has_its_finding() {
        use BaselineCause::{Base, Change, EarlierMigration};
        use BaselineVerdict::{Changed, Improved, Kept, NoBaseline, Regressed, StatementEdited};
        use Verdict::{Fail, Inconclusive, Pass};
        let unclear = Some(BaselineCause::Unclear);
        check(Regressed, unclear, true, Some("baseline-regressed"), None);
        check(Kept, None, true, None, None);
        check(Kept, None, false, None, Some(Pass));
        check(
            Regressed,
            Some(Change),
            true,
            Some("baseline-regressed"),
            None,
        );
        check(
            Regressed,
            Some(EarlierMigration),
            true,
            Some("base-moved"),
            None,
        );
        check(Regressed, Some(Base), true, Some("base-moved"), None);
        check(
            Regressed,
            Some(EarlierMigration),
            false,
            Some("baseline-regressed"),
            Some(Fail),
        );
        check(
            Regressed,
            Some(Base),
            false,
            Some("base-moved"),
            Some(Inconclusive),
        );
        check(
            Improved,
            Some(Change),
            true,
            Some("baseline-improved"),
            None,
        );
        check(
            Changed,
            Some(EarlierMigration),
            false,
            Some("baseline-changed"),
            Some(Pass),
        );
        check(
            NoBaseline,
            None,
            false,
            Some("baseline-missing"),
            Some(Inconclusive),
        );
        check(
            StatementEdited,
            None,
            true,
            Some("baseline-statement-edited"),
            None,
        );
        check(
            StatementEdited,
            None,
            false,
            Some("baseline-statement-edited"),
            Some(Inconclusive),
        );
    }
}
