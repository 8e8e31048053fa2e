//! All streams, and the ways to find one.
//!
//! Most are trace files that nothing happens to: those *sleep*, in a few bytes each, until they are to be changed.

use super::asleep;
use super::{Place, Stream};
use crate::discover::Stamps;
use crate::{Purpose, StreamId, StreamKind};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Deref;
use std::path::Path;
use xxhash_rust::xxh3::xxh3_64;

/// So many streams may be awake that need not be, besides half of all.
const AWAKE: usize = 64;

/// See the module. What is iterated is sorted, so that a run can be repeated; the hash maps are only asked.
#[derive(Default)]
pub(crate) struct Streams {
    awake: BTreeMap<StreamId, Box<Stream>>,
    asleep: BTreeMap<StreamId, Box<[u8]>>,
    stamps: Stamps,
    /// Trace files that are awake, and perhaps need not be.
    sleepless: Vec<StreamId>,
    /// With so many of them, it is seen which.
    too_many: usize,
    /// By the hash of device and inode. Who asks compares those.
    by_inode: HashMap<Key, StreamId>,
    /// Trace files, by the hash of directory and stem. A collision costs a comparison of content.
    by_stem: HashMap<Key, StreamId>,
    by_log: BTreeMap<StreamKind, BTreeSet<StreamId>>,
    /// Up to which order the files of a log may be delivered.
    limits: BTreeMap<StreamKind, u64>,
    unread: [BTreeMap<StreamKind, BTreeSet<(u64, StreamId)>>; 2],
    /// Trace files that came to these lists since they were last asked for.
    news: Vec<StreamId>,
    next_id: u32,
    next_key: u64,
}

/// A hash of 64 bits, in halves: so an entry takes 12 bytes, not 16.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Key([u32; 2]);

impl From<u64> for Key {
    fn from(hash: u64) -> Self {
        let half = |half: u64| u32::try_from(half & u64::from(u32::MAX)).unwrap_or_default();
        Self([half(hash >> 32), half(hash)])
    }
}

/// A stream that is looked at: one that sleeps is not woken for that.
pub(crate) enum Seen<'a> {
    /// It is awake.
    Awake(&'a Stream),
    /// What it would be.
    Asleep(Box<Stream>),
}

impl Deref for Seen<'_> {
    type Target = Stream;

    fn deref(&self) -> &Stream {
        match self {
            Self::Awake(stream) => stream,
            Self::Asleep(stream) => stream,
        }
    }
}

fn inode_key(dev: u64, ino: u64) -> Key {
    let bytes: [[u8; 8]; 2] = [dev.to_le_bytes(), ino.to_le_bytes()];
    xxh3_64(bytes.as_flattened()).into()
}

