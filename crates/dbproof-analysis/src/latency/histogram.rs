//! The distribution of samples as bars: [`histogram`].

use dbproof_model::HistogramBucket;

use super::summary::sorted;

/// How many bars span the range from the smallest to the largest sample.
const BUCKETS: i32 = 30;

/// Below this a clock tells nothing; it stands in for zero on the logarithmic axis. One nanosecond.
const FLOOR_MS: f64 = 1e-6;

/// The samples in bars whose upper ends grow by a constant factor, from the smallest sample to the
/// largest. Empty bars between others are kept, as the lower end of a bar is the bar before it;
/// there are none at either end. Equal samples give one bar, no samples none.
#[must_use]
pub fn histogram(samples_ms: &[f64]) -> Vec<HistogramBucket> {
    let ordered = sorted(samples_ms);
    let (Some(&min), Some(&max)) = (ordered.first(), ordered.last()) else {
        return Vec::new();
    };
    bars(min, max, |end| {
        ordered.partition_point(|sample| *sample <= end) as u64
    })
}

/// The bars between the smallest and the largest sample; `reached` tells how many samples do not
/// exceed an end.
pub(super) fn bars(min: f64, max: f64, reached: impl Fn(f64) -> u64) -> Vec<HistogramBucket> {
    let low = min.max(FLOOR_MS);
    if max <= low {
        return vec![HistogramBucket {
            up_to_ms: max,
            count: reached(max),
        }];
    }
    let growth = (max / low).ln() / f64::from(BUCKETS);
    let mut counted = 0;
    (1..=BUCKETS)
        .map(|step| {
            // The last end is the maximum itself, not what rounding makes of it.
            let up_to_ms = if step == BUCKETS {
                max
            } else {
                low * (growth * f64::from(step)).exp()
            };
            let so_far = reached(up_to_ms);
            let count = so_far - counted;
            counted = so_far;
            HistogramBucket { up_to_ms, count }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn equal_samples_are_one_bar() {
        assert_eq!(
            histogram(&[2.0; 9]),
            [HistogramBucket {
                up_to_ms: 2.0,
                count: 9
            }]
        );
        assert!(histogram(&[]).is_empty());
    }

    #[test]
    fn ends_grow_by_a_constant_factor() {
        let bars = histogram(&[1.0, 10.0, 1000.0]);
        let factor = bars[1].up_to_ms / bars[0].up_to_ms;
        for pair in bars.windows(2) {
            assert!((pair[1].up_to_ms / pair[0].up_to_ms - factor).abs() < 1e-6);
        }
    }

    proptest! {
        #[test]
        fn every_sample_is_in_one_bar(samples in prop::collection::vec(0.0..1e5_f64, 1..300)) {
            let bars = histogram(&samples);
            prop_assert_eq!(bars.iter().map(|bar| bar.count).sum::<u64>(), samples.len() as u64);
            prop_assert!(bars.len() == 1 || (20..=40).contains(&bars.len()));
            prop_assert!(bars.last().unwrap().count > 0 && bars[0].count > 0);
            for pair in bars.windows(2) {
                prop_assert!(pair[0].up_to_ms < pair[1].up_to_ms);
            }
        }
    }
}
