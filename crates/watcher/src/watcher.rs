//! The facade: one turn of the engine's loop after another.
//!
//! Promises: [`Watcher::scan`] finds what changed at a cost that follows the changes, not the number of files;
//! [`Watcher::read`] hands out lines; nothing else touches the disk. Leaves to others: when to call.
//!
//! A name is *looked at* (`look`: is it the same file as before, has it grown?); what is new is *placed*
//! (`place`: which stream is it?); a stream that none is found for is *begun* (`begin`: from where?); what
//! waits for something is *tended* (`tend`: files that vanished, compressed files that still grow,
//! descriptors).

mod begin;
mod descriptors;
mod judge;
mod look;
mod place;
mod read;
mod resume;
mod save;
mod tend;
mod timing;

use crate::discover::{Directory, Name};
use crate::fs::{File, FileSystem, Kind};
use crate::lines::Window;
use crate::stream::{Cursor, Stream, Streams};
use crate::{
    Change, Held, Hint, Now, Purpose, Receipt, SavedStream, Seek, Settings, Standing, StreamId, StreamInfo,
    StreamKind,
};
use descriptors::Decoders;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use timing::Timing;

/// Finds, reads and settles the streams of all watched files.
pub struct Watcher {
    fs: Box<dyn FileSystem>,
    settings: Settings,
    /// What is known of each directory.
    tree: BTreeMap<PathBuf, Directory>,
    streams: Streams,
    /// Which logs were seen before; of the others, `start_at` decides.
    begun: Vec<bool>,
    /// No checkpoint knew of a trace file, and the first look is not over.
    first_traces: bool,
    /// Names to be looked at in the next scan.
    hinted: BTreeSet<PathBuf>,
    /// New names that the last scan had no time for.
    backlog: VecDeque<(Arc<Path>, Name)>,
    /// Names that can't be placed yet.
    deferred: BTreeMap<PathBuf, place::Deferred>,
    /// Files of logs (device, inode) that could not be placed at the log's begin and are to be passed over.
    unwanted: BTreeSet<(u64, u64)>,
    /// Streams without any file, and since when.
    missing: BTreeMap<StreamId, Duration>,
    /// Streams whose compressed file is not ready.
    waiting: BTreeSet<StreamId>,
    /// Streams that grew lately: looked at each second.
    warm: BTreeMap<StreamId, Duration>,
    /// Streams that could not be read when it was last tried.
    blocked: BTreeSet<StreamId>,
    /// Streams with an open plain file.
    open: BTreeSet<StreamId>,
    /// Of those, trace files that were read to their end lately, in that order.
    drained: VecDeque<StreamId>,
    decoders: Decoders,
    /// The file that was opened last to see whose it is: likely to be read next.
    spare: Option<(PathBuf, Arc<dyn File>)>,
    /// The sweep over all names: the last one looked at.
    swept: PathBuf,
    timing: Timing,
    now: Now,
    changes: Vec<Change>,
    dirty: Vec<StreamId>,
    removed: Vec<u64>,
    /// The read buffer for plain files.
    window: Window,
}

impl Watcher {
    /// Takes in what the checkpoints say; touches no file until the first [`scan`](Self::scan).
    #[must_use]
    pub fn new(fs: Box<dyn FileSystem>, settings: Settings, saved: Vec<SavedStream>) -> Self {
        let mut watcher = Self {
            fs,
            begun: vec![false; settings.logs.len()],
            settings,
            tree: BTreeMap::new(),
            streams: Streams::default(),
            first_traces: true,
            hinted: BTreeSet::new(),
            backlog: VecDeque::new(),
            deferred: BTreeMap::new(),
            unwanted: BTreeSet::new(),
            missing: BTreeMap::new(),
            waiting: BTreeSet::new(),
            warm: BTreeMap::new(),
            blocked: BTreeSet::new(),
            open: BTreeSet::new(),
            drained: VecDeque::new(),
            decoders: Decoders::default(),
            spare: None,
            swept: PathBuf::new(),
            timing: Timing::default(),
            now: Now::default(),
            changes: Vec::new(),
            dirty: Vec::new(),
            removed: Vec::new(),
            window: Window::default(),
        };
        saved.into_iter().for_each(|saved| watcher.resume(saved));
        watcher
    }

