//! The formats that releases have written, each under names of its own, so that an upgrade can be taken back.
//!
//! | format | store | side-car | values in sled |
//! |---|---|---|---|
//! | 1 | `store` | `positions.json` | a frame for each entry |
//! | 2, now | `store-2` | `positions-2` | a frame for each entry that changes, packs of those that don't |
//!
//! Promises: the store of an older format is taken over where there is none of the present one, or where the older
//! one was used since (after a downgrade). It stays as it is for a week after it was last used, for a downgrade; what
//! was delivered since the upgrade is then sent again. Stores of a later format are left alone. Leaves to others: what
//! the entries' values mean; they have versions of their own.

use super::database::Database;
use super::{Entries, recover};
use model::Now;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

/// How the values lie in sled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    One,
    Two,
}

/// The present format's store.
pub(super) const STORE: &str = "store-2";
const OLD_STORE: &str = "store";
const OLD_SIDECAR: &str = "positions.json";
/// How long the store of an older format is kept after its last use: trace files and logs are gone by then.
const KEEP_OLD: Duration = Duration::from_secs(7 * 24 * 3600);

/// The entries of an older format, if it was used later than the present one; `Some(None)`: they can't be read.
pub(super) fn older(directory: &Path) -> Option<Option<(u64, Entries)>> {
    let used = last_used(&directory.join(OLD_STORE), Path::new("db"));
    let sidecar = last_used(directory, Path::new(OLD_SIDECAR));
    let newest = used.max(sidecar)?;
    if last_used(&directory.join(STORE), Path::new("db")).is_some_and(|present| present >= newest) {
        return None;
    }
    Some(read_older(directory))
}

fn read_older(directory: &Path) -> Option<(u64, Entries)> {
    let store = directory.join(OLD_STORE);
    recover::remove_half_snapshots(&store);
    let sidecar = read_sidecar(directory);
    let floor = sidecar.as_ref().map_or(0, |(epoch, _)| *epoch);
    let whole = |epoch: u64, bad: usize| epoch >= floor && bad == 0;
    let opened = store.join("db").exists().then(|| Database::open(&store, Format::One).ok()).flatten();
    let believed = opened.filter(|contents| whole(contents.epoch, contents.bad_entries));
    believed.map(|contents| (contents.epoch, contents.entries)).or(sidecar)
}

/// Removes what an older format left once nobody will go back to it.
pub(super) fn tidy(directory: &Path, now: Now) {
    let store = directory.join(OLD_STORE);
    let used = last_used(&store, Path::new("db")).max(last_used(directory, Path::new(OLD_SIDECAR)));
    let now = Duration::from_nanos(now.wall_unix_nano);
    if used.is_some_and(|used| now.saturating_sub(used) > KEEP_OLD) {
        let _ = std::fs::remove_dir_all(store);
        let _ = std::fs::remove_file(directory.join(OLD_SIDECAR));
    }
}

/// Whether a later release left a store, which this one can't read.
pub(super) fn has_later(directory: &Path) -> bool {
    let number = |name: &OsStr| name.to_str()?.strip_prefix("store-")?.parse::<u32>().ok();
    recover::files(directory).any(|path| path.file_name().and_then(number).is_some_and(|format| format > 2))
}

/// When a file was last written, since the epoch.
fn last_used(directory: &Path, file: &Path) -> Option<Duration> {
    let modified = std::fs::metadata(directory.join(file)).ok()?.modified().ok()?;
    modified.duration_since(UNIX_EPOCH).ok()
}

/// The side-car of format 1: keys and values in hexadecimal.
#[derive(Deserialize)]
struct OldSidecar {
    version: u32,
    epoch: u64,
    /// CRC-32 of the entries' lengths and bytes, in order.
    checksum: u32,
    entries: BTreeMap<String, String>,
}

fn read_sidecar(directory: &Path) -> Option<(u64, Entries)> {
    let text = std::fs::read(directory.join(OLD_SIDECAR)).ok()?;
    let sidecar: OldSidecar = serde_json::from_slice(&text).ok()?;
    let pairs = sidecar.entries.iter().map(|(key, value)| Some((from_hex(key)?, from_hex(value)?)));
    let entries: Entries = pairs.collect::<Option<_>>()?;
    (sidecar.version == 1 && sidecar.checksum == checksum(&entries)).then_some((sidecar.epoch, entries))
}

fn checksum(entries: &Entries) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    for part in entries.iter().flat_map(|(key, value)| [key, value]) {
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part);
    }
    hasher.finalize()
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: &u8| (*byte as char).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    let pair = |[high, low]: &[u8; 2]| Some(digit(high)? << 4 | digit(low)?);
    rest.is_empty().then(|| pairs.iter().map(pair).collect())?
}
