//! Request bodies on disk, for a decoder that shares no code with this one.
//!
//! Names: `NNNNNN.<signal>.<pb|json>`, the uncompressed body of each request that was stored whole, numbered in the
//! order of arrival. A request of which only part was stored has `.part` before its ending.

use super::Signal;
use std::io;
use std::path::Path;

/// Whether all records of the request were stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Whole {
    Yes,
    No,
}

pub(crate) fn write(
    directory: &Path,
    seq: u64,
    signal: Signal,
    json: bool,
    whole: Whole,
    body: &[u8],
) -> io::Result<()> {
    let ending = if json { "json" } else { "pb" };
    let part = if whole == Whole::Yes { "" } else { ".part" };
    std::fs::write(directory.join(format!("{seq:06}.{}{part}.{ending}", signal.name())), body)
}
