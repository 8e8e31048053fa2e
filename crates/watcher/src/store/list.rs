//! Keys and values as one run of bytes: each as its length (LEB128) and its bytes, the key first.

use super::Entries;

/// Appends one pair.
pub(super) fn push(out: &mut Vec<u8>, key: &[u8], value: &[u8]) {
    for part in [key, value] {
        crate::varint::push(out, part.len() as u64);
        out.extend_from_slice(part);
    }
}

/// These pairs.
pub(super) fn of(entries: &Entries) -> Vec<u8> {
    let mut bytes = Vec::new();
    entries.iter().for_each(|(key, value)| push(&mut bytes, key, value));
    bytes
}

/// The pairs in `bytes`; `None` if they end in the middle of one.
pub(super) fn read(mut bytes: &[u8]) -> Option<Entries> {
    let mut entries = Entries::new();
    while !bytes.is_empty() {
        let key = part(&mut bytes)?.to_vec();
        entries.insert(key, part(&mut bytes)?.to_vec());
    }
    Some(entries)
}

fn part<'b>(bytes: &mut &'b [u8]) -> Option<&'b [u8]> {
    let len = usize::try_from(crate::varint::take(bytes)?).ok()?;
    let (part, rest) = bytes.split_at_checked(len)?;
    *bytes = rest;
    Some(part)
}
