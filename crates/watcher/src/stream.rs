//! One stream: all names and forms that its bytes have on disk, and how far it was read.
//!
//! Promises: plain state and the questions asked of it; [`pump()`] moves bytes. Leaves to others: when to look,
//! and which file is whose.
//!
//! A stream may have a plain file, a compressed one, or for a moment both. The plain one is read as long as it
//! can be: under its name, or by the descriptor that was opened before the name went. The compressed one is
//! read from the same offset of uncompressed bytes, once it is whole or has stopped growing.

mod asleep;
mod cursor;
mod pump;
mod table;

pub(crate) use cursor::{Cursor, Unpacked};
pub(crate) use pump::{Feed, Halt, PackedFeed, PlainFeed, Shape, Sink, pump};
pub(crate) use table::Streams;

use crate::decode::Progress;
use crate::fs::File;
use crate::identify::HEAD_MAX;
use crate::saved::{Head, Hints, Marker, Packing};
use crate::settle::Tracker;
use crate::{Purpose, Reason, StreamId, StreamKind};
use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// How many places a stream remembers markers of, between the settled offset and the one read up to.
const MARKERS: usize = 32;

/// A file that holds the stream, or did.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    /// Its name, or the last one.
    pub(crate) path: PathBuf,
    /// The name still stands for it.
    pub(crate) named: bool,
    /// Its state when it was last looked at.
    pub(crate) hints: Hints,
}

/// The compressed file.
#[derive(Clone, Debug)]
pub(crate) struct PackedFile {
    pub(crate) place: Place,
    /// It is whole, or has stopped growing.
    pub(crate) ready: bool,
    /// When it was last seen to change.
    pub(crate) since: Duration,
    /// How far its frames were followed, and at which size.
    pub(crate) walk: (Progress, u64),
    /// What can't be decoded of it has been told.
    pub(crate) told: bool,
}

/// Where the bytes are read from now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    Plain,
    Packed,
    Nothing,
}

/// See the module.
pub(crate) struct Stream {
    pub(crate) id: StreamId,
    pub(crate) key: u64,
    pub(crate) kind: StreamKind,
    /// Sorts the streams of one kind in the order of reading.
    pub(crate) order: u64,
    pub(crate) head: Head,
    /// Of a log: the bytes that `head` covers, as far as they were read in this run.
    pub(crate) first: Box<[u8]>,
    pub(crate) plain: Option<Place>,
    pub(crate) packed: Option<Box<PackedFile>>,
    /// The plain file, open.
    pub(crate) file: Option<Arc<dyn File>>,
    /// When the descriptor was last of use.
    pub(crate) used: Duration,
    pub(crate) tracker: Tracker,
    pub(crate) deliver: Cursor,
    pub(crate) evidence: Option<Box<Cursor>>,
    /// Places between the settled offset and the deliver cursor, oldest first; `None`: none.
    #[allow(clippy::box_collection, reason = "there may be tens of thousands of streams, most without any")]
    pub(crate) markers: Option<Box<VecDeque<Marker>>>,
    /// The engine knows of it.
    pub(crate) announced: bool,
    /// Its content is not what it was: to be looked at before it is read again.
    pub(crate) suspect: bool,
    /// Reading failed; not before the next look.
    pub(crate) blocked: bool,
    /// Since when it is told to be gone.
    pub(crate) gone: Option<Duration>,
    /// The plain file's size before it last grew.
    pub(crate) prior_size: u64,
    /// What happened to its plain file, if that was not just deleted.
    pub(crate) fate: Option<Reason>,
    /// A compressed file (device, inode) that looked like its own and is not.
    pub(crate) refused: Option<Box<(u64, u64)>>,
    /// The checkpoint is to be stored.
    pub(crate) dirty: bool,
    /// Of a trace file: the hash of directory and stem.
    pub(crate) stem: Option<u64>,
    /// Under which orders it stands in the lists of unread streams.
    pub(crate) listed: [Option<u64>; 2],
}

impl Stream {
    pub(crate) fn new(id: StreamId, key: u64, kind: StreamKind, order: u64) -> Self {
        Self {
            id,
            key,
            kind,
            order,
            head: Head::default(),
            first: Box::default(),
            plain: None,
            packed: None,
            file: None,
            used: Duration::ZERO,
            tracker: Tracker::default(),
            deliver: Cursor::default(),
            evidence: None,
            markers: None,
            announced: false,
            suspect: false,
            blocked: false,
            gone: None,
            prior_size: 0,
            fate: None,
            refused: None,
            dirty: false,
            stem: None,
            listed: [None; 2],
        }
    }

