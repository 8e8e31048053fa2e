//! Where in sled each entry lies: alone, or in a pack with its neighbours; and all entries in memory, in the same form.
//!
//! sled keeps about 1.2 KiB in memory for each of its entries, and thousands of ours (drained files) never change. So
//! what has not changed for longest is packed (`pack`), and what changes lies alone.
//!
//! Keys in sled: a byte for the kind, then: nothing for the *mark*, which is written with each save, so that the last
//! save's epoch is always there; the entry's key for one that lies *alone*; the first key it may hold for a *pack*. A
//! pack's range ends where the next pack's begins. An entry that lies alone is newer than one of the same key in a
//! pack.
//!
//! Promises: what is written of [`Layout::changes`] as one batch gives the same entries when it is read again. Leaves to
//! others: frames, sled.

use super::{Change, Entries, list, pack};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

/// The key of the mark.
pub(super) const MARK: u8 = 0;
/// What begins the key of an entry that lies alone.
pub(super) const ALONE: u8 = 1;
/// The same of a pack that was not compressed, as they were at first. Read, and not written any more.
const OLD_PACK: u8 = 2;
/// What begins the key of a pack.
pub(super) const PACK: u8 = 3;

/// With more entries alone than this, those that have not changed for longest are packed …
const ALONE_MAX: usize = 256;
/// … until this many are left.
const ALONE_MIN: usize = 128;

/// An entry that lies alone.
#[derive(Debug)]
struct Alone {
    /// The save that wrote it.
    epoch: u64,
    value: Vec<u8>,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Layout {
    alone: BTreeMap<Vec<u8>, Alone>,
    /// By the first key of each one's range.
    packs: BTreeMap<Vec<u8>, Vec<u8>>,
    /// Keys in sled whose values are not what they are here.
    stale: BTreeSet<Vec<u8>>,
}

impl Layout {
    /// Takes in one stored value that was read, those that lie alone before the packs; what it holds goes to `entries`
    /// too. `false` if it makes no sense.
    pub(super) fn take(&mut self, key: &[u8], epoch: u64, payload: &[u8], entries: &mut Entries) -> bool {
        match key.split_first() {
            Some((&MARK, [])) => true,
            Some((&ALONE, key)) => {
                self.alone.insert(key.to_vec(), Alone { epoch, value: payload.to_vec() });
                entries.insert(key.to_vec(), payload.to_vec());
                true
            }
            Some((&OLD_PACK, _)) => {
                self.stale.insert(key.to_vec());
                let packed = list::read(payload);
                let whole = packed.is_some();
                for (key, value) in packed.unwrap_or_default() {
                    self.stale.insert(stored(ALONE, &key));
                    let lies = self.alone.entry(key.clone()).or_insert(Alone { epoch, value });
                    entries.insert(key, lies.value.clone());
                }
                whole
            }
            Some((&PACK, first)) => {
                let Some(packed) = pack::open(payload) else { return false };
                self.packs.insert(first.to_vec(), payload.to_vec());
                for (key, value) in packed {
                    entries.entry(key).or_insert(value);
                }
                true
            }
            _ => false,
        }
    }

    /// Takes changes, of save number `epoch`, and packs what has not changed for longest, if too much lies alone.
    pub(super) fn apply(&mut self, changes: Vec<Change>, epoch: u64) {
        let mut gone = BTreeSet::new();
        for (key, value) in changes {
            if let Some(value) = value {
                gone.remove(&key);
                self.stale.insert(stored(ALONE, &key));
                self.alone.insert(key, Alone { epoch, value });
            } else {
                self.take_alone(&key);
                gone.insert(key);
            }
        }
        let mut packs: BTreeMap<Vec<u8>, Entries> = BTreeMap::new();
        for first in gone.iter().filter_map(|key| self.pack_of(key)) {
            packs.entry(first).or_default();
        }
        for (key, value) in self.surplus() {
            let first = self.pack_of(&key).unwrap_or_else(|| key.clone());
            // The next one, if it lies before all other packs, goes with it.
            self.packs.entry(first.clone()).or_default();
            packs.entry(first).or_default().insert(key, value);
        }
        packs.into_iter().for_each(|(first, added)| self.repack(first, added, &gone));
    }

    /// What is to be written so that sled has all as it is here; `None` removes.
    pub(super) fn changes(&self) -> impl Iterator<Item = (&[u8], Option<&[u8]>)> {
        self.stale.iter().map(|key| (key.as_slice(), self.payload(key)))
    }

    /// Sled has all of it now.
    pub(super) fn written(&mut self) {
        self.stale.clear();
    }

    /// Whether sled has all of it.
    pub(super) fn is_written(&self) -> bool {
        self.stale.is_empty()
    }

    /// Sled holds this instead.
    pub(super) fn differs_from(&mut self, other: &Self) {
        self.stale = self.keys().chain(other.keys()).chain(other.stale.iter().cloned()).collect();
    }

    /// All entries.
    pub(super) fn entries(&self) -> Entries {
        self.pieces().flatten().collect()
    }

    /// All entries, a few at a time.
    fn pieces(&self) -> impl Iterator<Item = Entries> {
        let packed = self.packs.values().map(|bytes| self.still_packed(bytes));
        let alone = || self.alone.iter().map(|(key, alone)| (key.clone(), alone.value.clone())).collect();
        packed.chain(std::iter::once_with(alone))
    }

