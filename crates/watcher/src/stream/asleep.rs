//! A stream that nothing happens to, in as few bytes as it needs: there may be tens of thousands.
//!
//! Promises: [`wake`] gives back the stream that [`put_to_sleep`] was given. Leaves to others: when to do either.
//!
//! Layout; numbers are LEB128: flags, key, order, head (length and, unless 0, its hash), the deliver cursor's three
//! places, its marker (offset, length and, unless 0, its hash), settled, mark, when the descriptor was of use, the size
//! before the last growth; with a stem, its hash (8 bytes); the plain file's place, the compressed one's and since when
//! that one is as it is. A place is its path and hints; a path 0 and its number (8 bytes, `discover::Stamps`), or its length and
//! one, and its bytes.

use super::{Cursor, PackedFile, Place, Stream};
use crate::decode::Progress;
use crate::discover::Stamps;
use crate::saved::Packing;
use crate::saved::parts::{array, push_head, push_hints, push_marker, take_head, take_hints, take_marker};
use crate::settle::Tracker;
use crate::varint::{push, take};
use crate::{StreamId, StreamKind};
use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;
use std::time::Duration;

const ANNOUNCED: u64 = 1;
const DIRTY: u64 = 1 << 1;
const TO_DELIVER: u64 = 1 << 2;
const TO_LEARN: u64 = 1 << 3;
const ENDED: u64 = 1 << 4;
const MARKED: u64 = 1 << 5;
const STEM: u64 = 1 << 6;
const PLAIN: u64 = 1 << 7;
const PLAIN_NAMED: u64 = 1 << 8;
const PACKED: u64 = 1 << 9;
const PACKED_NAMED: u64 = 1 << 10;
const PACKED_TOLD: u64 = 1 << 11;
const PACKED_GZIP: u64 = 1 << 12;
const DELIVERED: u64 = 1 << 13;

impl Stream {
    /// Whether it is a trace file's, and all there is to say of it has a place in the layout.
    fn may_sleep(&self) -> bool {
        let quiet = self.file.is_none() && self.evidence.is_none() && self.gone.is_none();
        let sound = !self.suspect && !self.blocked && self.fate.is_none() && self.refused.is_none();
        let listed = self.listed.iter().flatten().all(|order| *order == self.order);
        let marked = self.markers.iter().flat_map(|it| it.iter()).all(|it| *it == self.deliver.marker);
        let ready = self.packed.as_ref().is_none_or(|packed| packed.ready);
        self.kind == StreamKind::Trace
            && (quiet && sound && listed && marked && ready)
            && self.deliver.may_sleep()
            && self.tracker.is_whole()
    }

    fn flags(&self) -> u64 {
        let [to_deliver, to_learn] = self.listed;
        let packed = self.packed.as_ref();
        [
            (ANNOUNCED, self.announced),
            (DIRTY, self.dirty),
            (TO_DELIVER, to_deliver.is_some()),
            (TO_LEARN, to_learn.is_some()),
            (ENDED, self.deliver.ended),
            (MARKED, self.markers.is_some()),
            (STEM, self.stem.is_some()),
            (PLAIN, self.plain.is_some()),
            (PLAIN_NAMED, self.plain.as_ref().is_some_and(|place| place.named)),
            (PACKED, packed.is_some()),
            (PACKED_NAMED, packed.is_some_and(|packed| packed.place.named)),
            (PACKED_TOLD, packed.is_some_and(|packed| packed.told)),
            (PACKED_GZIP, packed.is_some_and(|packed| packed.place.hints.packing == Packing::Gzip)),
            (DELIVERED, self.is_delivered()),
        ]
        .into_iter()
        .fold(0, |flags, (flag, set)| if set { flags | flag } else { flags })
    }
}

impl Cursor {
    fn may_sleep(&self) -> bool {
        self.unpacked.is_none() && !self.align && !self.framer.is_skipping()
    }
}