    /// Where the bytes are read from now.
    pub(crate) fn source(&self) -> Source {
        if self.file.is_some() || self.plain.as_ref().is_some_and(|place| place.named) {
            Source::Plain
        } else if self.packed.as_ref().is_some_and(|packed| packed.place.named) {
            Source::Packed
        } else {
            Source::Nothing
        }
    }

    /// The file that `packing` is the form of.
    pub(crate) fn place(&self, packing: Packing) -> Option<&Place> {
        match packing {
            Packing::Plain => self.plain.as_ref(),
            _ => self.packed.as_ref().map(|packed| &packed.place).filter(|p| p.hints.packing == packing),
        }
    }

    /// The file it is best known by: the one it is read from, else the last.
    pub(crate) fn main_place(&self) -> Option<&Place> {
        let plain = self.plain.as_ref();
        let packed = self.packed.as_ref().map(|packed| &packed.place);
        match self.source() {
            Source::Packed => packed,
            _ => plain.or(packed),
        }
    }

    /// How much it has, unpacked, as far as that is known.
    pub(crate) fn size(&self) -> Option<u64> {
        let whole = self.deliver.ended.then(|| self.deliver.seen());
        self.plain.as_ref().map(|place| place.hints.size).or(whole)
    }

    /// Whether there was something, and all of it was delivered.
    pub(crate) fn is_delivered(&self) -> bool {
        let settled = self.tracker.settled();
        let on_disk = || self.main_place().map_or(0, |place| place.hints.size);
        self.announced && settled > 0 && settled >= self.size().unwrap_or_else(on_disk)
    }

    /// The last path it had.
    pub(crate) fn path(&self) -> &Path {
        self.main_place().map_or_else(|| Path::new(""), |place| &place.path)
    }

    pub(crate) fn cursor(&self, purpose: Purpose) -> Option<&Cursor> {
        match purpose {
            Purpose::Deliver => Some(&self.deliver),
            Purpose::Evidence => self.evidence.as_deref(),
        }
    }

    pub(crate) fn cursor_mut(&mut self, purpose: Purpose) -> Option<&mut Cursor> {
        match purpose {
            Purpose::Deliver => Some(&mut self.deliver),
            Purpose::Evidence => self.evidence.as_deref_mut(),
        }
    }

    /// Whether there are bytes that were not looked at for this purpose, and that can be read now.
    pub(crate) fn unread(&self, purpose: Purpose) -> bool {
        let Some(cursor) = self.cursor(purpose) else { return false };
        let readable = !self.suspect && !self.blocked;
        readable
            && match self.source() {
                Source::Plain => self.plain.as_ref().is_some_and(|place| place.hints.size > cursor.seen()),
                Source::Packed => !cursor.ended && self.packed.as_ref().is_some_and(|packed| packed.ready),
                Source::Nothing => false,
            }
    }

    /// Whether anything is left to be read, now or once a file is ready.
    pub(crate) fn is_drained(&self) -> bool {
        match self.source() {
            Source::Plain => self.plain.as_ref().is_none_or(|place| place.hints.size <= self.deliver.seen()),
            Source::Packed => self.deliver.ended,
            Source::Nothing => true,
        }
    }

    /// Whether a later run has nothing to read of it: all was looked at, or what was not is counted as lost. A file
    /// that stands under no name now may come back under another, with bytes that were not looked at.
    pub(crate) fn is_finished(&self) -> bool {
        match self.main_place() {
            _ if self.source() != Source::Nothing || self.gone.is_some() => self.is_drained(),
            Some(place) if place.hints.packing == Packing::Plain => place.hints.size <= self.deliver.seen(),
            Some(_) => self.deliver.ended,
            None => true,
        }
    }

    /// Whether it is the log that is written to, not a rotated one.
    pub(crate) fn is_live(&self) -> bool {
        self.kind != StreamKind::Trace && self.order == u64::MAX
    }

    /// Whether the descriptor keeps a file on disk that has no name: how many bytes.
    pub(crate) fn holds(&self) -> Option<u64> {
        let place = self.plain.as_ref().filter(|place| !place.named)?;
        self.file.is_some().then_some(place.hints.size)
    }

    /// The bytes of the plain file that were not handed out, and why not: those of a last line without its end
    /// apart.
    pub(crate) fn unread_plain(&self) -> Option<(u64, Reason)> {
        let size = self.plain.as_ref()?.hints.size;
        let from = self.deliver.next;
        let left = size.saturating_sub(from).saturating_sub(self.tracker.settled_beyond(from));
        let reason = if self.deliver.seen() >= size { Reason::Unfinished } else { Reason::Deleted };
        (left > 0).then_some((left, self.fate.unwrap_or(reason)))
    }

