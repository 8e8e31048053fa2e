//! Which stream is a file that was found under a name?
//!
//! In this order: one that had this inode, unless the file is shorter or its content another (a rename); one
//! whose name or family fits and whose head and marker it has, if that stream's own plain file is gone (a copy
//! that took its place) or if the file is a compressed one; else it is new. Inodes of all names are compared
//! before any content, so that in a rotation no file is taken for its successor.

use super::Watcher;
use super::judge::Verdict;
use super::look::Sighting;
use crate::discover::Class;
use crate::fs::{Meta, read_full};
use crate::identify::HEAD_MAX;
use crate::saved::{Hints, Packing};
use crate::stream::{PackedFile, Place, Stream};
use crate::{Change, LogId, StreamId, StreamKind, Trouble};
use std::collections::BTreeSet;
use std::io;
use std::path::PathBuf;

use std::time::Duration;

/// After this long without a change, a compressed file is taken as it is. XAPI compresses with the lowest
/// priority for processor and disk, so a pause is no end.
pub(super) const STABLE: Duration = Duration::from_secs(60);
/// How soon a name that could not be placed is tried again.
const AGAIN: Duration = Duration::from_millis(500);
/// The same for one that can't be opened.
const AGAIN_TROUBLE: Duration = Duration::from_secs(5);

/// A name that could not be placed.
#[derive(Clone, Copy)]
pub(super) struct Deferred {
    /// Since when, as it is now.
    pub(super) since: Duration,
    size: u64,
    /// When to try again.
    pub(super) next: Duration,
}

impl Watcher {
    /// Finds the stream of each.
    pub(super) fn place(&mut self, mut sightings: Vec<Sighting>) {
        // As bytes, which is quicker than by their parts.
        sightings.sort_by(|a, b| a.path.as_os_str().cmp(b.path.as_os_str()));
        sightings.dedup_by(|a, b| a.path.as_os_str() == b.path.as_os_str());
        sightings.retain(|sighting| !self.place_by_inode(sighting));
        sightings
            .sort_by_cached_key(|sighting| (sighting.class.packing() != Packing::Plain, sighting.order()));
        let mut new: Vec<(Sighting, Vec<u8>)> = Vec::new();
        for sighting in sightings {
            match self.judge(&sighting, &new) {
                Verdict::Is(id) => self.attach(id, &sighting),
                // So that the compressed file of the same name, which comes later, finds it.
                Verdict::New(head) if sighting.kind() == StreamKind::Trace => self.begin(&sighting, &head),
                Verdict::New(head) => new.push((sighting, head)),
                Verdict::Empty => self.see(&sighting, None),
                Verdict::Later => {
                    self.remember_unwanted(&sighting);
                    self.defer(&sighting, AGAIN);
                }
                Verdict::Fails(error) => {
                    self.remember_unwanted(&sighting);
                    self.set_trouble(&sighting.path, Some(trouble_of(&error)));
                    self.defer(&sighting, AGAIN_TROUBLE);
                }
            }
        }
        new.sort_by_key(|(sighting, _)| sighting.order());
        for (sighting, head) in new {
            self.begin(&sighting, &head);
        }
        if self.deferred.is_empty() {
            self.unwanted.clear();
        }
    }

    /// A log's file that can't be told yet and would be passed over is passed over once it can be, though its log
    /// counts as begun by then.
    fn remember_unwanted(&mut self, sighting: &Sighting) {
        if sighting.kind() != StreamKind::Trace && self.passed_over(sighting).is_some() {
            self.unwanted.insert((sighting.meta.dev, sighting.meta.ino));
        }
    }

    pub(super) fn look_at_deferred(&mut self, out: &mut Vec<Sighting>) {
        let now = self.now.mono;
        let due: Vec<_> = self
            .deferred
            .iter()
            .filter(|(_, deferred)| deferred.next <= now)
            .map(|(path, _)| path.clone())
            .collect();
        let dirs: BTreeSet<PathBuf> =
            due.iter().filter_map(|path| Some(path.parent()?.to_path_buf())).collect();
        // A name is never compared with what its siblings were before they moved on.
        dirs.iter().for_each(|dir| self.look_at_directory(dir, out));
        for path in due {
            if !out.iter().any(|sighting| sighting.path == path) {
                self.look(&path, out);
            }
        }
    }

