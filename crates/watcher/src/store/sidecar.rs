//! The side-car: all entries in one small file, replaced whole, to fall back on and to compare with.
//!
//! Layout: `XOP2`, epoch (8 bytes, little-endian), CRC-32 of epoch and list (4), the entries as a `list`.

use super::{Entries, list};
use std::borrow::Cow;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;

const NAME: &str = "positions-2";
const MAGIC: &[u8; 4] = b"XOP2";
/// Where the checksum lies.
const SUM_AT: u64 = 12;
const BUFFER: usize = 64 << 10;

/// Replaces the side-car by one of the entries in these lists; after a crash either the old or the new one is there.
pub(super) fn write<'l>(
    directory: &Path,
    epoch: u64,
    lists: impl Iterator<Item = Cow<'l, [u8]>>,
) -> std::io::Result<()> {
    let new = directory.join("positions-2.new");
    let mut out = BufWriter::with_capacity(BUFFER, File::create(&new)?);
    out.write_all(MAGIC)?;
    out.write_all(&epoch.to_le_bytes())?;
    out.write_all(&[0; 4])?;
    let mut sum = hasher(epoch);
    for bytes in lists {
        sum.update(&bytes);
        out.write_all(&bytes)?;
    }
    let file = out.into_inner()?;
    file.write_all_at(&sum.finalize().to_le_bytes(), SUM_AT)?;
    file.sync_all()?;
    std::fs::rename(&new, directory.join(NAME))?;
    File::open(directory)?.sync_all()
}

/// The side-car's epoch and entries; `None` where there is none that can be believed.
pub(super) fn read(directory: &Path) -> Option<(u64, Entries)> {
    let bytes = std::fs::read(directory.join(NAME)).ok()?;
    let (epoch, entries) = believed(&bytes)?;
    Some((epoch, list::read(entries)?))
}

/// The side-car's epoch alone: thousands of entries need not be read for that.
pub(super) fn epoch(directory: &Path) -> Option<u64> {
    let bytes = std::fs::read(directory.join(NAME)).ok()?;
    believed(&bytes).map(|(epoch, _)| epoch)
}

/// The epoch, and the list of entries, if the checksum is right.
fn believed(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let rest = bytes.strip_prefix(MAGIC)?;
    let (epoch, rest) = rest.split_first_chunk::<8>()?;
    let (sum, rest) = rest.split_first_chunk::<4>()?;
    let epoch = u64::from_le_bytes(*epoch);
    let mut hasher = hasher(epoch);
    hasher.update(rest);
    (hasher.finalize() == u32::from_le_bytes(*sum)).then_some((epoch, rest))
}

/// Of the checksum, which begins with the epoch.
fn hasher(epoch: u64) -> crc32fast::Hasher {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&epoch.to_le_bytes());
    hasher
}