/// The stream in a few bytes, if it is one to sleep.
pub(super) fn put_to_sleep(stream: &mut Stream, stamps: &mut Stamps) -> Option<Box<[u8]>> {
    stream.tracker.rest();
    if !stream.may_sleep() {
        return None;
    }
    let mut out = Vec::with_capacity(256);
    let cursor = &stream.deliver;
    [stream.flags(), stream.key, stream.order].into_iter().for_each(|number| push(&mut out, number));
    push_head(&mut out, stream.head);
    [cursor.next, cursor.at, cursor.probed].into_iter().for_each(|number| push(&mut out, number));
    push_marker(&mut out, cursor.marker);
    let numbers = [stream.tracker.settled(), stream.tracker.mark(), nanos(stream.used), stream.prior_size];
    numbers.into_iter().for_each(|number| push(&mut out, number));
    stream.stem.iter().for_each(|stem| out.extend_from_slice(&stem.to_le_bytes()));
    stream.plain.iter().for_each(|place| push_place(&mut out, place, stamps));
    if let Some(packed) = &stream.packed {
        push_place(&mut out, &packed.place, stamps);
        push(&mut out, nanos(packed.since));
    }
    Some(out.into_boxed_slice())
}

/// The stream that was put to sleep.
pub(super) fn wake(id: StreamId, mut bytes: &[u8], stamps: &Stamps) -> Option<Stream> {
    let from = &mut bytes;
    let flags = take(from)?;
    let is = |flag| flags & flag != 0;
    let (key, order) = (take(from)?, take(from)?);
    let mut stream = Stream::new(id, key, StreamKind::Trace, order);
    stream.head = take_head(from)?;
    let (next, at, probed) = (take(from)?, take(from)?, take(from)?);
    let marker = take_marker(from)?;
    stream.deliver = Cursor { next, at, probed, marker, ended: is(ENDED), ..Cursor::default() };
    stream.tracker = Tracker::restore(take(from)?, take(from)?, &[]);
    stream.used = Duration::from_nanos(take(from)?);
    stream.prior_size = take(from)?;
    if is(STEM) {
        stream.stem = Some(u64::from_le_bytes(array(from)?));
    }
    if is(PLAIN) {
        stream.plain = Some(take_place(from, Packing::Plain, is(PLAIN_NAMED), stamps)?);
    }
    if is(PACKED) {
        let packing = if is(PACKED_GZIP) { Packing::Gzip } else { Packing::Zstd };
        let place = take_place(from, packing, is(PACKED_NAMED), stamps)?;
        let since = Duration::from_nanos(take(from)?);
        let walk = (Progress::default(), 0);
        stream.packed = Some(Box::new(PackedFile { place, ready: true, since, walk, told: is(PACKED_TOLD) }));
    }
    (stream.announced, stream.dirty) = (is(ANNOUNCED), is(DIRTY));
    stream.listed = [TO_DELIVER, TO_LEARN].map(|flag| is(flag).then_some(order));
    if is(MARKED) {
        stream.remember_marker();
    }
    Some(stream)
}

/// Whether all was delivered of the stream that sleeps so.
pub(super) fn is_delivered(mut bytes: &[u8]) -> bool {
    take(&mut bytes).is_some_and(|flags| flags & DELIVERED != 0)
}