    fn defer(&mut self, sighting: &Sighting, again: Duration) {
        let now = self.now.mono;
        let fresh = Deferred { since: now, size: sighting.meta.size, next: now };
        let entry = self.deferred.entry(sighting.path.clone()).or_insert(fresh);
        if entry.size != sighting.meta.size {
            *entry = fresh;
        }
        entry.next = now + again;
    }

    /// How long ago a time on disk was, by a clock that may jump.
    pub(super) fn age(&self, mtime_ns: i64) -> Duration {
        let mtime = u64::try_from(mtime_ns).unwrap_or_default();
        Duration::from_nanos(self.now.wall_unix_nano.saturating_sub(mtime))
    }

    fn place_by_inode(&mut self, sighting: &Sighting) -> bool {
        let (meta, packing) = (&sighting.meta, sighting.class.packing());
        let Some(id) = self.streams.with_inode(meta.dev, meta.ino) else { return false };
        let Some(stream) = self.streams.get(id) else { return false };
        if stream.suspect || stream.kind != sighting.kind() {
            return false;
        }
        let Some(place) = stream.place(packing).filter(|place| place.hints.same_file(meta)).cloned() else {
            return false;
        };
        if place.named && place.path != sighting.path && self.is_alias(&place, meta) {
            self.see(sighting, None);
            return true;
        }
        let fits = meta.size >= place.hints.size && self.proves(id, sighting, &place).unwrap_or(false);
        if fits {
            self.attach(id, sighting);
        }
        fits
    }

    /// A second name for a file that still has its first.
    fn is_alias(&self, place: &Place, meta: &Meta) -> bool {
        self.fs.stat(&place.path).is_ok_and(|other| place.hints.same_file(&other) && other.ino == meta.ino)
    }

    /// Whether a file with the stream's inode is still the stream. While its descriptor is open, the inode
    /// can't have been given away. A compressed file grows under one name; its content is seen when it is read.
    fn proves(&mut self, id: StreamId, sighting: &Sighting, place: &Place) -> io::Result<bool> {
        if place.hints.unchanged_but_renamed(&sighting.meta) {
            return Ok(true);
        }
        if place.hints.packing != Packing::Plain {
            return Ok(place.path == sighting.path);
        }
        if self.streams.get(id).is_some_and(|stream| stream.file.is_some()) {
            return Ok(true);
        }
        let Some(file) = self.open_sighted(sighting)? else { return Ok(false) };
        // A trace file keeps its name: under another one, a few equal bytes are those that all of them begin with.
        let strong = sighting.kind() == StreamKind::Trace && !self.has_its_name(id, sighting);
        let proof = self.has_content(id, file.as_ref(), sighting.meta.size, strong)?;
        if let Some(stream) = self.streams.get_mut(id).filter(|stream| proof && !stream.head.is_full()) {
            let mut head = [0; HEAD_MAX];
            let read = read_full(file.as_ref(), &mut head, 0)?;
            stream.know_first(head.get(..read).unwrap_or_default());
        }
        Ok(proof)
    }

    /// Whether a trace file's name is the stream's.
    fn has_its_name(&self, id: StreamId, sighting: &Sighting) -> bool {
        let Class::Trace { stem, .. } = &sighting.class else { return false };
        sighting.path.parent().is_some_and(|dir| self.streams.with_stem(dir, stem) == Some(id))
    }

