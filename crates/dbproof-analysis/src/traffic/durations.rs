//! A small histogram of durations: [`Durations`].

/// Parts of a power of two that are told apart. A part's middle is within 1/32 of all that is in it.
const PARTS: u64 = 16;

/// A histogram of durations in microseconds, of which a capture may need thousands: it takes memory
/// only for the range that occurs, some hundred bytes mostly. Durations below 32 µs are exact.
#[derive(Debug, Default)]
pub(super) struct Durations {
    /// The number of the first bucket of `counts`.
    first: usize,
    counts: Vec<u32>,
    count: u64,
    max: u64,
}

impl Durations {
    /// Adds one.
    pub(super) fn add(&mut self, us: u64) {
        self.count += 1;
        self.max = self.max.max(us);
        let bucket = bucket(us);
        if self.counts.is_empty() {
            self.first = bucket;
        }
        if bucket < self.first {
            let missing = self.first - bucket;
            self.counts.splice(0..0, std::iter::repeat_n(0, missing));
            self.first = bucket;
        }
        let at = bucket - self.first;
        if at >= self.counts.len() {
            self.counts.resize(at + 1, 0);
        }
        self.counts[at] = self.counts[at].saturating_add(1);
    }

    /// How many were added.
    pub(super) fn count(&self) -> u64 {
        self.count
    }

    /// The longest.
    pub(super) fn max(&self) -> u64 {
        self.max
    }

    /// The duration that this share of all does not exceed.
    pub(super) fn percentile(&self, share: f64) -> u64 {
        let all: u64 = self.counts.iter().map(|count| u64::from(*count)).sum();
        let wanted = share * all as f64;
        let mut seen = 0;
        for (at, count) in self.counts.iter().enumerate() {
            seen += u64::from(*count);
            if seen as f64 >= wanted && *count > 0 {
                return middle(self.first + at).min(self.max);
            }
        }
        self.max
    }
}

/// The bucket of a duration: itself below twice [`PARTS`], then `PARTS` to a power of two.
fn bucket(us: u64) -> usize {
    let octave = u64::from(us.max(1).ilog2()).saturating_sub(u64::from(PARTS.ilog2()));
    usize::try_from(octave * PARTS + (us >> octave)).unwrap_or(usize::MAX)
}

/// The middle of a bucket.
fn middle(bucket: usize) -> u64 {
    let bucket = bucket as u64;
    let octave = (bucket / PARTS).saturating_sub(1);
    let low = (bucket - octave * PARTS) << octave;
    low + ((1 << octave) >> 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_is_narrow_and_no_two_overlap() {
        let mut last = 0;
        for us in (0..100_000).chain([1 << 40, u64::MAX >> 1]) {
            let at = bucket(us);
            assert!(at >= last, "{us}");
            last = at;
            let off = middle(at).abs_diff(us) as f64;
            assert!(off <= us as f64 / 32.0 + 0.5, "{us}: {}", middle(at));
        }
    }

    #[test]
    fn percentiles_are_those_of_the_sorted_values() {
        let mut durations = Durations::default();
        for us in (1..=1_000).rev() {
            durations.add(us * 7);
        }
        for (share, exact) in [(0.5, 3_500), (0.95, 6_650), (1.0, 7_000)] {
            let seen = durations.percentile(share);
            assert!(seen.abs_diff(exact) * 25 <= exact, "{share}: {seen}");
        }
        assert_eq!((durations.count(), durations.max()), (1_000, 7_000));
        assert_eq!(Durations::default().percentile(0.5), 0);
    }
}
