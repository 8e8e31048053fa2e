//! The side-car: all entries in one small file, replaced whole, to fall back on and to compare with.
//!
//! Layout: `XOP2`, epoch (8 bytes, little-endian), CRC-32 of epoch and list (4), the entries as a `list`.

use super::{Entries, list};
use std::fs::File;
use std::io::Write;
use std::path::Path;

const NAME: &str = "positions-2";
const MAGIC: &[u8; 4] = b"XOP2";

/// Replaces the side-car; after a crash either the old or the new one is there.
pub(super) fn write(directory: &Path, epoch: u64, entries: &Entries) -> std::io::Result<()> {
    let mut bytes = Vec::with_capacity(entries.iter().map(|(key, value)| key.len() + value.len() + 4).sum());
    entries.iter().for_each(|(key, value)| list::push(&mut bytes, key, value));
    let new = directory.join("positions-2.new");
    let mut file = File::create(&new)?;
    file.write_all(MAGIC)?;
    file.write_all(&epoch.to_le_bytes())?;
    file.write_all(&checksum(epoch, &bytes).to_le_bytes())?;
    file.write_all(&bytes)?;
    file.sync_all()?;
    std::fs::rename(&new, directory.join(NAME))?;
    File::open(directory)?.sync_all()
}

/// The side-car's epoch and entries; `None` where there is none that can be believed.
pub(super) fn read(directory: &Path) -> Option<(u64, Entries)> {
    let bytes = std::fs::read(directory.join(NAME)).ok()?;
    let rest = bytes.strip_prefix(MAGIC)?;
    let (epoch, rest) = rest.split_first_chunk::<8>()?;
    let (sum, rest) = rest.split_first_chunk::<4>()?;
    let epoch = u64::from_le_bytes(*epoch);
    if checksum(epoch, rest) != u32::from_le_bytes(*sum) {
        return None;
    }
    Some((epoch, list::read(rest)?))
}

fn checksum(epoch: u64, list: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&epoch.to_le_bytes());
    hasher.update(list);
    hasher.finalize()
}
