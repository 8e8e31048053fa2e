//! Entries that seldom change, a few dozen together and compressed: paths and times of neighbours are much alike.
//!
//! Layout: the length of a `list` (LEB128), then the list as one zstd frame, or as it is, if that is no longer; nothing at
//! all holds no entry.

use super::{Entries, list};
use crate::varint;
use std::borrow::Cow;

/// How large a pack gets before it is compressed, in bytes, unless one entry alone is larger: to a third or less. sled
/// keeps 16 values together, and puts what is larger than an eighth of a MiB into a file of its own.
const BYTES: usize = 12 << 10;
/// What no pack is larger than: an entry has some thousand ranges at most.
const BYTES_MAX: u64 = 16 << 20;
/// Level 3 makes them a tenth smaller than level 1, at the same speed: they are small.
const LEVEL: i32 = 3;

/// The entries in a pack; `None` if it is damaged.
pub(super) fn open(bytes: &[u8]) -> Option<Entries> {
    list::read(&unpack(bytes)?)
}

/// The `list` in a pack; `None` if it is damaged.
pub(super) fn unpack(mut bytes: &[u8]) -> Option<Cow<'_, [u8]>> {
    if bytes.is_empty() {
        return Some(Cow::Borrowed(bytes));
    }
    let length = varint::take(&mut bytes).filter(|length| *length <= BYTES_MAX)?;
    let length = usize::try_from(length).ok()?;
    if bytes.len() == length {
        return Some(Cow::Borrowed(bytes));
    }
    zstd::bulk::decompress(bytes, length).ok().filter(|list| list.len() == length).map(Cow::Owned)
}

/// As many packs as these entries need, each with its first key.
pub(super) fn close(entries: Entries) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut lists: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
    for (key, value) in entries {
        match lists.last_mut().filter(|(_, bytes)| bytes.len() + value.len() <= BYTES) {
            Some((_, bytes)) => list::push(bytes, &key, &value),
            None => {
                let mut bytes = Vec::new();
                list::push(&mut bytes, &key, &value);
                lists.push((key, bytes));
            }
        }
    }
    lists.into_iter().map(|(first, bytes)| (first, compressed(&bytes))).collect()
}

fn compressed(list: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    varint::push(&mut bytes, list.len() as u64);
    let frame = zstd::bulk::compress(list, LEVEL).ok().filter(|frame| frame.len() < list.len());
    bytes.extend_from_slice(frame.as_deref().unwrap_or(list));
    bytes.shrink_to_fit();
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_packed_is_opened_again() {
        let entry = |n: u32| (n.to_be_bytes().to_vec(), format!("/var/log/dt/{n:09}.ndjson").into_bytes());
        for count in [1, 50, 5_000] {
            let entries: Entries = (0..count).map(entry).collect();
            let packs = close(entries.clone());
            let bytes: usize = packs.iter().map(|(_, bytes)| bytes.len()).sum();
            assert!(count < 50 || bytes * 3 < entries.values().map(Vec::len).sum(), "{count}: {bytes}");
            let opened: Entries = packs.iter().flat_map(|(_, bytes)| open(bytes).unwrap()).collect();
            assert_eq!(opened, entries);
            assert!(packs.iter().all(|(first, bytes)| open(bytes).unwrap().keys().next() == Some(first)));
        }
        let large = Entries::from([(vec![1], vec![7; 100_000]), (vec![2], vec![8; 10])]);
        assert_eq!(close(large).len(), 2);
    }

    #[test]
    fn damage_is_told() {
        let pack = close(Entries::from([(vec![1], vec![7; 100])])).remove(0).1;
        assert!((1..pack.len()).all(|cut| open(&pack[..cut]).is_none()));
        let mut huge = Vec::new();
        varint::push(&mut huge, u64::MAX);
        assert!(open(&huge).is_none());
    }
}
