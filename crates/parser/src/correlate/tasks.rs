//! What is known of tasks: which traces their spans are in, and which task each works for.
//!
//! A record says: task K on host H has spans in trace T, and works for task L. A task has one such record, or one for
//! each host and trace, should it have several. The records fill a fixed array; when that is full, a hand goes round
//! it, oldest first, takes away one degree of freshness from each record and stops at the first that has none left: that
//! one makes room, and is counted. Lines of a task keep its record fresher than evidence does, and that fresher than
//! being noted once does.

use super::bound::{IdHash, halves, records_within};
use super::key::TaskKey;
use super::origin::HostNo;
use hashbrown::HashTable;

/// The most records one task has: a pool has at most 64 hosts, and several traces for one id are the exception.
const MAX_PER_TASK: usize = 128;
/// The link of a task that was said to work for two different ones: it leads nowhere.
const CLASH: u64 = u64::MAX;

const OWN: u8 = 1;
const FORWARDED: u8 = 2;
const FRESHNESS: u8 = 0b1100;
/// One degree of freshness: more was learned of the task.
const LEARNED: u8 = 0b0100;
/// Two degrees: a line of the task was read.
const READ: u8 = 0b1000;

/// How a task came to work for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkKind {
    /// It was created by it.
    Created,
    /// It is the dispatch that goes on with it on this host.
    Forwarded,
}

/// One record, 40 bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Task {
    key: TaskKey,
    /// Zero for none. In halves, because a `u128` would align the record to 48 bytes.
    trace: [u64; 2],
    link: u64,
    host: HostNo,
    flags: u8,
}

impl Task {
    fn new(key: TaskKey, host: HostNo) -> Self {
        Self { key, trace: [0; 2], link: 0, host, flags: 0 }
    }

    pub(super) fn host(&self) -> HostNo {
        self.host
    }

    /// The trace, where a span has the task's id.
    pub(super) fn trace(&self) -> Option<u128> {
        let [low, high] = self.trace;
        let trace = u128::from(high) << 64 | u128::from(low);
        (trace != 0).then_some(trace)
    }

    /// Whether the task's own span is in that trace.
    pub(super) fn has_own_span(&self) -> bool {
        self.has(OWN)
    }

    fn freshen(&mut self, degree: u8) {
        self.flags = self.flags & !FRESHNESS | degree.max(self.flags & FRESHNESS);
    }

    fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    /// What is known of the task that this one works for.
    fn link(&self) -> Link {
        let kind = if self.has(FORWARDED) { LinkKind::Forwarded } else { LinkKind::Created };
        match TaskKey::from_bits(self.link) {
            None => Link::None,
            Some(_) if self.link == CLASH => Link::Clash,
            Some(key) => Link::To(key, kind),
        }
    }

    /// Notes a link. That to a forwarded task stands above that to a creator; two of one kind to different tasks
    /// clash. So the order in which they come makes no difference.
    fn note_link(&mut self, to: TaskKey, kind: LinkKind) {
        let forwarded = kind == LinkKind::Forwarded;
        if self.link == 0 || (forwarded && !self.has(FORWARDED)) {
            self.link = to.bits();
            self.flags |= if forwarded { FORWARDED } else { 0 };
        } else if forwarded == self.has(FORWARDED) && self.link != to.bits() {
            self.link = CLASH;
        }
    }
}

/// The task that a task works for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Link {
    None,
    To(TaskKey, LinkKind),
    /// It was said of several.
    Clash,
}

/// The tasks.
#[derive(Debug)]
pub(super) struct Tasks {
    records: Vec<Task>,
    capacity: usize,
    hand: usize,
    places: HashTable<u32>,
    hash: IdHash,
    evicted: u64,
    refused: u64,
}

