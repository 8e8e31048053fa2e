//! Checkpoints as they are written now: compact, because there may be tens of thousands.
//!
//! Layout behind the version's byte; numbers are LEB128, hashes little-endian, texts a length and their bytes:
//! flags (1 byte: 1 log, 2 and 4 the packing, 8 drained), key, path, family, length of the head and, unless 0, its
//! hash (16 bytes), the marker's offset, its length and, unless 0, its hash (8), settled, how many ranges beyond and
//! of each how far it is from the last one's end and how long, mark, device, inode, size, time of the content's last
//! change (signed), how much later the inode's was (signed), time of writing.

use super::{Head, Hints, Marker, Packing, SavedKind, SavedStream, from_distances, to_distances};
use crate::varint::{push, push_signed, take, take_signed};
use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

const LOG: u8 = 1;
const ZSTD: u8 = 2;
const GZIP: u8 = 4;
const DRAINED: u8 = 8;

/// Appends all of it.
pub(super) fn write(saved: &SavedStream, out: &mut Vec<u8>) {
    out.push(flags(saved));
    push(out, saved.key);
    push_path(out, &saved.path);
    push_path(out, &saved.family);
    push(out, u64::from(saved.head.len));
    if saved.head.len > 0 {
        saved.head.hash.iter().for_each(|half| out.extend_from_slice(&half.to_le_bytes()));
    }
    push(out, saved.marker.offset);
    push(out, u64::from(saved.marker.len));
    if saved.marker.len > 0 {
        out.extend_from_slice(&saved.marker.hash.to_le_bytes());
    }
    push(out, saved.settled);
    push(out, saved.beyond.len() as u64);
    to_distances(saved.settled, &saved.beyond).into_iter().for_each(|distance| push(out, distance));
    let hints = &saved.hints;
    [saved.mark, hints.dev, hints.ino, hints.size].into_iter().for_each(|number| push(out, number));
    push_signed(out, hints.mtime_ns);
    push_signed(out, hints.ctime_ns.wrapping_sub(hints.mtime_ns));
    push(out, saved.updated_unix);
}

fn flags(saved: &SavedStream) -> u8 {
    let kind = if saved.kind == SavedKind::Log { LOG } else { 0 };
    let packing = match saved.hints.packing {
        Packing::Plain => 0,
        Packing::Zstd => ZSTD,
        Packing::Gzip => GZIP,
    };
    kind | packing | if saved.drained { DRAINED } else { 0 }
}

fn push_path(out: &mut Vec<u8>, path: &Path) {
    let bytes = path.as_os_str().as_bytes();
    push(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// Reads what [`write()`] wrote; `None` if it is anything else.
pub(super) fn read(mut bytes: &[u8]) -> Option<SavedStream> {
    let from = &mut bytes;
    let flags = u8::from_le_bytes(array(from)?);
    let key = take(from)?;
    let (path, family) = (take_path(from)?, take_path(from)?);
    let (head, marker) = (take_head(from)?, take_marker(from)?);
    let settled = take(from)?;
    let beyond = take_beyond(from, settled)?;
    let mark = take(from)?;
    let hints = take_hints(from, packing(flags)?)?;
    let updated_unix = take(from)?;
    let kind = if flags & LOG == 0 { SavedKind::Trace } else { SavedKind::Log };
    let drained = flags & DRAINED != 0;
    let saved = SavedStream {
        key,
        kind,
        path,
        family,
        head,
        marker,
        settled,
        beyond,
        mark,
        hints,
        drained,
        updated_unix,
    };
    bytes.is_empty().then_some(saved)
}

fn packing(flags: u8) -> Option<Packing> {
    match flags & !(LOG | DRAINED) {
        0 => Some(Packing::Plain),
        ZSTD => Some(Packing::Zstd),
        GZIP => Some(Packing::Gzip),
        _ => None,
    }
}

fn array<const N: usize>(from: &mut &[u8]) -> Option<[u8; N]> {
    let (array, rest) = from.split_first_chunk::<N>()?;
    *from = rest;
    Some(*array)
}

fn take_path(from: &mut &[u8]) -> Option<PathBuf> {
    let len = usize::try_from(take(from)?).ok()?;
    let (path, rest) = from.split_at_checked(len)?;
    *from = rest;
    Some(OsString::from_vec(path.to_vec()).into())
}

fn take_head(from: &mut &[u8]) -> Option<Head> {
    match u16::try_from(take(from)?).ok()? {
        0 => Some(Head::default()),
        len => {
            let [high, low] = [array(from)?, array(from)?];
            Some(Head { len, hash: [u64::from_le_bytes(high), u64::from_le_bytes(low)] })
        }
    }
}

fn take_marker(from: &mut &[u8]) -> Option<Marker> {
    let offset = take(from)?;
    let len = u16::try_from(take(from)?).ok()?;
    let hash = if len > 0 { u64::from_le_bytes(array(from)?) } else { 0 };
    Some(Marker { offset, len, hash })
}

fn take_beyond(from: &mut &[u8], settled: u64) -> Option<Vec<(u64, u64)>> {
    // Each number takes a byte: a length that damage made can't ask for more room than there are bytes.
    let count = usize::try_from(take(from)?).ok().filter(|count| *count <= from.len())?;
    let distances: Option<Vec<u64>> = (0..count.checked_mul(2)?).map(|_| take(from)).collect();
    Some(from_distances(settled, &distances?))
}

fn take_hints(from: &mut &[u8], packing: Packing) -> Option<Hints> {
    let (dev, ino, size) = (take(from)?, take(from)?, take(from)?);
    let mtime_ns = take_signed(from)?;
    let ctime_ns = mtime_ns.wrapping_add(take_signed(from)?);
    Some(Hints { packing, dev, ino, size, mtime_ns, ctime_ns })
}