fn stem_hash(dir: &Path, stem: &std::ffi::OsStr) -> u64 {
    use std::os::unix::ffi::OsStrExt;
    xxh3_64(&[dir.as_os_str().as_bytes(), b"/", stem.as_bytes()].concat())
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
        if kind == StreamKind::Trace {
            self.sleepless.push(id);
        }
        self.awake.entry(id).or_insert_with(|| Box::new(Stream::new(id, key, kind, order)))
    }

    /// The stream as it is, not to be changed.
    pub(crate) fn get(&self, id: StreamId) -> Option<Seen<'_>> {
        if let Some(stream) = self.awake.get(&id) {
            return Some(Seen::Awake(stream));
        }
        self.see_asleep(id, self.asleep.get(&id)?)
    }

    /// Whether nothing happens to it; a stream that is gone does not sleep.
    pub(crate) fn sleeps(&self, id: StreamId) -> bool {
        self.asleep.contains_key(&id)
    }

    fn see_asleep(&self, id: StreamId, bytes: &[u8]) -> Option<Seen<'_>> {
        let stream = asleep::wake(id, bytes, &self.stamps);
        debug_assert!(stream.is_some(), "what was written here is read here");
        stream.map(|stream| Seen::Asleep(Box::new(stream)))
    }

    /// The stream, to be changed: it is awake from now on.
    pub(crate) fn get_mut(&mut self, id: StreamId) -> Option<&mut Stream> {
        if let Some(bytes) = self.asleep.remove(&id)
            && let Some(stream) = asleep::wake(id, &bytes, &self.stamps)
        {
            self.awake.insert(id, Box::new(stream));
            self.sleepless.push(id);
        }
        self.awake.get_mut(&id).map(Box::as_mut)
    }

    /// The checkpoint is stored that `save` makes of the stream; one that sleeps is not woken for that.
    pub(crate) fn clean<T>(&mut self, id: StreamId, save: impl FnOnce(&mut Stream) -> T) -> Option<T> {
        if let Some(bytes) = self.asleep.get_mut(&id)
            && let Some(mut stream) = asleep::wake(id, bytes, &self.stamps)
        {
            asleep::clean(bytes);
            return Some(save(&mut stream));
        }
        let stream = self.get_mut(id)?;
        stream.dirty = false;
        Some(save(stream))
    }

    /// All of them, in the order in which they were found.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Seen<'_>> {
        self.iter_with(|_| true)
    }

    /// The same but for those that sleep and of which all was delivered: these are many, and none is woken to be left out.
    pub(crate) fn undelivered(&self) -> impl Iterator<Item = Seen<'_>> {
        self.iter_with(|bytes| !asleep::is_delivered(bytes))
    }

    /// How many those are.
    pub(crate) fn delivered(&self) -> usize {
        self.asleep.values().filter(|bytes| asleep::is_delivered(bytes)).count()
    }

    /// `wanted`: which of those that sleep.
    fn iter_with(&self, wanted: fn(&[u8]) -> bool) -> impl Iterator<Item = Seen<'_>> {
        let mut awake = self.awake.values().peekable();
        let mut asleep = self.asleep.iter().filter(move |(_, bytes)| wanted(bytes)).peekable();
        std::iter::from_fn(move || {
            let sleeper = asleep.next_if(|(id, _)| awake.peek().is_none_or(|stream| **id < stream.id));
            match sleeper {
                Some((id, bytes)) => self.see_asleep(*id, bytes),
                None => awake.next().map(|stream| Seen::Awake(stream)),
            }
        })
    }

    /// Lets those sleep that may, if many are awake: in all, this costs no more than to wake them did.
    pub(crate) fn rest_some(&mut self) {
        if self.sleepless.len() >= self.too_many.max(AWAKE) {
            self.rest();
        }
    }

    /// Lets all sleep that may.
    pub(crate) fn rest(&mut self) {
        let mut sleepless = std::mem::take(&mut self.sleepless);
        sleepless.retain(|id| self.is_sleepless(*id));
        self.too_many = 2 * sleepless.len() + AWAKE;
        self.sleepless = sleepless;
    }

    /// Puts the stream to sleep, unless something goes on in it.
    fn is_sleepless(&mut self, id: StreamId) -> bool {
        let Some(stream) = self.awake.get_mut(&id) else { return false };
        let Some(bytes) = asleep::put_to_sleep(stream, &mut self.stamps) else { return true };
        self.awake.remove(&id);
        self.asleep.insert(id, bytes);
        false
    }

    /// Forgets a stream and all that points to it.
    pub(crate) fn remove(&mut self, id: StreamId) -> Option<Box<Stream>> {
        self.get_mut(id)?;
        let stream = self.awake.remove(&id)?;
        let places = stream.plain.iter().chain(stream.packed.as_ref().map(|packed| &packed.place));
        for place in places {
            self.forget_inode(id, place);
        }
        if let Some(stem) = stream.stem.map(Key::from).filter(|stem| self.by_stem.get(stem) == Some(&id)) {
            self.by_stem.remove(&stem);
        }
        self.by_log.entry(stream.kind).or_default().remove(&id);
        for (listed, unread) in stream.listed.iter().zip(&mut self.unread) {
            listed.map(|order| unread.entry(stream.kind).or_default().remove(&(order, id)));
        }
        Some(stream)
    }

    /// This file is that stream's.
    pub(crate) fn know_inode(&mut self, id: StreamId, place: &Place) {
        self.by_inode.insert(inode_key(place.hints.dev, place.hints.ino), id);
    }

    /// This file is no longer that stream's.
    pub(crate) fn forget_inode(&mut self, id: StreamId, place: &Place) {
        let inode = inode_key(place.hints.dev, place.hints.ino);
        if self.by_inode.get(&inode) == Some(&id) {
            self.by_inode.remove(&inode);
        }
    }

    /// The stream that last had this inode.
    pub(crate) fn with_inode(&self, dev: u64, ino: u64) -> Option<StreamId> {
        self.by_inode.get(&inode_key(dev, ino)).copied()
    }

    /// Trace files of this name are that stream's.
    pub(crate) fn know_stem(&mut self, id: StreamId, dir: &Path, stem: &std::ffi::OsStr) {
        let hash = stem_hash(dir, stem);
        self.by_stem.insert(hash.into(), id);
        if let Some(stream) = self.get_mut(id) {
            stream.stem = Some(hash);
        }
    }

    /// The stream that trace files of this name were last.
    pub(crate) fn with_stem(&self, dir: &Path, stem: &std::ffi::OsStr) -> Option<StreamId> {
        self.by_stem.get(&stem_hash(dir, stem).into()).copied()
    }

    /// The streams of one log.
    pub(crate) fn of_log(&self, kind: StreamKind) -> Vec<StreamId> {
        self.by_log.get(&kind).map(|ids| ids.iter().copied().collect()).unwrap_or_default()
    }

    /// Brings the lists of unread streams up to date with this one.
    pub(crate) fn refresh(&mut self, id: StreamId) {
        self.get_mut(id);
        let Some(stream) = self.awake.get_mut(&id) else { return };
        for purpose in [Purpose::Deliver, Purpose::Evidence] {
            let wanted = stream.unread(purpose).then_some(stream.order);
            let Some(lists) = self.unread.get_mut(index(purpose)) else { continue };
            let Some(listed) = stream.listed.get_mut(index(purpose)) else { continue };
            if *listed == wanted {
                continue;
            }
            let list = lists.entry(stream.kind).or_default();
            listed.map(|order| list.remove(&(order, id)));
            wanted.map(|order| list.insert((order, id)));
            if stream.kind == StreamKind::Trace && wanted.is_some() && self.news.last() != Some(&id) {
                self.news.push(id);
            }
            *listed = wanted;
        }
    }

    /// Trace files that have something to read and had not when this was last asked, or had less to do with.
    pub(crate) fn take_news(&mut self) -> Vec<StreamId> {
        std::mem::take(&mut self.news)
    }

    /// Files of these logs are delivered up to these orders only.
    pub(crate) fn limit_orders(&mut self, limits: BTreeMap<StreamKind, u64>) {
        self.limits = limits;
    }

    /// The streams of one kind that have something to read, in the order of reading.
    pub(crate) fn unread(&self, kind: StreamKind, purpose: Purpose) -> impl Iterator<Item = StreamId> + '_ {
        let limit = self.limits.get(&kind).filter(|_| purpose == Purpose::Deliver);
        let last = limit.copied().unwrap_or(u64::MAX);
        let range = (0, StreamId(0))..=(last, StreamId(u32::MAX));
        let lists = self.unread.get(index(purpose));
        let list = lists.and_then(|lists| lists.get(&kind)).into_iter();
        list.flat_map(move |list| list.range(range.clone())).map(|entry| entry.1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_many_streams_most_sleep_and_none_is_forgotten() {
        let mut streams = Streams::default();
        for n in 0..1000 {
            let kind = if n % 100 == 0 { StreamKind::Log(crate::LogId(0)) } else { StreamKind::Trace };
            let id = streams.create(kind, n, None).id;
            streams.know_stem(id, Path::new("/dt"), std::ffi::OsStr::new(&n.to_string()));
            streams.rest_some();
        }
        assert!(streams.awake.len() <= AWAKE + 10, "{}", streams.awake.len());
        let orders: Vec<u64> = streams.iter().map(|stream| stream.order).collect();
        assert_eq!(orders, (0..1000).collect::<Vec<_>>());
        let id = streams.with_stem(Path::new("/dt"), std::ffi::OsStr::new("7")).unwrap();
        assert!(streams.sleeps(id) && streams.get(id).is_some_and(|stream| stream.order == 7));
        streams.get_mut(id).unwrap().suspect = true;
        streams.rest();
        assert!(!streams.sleeps(id), "something is wrong with it");
        assert!(streams.remove(id).is_some() && streams.get(id).is_none());
        assert_eq!(streams.with_stem(Path::new("/dt"), std::ffi::OsStr::new("7")), None);
    }
}
