//! Randomness that can be asked for any cell without the ones before it: [`CellRandom`].
//!
//! A counter-based stream a cell: the start is a hash of (seed, table, column, row), and from there
//! on it is `SplitMix64` (Steele, Lea, Flood: "Fast splittable pseudorandom number generators",
//! OOPSLA 2014). Setting one up costs a few multiplications where a block cipher would compute a block.

use std::convert::Infallible;

use rand::TryRng;

const GOLDEN_GAMMA: u64 = 0x9e37_79b9_7f4a_7c15;

/// The finaliser of `SplitMix64` ("Mix13" of David Stafford): every input bit flips half the output.
pub(crate) fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A seed for one purpose out of another seed and the purpose's name.
pub(crate) fn derive(seed: u64, name: &str) -> u64 {
    // The length keeps ("ab", "c") apart from ("a", "bc") when names are derived one after another.
    name.bytes()
        .fold(mix(seed ^ mix(name.len() as u64)), |state, byte| {
            mix(state.wrapping_add(GOLDEN_GAMMA) ^ u64::from(byte))
        })
}

/// The random stream of one cell.
#[derive(Debug, Clone)]
pub(crate) struct CellRandom(u64);

impl CellRandom {
    /// The stream of this row's cell in the column that has this seed.
    pub(crate) fn new(column_seed: u64, row: u64) -> Self {
        CellRandom(mix(column_seed ^ mix(row.wrapping_add(GOLDEN_GAMMA))))
    }
}

impl TryRng for CellRandom {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        // The upper half: its bits are the better mixed ones.
        self.try_next_u64().map(|value| (value >> 32) as u32)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        self.0 = self.0.wrapping_add(GOLDEN_GAMMA);
        Ok(mix(self.0))
    }

    fn try_fill_bytes(&mut self, destination: &mut [u8]) -> Result<(), Infallible> {
        for chunk in destination.chunks_mut(8) {
            let bytes = self.try_next_u64()?.to_le_bytes();
            chunk.copy_from_slice(&bytes[..chunk.len()]);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use rand::Rng;

    use super::{CellRandom, derive};

    #[test]
    fn the_stream_is_splitmix64() {
        // First outputs for state 1234567, as published with the reference implementation's ports.
        let mut random = CellRandom(1_234_567);
        assert_eq!(random.next_u64(), 6_457_827_717_110_365_317);
        assert_eq!(random.next_u64(), 3_203_168_211_198_807_973);
    }

    #[test]
    fn names_rows_and_seeds_all_matter() {
        let first = |seed, name, row| CellRandom::new(derive(seed, name), row).next_u64();
        let base = first(1, "users", 0);
        assert_eq!(base, first(1, "users", 0));
        for other in [
            first(2, "users", 0),
            first(1, "user", 0),
            first(1, "users", 1),
        ] {
            assert_ne!(base, other);
        }
        assert_ne!(derive(derive(1, "ab"), "c"), derive(derive(1, "a"), "bc"));
    }
}