    /// The settings it was made with.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The next scan looks at this.
    pub fn wake(&mut self, hint: Hint) {
        match hint {
            Hint::Path(path) => {
                self.hinted.insert(path);
            }
            Hint::Rescan => {
                self.tree.values_mut().for_each(Directory::distrust);
                self.timing.rescan();
            }
            Hint::Notified(notified) => self.timing.notified(notified),
        }
    }

    /// Looks at what was hinted at and at what is due. Call it after hints came, and when
    /// [`next_wake`](Self::next_wake) has passed.
    pub fn scan(&mut self, now: Now) -> Vec<Change> {
        self.now = now;
        let due = self.timing.due(now.mono);
        let mut sightings = Vec::new();
        self.look_at_hints(&mut sightings);
        self.sweep(due.sweep, &mut sightings);
        if due.directories {
            self.look_at_directories(&mut sightings);
            self.look_at_warm(&mut sightings);
        }
        self.look_at_deferred(&mut sightings);
        self.look_at_backlog(&mut sightings);
        self.place(sightings);
        self.spare = None;
        self.tend();
        self.end_of_first_look();
        if due.directories {
            self.streams.rest();
        }
        self.streams.rest_some();
        self.timing.restless = self.is_restless();
        std::mem::take(&mut self.changes)
    }

    /// When the next scan is due by itself, by the monotonic clock. May be in the past: then at once.
    #[must_use]
    pub fn next_wake(&self) -> Duration {
        if self.hinted.is_empty() && self.backlog.is_empty() { self.timing.next() } else { self.now.mono }
    }

    /// The directories whose events matter, those that don't exist included.
    #[must_use]
    pub fn directories(&self) -> Vec<PathBuf> {
        let mut all: BTreeSet<PathBuf> = self.roots().into_iter().collect();
        all.extend(self.tree.keys().cloned());
        all.into_iter().collect()
    }

    /// The same as they are on disk, for watches that stand before the first [`scan`](Self::scan): then all that changes
    /// after it is told, and nothing need be looked at twice.
    #[must_use]
    pub fn find_directories(&self) -> Vec<PathBuf> {
        let mut found: BTreeSet<PathBuf> = self.roots().into_iter().collect();
        let mut next = self.settings.traces.clone();
        while let Some(dir) = next.pop() {
            let below = self.directories_in(&dir).into_iter().filter(|below| found.insert(below.clone()));
            next.extend(below.collect::<Vec<_>>());
        }
        found.into_iter().collect()
    }

    fn directories_in(&self, dir: &Path) -> Vec<PathBuf> {
        // Two names, its own and `.`: none below has a `..`, so that thousands of files need not be listed for nothing.
        if self.fs.stat(dir).is_ok_and(|meta| meta.nlink == 2) {
            return Vec::new();
        }
        let entries = self.fs.list(dir).unwrap_or_default();
        let directories = entries.into_iter().filter(|entry| entry.kind == Kind::Directory);
        directories.map(|entry| dir.join(entry.name)).collect()
    }

