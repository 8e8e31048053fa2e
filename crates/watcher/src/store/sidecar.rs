//! The side-car: all entries in one small JSON file, replaced whole, to fall back on and to compare with.

use super::Entries;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write;
use std::path::Path;

const NAME: &str = "positions.json";
const VERSION: u32 = 1;

#[derive(Serialize, Deserialize)]
struct Sidecar {
    version: u32,
    epoch: u64,
    /// CRC-32 of the entries' bytes, in order.
    checksum: u32,
    /// Keys and values in hexadecimal.
    entries: BTreeMap<String, String>,
}

/// Replaces the side-car; after a crash either the old or the new one is there.
pub(super) fn write(directory: &Path, epoch: u64, entries: &Entries) -> std::io::Result<()> {
    let hex: BTreeMap<String, String> =
        entries.iter().map(|(key, value)| (to_hex(key), to_hex(value))).collect();
    let text =
        serde_json::to_vec(&Sidecar { version: VERSION, epoch, checksum: checksum(entries), entries: hex })?;
    let new = directory.join("positions.json.new");
    let mut file = File::create(&new)?;
    file.write_all(&text)?;
    file.sync_all()?;
    std::fs::rename(&new, directory.join(NAME))?;
    File::open(directory)?.sync_all()
}

/// The side-car's epoch and entries; `None` where there is none that can be believed.
pub(super) fn read(directory: &Path) -> Option<(u64, Entries)> {
    let text = std::fs::read(directory.join(NAME)).ok()?;
    let sidecar: Sidecar = serde_json::from_slice(&text).ok()?;
    let pairs = sidecar.entries.iter().map(|(key, value)| Some((from_hex(key)?, from_hex(value)?)));
    let entries: Entries = pairs.collect::<Option<_>>()?;
    (sidecar.version == VERSION && sidecar.checksum == checksum(&entries)).then_some((sidecar.epoch, entries))
}

fn checksum(entries: &Entries) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    for (key, value) in entries {
        hasher.update(&(key.len() as u64).to_le_bytes());
        hasher.update(key);
        hasher.update(&(value.len() as u64).to_le_bytes());
        hasher.update(value);
    }
    hasher.finalize()
}

fn to_hex(bytes: &[u8]) -> String {
    const DIGITS: [char; 16] =
        ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
    let digit = |nibble: u8| DIGITS.get(usize::from(nibble)).copied().unwrap_or('0');
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: &u8| (*byte as char).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    let pair = |[high, low]: &[u8; 2]| Some(digit(high)? << 4 | digit(low)?);
    rest.is_empty().then(|| pairs.iter().map(pair).collect())?
}
