//! What waits for something: files that vanished, compressed files that still grow.

use super::Watcher;
use super::place::STABLE;
use crate::decode::Walk;
use crate::discover::{Class, classify};
use crate::saved::Packing;
use crate::stream::{PackedFile, Source};
use crate::{Change, LogId, Lost, Purpose, Reason, StreamId, StreamKind, Trouble};
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::Path;
use std::time::Duration;

/// A file without a name is given up after this long: a listing may have run into the middle of a rotation.
const GRACE: Duration = Duration::from_secs(3);
/// A gzip file can't be told to be whole without reading it, but its original is removed once it is. Where that is
/// kept, this long without a change must do.
const STABLE_GZIP: Duration = Duration::from_secs(2);

impl Watcher {
    pub(super) fn tend(&mut self) {
        self.tend_waiting();
        self.tend_descriptors();
        self.tend_missing();
    }

    /// Whether something goes on that no event may tell the end of.
    pub(super) fn is_restless(&self) -> bool {
        let waits = |id: &StreamId| self.streams.get(*id).is_some_and(|stream| stream.gone.is_none());
        let held = || self.open.iter().any(|id| self.streams.get(*id).is_some_and(|s| s.holds().is_some()));
        !self.warm.is_empty()
            || !self.deferred.is_empty()
            || !self.waiting.is_empty()
            || !self.blocked.is_empty()
            || self.missing.keys().any(waits)
            || held()
    }

    /// A compressed file was found: it is read once it is ready. One that was read is.
    pub(super) fn await_packed(&mut self, id: StreamId) {
        let Some(stream) = self.streams.get_mut(id) else { return };
        let ended = stream.deliver.ended;
        match &mut stream.packed {
            Some(packed) if ended => packed.ready = true,
            _ => drop(self.waiting.insert(id)),
        }
    }

    fn tend_waiting(&mut self) {
        for id in self.waiting.clone() {
            let ready = self.is_ready(id);
            if let Some(packed) = self.streams.get_mut(id).and_then(|stream| stream.packed.as_mut()) {
                packed.ready |= ready;
            }
            if ready {
                self.waiting.remove(&id);
                self.streams.refresh(id);
            }
        }
        self.keep_order();
    }

    /// The newer files of a log are not delivered before one that is not ready yet and has unread lines.
    fn keep_order(&mut self) {
        let mut limits = BTreeMap::new();
        for stream in self.waiting.iter().filter_map(|id| self.streams.get(*id)) {
            let read = stream.plain.as_ref().is_some_and(|place| place.hints.size <= stream.deliver.seen());
            if stream.kind != StreamKind::Trace && stream.source() == Source::Packed && !read {
                let limit = limits.entry(stream.kind).or_insert(stream.order);
                *limit = stream.order.min(*limit);
            }
        }
        self.streams.limit_orders(limits);
    }

    /// Whether a compressed file may be read: it is whole, or doesn't grow any more.
    fn is_ready(&mut self, id: StreamId) -> bool {
        let Some(packed) = self.streams.get(id).and_then(|stream| stream.packed.clone()) else { return true };
        if !packed.place.named {
            return true;
        }
        // That it is old by the wall clock proves nothing: the clock may have been set while it is written.
        let unchanged = self.now.mono.saturating_sub(packed.since);
        let gzip = packed.place.hints.packing == Packing::Gzip;
        if gzip && !self.has_original(&packed.place.path) {
            return true;
        }
        let limit = if gzip { STABLE_GZIP } else { STABLE };
        self.settings.finished_files || unchanged >= limit || self.is_whole(id, &packed)
    }

    /// Whether the file that a compressed one is made of is still there.
    fn has_original(&self, path: &Path) -> bool {
        let directory = path.parent().and_then(|dir| self.tree.get(dir));
        directory.zip(path.file_stem()).is_some_and(|(directory, name)| directory.names.contains(name))
    }