impl Tasks {
    pub(super) fn within(bytes: usize, hash: IdHash) -> Self {
        let capacity = records_within(bytes, size_of::<Task>());
        Self {
            records: Vec::with_capacity(capacity),
            capacity,
            hand: 0,
            places: HashTable::with_capacity(2 * capacity),
            hash,
            evicted: 0,
            refused: 0,
        }
    }

    /// The task's records, in no order.
    pub(super) fn of(&self, key: TaskKey) -> impl Iterator<Item = &Task> {
        self.slots(key).filter_map(|slot| self.records.get(slot))
    }

    /// The task that `key` works for on this host.
    pub(super) fn link(&self, key: TaskKey, host: HostNo) -> Link {
        let links = self.of(key).filter(|task| task.host.may_be(host)).map(Task::link);
        links.fold(Link::None, |known, link| match (known, link) {
            (Link::None, link) => link,
            (known, Link::None) => known,
            (known, link) if known == link => known,
            _ => Link::Clash,
        })
    }

    /// Notes that a span of the trace has the task's id.
    pub(super) fn note_span(&mut self, key: TaskKey, host: HostNo, trace: u128, own: bool) {
        let halves = halves(trace);
        let same = |task: &Task| task.host == host && task.trace == halves;
        let blank = |task: &Task| task.host == host && task.trace().is_none();
        let slot = self.find(key, same).or_else(|| self.find(key, blank));
        if let Some(task) = self.open(slot, key, host) {
            task.trace = halves;
            task.flags |= if own { OWN } else { 0 };
        }
    }

    /// Notes that the task works for another.
    pub(super) fn note_link(&mut self, key: TaskKey, host: HostNo, to: TaskKey, kind: LinkKind) {
        if key == to {
            return;
        }
        let linked = |task: &Task| task.host == host && task.link != 0;
        let slot = self.find(key, linked).or_else(|| self.find(key, |task| task.host == host));
        if let Some(task) = self.open(slot, key, host) {
            task.note_link(to, kind);
        }
    }

    /// A line of the task was read.
    pub(super) fn touch(&mut self, key: TaskKey) {
        let hash = self.hash.of(key.bits());
        for &slot in self.places.iter_hash(hash) {
            if let Some(task) = self.records.get_mut(slot as usize).filter(|task| task.key == key) {
                task.freshen(READ);
            }
        }
    }

    pub(super) fn len(&self) -> usize {
        self.records.len()
    }

    pub(super) fn capacity(&self) -> usize {
        self.capacity
    }

    /// Records that made room for others.
    pub(super) fn evicted(&self) -> u64 {
        self.evicted
    }

    /// Evidence refused, because one task had too many traces already.
    pub(super) fn refused(&self) -> u64 {
        self.refused
    }

    /// The bytes allocated.
    pub(super) fn allocated_bytes(&self) -> usize {
        self.records.capacity() * size_of::<Task>() + self.places.allocation_size()
    }

    fn slots(&self, key: TaskKey) -> impl Iterator<Item = usize> {
        let slots = self.places.iter_hash(self.hash.of(key.bits())).map(|slot| *slot as usize);
        slots.filter(move |slot| self.records.get(*slot).is_some_and(|task| task.key == key))
    }

    fn find(&self, key: TaskKey, fits: impl Fn(&Task) -> bool) -> Option<usize> {
        self.slots(key).find(|slot| self.records.get(*slot).is_some_and(&fits))
    }

    /// The record in `slot`, or a new one; `None` if the task has too many.
    fn open(&mut self, slot: Option<usize>, key: TaskKey, host: HostNo) -> Option<&mut Task> {
        let slot = match slot {
            Some(slot) => {
                self.records.get_mut(slot)?.freshen(LEARNED);
                slot
            }
            None if self.slots(key).nth(MAX_PER_TASK - 1).is_some() => {
                self.refused += 1;
                return None;
            }
            None => self.insert(Task::new(key, host)),
        };
        self.records.get_mut(slot)
    }

