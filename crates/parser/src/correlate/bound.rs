//! How many records fit into a number of bytes, and the hash that finds them.
//!
//! Both indexes are arrays of records of one size beside a hash table of their places. All of it is laid out when
//! the correlator is made, so that memory never grows afterwards; pages that were never written cost nothing.

use std::hash::{BuildHasher, Hasher, RandomState};

/// One place in a hash table: a 4-byte number and a control byte (hashbrown).
const BUCKET_BYTES: usize = 5;

/// The number of records of `record_bytes` that fit into `bytes` together with the hash table over them.
///
/// The table is taken twice as large as the records need: hashbrown then clears removed places within itself
/// instead of growing.
pub(super) fn records_within(bytes: usize, record_bytes: usize) -> usize {
    let fitting = |buckets: usize| {
        let records = bytes.saturating_sub(buckets * BUCKET_BYTES) / record_bytes;
        records.min(table_room(buckets) / 2)
    };
    (3..31).map(|power| fitting(1 << power)).max().unwrap_or(0).max(1)
}

/// How many places of a hash table with this many buckets may be taken (hashbrown: seven of eight).
fn table_room(buckets: usize) -> usize {
    buckets / 8 * 7
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

    /// Multiplies and folds, as foldhash does.
    pub(super) fn of(&self, id: u64) -> u64 {
        let product = u128::from(id ^ self.first) * u128::from(self.second);
        let [low, high] = halves(product);
        low ^ high
    }

    pub(super) fn of_trace(&self, trace: u128) -> u64 {
        let [low, high] = halves(trace);
        self.of(self.of(low) ^ high)
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
    use hashbrown::HashTable;

    #[test]
    fn what_is_said_to_fit_does() {
        for bytes in [0, 1_000, 1 << 20, 12 << 20, 64 << 20] {
            let records = records_within(bytes, 40);
            let table = HashTable::<u32>::with_capacity(2 * records).allocation_size();
            assert!(records == 1 || records * 40 + table <= bytes + 64, "{bytes}: {records} and {table}");
        }
    }
}
