//! How many records fit into a number of bytes, and the table that finds them.
//!
//! Both indexes are arrays of records of one size, chained by hash. All of it is laid out when the correlator is
//! made, so that memory never grows afterwards; pages that were never written cost nothing.

use std::hash::{BuildHasher, Hasher, RandomState};

const HEAD_BYTES: usize = size_of::<u32>();

/// The number of records of `record_bytes` that fit into `bytes` together with the heads of their chains; at least one.
pub(super) fn records_within(bytes: usize, record_bytes: usize) -> usize {
    let fitting = |heads: usize| {
        let records = bytes.saturating_sub(heads * HEAD_BYTES) / record_bytes;
        records.min(2 * heads)
    };
    (2..31).map(|power| fitting(1 << power)).max().unwrap_or(0).max(1)
}

/// The heads of the chains: for each hash the place of a record, from which the records lead on. Zero until set.
///
/// A chain has one or two records on average, when the array is full.
#[derive(Debug)]
pub(super) struct Heads {
    heads: Vec<u32>,
    hash: IdHash,
}

impl Heads {
    pub(super) fn over(records: usize, hash: IdHash) -> Self {
        let heads = records.div_ceil(2).next_power_of_two();
        Self { heads: vec![0; heads], hash }
    }

    pub(super) fn get(&self, id: u64) -> u32 {
        self.heads.get(self.place(id)).copied().unwrap_or(0)
    }

    /// Sets the head of the id's chain; gives the one before.
    pub(super) fn replace(&mut self, id: u64, head: u32) -> u32 {
        let place = self.place(id);
        self.heads.get_mut(place).map_or(0, |old| std::mem::replace(old, head))
    }

    pub(super) fn allocated_bytes(&self) -> usize {
        self.heads.capacity() * HEAD_BYTES
    }

    fn place(&self, id: u64) -> usize {
        // Their number is a power of two.
        self.hash.of(id) as usize & (self.heads.len() - 1)
    }
}

/// A keyed hash of ids.
///
/// Trace ids come from whoever calls XAPI, so the key is random: nobody can choose ids that all meet in one place.
/// Nothing that leaves the correlator depends on it.
#[derive(Clone, Copy, Debug)]
pub(super) struct IdHash {
    first: u64,
    second: u64,
}

impl IdHash {
    pub(super) fn new() -> Self {
        let state = RandomState::new();
        Self { first: state.hash_one(1), second: state.hash_one(2) | 1 }
    }

    /// Multiplies and folds, as foldhash does, and once more: after one round ids that count up can meet in a tenth
    /// of the places, since little of a regular id reaches all bits of the sum.
    pub(super) fn of(&self, id: u64) -> u64 {
        self.round(self.round(id))
    }

    fn round(&self, number: u64) -> u64 {
        let [low, high] = halves(u128::from(number ^ self.first) * u128::from(self.second));
        low ^ high
    }

    /// Folds a trace id, its low and high half, into eight bytes, for which the same holds.
    pub(super) fn fold(&self, [low, high]: [u64; 2]) -> u64 {
        self.of(low) ^ high
    }
}

/// For maps whose keys are ids.
impl BuildHasher for IdHash {
    type Hasher = IdHasher;

    fn build_hasher(&self) -> IdHasher {
        IdHasher { hash: *self, state: 0 }
    }
}

/// Hashes one id, or several numbers in turn.
pub(super) struct IdHasher {
    hash: IdHash,
    state: u64,
}

impl Hasher for IdHasher {
    fn finish(&self) -> u64 {
        self.state
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.write_u64(u64::from(*byte)));
    }

    fn write_u64(&mut self, id: u64) {
        self.state = self.hash.of(self.state ^ id);
    }

    fn write_u16(&mut self, number: u16) {
        self.write_u64(u64::from(number));
    }
}

/// The low and the high half.
pub(super) fn halves(number: u128) -> [u64; 2] {
    const LOW: u128 = u64::MAX as u128;
    [(number & LOW) as u64, (number >> 64) as u64]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_to_fit_does() {
        for bytes in [0, 100, 1_000, 1 << 20, 12 << 20, 64 << 20] {
            let records = records_within(bytes, 40);
            let heads = Heads::over(records, IdHash::new());
            assert!(records == 1 || records * 40 + heads.allocated_bytes() <= bytes, "{bytes}: {records}");
            assert!(records <= 2 * heads.heads.len() && heads.heads.len().is_power_of_two());
            assert!(bytes < 1_000 || records * 50 > bytes, "{bytes}: {records}");
        }
    }

    /// Of half as many ids as there are heads, chance puts 79 of 100 into a chain of their own.
    #[test]
    fn heads_are_spread() {
        for shift in (0..200).map(|number| number % 50) {
            let mut heads = Heads::over(1 << 14, IdHash::new());
            let fresh = (1..=1 << 12).filter(|id| heads.replace(u64::from(*id) << shift, *id) == 0).count();
            assert!(fresh > 3_050, "{fresh} of 4,096 at shift {shift}");
        }
    }
}