    fn insert(&mut self, task: Task) -> usize {
        let slot = self.room();
        match self.records.get_mut(slot) {
            Some(place) => *place = task,
            None => self.records.push(task),
        }
        let (records, hash) = (&self.records, self.hash);
        let hash_of = |slot: &u32| records.get(*slot as usize).map_or(0, |task| hash.of(task.key.bits()));
        self.places.insert_unique(hash.of(task.key.bits()), slot as u32, hash_of);
        slot
    }

    /// A slot to write to: a new one, or that of a record which has to go.
    fn room(&mut self) -> usize {
        if self.records.len() < self.capacity {
            return self.records.len();
        }
        let slot = self.oldest_unused();
        if let Some(task) = self.records.get(slot) {
            let hash = self.hash.of(task.key.bits());
            if let Ok(place) = self.places.find_entry(hash, |other| *other as usize == slot) {
                place.remove();
            }
            self.evicted += 1;
        }
        slot
    }

    /// Moves the hand on to a record without freshness: at most two rounds and a step.
    fn oldest_unused(&mut self) -> usize {
        loop {
            let slot = self.hand;
            self.hand = (slot + 1) % self.capacity;
            match self.records.get_mut(slot) {
                Some(task) if task.has(FRESHNESS) => task.flags -= LEARNED,
                _ => return slot,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(number: u64) -> TaskKey {
        TaskKey::from_bits(number).unwrap()
    }

    const HOST: HostNo = HostNo(1);

    #[test]
    fn a_million_open_tasks_stay_within_the_bound() {
        let bytes = 12 << 20;
        let mut tasks = Tasks::within(bytes, IdHash::new());
        for number in 1..=1_000_000 {
            tasks.note_link(key(number), HOST, key(number + 1), LinkKind::Created);
            tasks.note_span(key(number), HOST, u128::from(number), false);
        }
        assert!(tasks.capacity() >= 200_000, "{}", tasks.capacity());
        assert_eq!(tasks.len() as u64 + tasks.evicted(), 1_000_000);
        assert_eq!(tasks.len(), tasks.capacity());
        assert!(tasks.allocated_bytes() <= bytes + 64, "{}", tasks.allocated_bytes());
        assert!(tasks.allocated_bytes() / tasks.capacity() <= 60);
    }

    #[test]
    fn what_is_used_stays() {
        let mut tasks = Tasks::within(64 << 10, IdHash::new());
        for number in 1..=100_000 {
            tasks.note_span(key(number), HOST, 7, false);
            tasks.touch(key(1));
        }
        assert_eq!(tasks.of(key(1)).count(), 1);
        assert_eq!(tasks.of(key(2)).count(), 0);
    }

    #[test]
    fn links_do_not_depend_on_their_order() {
        let facts = [(2, LinkKind::Created), (3, LinkKind::Created), (4, LinkKind::Forwarded)];
        let cases: [(&[usize], Link); 5] = [
            (&[0], Link::To(key(2), LinkKind::Created)),
            (&[0, 0], Link::To(key(2), LinkKind::Created)),
            (&[0, 1], Link::Clash),
            (&[1, 0, 2], Link::To(key(4), LinkKind::Forwarded)),
            (&[2, 1, 0], Link::To(key(4), LinkKind::Forwarded)),
        ];
        for (order, expected) in cases {
            let mut tasks = Tasks::within(64 << 10, IdHash::new());
            for (to, kind) in order.iter().map(|at| facts[*at]) {
                tasks.note_link(key(1), HOST, key(to), kind);
            }
            assert_eq!(tasks.link(key(1), HOST), expected, "{order:?}");
        }
    }

    #[test]
    fn one_task_with_many_traces_is_refused_more() {
        let mut tasks = Tasks::within(1 << 20, IdHash::new());
        (1..=1000).for_each(|trace| tasks.note_span(key(1), HOST, trace, false));
        assert_eq!((tasks.len(), tasks.refused()), (MAX_PER_TASK, 1000 - MAX_PER_TASK as u64));
    }
}