    fn is_whole(&mut self, id: StreamId, packed: &PackedFile) -> bool {
        let size = packed.place.hints.size;
        if packed.place.hints.packing != Packing::Zstd || packed.walk.1 == size {
            return false;
        }
        let mut progress = packed.walk.0;
        let walk = self.open_file(&packed.place.path).and_then(|file| progress.walk(file.as_ref(), size));
        if let Some(known) = self.streams.get_mut(id).and_then(|stream| stream.packed.as_mut()) {
            known.walk = (progress, size);
        }
        matches!(walk, Ok(Walk::Whole | Walk::Foreign))
    }

    /// Not before all names that are there were looked at once.
    fn tend_missing(&mut self) {
        if !self.backlog.is_empty() {
            return;
        }
        let now = self.now.mono;
        let due = |(id, since): (&StreamId, &Duration)| {
            (now.saturating_sub(*since) >= GRACE && !self.may_be_there(*id)).then_some(*id)
        };
        let due: Vec<_> = self.missing.iter().filter_map(due).collect();
        for id in due {
            self.give_up(id);
        }
    }

    /// What can't be read now may hold the stream: its directory, or a name of its family. Then nothing is lost yet.
    fn may_be_there(&self, id: StreamId) -> bool {
        let Some(stream) = self.streams.get(id).filter(|stream| stream.gone.is_none()) else { return false };
        let Some(dir) = stream.path().parent() else { return false };
        let Some(directory) = self.tree.get(dir) else { return false };
        let unreadable = |trouble: Option<Trouble>| matches!(trouble, Some(Trouble::Io(_)));
        let is_kin = |name: &OsStr| match classify(&self.settings, dir, name) {
            Some(Class::Trace { stem, .. }) => self.streams.with_stem(dir, &stem) == Some(id),
            Some(Class::Log { log, .. }) => stream.kind == StreamKind::Log(LogId(log)),
            None => false,
        };
        let mut troubled = directory.names.iter().filter(|(_, node)| unreadable(node.trouble));
        unreadable(directory.trouble)
            || troubled.any(|(name, node)| node.stream.is_none() && is_kin(&directory.names.text(name)))
    }

    /// The stream's files are gone: tells what of them was not read. The stream is remembered for a while.
    fn give_up(&mut self, id: StreamId) {
        let now = self.now.mono;
        let Some(stream) = self.streams.get_mut(id).filter(|stream| stream.gone.is_none()) else { return };
        if stream.source() != Source::Nothing {
            self.missing.remove(&id);
            return;
        }
        stream.gone = Some(now);
        stream.evidence = None;
        let (start, path) = (stream.deliver.next, stream.path().to_path_buf());
        let lost = stream.unread_plain().or_else(|| stream.unread_packed());
        stream.abandon();
        // Found again if it comes back.
        let announced = std::mem::replace(&mut stream.announced, false);
        if let Some((bytes, reason)) = lost {
            self.changes.push(Change::Lost(Lost { stream: id, path: path.clone(), start, bytes, reason }));
        }
        if announced {
            self.changes.push(Change::Gone { stream: id, path });
        }
        for purpose in [Purpose::Deliver, Purpose::Evidence] {
            self.decoders.forget(id, purpose);
        }
        self.waiting.remove(&id);
        self.warm.remove(&id);
        self.soil(id);
        self.streams.refresh(id);
    }
}

impl crate::stream::Stream {
    /// What of a compressed file was not read: all of it on disk, if any.
    fn unread_packed(&self) -> Option<(u64, Reason)> {
        let packed = self.packed.as_ref()?;
        let tail = self.deliver.seen() - self.deliver.next;
        if self.deliver.ended {
            return (tail > 0).then_some((tail, Reason::Unfinished));
        }
        let taken = self.deliver.unpacked.as_ref().map_or(0, |unpacked| unpacked.decoder.taken());
        Some((packed.place.hints.size.saturating_sub(taken), Reason::Deleted))
    }
}
