//! The spans seen lately, by trace.
//!
//! A ring of records of one size: the newest takes the place of the oldest, which is counted. The records of a trace
//! are found along a chain from the newest to the oldest, which it shares with the few traces of the same hash; those
//! of an id along another one. Spans are written when they end, so a chain is nearly in the order of ends: each record
//! knows when the last of those behind it ended, and a search for a time stops where all the rest is before it.

use super::bound::{Heads, IdHash, halves, records_within};
use super::key::TaskKey;
use super::origin::{HostNo, ServiceNo};
use super::window::Window;

/// Beside a task's key: the span is the task's own.
const OWN: u64 = 1 << 63;

/// A span as the naming needs it, 72 bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct SpanRecord {
    /// The halves of the trace id: a whole one would have to be aligned to 16 bytes.
    trace: [u64; 2],
    pub(super) id: u64,
    /// Zero for none.
    pub(super) parent: u64,
    pub(super) start_micros: u64,
    pub(super) end_micros: u64,
    /// The task's key, with [`OWN`]; zero for none.
    task: u64,
    /// The number of the span before it in its chain.
    older: u32,
    /// The same in the chain of its id.
    older_of_id: u32,
    /// The second in which the last of it and those behind it in the trace's chain has ended, rounded up.
    last_end_unix: u32,
    pub(super) host: HostNo,
    pub(super) service: ServiceNo,
}

impl SpanRecord {
    pub(super) fn new(trace: u128, id: u64, parent: u64, micros: (u64, u64)) -> Self {
        let (start_micros, end_micros) = micros;
        let (host, service) = (HostNo::UNKNOWN, ServiceNo(0));
        Self {
            trace: halves(trace),
            id,
            parent,
            start_micros,
            end_micros,
            task: 0,
            older: 0,
            older_of_id: 0,
            last_end_unix: u32::try_from(end_micros.div_ceil(1_000_000)).unwrap_or(u32::MAX),
            host,
            service,
        }
    }

    pub(super) fn from(mut self, host: HostNo, service: ServiceNo) -> Self {
        (self.host, self.service) = (host, service);
        self
    }

    pub(super) fn of_task(mut self, task: TaskKey, own: bool) -> Self {
        self.task = task.bits() | if own { OWN } else { 0 };
        self
    }

    pub(super) fn meets(&self, window: &Window) -> bool {
        window.meets(self.start_micros, self.end_micros)
    }

    /// Whether it carries the task's id.
    pub(super) fn has_task(&self, task: TaskKey) -> bool {
        self.task & !OWN == task.bits()
    }

    /// Whether it is the task's own span.
    pub(super) fn is_own_of(&self, task: TaskKey) -> bool {
        self.task == task.bits() | OWN
    }
}

/// The newest spans, each with a number. Numbers count up and wrap; only their differences mean anything.
#[derive(Debug)]
struct Ring {
    records: Vec<SpanRecord>,
    capacity: usize,
    /// The number of the oldest span, and its place.
    oldest: u32,
    oldest_place: usize,
    /// The number that the next span will have.
    next: u32,
}

impl Ring {
    /// How far the number is from the oldest; for a span forgotten, farther than that of any in the ring.
    fn age(&self, number: u32) -> u32 {
        number.wrapping_sub(self.oldest)
    }

    fn place(&self, number: u32) -> Option<usize> {
        let age = self.age(number);
        let place = self.oldest_place + age as usize;
        (age < self.age(self.next)).then(|| if place < self.capacity { place } else { place - self.capacity })
    }

    fn get(&self, number: u32) -> Option<&SpanRecord> {
        self.records.get(self.place(number)?)
    }

    fn is_full(&self) -> bool {
        self.age(self.next) as usize >= self.capacity
    }

    fn push(&mut self, record: SpanRecord) {
        let number = self.next;
        self.next = number.wrapping_add(1);
        match self.place(number).and_then(|place| self.records.get_mut(place)) {
            Some(place) => *place = record,
            None => self.records.push(record),
        }
    }