    /// A marker at or before `limit`, the latest there is.
    pub(crate) fn marker_before(&self, limit: u64) -> Option<Marker> {
        let own = Some(self.deliver.marker).filter(|marker| marker.offset <= limit && marker.len > 0);
        own.or_else(|| {
            let mut newest_first = self.markers.iter().flat_map(|markers| markers.iter().rev());
            newest_first.find(|marker| marker.offset <= limit).copied()
        })
    }

    /// Remembers where the deliver cursor stands, for checkpoints to come.
    pub(crate) fn remember_marker(&mut self) {
        let marker = self.deliver.marker;
        let last = self.markers.as_ref().and_then(|markers| markers.back());
        if marker.len == 0 || last.is_some_and(|last| last.offset >= marker.offset) {
            return;
        }
        let markers = self.markers.get_or_insert_default();
        if markers.len() >= MARKERS {
            let mut keep = false;
            markers.retain(|_| {
                keep = !keep;
                keep
            });
        }
        markers.push_back(marker);
    }

    /// The marker for a checkpoint, which stands at the settled offset or before it.
    pub(crate) fn settled_marker(&mut self) -> Marker {
        let settled = self.tracker.settled();
        if (1..=settled).contains(&self.deliver.marker.offset) {
            self.markers = None;
            return self.deliver.marker;
        }
        let Some(markers) = &mut self.markers else { return Marker::default() };
        while markers.get(1).is_some_and(|marker| marker.offset <= settled) {
            markers.pop_front();
        }
        markers.front().filter(|marker| marker.offset <= settled).copied().unwrap_or_default()
    }
}

impl Stream {
    /// When its file was made: of a trace file, what its name says, else its last change.
    pub(crate) fn created(&self) -> u64 {
        match self.kind {
            StreamKind::Trace => self.order,
            StreamKind::Log(_) => {
                self.main_place().map_or(0, |place| u64::try_from(place.hints.mtime_ns).unwrap_or_default())
            }
        }
    }
}

impl Stream {
    /// These are its first bytes, as many as there were.
    pub(crate) fn know_first(&mut self, bytes: &[u8]) {
        self.head = Head::of(bytes);
        self.keep_first(bytes);
    }

    /// Of a log, they are kept: by them a short copy is known again.
    pub(crate) fn keep_first(&mut self, bytes: &[u8]) {
        if self.kind != StreamKind::Trace && bytes.len() > self.first.len() {
            self.first = bytes.get(..HEAD_MAX).unwrap_or(bytes).into();
        }
    }

    /// Whether a file that has these bytes and no more can only be a copy that was made when the log was that short
    /// (logrotate's `copytruncate`): a head that covers more does not fit it.
    pub(crate) fn begins_with_all(&self, bytes: &[u8]) -> bool {
        bytes.len() < HEAD_MAX && Head::of(bytes).is_strong() && self.first.starts_with(bytes)
    }
}

impl PackedFile {
    /// A compressed file that was just found.
    pub(crate) fn new(place: Place, now: Duration) -> Self {
        Self { place, ready: false, since: now, walk: (Progress::default(), 0), told: false }
    }
}

impl Stream {
    /// The compressed file is not what it was: what was decoded of it stays, the rest is to be seen anew.
    pub(crate) fn packed_changed(&mut self, now: Duration) {
        if let Some(packed) = &mut self.packed {
            packed.ready = false;
            packed.since = now;
        }
        let cursors = std::iter::once(&mut self.deliver).chain(self.evidence.as_deref_mut());
        for cursor in cursors {
            cursor.ended = false;
            cursor.unpacked = None;
        }
    }

    /// The name is no longer its file's. Returns whether it was.
    pub(crate) fn leave(&mut self, path: &Path) -> bool {
        let packed = self.packed.as_mut().map(|packed| &mut packed.place);
        let mut places = self.plain.as_mut().into_iter().chain(packed);
        let Some(place) = places.find(|place| place.named && place.path == path) else { return false };
        place.named = false;
        self.look_at_descriptor();
        true
    }

    /// What was written just before the name went is only seen by the descriptor.
    fn look_at_descriptor(&mut self) {
        let meta = self.file.as_ref().and_then(|file| file.stat().ok());
        if let (Some(meta), Some(place)) = (meta, &mut self.plain)
            && !place.named
            && meta.size > place.hints.size
        {
            place.hints.size = meta.size;
        }
    }
}
