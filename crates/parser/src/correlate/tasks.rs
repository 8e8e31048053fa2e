//! What is known of tasks: which traces their spans are in, and which task each works for.
//!
//! A record says: task K on host H has spans in trace T, and works for task L. A task has one such record, or one for
//! each host and trace, should it have several. The records fill a fixed array; when that is full, the one of which
//! nothing was heard for longest, neither evidence nor a line, makes room, and is counted.

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
/// The place beyond both ends of the order of use.
const NOWHERE: u32 = u32::MAX;

/// How a task came to work for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkKind {
    /// It was created by it.
    Created,
    /// It is the dispatch that goes on with it on this host.
    Forwarded,
}

/// One record, 48 bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Task {
    key: TaskKey,
    /// Zero for none. In halves, because a `u128` would align the record to 64 bytes.
    trace: [u64; 2],
    link: u64,
    /// The places of its neighbours in the order of use.
    newer: u32,
    older: u32,
    host: HostNo,
    flags: u8,
}

impl Task {
    fn new(key: TaskKey, host: HostNo) -> Self {
        Self { key, trace: [0; 2], link: 0, newer: NOWHERE, older: NOWHERE, host, flags: 0 }
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

/// Whether a record can take what is to be noted.
enum Fit {
    None,
    /// It has nothing there yet.
    Usable,
    /// It has the like already.
    Exact,
}

/// The tasks.
#[derive(Debug)]
pub(super) struct Tasks {
    records: Vec<Task>,
    capacity: usize,
    newest: u32,
    oldest: u32,
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
            newest: NOWHERE,
            oldest: NOWHERE,
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
        let fit = |task: &Task| match task.trace() {
            Some(_) if task.trace == halves => Fit::Exact,
            None => Fit::Usable,
            Some(_) => Fit::None,
        };
        if let Some(task) = self.open(key, host, fit) {
            task.trace = halves;
            task.flags |= if own { OWN } else { 0 };
        }
    }

    /// Notes that the task works for another.
    pub(super) fn note_link(&mut self, key: TaskKey, host: HostNo, to: TaskKey, kind: LinkKind) {
        if key == to {
            return;
        }
        let fit = |task: &Task| if task.link == 0 { Fit::Usable } else { Fit::Exact };
        if let Some(task) = self.open(key, host, fit) {
            task.note_link(to, kind);
        }
    }

    /// A line of the task was read.
    pub(super) fn touch(&mut self, key: TaskKey) {
        let mut slots = self.slots(key);
        match (slots.next(), slots.next()) {
            (None, _) => {}
            (Some(only), None) => {
                drop(slots);
                self.renew(only);
            }
            (Some(first), Some(second)) => {
                let slots: Vec<_> = [first, second].into_iter().chain(slots).collect();
                slots.into_iter().for_each(|slot| self.renew(slot));
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

    /// The record of the task on this host that fits best, or a new one; `None` if the task has too many.
    fn open(&mut self, key: TaskKey, host: HostNo, fit: impl Fn(&Task) -> Fit) -> Option<&mut Task> {
        let (mut known, mut usable) = (0, None);
        for slot in self.slots(key) {
            known += 1;
            let task = self.records.get(slot).filter(|task| task.host == host);
            match task.map_or(Fit::None, &fit) {
                Fit::None => {}
                Fit::Usable => usable = usable.or(Some(slot)),
                Fit::Exact => {
                    usable = Some(slot);
                    break;
                }
            }
        }
        if let Some(slot) = usable {
            self.renew(slot);
            return self.records.get_mut(slot);
        }
        if known >= MAX_PER_TASK {
            self.refused += 1;
            return None;
        }
        let slot = self.insert(Task::new(key, host));
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
        self.append(slot as u32);
        slot
    }

    /// A slot to write to: a new one, or that of the record which has to go.
    fn room(&mut self) -> usize {
        if self.records.len() < self.capacity {
            return self.records.len();
        }
        let slot = self.oldest;
        if let Some(key) = self.records.get(slot as usize).map(|task| task.key) {
            if let Ok(place) = self.places.find_entry(self.hash.of(key.bits()), |other| *other == slot) {
                place.remove();
            }
            self.detach(slot);
            self.evicted += 1;
        }
        slot as usize
    }

    /// Makes a record the newest in the order of use.
    fn renew(&mut self, slot: usize) {
        let slot = slot as u32;
        if slot != self.newest {
            self.detach(slot);
            self.append(slot);
        }
    }

    fn detach(&mut self, slot: u32) {
        let Some(task) = self.records.get(slot as usize) else { return };
        let (newer, older) = (task.newer, task.older);
        match self.records.get_mut(newer as usize) {
            Some(task) => task.older = older,
            None => self.newest = older,
        }
        match self.records.get_mut(older as usize) {
            Some(task) => task.newer = newer,
            None => self.oldest = newer,
        }
    }

    fn append(&mut self, slot: u32) {
        let older = std::mem::replace(&mut self.newest, slot);
        match self.records.get_mut(older as usize) {
            Some(task) => task.newer = slot,
            None => self.oldest = slot,
        }
        if let Some(task) = self.records.get_mut(slot as usize) {
            (task.newer, task.older) = (NOWHERE, older);
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
        assert!(tasks.allocated_bytes() / tasks.capacity() <= 61);
    }

    #[test]
    fn what_was_heard_of_least_lately_goes_first() {
        let mut tasks = Tasks::within(4 << 10, IdHash::new());
        let room = tasks.capacity() as u64;
        (1..=room).for_each(|number| tasks.note_span(key(number), HOST, 7, false));
        (1..=room).rev().filter(|number| number % 2 == 0).for_each(|number| tasks.touch(key(number)));
        let known = |tasks: &Tasks| {
            (1..=room).filter(|number| tasks.of(key(*number)).count() == 1).collect::<Vec<_>>()
        };
        for number in 1..=room / 2 + 2 {
            tasks.note_span(key(room + number), HOST, 7, false);
        }
        let left: Vec<_> = (1..=room)
            .filter(|number| number % 2 == 0)
            .take(room as usize / 2 - 2 + room as usize % 2)
            .collect();
        assert_eq!(known(&tasks), left);
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