    /// The streams of one kind that have something to read, in the order in which they are to be read: trace
    /// files by creation, a log's siblings oldest first and the live file last.
    pub fn unread(&self, kind: StreamKind, purpose: Purpose) -> impl Iterator<Item = StreamId> + '_ {
        self.streams.unread(kind, purpose)
    }

    /// The trace files that came to have something to read since the last call, for one purpose or the other.
    pub fn take_news(&mut self) -> Vec<StreamId> {
        self.streams.take_news()
    }

    /// How far the stream was read; `None`: there is no such stream.
    #[must_use]
    pub fn standing(&self, stream: StreamId) -> Option<Standing> {
        let stream = self.streams.get(stream)?;
        Some(Standing {
            created_unix_nano: stream.created(),
            deliver_at: stream.deliver.next,
            evidence_at: stream.evidence.as_ref().map(|cursor| cursor.next),
            to_deliver: stream.unread(Purpose::Deliver),
            to_learn: stream.unread(Purpose::Evidence),
        })
    }

    /// All streams that have a file.
    pub fn streams(&self) -> impl Iterator<Item = StreamInfo> + '_ {
        let there = self.streams.iter().filter(|stream| stream.announced && stream.gone.is_none());
        there.map(|stream| info(&stream))
    }

    /// The same but for most trace files all of which was delivered, and how many those are: with tens of thousands it
    /// takes a tenth of the time.
    pub fn streams_at_work(&self) -> (impl Iterator<Item = StreamInfo> + '_, u64) {
        let there = self.streams.undelivered().filter(|stream| stream.announced && stream.gone.is_none());
        (there.map(|stream| info(&stream)), self.streams.delivered() as u64)
    }

    /// One stream, gone or not.
    #[must_use]
    pub fn info(&self, stream: StreamId) -> Option<StreamInfo> {
        self.streams.get(stream).map(|stream| info(&stream))
    }

    /// The same of a stream that is read next.
    pub fn info_to_read(&mut self, stream: StreamId) -> Option<StreamInfo> {
        self.streams.get_mut(stream).map(|stream| info(stream))
    }

    /// From now on evidence of this stream is read from there.
    pub fn seek_evidence(&mut self, stream: StreamId, seek: Seek) {
        let Some(found) = self.streams.get_mut(stream) else { return };
        found.evidence = match seek {
            Seek::Nowhere => None,
            Seek::Start => Some(Box::new(Cursor::at(0))),
            Seek::Offset(offset) => Some(Box::new(Cursor::after(offset))),
            Seek::Deliver => Some(Box::new(Cursor::at(found.deliver.next))),
        };
        self.decoders.forget(stream, Purpose::Evidence);
        self.streams.refresh(stream);
    }

    /// `n` parts of this line came back. `false` if it isn't open: it never was, or is settled.
    pub fn settle(&mut self, receipt: Receipt, n: u32) -> bool {
        let Some(stream) = self.streams.get_mut(receipt.stream) else { return false };
        let settled = stream.tracker.settle(receipt.start, n);
        if settled && !std::mem::replace(&mut stream.dirty, true) {
            self.dirty.push(receipt.stream);
        }
        settled
    }

    /// This line has `n` parts more. `false` if it isn't open.
    pub fn add_part(&mut self, receipt: Receipt, n: u32) -> bool {
        self.streams.get_mut(receipt.stream).is_some_and(|stream| stream.tracker.add(receipt.start, n))
    }

    /// Whether a name that was found is not decided upon yet: a later scan does. One that can't be read counts as
    /// decided.
    #[must_use]
    pub fn has_undecided(&self) -> bool {
        let readable = |path: &PathBuf| {
            let directory = path.parent().and_then(|dir| self.tree.get(dir));
            let node = directory.zip(path.file_name()).and_then(|(dir, name)| dir.names.get(name));
            node.is_none_or(|node| node.trouble.is_none())
        };
        !self.backlog.is_empty() || !self.waiting.is_empty() || self.deferred.keys().any(readable)
    }

    /// How the descriptors stand.
    #[must_use]
    pub fn held(&self) -> Held {
        let holds = |id: &StreamId| self.streams.get(*id).and_then(|stream| stream.holds());
        Held {
            open: self.open.len() + self.decoders.len(),
            deleted_bytes: self.open.iter().filter_map(holds).sum(),
        }
    }

    /// This stream's checkpoint is to be stored.
    fn soil(&mut self, id: StreamId) {
        if let Some(stream) = self.streams.get_mut(id)
            && !std::mem::replace(&mut stream.dirty, true)
        {
            self.dirty.push(id);
        }
    }
}

fn info(stream: &Stream) -> StreamInfo {
    let place = stream.main_place();
    let hints = place.map(|place| place.hints).unwrap_or_default();
    StreamInfo {
        stream: stream.id,
        kind: stream.kind,
        path: stream.path().to_path_buf(),
        created_unix_nano: stream.created(),
        modified_unix_nano: u64::try_from(hints.mtime_ns).unwrap_or_default(),
        size: stream.size(),
        disk_size: hints.size,
        settled: stream.tracker.settled(),
        deliver_at: stream.deliver.next,
        evidence_at: stream.evidence.as_ref().map(|cursor| cursor.next),
        open_lines: stream.tracker.open_lines(),
        second_open_mark: stream.tracker.second_mark(),
        deleted: place.is_none_or(|place| !place.named),
    }
}
