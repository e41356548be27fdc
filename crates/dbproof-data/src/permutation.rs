//! A seeded shuffle of 0..n that needs no memory: [`Permutation`].
//!
//! A balanced Feistel network over the next power of four, walking on while the result is out of
//! range ("cycle walking": Black and Rogaway, "Ciphers with arbitrary finite domains", CT-RSA
//! 2002). The domain is less than four times n, so a walk is less than four steps on average.

use crate::random::mix;

/// With four, neighbours in a domain of five stay neighbours too often; eight show no such trace.
const ROUNDS: u64 = 8;

/// A seeded bijection of 0..n onto itself.
#[derive(Debug, Clone)]
pub(crate) struct Permutation {
    size: u64,
    half_bits: u32,
    seed: u64,
}

impl Permutation {
    pub(crate) fn new(size: u64, seed: u64) -> Self {
        let bits = u64::BITS - size.saturating_sub(1).leading_zeros();
        Permutation {
            size,
            half_bits: bits.div_ceil(2).max(1),
            seed,
        }
    }

    /// Where `index` (below n) goes.
    pub(crate) fn apply(&self, index: u64) -> u64 {
        debug_assert!(index < self.size);
        let mut position = index;
        loop {
            position = self.encrypt(position);
            if position < self.size {
                return position;
            }
        }
    }

    fn encrypt(&self, position: u64) -> u64 {
        let mask = (1_u64 << self.half_bits) - 1;
        let (mut left, mut right) = (position >> self.half_bits, position & mask);
        for round in 0..ROUNDS {
            let scrambled = mix(self.seed ^ mix(right ^ (round << 56))) & mask;
            (left, right) = (right, left ^ scrambled);
        }
        (left << self.half_bits) | right
    }
}

#[cfg(test)]
mod tests {
    use super::Permutation;

    #[test]
    fn every_index_is_hit_once() {
        for size in [1, 2, 3, 4, 5, 16, 17, 1000, 4097] {
            let permutation = Permutation::new(size, 42);
            let mut images: Vec<u64> = (0..size).map(|index| permutation.apply(index)).collect();
            images.sort_unstable();
            assert!(images.into_iter().eq(0..size), "size {size}");
        }
    }

    #[test]
    fn it_shuffles_and_heeds_the_seed() {
        let apply = |seed| -> Vec<u64> {
            let permutation = Permutation::new(100, seed);
            (0..100).map(|index| permutation.apply(index)).collect()
        };
        let fixed = apply(1)
            .iter()
            .zip(0..)
            .filter(|(image, index)| **image == *index)
            .count();
        assert!(fixed < 8, "{fixed} of 100 stay in place");
        assert_ne!(apply(1), apply(2));
    }

    #[test]
    fn the_largest_domains_fit() {
        for size in [u64::MAX, (1 << 63) + 1, 1 << 62] {
            assert!(Permutation::new(size, 7).apply(size - 1) < size);
        }
    }
}
