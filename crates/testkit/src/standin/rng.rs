//! The stand-in's chance: splitmix64, so that a seed means the same bytes on every machine and in every release.

/// A small deterministic generator.
#[derive(Clone, Debug)]
pub struct Rng(u64);

impl Rng {
    /// The generator of this seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        scramble(self.0)
    }

    /// A number below `bound`; 0 for a bound of 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        let wide = u128::from(self.bits()) * u128::from(bound);
        u64::try_from(wide >> 64).unwrap_or(0)
    }

    /// A number from `low` to `high`, both included.
    pub fn range(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high.saturating_sub(low) + 1)
    }

    /// True in this share of cases.
    pub fn chance(&mut self, share: f64) -> bool {
        unit(self.bits()) < share
    }

    /// One of them; `None` of an empty slice.
    pub fn choose<'a, T>(&mut self, of: &'a [T]) -> Option<&'a T> {
        let index = self.below(of.len() as u64);
        of.get(usize::try_from(index).unwrap_or(0))
    }

    /// One of these texts; empty of an empty slice.
    pub fn text(&mut self, of: &[&'static str]) -> &'static str {
        self.choose(of).copied().unwrap_or_default()
    }

    /// 128 bits, never 0.
    pub fn wide(&mut self) -> u128 {
        (u128::from(self.bits()) << 64 | u128::from(self.bits())) | 1
    }

    /// A version 4 uuid, as XAPI makes them.
    pub fn uuid(&mut self) -> String {
        let bits = self.wide() & !(0xf << 76) | (4 << 76);
        let bits = bits & !(0b11 << 62) | (0b10 << 62);
        let hex = format!("{bits:032x}");
        let parts = [hex.get(..8), hex.get(8..12), hex.get(12..16), hex.get(16..20), hex.get(20..)];
        parts.map(Option::unwrap_or_default).join("-")
    }
}

/// A number from these words alone: the same for the same words, without any state.
#[must_use]
pub(super) fn hash(words: &[u64]) -> u64 {
    words.iter().fold(0x51_7c_c1_b7_27_22_0a_95, |sum, word| scramble(sum.rotate_left(23) ^ scramble(*word)))
}

/// From 0 (included) to 1 (excluded).
#[allow(clippy::cast_precision_loss, reason = "53 bits fit")]
pub(super) fn unit(bits: u64) -> f64 {
    (bits >> 11) as f64 / (1_u64 << 53) as f64
}

fn scramble(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::Rng;

    #[test]
    fn a_seed_means_the_same_numbers_for_ever() {
        let mut rng = Rng::new(1);
        assert_eq!([rng.bits(), rng.bits()], [0x910a_2dec_8902_5cc1, 0xbeeb_8da1_658e_ec67]);
    }

    #[test]
    fn numbers_keep_to_their_bounds() {
        let mut rng = Rng::new(2);
        for _ in 0..1_000 {
            assert!((3..=5).contains(&rng.range(3, 5)));
            assert_eq!(rng.below(1), 0);
        }
        assert_eq!(rng.choose::<u8>(&[]), None);
        let uuid = rng.uuid();
        assert_eq!((uuid.len(), uuid.as_bytes()[14]), (36, b'4'), "{uuid}");
    }
}
