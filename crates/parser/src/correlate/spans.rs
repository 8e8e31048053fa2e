//! The spans seen lately, by trace.
//!
//! A ring of records of one size: the newest takes the place of the oldest, which is counted. Each record leads to
//! the one before it in the same trace, and a hash table to the newest of each trace.

use super::bound::{IdHash, records_within};
use super::key::TaskKey;
use super::origin::{HostNo, ServiceNo};
use super::window::Window;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

/// Beside a task's key: the span is the task's own.
const OWN: u64 = 1 << 63;

/// A span as the naming needs it, 64 bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct SpanRecord {
    pub(super) trace: u128,
    pub(super) id: u64,
    /// Zero for none.
    pub(super) parent: u64,
    pub(super) start_micros: u64,
    pub(super) end_micros: u64,
    /// The task's key, with [`OWN`]; zero for none.
    task: u64,
    /// The number of the span before it in its trace; its own for the first.
    older: u32,
    pub(super) host: HostNo,
    pub(super) service: ServiceNo,
}

impl SpanRecord {
    pub(super) fn new(trace: u128, id: u64, parent: u64, micros: (u64, u64)) -> Self {
        let (start_micros, end_micros) = micros;
        let (host, service) = (HostNo::UNKNOWN, ServiceNo(0));
        Self { trace, id, parent, start_micros, end_micros, task: 0, older: 0, host, service }
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
    newest_of: HashTable<u32>,
    hash: IdHash,
    evicted: u64,
}

impl Spans {
    pub(super) fn within(bytes: usize, hash: IdHash) -> Self {
        let capacity = records_within(bytes, size_of::<SpanRecord>());
        let records = Vec::with_capacity(capacity);
        Self {
            ring: Ring { records, capacity, oldest: 0, oldest_place: 0, next: 0 },
            newest_of: HashTable::with_capacity(2 * capacity),
            hash,
            evicted: 0,
        }
    }

    pub(super) fn push(&mut self, record: SpanRecord) {
        if self.ring.is_full() {
            self.forget_oldest();
        }
        let older = self.replace_newest(record.trace);
        self.ring.push(SpanRecord { older, ..record });
    }

    /// The trace's spans, newest first.
    pub(super) fn of(&self, trace: u128) -> impl Iterator<Item = &SpanRecord> {
        let mut next = self.newest(trace);
        std::iter::from_fn(move || {
            let number = next?;
            let record = self.ring.get(number)?;
            next = Some(record.older).filter(|older| self.ring.age(*older) < self.ring.age(number));
            Some(record)
        })
    }

    /// The number of the trace's newest span: it changes with every span of the trace.
    pub(super) fn newest(&self, trace: u128) -> Option<u32> {
        let is_of = |number: &u32| self.ring.get(*number).is_some_and(|record| record.trace == trace);
        self.newest_of.find(self.hash.of_trace(trace), is_of).copied()
    }

    pub(super) fn len(&self) -> usize {
        self.ring.records.len()
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
        self.ring.records.capacity() * size_of::<SpanRecord>() + self.newest_of.allocation_size()
    }

    /// Makes the next span its trace's newest; gives the number of the one before, or its own for the first.
    fn replace_newest(&mut self, trace: u128) -> u32 {
        let (ring, hash) = (&self.ring, self.hash);
        let is_of = |number: &u32| ring.get(*number).is_some_and(|record| record.trace == trace);
        let hash_of = |number: &u32| ring.get(*number).map_or(0, |record| hash.of_trace(record.trace));
        match self.newest_of.entry(hash.of_trace(trace), is_of, hash_of) {
            Entry::Occupied(mut newest) => std::mem::replace(newest.get_mut(), ring.next),
            Entry::Vacant(place) => *place.insert(ring.next).get(),
        }
    }

    fn forget_oldest(&mut self) {
        let oldest = self.ring.oldest;
        if let Some(trace) = self.ring.get(oldest).map(|record| record.trace) {
            let hash = self.hash.of_trace(trace);
            if let Ok(entry) = self.newest_of.find_entry(hash, |number| *number == oldest) {
                entry.remove();
            }
        }
        self.ring.forget_oldest();
        self.evicted += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(trace: u128, id: u64) -> SpanRecord {
        SpanRecord::new(trace, id, 0, (1, 2))
    }

    fn ids(spans: &Spans, trace: u128) -> Vec<u64> {
        spans.of(trace).map(|record| record.id).collect()
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
        assert!(spans.allocated_bytes() <= bytes + 64, "{}", spans.allocated_bytes());
        assert!(ids(&spans, 1).is_empty());
        assert_eq!(ids(&spans, 400_000), [400_000]);
    }
}
