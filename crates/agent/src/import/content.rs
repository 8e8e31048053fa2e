//! The bytes of a file, wherever they are.

use super::spool::Spooled;
use archive::Slice;
use std::io;
use xxhash_rust::xxh3::Xxh3;

/// So much of a file's begin and end stands for it, where it is to be known again.
const SAMPLE: usize = 4096;

/// Bytes that can be read in any order.
#[derive(Clone)]
pub(crate) enum Content {
    /// As they lie on a disk.
    Slice(Slice),
    /// In the temporary file.
    Spooled(Spooled),
}

impl Content {
    pub(crate) fn len(&self) -> u64 {
        match self {
            Self::Slice(slice) => slice.len(),
            Self::Spooled(spooled) => spooled.len(),
        }
    }

    /// Reads at an offset; 0 at the end. May read less than there is.
    pub(crate) fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        match self {
            Self::Slice(slice) => slice.read_at(buf, offset),
            Self::Spooled(spooled) => spooled.read_at(buf, offset),
        }
    }

    /// Adds what it is known by.
    pub(crate) fn sample(&self, hash: &mut Xxh3) -> io::Result<()> {
        hash.update(&self.len().to_le_bytes());
        for offset in [0, self.len().saturating_sub(SAMPLE as u64)] {
            let mut bytes = [0; SAMPLE];
            let read = self.read_at(&mut bytes, offset)?;
            hash.update(bytes.get(..read).unwrap_or_default());
        }
        Ok(())
    }
}
