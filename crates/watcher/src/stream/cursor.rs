//! A place in a stream.

use crate::decode::Decoder;
use crate::lines::{Framer, Window};
use crate::saved::Marker;

/// Where one purpose reads next.
#[derive(Default)]
pub(crate) struct Cursor {
    /// Where the next line starts; while a line over the limit is skipped, where that one started.
    pub(crate) next: u64,
    /// Where the next byte is taken from: `next`, but for a line that is being skipped.
    pub(crate) at: u64,
    /// There is no line's end before this.
    pub(crate) probed: u64,
    /// The bytes before `at`; empty if they were not read in this run.
    pub(crate) marker: Marker,
    pub(crate) framer: Framer,
    /// `at` is no line's start: the first is behind the next newline.
    pub(crate) align: bool,
    /// The compressed file was read to its end, as it is now.
    pub(crate) ended: bool,
    /// A decoder that stands at `at`.
    pub(crate) unpacked: Option<Box<Unpacked>>,
}

/// A decoder, and what it gave that is not handed out yet.
pub(crate) struct Unpacked {
    pub(crate) decoder: Decoder,
    pub(crate) window: Window,
}

impl Cursor {
    /// A place at a line's start.
    pub(crate) fn at(offset: u64) -> Self {
        Self { next: offset, at: offset, probed: offset, ..Self::default() }
    }

    /// A place from which the first line that starts at `offset` or later is read.
    pub(crate) fn after(offset: u64) -> Self {
        match offset.checked_sub(1) {
            None => Self::at(0),
            Some(before) => Self { align: true, ..Self::at(before) },
        }
    }

    /// Everything before this was looked at.
    pub(crate) fn seen(&self) -> u64 {
        self.at.max(self.probed)
    }
}