    /// This name now stands for a file of this stream.
    pub(super) fn attach(&mut self, id: StreamId, sighting: &Sighting) {
        self.streams.rest_some();
        let packing = sighting.class.packing();
        let hints = Hints::of(&sighting.meta, packing);
        let now = self.now.mono;
        let Some(stream) = self.streams.get_mut(id) else { return };
        let before = stream.path().to_path_buf();
        let place = Place { path: sighting.path.clone(), named: true, hints };
        let as_saved = |old: &Place| (&old.path, old.hints) == (&place.path, hints);
        let changed = !stream.place(packing).is_some_and(as_saved);
        stream.take_place(place.clone(), now);
        if stream.file.is_none() {
            self.open.remove(&id);
        }
        stream.order = sighting.order_or(stream.order);
        (stream.gone, stream.suspect, stream.blocked, stream.fate) = (None, false, false, None);
        let renamed = stream.announced && before != stream.path();
        let path = stream.path().to_path_buf();
        self.take_inode(id, &place);
        self.unwanted.remove(&(hints.dev, hints.ino));
        self.missing.remove(&id);
        if self.age(hints.mtime_ns) < super::look::WARM {
            self.warm.insert(id, now);
        }
        if packing != Packing::Plain {
            self.await_packed(id);
        }
        self.see(sighting, Some(id));
        self.announce(id);
        if renamed {
            self.changes.push(Change::Renamed { stream: id, path });
        }
        // After a start most are as their checkpoints say.
        if changed {
            self.soil(id);
        }
        self.streams.refresh(id);
        self.hold(id);
        self.meet(id);
    }

    /// The file is this stream's: whichever had its inode before has lost it.
    fn take_inode(&mut self, id: StreamId, place: &Place) {
        let other = self.streams.with_inode(place.hints.dev, place.hints.ino).filter(|other| *other != id);
        if let Some(stream) = other.and_then(|other| self.streams.get_mut(other)) {
            let lost = |old: &Place| {
                !old.named && (old.hints.dev, old.hints.ino) == (place.hints.dev, place.hints.ino)
            };
            if let Some(old) = stream.plain.as_mut().filter(|old| lost(old)) {
                old.hints.ino = 0;
                let other = stream.id;
                self.soil(other);
            }
        }
        self.streams.know_inode(id, place);
    }

    /// The name was looked at, and is that stream's or no one's.
    fn see(&mut self, sighting: &Sighting, stream: Option<StreamId>) {
        self.deferred.remove(&sighting.path);
        self.set_trouble(&sighting.path, None);
        let (Some(dir), Some(name)) = (sighting.path.parent(), sighting.path.file_name()) else { return };
        let directory = self.tree.entry(dir.to_path_buf()).or_default();
        let node = directory.names.entry(name);
        node.stream = stream;
        let seen = || Box::new(Hints::of(&sighting.meta, sighting.class.packing()));
        node.seen = stream.is_none().then(seen);
    }
}

impl Sighting {
    pub(super) fn kind(&self) -> StreamKind {
        match &self.class {
            Class::Trace { .. } => StreamKind::Trace,
            Class::Log { log, .. } => StreamKind::Log(LogId(*log)),
        }
    }

    /// Where it stands among the files of its kind: by creation, or by rotation.
    pub(super) fn order(&self) -> u64 {
        match &self.class {
            Class::Trace { stem, .. } => crate::discover::created_unix_nano(stem)
                .unwrap_or_else(|| u64::try_from(self.meta.mtime_ns).unwrap_or_default()),
            Class::Log { rotation, .. } => rotation.order(),
        }
    }

    /// A trace file keeps its place; a log's changes with each rotation.
    fn order_or(&self, present: u64) -> u64 {
        if self.kind() == StreamKind::Trace { present } else { self.order() }
    }
}

impl Stream {
    /// This file is the stream's from now on.
    fn take_place(&mut self, mut place: Place, now: Duration) {
        place.path.shrink_to_fit();
        let same = self
            .place(place.hints.packing)
            .is_some_and(|old| (old.hints.dev, old.hints.ino) == (place.hints.dev, place.hints.ino));
        if place.hints.packing == Packing::Plain {
            if !same {
                self.file = None;
            }
            self.plain = Some(place);
            return;
        }
        let first = self.packed.is_none();
        let unchanged = same
            && self.packed.as_ref().is_some_and(|old| {
                (old.place.hints.size, old.place.hints.mtime_ns) == (place.hints.size, place.hints.mtime_ns)
            });
        match &mut self.packed {
            Some(packed) if same => packed.place = place,
            _ => self.packed = Some(Box::new(PackedFile::new(place, now))),
        }
        if !first && !unchanged {
            self.packed_changed(now);
        }
    }
}

fn trouble_of(error: &io::Error) -> Trouble {
    match error.kind() {
        io::ErrorKind::InvalidInput => Trouble::NotAFile,
        kind => Trouble::Io(kind),
    }
}
