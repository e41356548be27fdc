//! Whether a query became slower or faster: [`judge`].

use dbproof_model::Interval;

use super::ratio::{log_ratios, median, ratio, session_medians, sorted};
use super::wilcoxon::p_greater;

/// What counts as a difference, and how sure it has to be.
///
/// The defaults were measured on identical twins. With client and both backends pinned to one
/// processor they raised no false alarm in 1,856 comparisons and found every true effect of 14 %
/// and more; unpinned they raised 0.24 % and found 40 to 62 % of effects of 14 to 19 %.
#[derive(Debug, Clone, PartialEq)]
pub struct Rules {
    /// An effect up to this share is none: 0.05 is 5 %.
    pub floor: f64,
    /// The error over all queries, in each direction. Two planned looks split it.
    pub alpha: f64,
    /// The share of sessions whose median must be beyond the floor.
    pub sessions_share: f64,
    /// The least difference in milliseconds that matters.
    pub least_ms: f64,
    /// `same` means less than this share in either direction.
    pub same_within: f64,
    /// Fewer sessions than this prove nothing.
    pub sessions_min: usize,
}

impl Default for Rules {
    fn default() -> Self {
        Rules {
            floor: 0.05,
            alpha: 0.001,
            sessions_share: 0.8,
            least_ms: 0.05,
            same_within: 0.10,
            sessions_min: 7,
        }
    }
}

/// What the times of a query prove.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Slower after than before. To be confirmed by a fresh run before it gates anything.
    Slower,
    /// Faster after than before.
    Faster,
    /// Neither slower nor faster by as much as matters.
    Same,
    /// The sessions disagree, or are too few.
    Inconclusive,
}

/// The times of one query, judged.
#[derive(Debug, Clone, PartialEq)]
pub struct Timing {
    /// What they prove.
    pub outcome: Outcome,
    /// After divided by before; see [`ratio`].
    pub ratio: Option<Interval>,
    /// The median of after − before over all pairs, in milliseconds.
    pub difference_ms: Option<f64>,
    /// The p-value of "slower by more than the floor", before Holm's correction.
    pub p_slower: f64,
    /// The p-value of "faster by more than the floor", before Holm's correction.
    pub p_faster: f64,
}

/// Judges the sessions of several queries (or of several parameter sets of one) together.
///
/// `slower` takes all of: Wilcoxon's signed-rank test on the log ratios of all pairs against an
/// effect of the floor, at `alpha` after Holm's correction over everything that is judged here
/// (Holm, "A Simple Sequentially Rejective Multiple Test Procedure", 1979); the share of sessions
/// whose median is beyond the floor; and the least difference. `faster` is the mirror image.
/// `same` takes both 99 % bounds of the session ratios within `same_within`. A run should judge an
/// A/A pair of its own beside the rest: where that one is not `same` or `inconclusive`, time
/// proves nothing in this run.
#[must_use]
pub fn judge(queries: &[Vec<Vec<(f64, f64)>>], rules: &Rules) -> Vec<Timing> {
    let floor = (1.0 + rules.floor).ln();
    let p_values = |sign: f64| -> Vec<f64> {
        queries
            .iter()
            .map(|sessions| {
                let ratios = sessions.iter().flat_map(|pairs| log_ratios(pairs));
                p_greater(ratios.map(|ratio| sign * ratio - floor))
            })
            .collect()
    };
    let (slower, faster) = (p_values(1.0), p_values(-1.0));
    let (slower_holds, faster_holds) = (holm(&slower, rules.alpha), holm(&faster, rules.alpha));
    queries
        .iter()
        .enumerate()
        .map(|(at, sessions)| {
            let difference_ms = median(&sorted(
                sessions
                    .iter()
                    .flatten()
                    .map(|(before, after)| after - before),
            ));
            let enough = |sign: f64| {
                agree(sessions, sign, floor, rules)
                    && difference_ms.is_some_and(|ms| sign * ms >= rules.least_ms)
            };
            let ratio = ratio(sessions);
            let outcome = if slower_holds[at] && enough(1.0) {
                Outcome::Slower
            } else if faster_holds[at] && enough(-1.0) {
                Outcome::Faster
            } else if ratio.is_some_and(|ratio| is_same(&ratio, rules)) {
                Outcome::Same
            } else {
                Outcome::Inconclusive
            };
            Timing {
                outcome,
                ratio,
                difference_ms,
                p_slower: slower[at],
                p_faster: faster[at],
            }
        })
        .collect()
}

/// Whether enough sessions, each by its median, are beyond the floor in this direction.
fn agree(sessions: &[Vec<(f64, f64)>], sign: f64, floor: f64, rules: &Rules) -> bool {
    let medians = session_medians(sessions);
    let beyond = medians
        .iter()
        .filter(|median| sign * **median > floor)
        .count();
    medians.len() >= rules.sessions_min
        && beyond as f64 >= rules.sessions_share * medians.len() as f64
}

fn is_same(ratio: &Interval, rules: &Rules) -> bool {
    let limit = 1.0 + rules.same_within;
    ratio.high.is_some_and(|high| high < limit) && ratio.low.is_some_and(|low| low > 1.0 / limit)
}

/// Which of the hypotheses Holm's procedure rejects at `alpha` over all of them.
fn holm(p_values: &[f64], alpha: f64) -> Vec<bool> {
    let mut order: Vec<usize> = (0..p_values.len()).collect();
    order.sort_by(|a, b| p_values[*a].total_cmp(&p_values[*b]));
    let mut rejected = vec![false; p_values.len()];
    for (done, at) in order.iter().enumerate() {
        if p_values[*at] > alpha / (p_values.len() - done) as f64 {
            break;
        }
        rejected[*at] = true;
    }
    rejected
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holm_stops_at_the_first_that_holds() {
        assert_eq!(holm(&[0.01, 0.04, 0.03], 0.05), [true, false, false]);
        assert_eq!(holm(&[0.01, 0.02, 0.04], 0.05), [true, true, true]);
        assert_eq!(holm(&[], 0.05), Vec::<bool>::new());
    }

    fn sessions(count: usize, before: f64, after: f64) -> Vec<Vec<(f64, f64)>> {
        vec![vec![(before, after); 20]; count]
    }

    #[track_caller]
    fn check(sessions: Vec<Vec<(f64, f64)>>, expected: Outcome) {
        assert_eq!(judge(&[sessions], &Rules::default())[0].outcome, expected);
    }

    #[test]
    fn every_condition_must_hold() {
        check(sessions(10, 1.0, 1.3), Outcome::Slower);
        check(sessions(10, 1.3, 1.0), Outcome::Faster);
        check(sessions(10, 1.0, 1.02), Outcome::Same);
        check(sessions(10, 1.0, 1.0), Outcome::Same);
        // Between the floor and `same_within` nothing but the times themselves is known.
        check(sessions(10, 0.03, 0.04), Outcome::Inconclusive);
        check(sessions(6, 1.0, 1.3), Outcome::Inconclusive);
        check(Vec::new(), Outcome::Inconclusive);
    }

    #[test]
    fn sessions_that_disagree_prove_nothing() {
        let mut mixed = sessions(7, 1.0, 1.5);
        mixed.extend(sessions(3, 1.0, 0.9));
        check(mixed, Outcome::Inconclusive);
        let mut enough = sessions(8, 1.0, 1.5);
        enough.extend(sessions(2, 1.0, 0.99));
        check(enough, Outcome::Slower);
    }
}