/// The checkpoint of the stream that sleeps so is stored.
pub(super) fn clean(bytes: &mut [u8]) {
    /// The flags come first, and of them the lowest seven.
    const KEPT: u8 = !(1 << DIRTY.trailing_zeros());
    bytes.iter_mut().take(1).for_each(|flags| *flags &= KEPT);
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

fn push_place(out: &mut Vec<u8>, place: &Place, stamps: &mut Stamps) {
    let path = place.path.as_os_str().as_bytes();
    match stamps.number(path) {
        Some(number) => {
            push(out, 0);
            out.extend_from_slice(&number.to_le_bytes());
        }
        None => {
            push(out, path.len() as u64 + 1);
            out.extend_from_slice(path);
        }
    }
    push_hints(out, &place.hints);
}

fn take_place(from: &mut &[u8], packing: Packing, named: bool, stamps: &Stamps) -> Option<Place> {
    let path = match usize::try_from(take(from)?).ok()?.checked_sub(1) {
        None => stamps.name(u64::from_le_bytes(array(from)?)),
        Some(len) => {
            let (path, rest) = from.split_at_checked(len)?;
            *from = rest;
            path.to_vec()
        }
    };
    let path = PathBuf::from(OsString::from_vec(path));
    Some(Place { path, named, hints: take_hints(from, packing)? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::saved::{Head, Hints, Marker};

    fn place(path: &str, packing: Packing, named: bool) -> Place {
        let hints = Hints { packing, dev: 2049, ino: 1 << 40, size: 9, mtime_ns: -7, ctime_ns: 1 << 60 };
        Place { path: path.into(), named, hints }
    }

    /// A stream of a name with a plain file, a compressed one, or both.
    fn sample(name: &str, plain: bool, packed: bool) -> Stream {
        let mut stream = Stream::new(StreamId(7), 70, StreamKind::Trace, 1 << 61);
        stream.head = Head { len: 9, hash: [u64::MAX, 1] };
        stream.tracker = Tracker::restore(100, 3, &[]);
        stream.deliver = Cursor {
            probed: 300,
            ended: packed,
            marker: Marker { offset: 100, len: 64, hash: 5 },
            ..Cursor::at(100)
        };
        stream.remember_marker();
        stream.plain = plain.then(|| place(name, Packing::Plain, false));
        stream.packed = packed.then(|| {
            let packed =
                PackedFile::new(place(&format!("{name}.zst"), Packing::Zstd, true), Duration::from_secs(5));
            Box::new(PackedFile { ready: true, told: true, ..packed })
        });
        (stream.used, stream.prior_size, stream.stem) = (Duration::from_millis(3), 8, Some(u64::MAX));
        (stream.announced, stream.dirty, stream.listed) = (true, true, [Some(1 << 61), None]);
        stream
    }

    /// All of it that the layout holds, as text.
    fn told(stream: &Stream) -> String {
        let Cursor { next, at, probed, marker, ended, .. } = &stream.deliver;
        let cursor = (next, at, probed, marker, ended);
        let state =
            (stream.announced, stream.dirty, stream.listed, stream.stem, stream.used, stream.prior_size);
        let names = (stream.id, stream.key, stream.kind, stream.order, stream.head);
        let settled = (stream.tracker.settled(), stream.tracker.mark());
        format!(
            "{names:?} {cursor:?} {state:?} {settled:?} {:?} {:?} {:?}",
            stream.plain, stream.packed, stream.markers
        )
    }

    #[test]
    fn a_stream_wakes_as_it_fell_asleep() {
        let mut stamps = Stamps::default();
        let long = "/var/log/dt/zipkinv2/json/xapi-6e7e2f49-3168-465e-a22c-93f68f1c31ab-2026-02-19T20:46:15.393923-00:00.ndjson";
        for (name, plain, packed) in [
            (long, true, false),
            (long, true, true),
            (long, false, true),
            ("/é", true, true),
            ("", true, false),
        ] {
            let mut stream = sample(name, plain, packed);
            let bytes = put_to_sleep(&mut stream, &mut stamps).unwrap();
            let woken = wake(stream.id, &bytes, &stamps).unwrap();
            assert_eq!(told(&woken), told(&stream), "{name}");
            assert!(packed || bytes.len() < 105, "{}", bytes.len());
            let mut cleaned = bytes.clone();
            clean(&mut cleaned);
            stream.dirty = false;
            assert_eq!(told(&wake(stream.id, &cleaned, &stamps).unwrap()), told(&stream), "{name}");
        }
    }

    #[test]
    fn it_is_known_of_a_sleeper_whether_it_is_delivered() {
        for (size, announced, all) in [(40, true, true), (41, true, false), (40, false, false)] {
            let mut stream = sample("/x", true, false);
            stream.tracker = Tracker::restore(40, 0, &[]);
            stream.plain.iter_mut().for_each(|place| place.hints.size = size);
            stream.announced = announced;
            let bytes = put_to_sleep(&mut stream, &mut Stamps::default()).unwrap();
            assert_eq!((is_delivered(&bytes), stream.is_delivered()), (all, all), "{size} {announced}");
        }
    }

    #[test]
    fn who_is_busy_does_not_sleep() {
        let busy: [fn(&mut Stream); 9] = [
            |stream| stream.kind = StreamKind::Log(crate::LogId(0)),
            |stream| stream.evidence = Some(Box::default()),
            |stream| stream.gone = Some(Duration::ZERO),
            |stream| stream.suspect = true,
            |stream| stream.blocked = true,
            |stream| stream.fate = Some(crate::Reason::Truncated),
            |stream| stream.refused = Some(Box::new((1, 2))),
            |stream| stream.tracker.open(100, 200, 0, 1),
            |stream| stream.listed = [Some(4), None],
        ];
        for (at, make_busy) in busy.into_iter().enumerate() {
            let mut stream = sample("/x", true, true);
            make_busy(&mut stream);
            assert!(put_to_sleep(&mut stream, &mut Stamps::default()).is_none(), "{at}");
        }
        let mut stream = sample("/x", true, true);
        stream.packed.as_mut().unwrap().ready = false;
        assert!(put_to_sleep(&mut stream, &mut Stamps::default()).is_none());
    }
}
