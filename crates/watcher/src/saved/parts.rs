//! The parts that a checkpoint and a sleeping stream are both written of. Numbers are LEB128, hashes little-endian.

use super::{Head, Hints, Marker, Packing};
use crate::varint::{push, push_signed, take, take_signed};

/// Its length and, unless that is 0, its hash (16 bytes).
pub(crate) fn push_head(out: &mut Vec<u8>, head: Head) {
    push(out, u64::from(head.len));
    if head.len > 0 {
        head.hash.iter().for_each(|half| out.extend_from_slice(&half.to_le_bytes()));
    }
}

/// Its offset, its length and, unless that is 0, its hash (8 bytes).
pub(crate) fn push_marker(out: &mut Vec<u8>, marker: Marker) {
    push(out, marker.offset);
    push(out, u64::from(marker.len));
    if marker.len > 0 {
        out.extend_from_slice(&marker.hash.to_le_bytes());
    }
}

/// Device, inode, size, time of the content's last change (signed), how much later the inode's was (signed). How it is
/// packed has to stand elsewhere.
pub(crate) fn push_hints(out: &mut Vec<u8>, hints: &Hints) {
    [hints.dev, hints.ino, hints.size].into_iter().for_each(|number| push(out, number));
    push_signed(out, hints.mtime_ns);
    push_signed(out, hints.ctime_ns.wrapping_sub(hints.mtime_ns));
}

/// As many bytes off the front.
pub(crate) fn array<const N: usize>(from: &mut &[u8]) -> Option<[u8; N]> {
    let (array, rest) = from.split_first_chunk::<N>()?;
    *from = rest;
    Some(*array)
}

/// What [`push_head`] wrote.
pub(crate) fn take_head(from: &mut &[u8]) -> Option<Head> {
    match u16::try_from(take(from)?).ok()? {
        0 => Some(Head::default()),
        len => {
            let [high, low] = [array(from)?, array(from)?];
            Some(Head { len, hash: [u64::from_le_bytes(high), u64::from_le_bytes(low)] })
        }
    }
}

/// What [`push_marker`] wrote.
pub(crate) fn take_marker(from: &mut &[u8]) -> Option<Marker> {
    let offset = take(from)?;
    let len = u16::try_from(take(from)?).ok()?;
    let hash = if len > 0 { u64::from_le_bytes(array(from)?) } else { 0 };
    Some(Marker { offset, len, hash })
}

/// What [`push_hints`] wrote.
pub(crate) fn take_hints(from: &mut &[u8], packing: Packing) -> Option<Hints> {
    let (dev, ino, size) = (take(from)?, take(from)?, take(from)?);
    let mtime_ns = take_signed(from)?;
    let ctime_ns = mtime_ns.wrapping_add(take_signed(from)?);
    Some(Hints { packing, dev, ino, size, mtime_ns, ctime_ns })
}
