//! The facade.

use crate::{
    Change, Dirty, FileSystem, Held, Hint, Item, Now, Purpose, ReadOutcome, Receipt, SavedStream, Seek,
    Settings, StreamId, StreamInfo, StreamKind, Taken,
};
use std::path::PathBuf;
use std::time::Duration;

/// Finds, reads and settles the streams of all watched files.
pub struct Watcher {
    settings: Settings,
}

impl Watcher {
    /// Takes in what the checkpoints say; touches no file until the first [`scan`](Self::scan).
    #[must_use]
    pub fn new(_fs: Box<dyn FileSystem>, settings: Settings, _saved: Vec<SavedStream>) -> Self {
        Self { settings }
    }

    /// The settings it was made with.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The next scan looks at this.
    pub fn wake(&mut self, _hint: Hint) {}

    /// Looks at what was hinted at and at what is due. Call it after hints came, and when
    /// [`next_wake`](Self::next_wake) has passed.
    pub fn scan(&mut self, _now: Now) -> Vec<Change> {
        Vec::new()
    }

    /// When the next scan is due by itself, by the monotonic clock.
    #[must_use]
    pub fn next_wake(&self) -> Duration {
        Duration::ZERO
    }

    /// The directories whose events matter, those that don't exist included.
    #[must_use]
    pub fn directories(&self) -> Vec<PathBuf> {
        Vec::new()
    }

    /// The streams of one kind that have something to read, in the order in which they are to be read: trace
    /// files by creation, a log's siblings oldest first and the live file last.
    pub fn unread(&self, _kind: StreamKind, _purpose: Purpose) -> impl Iterator<Item = StreamId> + '_ {
        std::iter::empty()
    }

    /// All streams.
    pub fn streams(&self) -> impl Iterator<Item = StreamInfo> + '_ {
        std::iter::empty()
    }

    /// One stream.
    #[must_use]
    pub fn info(&self, _stream: StreamId) -> Option<StreamInfo> {
        None
    }

    /// Hands out lines, until about `max_bytes` were passed, `each` says stop, or nothing more can be read. At
    /// least one line is handed out if there is one, however long.
    pub fn read(
        &mut self,
        _stream: StreamId,
        _purpose: Purpose,
        _max_bytes: usize,
        _each: &mut dyn FnMut(Item<'_>) -> Taken,
    ) -> ReadOutcome {
        ReadOutcome { bytes: 0, at_end: true, error: None }
    }

    /// From now on evidence of this stream is read from there.
    pub fn seek_evidence(&mut self, _stream: StreamId, _seek: Seek) {}

    /// `n` parts of this line came back. `false` if it isn't open: it never was, or is settled.
    pub fn settle(&mut self, _receipt: Receipt, _n: u32) -> bool {
        false
    }

    /// This line has `n` parts more. `false` if it isn't open.
    pub fn add_part(&mut self, _receipt: Receipt, _n: u32) -> bool {
        false
    }

    /// What changed in the checkpoints since the last call.
    pub fn take_dirty(&mut self, _now: Now) -> Dirty {
        Dirty::default()
    }

    /// How the descriptors stand.
    #[must_use]
    pub fn held(&self) -> Held {
        Held::default()
    }
}
