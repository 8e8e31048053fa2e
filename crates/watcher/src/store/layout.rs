//! Where in sled each entry lies: alone, or in a pack with its neighbours.
//!
//! sled keeps about 1.2 KiB in memory for each of its entries, and thousands of ours (drained files) never change.
//! So what has not changed for longest is packed, a few KiB together, and what changes lies alone.
//!
//! Keys in sled: a byte for the kind, then: nothing for the *mark*, which is written with each save, so that the last
//! save's epoch is always there; the entry's key for one that lies *alone*; the first key it may hold for a *pack*. A
//! pack's range ends where the next pack's begins. An entry that lies alone is newer than one of the same key in a
//! pack.
//!
//! Promises: each plan is one batch, after which a new reading gives the same entries. Leaves to others: frames, sled.

use super::{Entries, list};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

/// The key of the mark.
pub(super) const MARK: u8 = 0;
/// What begins the key of an entry that lies alone.
pub(super) const ALONE: u8 = 1;
/// What begins the key of a pack.
pub(super) const PACK: u8 = 2;

/// With more entries alone than this, those that have not changed for longest are packed …
const ALONE_MAX: usize = 256;
/// … until this many are left.
const ALONE_MIN: usize = 128;
/// How large a pack gets, in bytes, unless one entry alone is larger. sled keeps 16 values together, and puts what is
/// larger than an eighth of a MiB into a file of its own.
const PACK_BYTES: usize = 3 << 10;

/// Keys and payloads for sled; `None` removes.
pub(super) type Plan = BTreeMap<Vec<u8>, Option<Vec<u8>>>;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Layout {
    /// What lies alone, and the save that wrote it.
    alone: BTreeMap<Vec<u8>, u64>,
    /// The first key of each pack's range.
    packs: BTreeSet<Vec<u8>>,
}

impl Layout {
    /// Takes in one stored value that was read, those that lie alone before the packs. `false` if it makes no sense.
    pub(super) fn take(&mut self, key: &[u8], epoch: u64, payload: &[u8], entries: &mut Entries) -> bool {
        match key.split_first() {
            Some((&MARK, [])) => true,
            Some((&ALONE, key)) => {
                self.alone.insert(key.to_vec(), epoch);
                entries.insert(key.to_vec(), payload.to_vec());
                true
            }
            Some((&PACK, first)) => {
                self.packs.insert(first.to_vec());
                let packed = list::read(payload);
                let whole = packed.is_some();
                for (key, value) in packed.unwrap_or_default() {
                    entries.entry(key).or_insert(value);
                }
                whole
            }
            _ => false,
        }
    }

    /// What is to be written so that sled has the `changed` ones of `entries` as they are now.
    pub(super) fn plan(&mut self, entries: &Entries, changed: &BTreeSet<Vec<u8>>, epoch: u64) -> Plan {
        let (mut plan, mut stale, mut fresh) = (Plan::new(), BTreeSet::new(), BTreeSet::new());
        plan.insert(vec![MARK], Some(Vec::new()));
        for key in changed {
            if entries.contains_key(key) {
                if self.alone.insert(key.clone(), epoch).is_none() {
                    fresh.insert(key.clone());
                }
                continue;
            }
            if self.alone.remove(key).is_some() {
                plan.insert(stored(ALONE, key), None);
            }
            stale.extend(self.pack_of(key));
        }
        for key in self.surplus() {
            self.alone.remove(&key);
            if !fresh.contains(&key) {
                plan.insert(stored(ALONE, &key), None);
            }
            stale.insert(self.pack_of(&key).unwrap_or_else(|| key.clone()));
            self.packs.extend(self.pack_of(&key).is_none().then_some(key));
        }
        stale.into_iter().for_each(|first| self.pack(first, entries, &mut plan));
        let alone = changed.iter().filter(|key| self.alone.contains_key(*key));
        plan.extend(alone.map(|key| (stored(ALONE, key), entries.get(key).cloned())));
        plan
    }

    /// What has not changed for longest, if too much lies alone.
    fn surplus(&self) -> Vec<Vec<u8>> {
        if self.alone.len() <= ALONE_MAX {
            return Vec::new();
        }
        let mut oldest: Vec<(u64, &Vec<u8>)> = self.alone.iter().map(|(key, epoch)| (*epoch, key)).collect();
        oldest.sort_unstable();
        oldest.truncate(self.alone.len() - ALONE_MIN);
        oldest.into_iter().map(|(_, key)| key.clone()).collect()
    }

