//! All streams, and the ways to find one.

use super::{Place, Stream};
use crate::{Purpose, StreamId, StreamKind};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;
use xxhash_rust::xxh3::xxh3_64;

/// See the module. What is iterated is sorted, so that a run can be repeated; the hash maps are only asked.
#[derive(Default)]
pub(crate) struct Streams {
    all: BTreeMap<StreamId, Box<Stream>>,
    by_inode: HashMap<(u64, u64), StreamId>,
    /// Trace files, by the hash of directory and stem. A collision costs a comparison of content.
    by_stem: HashMap<u64, StreamId>,
    by_log: BTreeMap<StreamKind, BTreeSet<StreamId>>,
    /// Up to which order the files of a log may be delivered.
    limits: BTreeMap<StreamKind, u64>,
    unread: [BTreeSet<(StreamKind, u64, StreamId)>; 2],
    next_id: u32,
    next_key: u64,
}

fn stem_hash(dir: &Path, stem: &std::ffi::OsStr) -> u64 {
    use std::os::unix::ffi::OsStrExt;
    xxh3_64(dir.join(stem).as_os_str().as_bytes())
}

fn index(purpose: Purpose) -> usize {
    match purpose {
        Purpose::Deliver => 0,
        Purpose::Evidence => 1,
    }
}

impl Streams {
    /// Keys up to this one are given.
    pub(crate) fn reserve_key(&mut self, key: u64) {
        self.next_key = self.next_key.max(key.saturating_add(1));
    }

    /// A new stream; `key` if a checkpoint gave it one.
    pub(crate) fn create(&mut self, kind: StreamKind, order: u64, key: Option<u64>) -> &mut Stream {
        let id = StreamId(self.next_id);
        self.next_id = self.next_id.wrapping_add(1);
        let key = key.unwrap_or(self.next_key);
        self.reserve_key(key);
        if kind != StreamKind::Trace {
            self.by_log.entry(kind).or_default().insert(id);
        }
        self.all.entry(id).or_insert_with(|| Box::new(Stream::new(id, key, kind, order)))
    }

    pub(crate) fn get(&self, id: StreamId) -> Option<&Stream> {
        self.all.get(&id).map(Box::as_ref)
    }

    pub(crate) fn get_mut(&mut self, id: StreamId) -> Option<&mut Stream> {
        self.all.get_mut(&id).map(Box::as_mut)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Stream> {
        self.all.values().map(Box::as_ref)
    }

    /// Forgets a stream and all that points to it.
    pub(crate) fn remove(&mut self, id: StreamId) -> Option<Box<Stream>> {
        let stream = self.all.remove(&id)?;
        let places = stream.plain.iter().chain(stream.packed.as_ref().map(|packed| &packed.place));
        for place in places {
            self.forget_inode(id, place);
        }
        if let Some(stem) = stream.stem.filter(|stem| self.by_stem.get(stem) == Some(&id)) {
            self.by_stem.remove(&stem);
        }
        self.by_log.entry(stream.kind).or_default().remove(&id);
        for (listed, unread) in stream.listed.iter().zip(&mut self.unread) {
            listed.map(|order| unread.remove(&(stream.kind, order, id)));
        }
        Some(stream)
    }

    /// This file is that stream's.
    pub(crate) fn know_inode(&mut self, id: StreamId, place: &Place) {
        self.by_inode.insert((place.hints.dev, place.hints.ino), id);
    }

    /// This file is no longer that stream's.
    pub(crate) fn forget_inode(&mut self, id: StreamId, place: &Place) {
        let inode = (place.hints.dev, place.hints.ino);
        if self.by_inode.get(&inode) == Some(&id) {
            self.by_inode.remove(&inode);
        }
    }

    /// The stream that last had this inode.
    pub(crate) fn with_inode(&self, dev: u64, ino: u64) -> Option<StreamId> {
        self.by_inode.get(&(dev, ino)).copied()
    }

    /// Trace files of this name are that stream's.
    pub(crate) fn know_stem(&mut self, id: StreamId, dir: &Path, stem: &std::ffi::OsStr) {
        let hash = stem_hash(dir, stem);
        self.by_stem.insert(hash, id);
        if let Some(stream) = self.get_mut(id) {
            stream.stem = Some(hash);
        }
    }

    /// The stream that trace files of this name were last.
    pub(crate) fn with_stem(&self, dir: &Path, stem: &std::ffi::OsStr) -> Option<StreamId> {
        self.by_stem.get(&stem_hash(dir, stem)).copied()
    }

    /// The streams of one log.
    pub(crate) fn of_log(&self, kind: StreamKind) -> Vec<StreamId> {
        self.by_log.get(&kind).map(|ids| ids.iter().copied().collect()).unwrap_or_default()
    }

    /// Brings the lists of unread streams up to date with this one.
    pub(crate) fn refresh(&mut self, id: StreamId) {
        let Some(stream) = self.all.get_mut(&id) else { return };
        for purpose in [Purpose::Deliver, Purpose::Evidence] {
            let wanted = stream.unread(purpose).then_some(stream.order);
            let Some(list) = self.unread.get_mut(index(purpose)) else { continue };
            let Some(listed) = stream.listed.get_mut(index(purpose)) else { continue };
            if *listed == wanted {
                continue;
            }
            listed.map(|order| list.remove(&(stream.kind, order, id)));
            wanted.map(|order| list.insert((stream.kind, order, id)));
            *listed = wanted;
        }
    }

    /// Files of these logs are delivered up to these orders only.
    pub(crate) fn limit_orders(&mut self, limits: BTreeMap<StreamKind, u64>) {
        self.limits = limits;
    }

    /// The streams of one kind that have something to read, in the order of reading.
    pub(crate) fn unread(&self, kind: StreamKind, purpose: Purpose) -> impl Iterator<Item = StreamId> + '_ {
        let limit = self.limits.get(&kind).filter(|_| purpose == Purpose::Deliver);
        let last = limit.copied().unwrap_or(u64::MAX);
        let range = (kind, 0, StreamId(0))..=(kind, last, StreamId(u32::MAX));
        self.unread
            .get(index(purpose))
            .into_iter()
            .flat_map(move |list| list.range(range.clone()))
            .map(|entry| entry.2)
    }
}
