//! What times add to a judgement that plans, blocks and rows have made: [`with_time`].

use dbproof_model::{RegressVerdict, TimingOutcome};

/// The verdict with the times taken into account.
///
/// Slower regresses whatever the plan looks like, because time is what people wait for. Faster
/// improves what was not a regression; more blocks stay one even where they are fast today, since
/// they are only as fast as the cache is warm. Anything else leaves the verdict as it is.
#[must_use]
pub fn with_time(verdict: RegressVerdict, outcome: TimingOutcome) -> RegressVerdict {
    match (verdict, outcome) {
        (_, TimingOutcome::Slower) => RegressVerdict::Regressed,
        (RegressVerdict::Unchanged | RegressVerdict::Changed, TimingOutcome::Faster) => {
            RegressVerdict::Improved
        }
        (verdict, _) => verdict,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_decides_second() {
        use RegressVerdict::{Changed, Improved, Inconclusive, Regressed, Unchanged};
        use TimingOutcome::{Faster, NotMeasured, Same, Slower};
        let cases = [
            (Unchanged, Slower, Regressed),
            (Improved, Slower, Regressed),
            (Unchanged, Faster, Improved),
            (Changed, Faster, Improved),
            (Regressed, Faster, Regressed),
            (Inconclusive, Faster, Inconclusive),
            (Unchanged, Same, Unchanged),
            (Unchanged, TimingOutcome::Inconclusive, Unchanged),
            (Improved, NotMeasured, Improved),
        ];
        for (verdict, outcome, expected) in cases {
            assert_eq!(
                with_time(verdict, outcome),
                expected,
                "{verdict:?} {outcome:?}"
            );
        }
    }
}
