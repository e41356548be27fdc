//! The ratio of after to before: [`ratio`].

use dbproof_model::Interval;

use crate::latency::{lower_rank, upper_rank};

/// After divided by before: the median over sessions of each session's median log ratio, as a
/// factor. `None` without a single pair of positive times.
///
/// The bounds are order statistics of the session medians, each one-sided at 99 %, so that the
/// interval covers the median session's ratio in at least 98 % of runs (99.8 % for 10 sessions,
/// where the bounds are the smallest and the largest of them). They take 7 sessions.
#[must_use]
pub fn ratio(sessions: &[Vec<(f64, f64)>]) -> Option<Interval> {
    let medians = session_medians(sessions);
    let estimate = median(&medians)?.exp();
    let bound = |rank: Option<usize>| rank.map(|rank| medians[rank - 1].exp());
    Some(Interval {
        estimate,
        low: bound(lower_rank(medians.len(), 0.5)),
        high: bound(upper_rank(medians.len(), 0.5)),
    })
}

/// The median log ratio of each session that has one, in ascending order.
pub(super) fn session_medians(sessions: &[Vec<(f64, f64)>]) -> Vec<f64> {
    let mut medians: Vec<f64> = sessions
        .iter()
        .filter_map(|pairs| median(&sorted(log_ratios(pairs))))
        .collect();
    medians.sort_by(f64::total_cmp);
    medians
}

/// The log ratios of the pairs that have one. A time of 0 is a clock's failure, not a time.
pub(super) fn log_ratios(pairs: &[(f64, f64)]) -> impl Iterator<Item = f64> {
    pairs
        .iter()
        .filter(|(before, after)| *before > 0.0 && *after > 0.0)
        .map(|(before, after)| (after / before).ln())
}

pub(super) fn sorted(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values
}

/// The median of ordered values, the mean of the two in the middle where their number is even.
pub(super) fn median(ordered: &[f64]) -> Option<f64> {
    let middle = ordered.len() / 2;
    let upper = *ordered.get(middle)?;
    Some(if ordered.len() % 2 == 1 {
        upper
    } else {
        f64::midpoint(ordered[middle - 1], upper)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session(before: f64, after: f64) -> Vec<(f64, f64)> {
        vec![(before, after); 20]
    }

    #[test]
    fn the_estimate_is_the_median_of_session_medians() {
        let sessions = [session(1.0, 1.0), session(1.0, 2.0), session(2.0, 16.0)];
        let interval = ratio(&sessions).unwrap();
        assert!((interval.estimate - 2.0).abs() < 1e-12);
        assert_eq!((interval.low, interval.high), (None, None));
    }

    #[test]
    fn one_wild_pair_moves_nothing() {
        let mut pairs = session(1.0, 1.2);
        pairs.push((1.0, 900.0));
        assert!((ratio(&[pairs]).unwrap().estimate - 1.2).abs() < 1e-12);
    }

    #[test]
    fn ten_sessions_are_bounded_by_their_extremes() {
        let sessions: Vec<_> = (0..10)
            .map(|i| session(1.0, 1.0 + f64::from(i) / 10.0))
            .collect();
        let interval = ratio(&sessions).unwrap();
        assert!((interval.low.unwrap() - 1.0).abs() < 1e-12);
        assert!((interval.high.unwrap() - 1.9).abs() < 1e-12);
        assert_eq!(ratio(&sessions[..6]).unwrap().low, None);
        assert!(ratio(&sessions[..7]).unwrap().high.is_some());
    }

    #[test]
    fn without_usable_pairs_there_is_no_ratio() {
        assert_eq!(ratio(&[]), None);
        assert_eq!(ratio(&[vec![]]), None);
        assert_eq!(ratio(&[vec![(0.0, 1.0)]]), None);
    }
}