    /// The same as lists. What lies in a pack is one already, unless something in it has changed since.
    pub(super) fn lists(&self) -> impl Iterator<Item = Cow<'_, [u8]>> {
        let mut packs = self.packs.iter().peekable();
        let packed = std::iter::from_fn(move || {
            let (first, bytes) = packs.next()?;
            let end = packs.peek().map_or(Bound::Unbounded, |(next, _)| Bound::Excluded(next.as_slice()));
            let range = (Bound::Included(first.as_slice()), end);
            let unchanged = self.alone.range::<[u8], _>(range).next().is_none();
            let list = if unchanged { pack::unpack(bytes) } else { None };
            Some(list.unwrap_or_else(|| Cow::Owned(list::of(&self.still_packed(bytes)))))
        });
        let alone = || {
            let mut bytes = Vec::new();
            self.alone.iter().for_each(|(key, alone)| list::push(&mut bytes, key, &alone.value));
            Cow::Owned(bytes)
        };
        packed.chain(std::iter::once_with(alone))
    }

    /// What in a pack has not changed since.
    fn still_packed(&self, bytes: &[u8]) -> Entries {
        let mut packed = pack::open(bytes).unwrap_or_default();
        packed.retain(|key, _| !self.alone.contains_key(key));
        packed
    }

    fn keys(&self) -> impl Iterator<Item = Vec<u8>> {
        let alone = self.alone.keys().map(|key| stored(ALONE, key));
        alone.chain(self.packs.keys().map(|first| stored(PACK, first)))
    }

    fn payload(&self, key: &[u8]) -> Option<&[u8]> {
        match key.split_first()? {
            (&ALONE, key) => self.alone.get(key).map(|alone| alone.value.as_slice()),
            (&PACK, first) => self.packs.get(first).map(Vec::as_slice),
            _ => None,
        }
    }

    fn take_alone(&mut self, key: &[u8]) -> Option<Vec<u8>> {
        let alone = self.alone.remove(key)?;
        self.stale.insert(stored(ALONE, key));
        Some(alone.value)
    }

    /// Takes out what has not changed for longest, if too much lies alone; in the order of the keys.
    fn surplus(&mut self) -> Entries {
        if self.alone.len() <= ALONE_MAX {
            return Entries::new();
        }
        let mut oldest: Vec<(u64, &Vec<u8>)> =
            self.alone.iter().map(|(key, alone)| (alone.epoch, key)).collect();
        oldest.sort_unstable();
        oldest.truncate(self.alone.len() - ALONE_MIN);
        let oldest: Vec<Vec<u8>> = oldest.into_iter().map(|(_, key)| key.clone()).collect();
        oldest.into_iter().filter_map(|key| self.take_alone(&key).map(|value| (key, value))).collect()
    }

    /// The pack whose range holds the key.
    fn pack_of(&self, key: &[u8]) -> Option<Vec<u8>> {
        let up_to = (Bound::Unbounded, Bound::Included(key));
        self.packs.range::<[u8], _>(up_to).next_back().map(|(first, _)| first.clone())
    }

    /// Makes a pack anew, or as many as its entries need.
    fn repack(&mut self, first: Vec<u8>, added: Entries, gone: &BTreeSet<Vec<u8>>) {
        let mut entries = self.packs.remove(&first).and_then(|bytes| pack::open(&bytes)).unwrap_or_default();
        entries.retain(|key, _| !gone.contains(key));
        entries.extend(added);
        self.stale.insert(stored(PACK, &first));
        let mut first = Some(first);
        for (key, bytes) in pack::close(entries) {
            // The range still begins where it did.
            let from = first.take().unwrap_or(key);
            self.stale.insert(stored(PACK, &from));
            self.packs.insert(from, bytes);
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

    fn write(disk: &mut Disk, layout: &mut Layout, epoch: u64) {
        for (key, payload) in layout.changes() {
            match payload {
                Some(payload) => drop(disk.insert(key.to_vec(), (epoch, payload.to_vec()))),
                None => drop(disk.remove(key)),
            }
        }
        layout.written();
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
        layout.apply(entries.clone().into_iter().map(|(key, value)| (key, Some(value))).collect(), 1);
        write(&mut disk, &mut layout, 1);
        assert!(disk.len() < 400, "{}", disk.len());
        assert_eq!((read(&disk).1, layout.entries()), (entries.clone(), entries));
    }

    #[test]
    fn packs_of_old_are_read_and_made_anew() {
        let (mut payload, mut disk) = (Vec::new(), Disk::new());
        (0..2).for_each(|n| list::push(&mut payload, &key(n), b"old"));
        disk.insert(stored(OLD_PACK, &key(0)), (1, payload));
        disk.insert(stored(ALONE, &key(1)), (2, b"new".to_vec()));
        let (mut layout, entries) = read(&disk);
        let expected = Entries::from([(key(0), b"old".to_vec()), (key(1), b"new".to_vec())]);
        assert_eq!((&entries, &layout.entries()), (&expected, &expected));
        write(&mut disk, &mut layout, 3);
        assert_eq!((disk.len(), read(&disk).1), (2, expected));
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
                let value = |n: &u16| (key(*n), entries.get(&key(*n)).cloned());
                layout.apply(changes.iter().map(|(n, _)| value(n)).collect(), epoch as u64);
                write(&mut disk, &mut layout, epoch as u64);
                let (again, read) = read(&disk);
                prop_assert_eq!(&read, &entries);
                prop_assert_eq!(&layout.entries(), &entries);
                prop_assert_eq!(list::read(&layout.lists().collect::<Vec<_>>().concat()), Some(entries.clone()));
                prop_assert_eq!(&again.packs, &layout.packs);
                prop_assert!(layout.alone.len() <= ALONE_MAX);
                if reopen {
                    layout = again;
                }
            }
        }
    }
}
