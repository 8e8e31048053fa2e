//! Checkpoints as they are written now: compact, because there may be tens of thousands.
//!
//! Layout behind the version's byte; numbers are LEB128, hashes little-endian, texts a length and their bytes:
//! flags (1 byte: 1 log, 2 and 4 the packing, 8 drained), key, path, family, length of the head and, unless 0, its
//! hash (16 bytes), the marker's offset, its length and, unless 0, its hash (8), settled, how many ranges beyond and
//! of each how far it is from the last one's end and how long, mark, device, inode, size, time of the content's last
//! change (signed), how much later the inode's was (signed), time of writing.

use super::parts::{array, push_head, push_hints, push_marker, take_head, take_hints, take_marker};
use super::{Packing, SavedKind, SavedStream, from_distances, to_distances};
use crate::varint::{push, take};
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
    push_head(out, saved.head);
    push_marker(out, saved.marker);
    push(out, saved.settled);
    push(out, saved.beyond.len() as u64);
    to_distances(saved.settled, &saved.beyond).into_iter().for_each(|distance| push(out, distance));
    push(out, saved.mark);
    push_hints(out, &saved.hints);
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

fn take_path(from: &mut &[u8]) -> Option<PathBuf> {
    let len = usize::try_from(take(from)?).ok()?;
    let (path, rest) = from.split_at_checked(len)?;
    *from = rest;
    Some(OsString::from_vec(path.to_vec()).into())
}

fn take_beyond(from: &mut &[u8], settled: u64) -> Option<Vec<(u64, u64)>> {
    // Each number takes a byte: a length that damage made can't ask for more room than there are bytes.
    let count = usize::try_from(take(from)?).ok().filter(|count| *count <= from.len())?;
    let distances: Option<Vec<u64>> = (0..count.checked_mul(2)?).map(|_| take(from)).collect();
    Some(from_distances(settled, &distances?))
}
