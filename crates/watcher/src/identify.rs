//! What makes two files the same stream: their content.
//!
//! Promises: pure functions over bytes and numbers. Leaves to others: reading the bytes, and which files are
//! compared with which.
//!
//! A stream is known by its *head*, the hash of its first bytes (up to 1 KiB of the uncompressed stream,
//! growing with it), and by a *marker*, the hash of the bytes just before an offset: the head tells which
//! stream it is, the marker that it was not overwritten since. Device, inode, size and times are hints: they
//! spare opening a file that did not change, and never decide against the content.

use crate::Meta;
use crate::saved::{Head, Hints, Marker, Packing};
use xxhash_rust::xxh3::{xxh3_64, xxh3_128};

/// The most bytes a head covers.
pub(crate) const HEAD_MAX: usize = 1024;
/// The most bytes a marker covers.
pub(crate) const MARKER_MAX: usize = 64;
/// A head of fewer bytes than this could be equal by chance: two logs may begin with the same second.
const STRONG: u16 = 64;

impl Head {
    /// The head of a stream that begins with `bytes`.
    pub(crate) fn of(bytes: &[u8]) -> Self {
        let bytes = bytes.get(..HEAD_MAX).unwrap_or(bytes);
        let hash = xxh3_128(bytes);
        let low = u64::try_from(hash & u128::from(u64::MAX)).unwrap_or_default();
        let high = u64::try_from(hash >> 64).unwrap_or_default();
        Self { len: u16::try_from(bytes.len()).unwrap_or_default(), hash: [high, low] }
    }

    /// Whether a stream that begins with `bytes` can be this one, grown or not.
    pub(crate) fn fits(&self, bytes: &[u8]) -> bool {
        self.len == 0 || bytes.get(..usize::from(self.len)).is_some_and(|start| Self::of(start) == *self)
    }

    /// Whether the head alone is proof enough.
    pub(crate) fn is_strong(&self) -> bool {
        self.len >= STRONG
    }

    /// Whether it covers all it can of a stream of this size.
    pub(crate) fn is_all_of(&self, size: u64) -> bool {
        self.is_full() || u64::from(self.len) == size
    }

    /// Whether it covers all it can.
    pub(crate) fn is_full(&self) -> bool {
        usize::from(self.len) >= HEAD_MAX
    }
}

impl Marker {
    /// The marker at `offset`, where `before` are the bytes that end there.
    pub(crate) fn at(offset: u64, before: &[u8]) -> Self {
        let before = before.get(before.len().saturating_sub(MARKER_MAX)..).unwrap_or(before);
        Self { offset, len: u16::try_from(before.len()).unwrap_or_default(), hash: xxh3_64(before) }
    }

    /// Where its bytes begin.
    pub(crate) fn start(&self) -> u64 {
        self.offset.saturating_sub(u64::from(self.len))
    }

    /// Whether `bytes`, those from [`start`](Self::start) to the offset, are the ones it was made of.
    pub(crate) fn fits(&self, bytes: &[u8]) -> bool {
        bytes.len() == usize::from(self.len) && (bytes.is_empty() || xxh3_64(bytes) == self.hash)
    }
}

impl Hints {
    /// The hints of a file with this state.
    pub(crate) fn of(meta: &Meta, packing: Packing) -> Self {
        Self {
            packing,
            dev: meta.dev,
            ino: meta.ino,
            size: meta.size,
            mtime_ns: meta.mtime_ns,
            ctime_ns: meta.ctime_ns,
        }
    }

    /// Whether it is the same file, perhaps grown.
    pub(crate) fn same_file(&self, meta: &Meta) -> bool {
        (self.dev, self.ino) == (meta.dev, meta.ino)
    }

    /// Whether it is the same file, and nothing happened to it: then it need not be opened.
    pub(crate) fn unchanged(&self, meta: &Meta) -> bool {
        *self == Self::of(meta, self.packing)
    }

    /// The same but for the inode's own change time, which a rename sets.
    pub(crate) fn unchanged_but_renamed(&self, meta: &Meta) -> bool {
        Self { ctime_ns: meta.ctime_ns, ..*self } == Self::of(meta, self.packing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_fits_what_it_grew_into_and_nothing_else() {
        let long = vec![b'x'; 5000];
        for (known, now, fits) in [
            (&b""[..], &b"any"[..], true),
            (b"abc", b"abcd", true),
            (b"abc", b"ab", false),
            (b"abc", b"abd", false),
            (&long, &long[..1024], true),
            (&long, &long[..1023], false),
        ] {
            assert_eq!(Head::of(known).fits(now), fits, "{} in {}", known.len(), now.len());
        }
        assert!(Head::of(&long).is_full() && !Head::of(b"abc").is_strong());
    }

    #[test]
    fn a_marker_covers_the_end_of_what_was_read() {
        let text = vec![b'a'; 100];
        let marker = Marker::at(100, &text);
        assert_eq!((marker.start(), marker.len), (36, 64));
        assert!(marker.fits(&text[36..]) && !marker.fits(&text[37..]) && !marker.fits(&[b'b'; 64]));
        assert!(Marker::default().fits(b""));
    }
}