    fn forget_oldest(&mut self) {
        self.oldest = self.oldest.wrapping_add(1);
        self.oldest_place = (self.oldest_place + 1) % self.capacity;
    }
}

/// The spans.
#[derive(Debug)]
pub(super) struct Spans {
    ring: Ring,
    newest: Heads,
    newest_of_id: Heads,
    hash: IdHash,
    evicted: u64,
}

impl Spans {
    pub(super) fn within(bytes: usize, hash: IdHash) -> Self {
        let capacity = records_within(bytes, size_of::<SpanRecord>());
        // The second chains have heads of their own, as many as the first.
        let heads = Heads::over(capacity, hash).allocated_bytes();
        let capacity = records_within(bytes.saturating_sub(heads), size_of::<SpanRecord>());
        let records = Vec::with_capacity(capacity);
        Self {
            // The first number is 1, so that 0, where heads begin, is that of a span forgotten.
            ring: Ring { records, capacity, oldest: 1, oldest_place: 0, next: 1 },
            newest: Heads::over(capacity, hash),
            newest_of_id: Heads::over(capacity, hash),
            hash,
            evicted: 0,
        }
    }

    pub(super) fn push(&mut self, record: SpanRecord) {
        if self.ring.is_full() {
            self.ring.forget_oldest();
            self.evicted += 1;
        }
        let number = self.ring.next;
        let older = self.newest.replace(self.fold(record.trace), number);
        let older_of_id = self.newest_of_id.replace(record.id, number);
        let behind = self.ring.get(older).map_or(0, |older| older.last_end_unix);
        let last_end_unix = record.last_end_unix.max(behind);
        self.ring.push(SpanRecord { older, older_of_id, last_end_unix, ..record });
    }

    /// The trace's spans that share time with the window, newest first.
    pub(super) fn at(&self, trace: u128, window: Window) -> impl Iterator<Item = &SpanRecord> {
        let (trace, from_unix) = (halves(trace), window.start_unix_nano.div_euclid(1_000_000_000));
        let last = move |record: &SpanRecord| i64::from(record.last_end_unix) >= from_unix;
        let chain = self
            .chain(self.newest.get(self.fold(trace)), |record| record.older)
            .take_while(move |record| last(record));
        chain.filter(move |record| record.trace == trace && record.meets(&window))
    }

    /// The spans of this id in the trace, newest first.
    pub(super) fn of_id(&self, trace: u128, id: u64) -> impl Iterator<Item = &SpanRecord> {
        let trace = halves(trace);
        let chain = self.chain(self.newest_of_id.get(id), |record| record.older_of_id);
        chain.filter(move |record| record.id == id && record.trace == trace)
    }