    /// The pack whose range holds the key.
    fn pack_of(&self, key: &[u8]) -> Option<Vec<u8>> {
        let up_to = (Bound::Unbounded, Bound::Included(key));
        self.packs.range::<[u8], _>(up_to).next_back().cloned()
    }

    /// Writes a pack anew: all entries of its range that don't lie alone, in as many packs as they need.
    fn pack(&mut self, first: Vec<u8>, entries: &Entries, plan: &mut Plan) {
        let after = (Bound::Excluded(first.as_slice()), Bound::Unbounded);
        let end = self.packs.range::<[u8], _>(after).next().cloned();
        let to = end.as_deref().map_or(Bound::Unbounded, Bound::Excluded);
        let range = entries.range::<[u8], _>((Bound::Included(first.as_slice()), to));
        let mut packs: Vec<(Vec<u8>, Vec<u8>)> = vec![(first, Vec::new())];
        for (key, value) in range.filter(|(key, _)| !self.alone.contains_key(*key)) {
            match packs
                .last_mut()
                .filter(|(_, bytes)| bytes.is_empty() || bytes.len() + value.len() <= PACK_BYTES)
            {
                Some((_, bytes)) => list::push(bytes, key, value),
                None => {
                    let mut bytes = Vec::new();
                    list::push(&mut bytes, key, value);
                    packs.push((key.clone(), bytes));
                }
            }
        }
        for (first, bytes) in packs {
            let full = !bytes.is_empty();
            plan.insert(stored(PACK, &first), full.then_some(bytes));
            if full {
                self.packs.insert(first)
            } else {
                self.packs.remove(&first)
            };
        }
    }
}

fn stored(kind: u8, key: &[u8]) -> Vec<u8> {
    std::iter::once(kind).chain(key.iter().copied()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What sled would hold.
    type Disk = BTreeMap<Vec<u8>, (u64, Vec<u8>)>;

    fn write(disk: &mut Disk, plan: Plan, epoch: u64) {
        for (key, payload) in plan {
            match payload {
                Some(payload) => drop(disk.insert(key, (epoch, payload))),
                None => drop(disk.remove(&key)),
            }
        }
    }

    fn read(disk: &Disk) -> (Layout, Entries) {
        let (mut layout, mut entries) = (Layout::default(), Entries::new());
        for (key, (epoch, payload)) in disk {
            assert!(layout.take(key, *epoch, payload, &mut entries));
        }
        (layout, entries)
    }

    fn key(n: u16) -> Vec<u8> {
        n.to_be_bytes().to_vec()
    }

    #[test]
    fn thousands_of_entries_take_a_few_hundred_values() {
        let entries: Entries = (0..10_000).map(|n| (key(n), vec![7; 150])).collect();
        let (mut layout, mut disk) = (Layout::default(), Disk::new());
        let plan = layout.plan(&entries, &entries.keys().cloned().collect(), 1);
        write(&mut disk, plan, 1);
        assert!(disk.len() < 800, "{}", disk.len());
        assert_eq!(read(&disk).1, entries);
    }

    #[test]
    fn what_does_not_make_sense_is_told() {
        let mut entries = Entries::new();
        for (key, payload) in [(&[9][..], &[][..]), (&[], &[]), (&[MARK, 1], &[]), (&[PACK, 1], &[5])] {
            assert!(!Layout::default().take(key, 1, payload, &mut entries), "{key:?}");
        }
    }

    proptest! {
        #[test]
        fn a_new_reading_gives_the_same_entries(
            saves in proptest::collection::vec(
                (proptest::collection::vec((0..600u16, proptest::option::of(0..4000usize)), 0..200), any::<bool>()), 1..12)
        ) {
            let (mut layout, mut disk, mut entries) = (Layout::default(), Disk::new(), Entries::new());
            for (epoch, (changes, reopen)) in saves.into_iter().enumerate() {
                for (n, size) in &changes {
                    match size {
                        Some(size) => drop(entries.insert(key(*n), vec![epoch.to_le_bytes()[0]; *size % 300])),
                        None => drop(entries.remove(&key(*n))),
                    }
                }
                let changed = changes.iter().map(|(n, _)| key(*n)).collect();
                let plan = layout.plan(&entries, &changed, epoch as u64);
                write(&mut disk, plan, epoch as u64);
                let (again, read) = read(&disk);
                prop_assert_eq!(&read, &entries);
                prop_assert_eq!(&again.packs, &layout.packs);
                prop_assert!(layout.alone.len() <= ALONE_MAX);
                if reopen {
                    layout = again;
                }
            }
        }
    }
}