    fn chain<'s>(
        &'s self,
        newest: u32,
        older: impl Fn(&SpanRecord) -> u32 + 's,
    ) -> impl Iterator<Item = &'s SpanRecord> {
        let mut next = Some(newest);
        std::iter::from_fn(move || {
            let number = next?;
            let record = self.ring.get(number)?;
            next = Some(older(record)).filter(|older| self.ring.age(*older) < self.ring.age(number));
            Some(record)
        })
    }

    fn fold(&self, trace: [u64; 2]) -> u64 {
        self.hash.fold(trace)
    }

    /// The number of the newest span in the trace's chain: it changes with every span of the trace.
    pub(super) fn newest(&self, trace: u128) -> u32 {
        self.newest.get(self.fold(halves(trace)))
    }

    pub(super) fn len(&self) -> usize {
        self.ring.records.len()
    }

    /// Spans that came, those forgotten among them.
    pub(super) fn pushed(&self) -> u64 {
        self.evicted + self.len() as u64
    }

    pub(super) fn capacity(&self) -> usize {
        self.ring.capacity
    }

    /// Spans that made room for others.
    pub(super) fn evicted(&self) -> u64 {
        self.evicted
    }

    pub(super) fn hash(&self) -> IdHash {
        self.hash
    }

    /// The bytes allocated.
    pub(super) fn allocated_bytes(&self) -> usize {
        self.ring.records.capacity() * size_of::<SpanRecord>()
            + self.newest.allocated_bytes()
            + self.newest_of_id.allocated_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(trace: u128, id: u64) -> SpanRecord {
        SpanRecord::new(trace, id, 0, (1, 2))
    }

    /// Of the whole trace.
    fn ids(spans: &Spans, trace: u128) -> Vec<u64> {
        at(spans, trace, 0)
    }

    /// Those of this second.
    fn at(spans: &Spans, trace: u128, second: i64) -> Vec<u64> {
        let window =
            Window { start_unix_nano: second * 1_000_000_000, end_unix_nano: (second + 1) * 1_000_000_000 };
        spans.at(trace, window).map(|record| record.id).collect()
    }

    /// The search stops early, but never before a span that ended in time, however late it stands in the chain.
    #[test]
    fn a_time_is_found_in_any_order_of_ends() {
        let mut spans = Spans::within(64 << 10, IdHash::new());
        let seconds = [(1, 1, 2), (2, 50, 60), (3, 3, 3), (4, 10, 70), (5, 20, 21), (6, 66, 66)];
        for (id, start, end) in seconds {
            spans.push(SpanRecord::new(7, id, 0, (start * 1_000_000, end * 1_000_000)));
        }
        let cases = [
            (1, vec![1]),
            (2, vec![]),
            (3, vec![3]),
            (20, vec![5, 4]),
            (55, vec![4, 2]),
            (66, vec![6, 4]),
            (71, vec![]),
        ];
        for (second, expected) in cases {
            assert_eq!(at(&spans, 7, second), expected, "{second}");
        }
        assert_eq!(spans.of_id(7, 4).map(|record| record.id).collect::<Vec<_>>(), [4]);
        assert_eq!((spans.of_id(8, 4).count(), spans.of_id(7, 9).count()), (0, 0));
    }

    #[test]
    fn a_trace_has_its_spans_newest_first() {
        let mut spans = Spans::within(64 << 10, IdHash::new());
        for (trace, id) in [(1, 10), (2, 20), (1, 11), (1, 12), (2, 21)] {
            spans.push(span(trace, id));
        }
        assert_eq!(
            (ids(&spans, 1), ids(&spans, 2), ids(&spans, 3)),
            (vec![12, 11, 10], vec![21, 20], vec![])
        );
    }

    #[test]
    fn the_oldest_makes_room_and_is_counted() {
        let mut spans = Spans::within(64 << 10, IdHash::new());
        let capacity = spans.capacity() as u64;
        spans.ring.oldest = u32::MAX - 3 * spans.capacity() as u32;
        spans.ring.next = spans.ring.oldest;
        for id in 1..=10 * capacity {
            spans.push(span(u128::from(id % 7 + 1), id));
        }
        assert_eq!((spans.len() as u64, spans.evicted()), (capacity, 9 * capacity));
        let mut kept: Vec<_> = (1..=7).flat_map(|trace| ids(&spans, trace)).collect();
        kept.sort_unstable();
        assert_eq!(kept, (9 * capacity + 1..=10 * capacity).collect::<Vec<_>>());
    }

    #[test]
    fn memory_stays_within_the_bound() {
        let bytes = 6 << 20;
        let mut spans = Spans::within(bytes, IdHash::new());
        for id in 1..=400_000 {
            spans.push(span(u128::from(id), id));
        }
        assert!(spans.allocated_bytes() <= bytes, "{}", spans.allocated_bytes());
        assert!(ids(&spans, 1).is_empty());
        assert_eq!(ids(&spans, 400_000), [400_000]);
    }
}
