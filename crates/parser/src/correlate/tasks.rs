//! What is known of tasks: which traces their spans are in, and which task each works for.
//!
//! A record says: task K on host H has spans in trace T, and works for task L. A task has one such record, or one for
//! each host and trace, should it have several. The records fill a fixed array; when that is full, a hand goes round
//! it, oldest first, and takes the first record of which nothing was heard since it last came by, neither evidence nor a
//! line (second chance): that one makes room, and is counted.

use super::bound::{Heads, IdHash, halves, records_within};
use super::key::TaskKey;
use super::origin::HostNo;

/// The most records one task has: a pool has at most 64 hosts, and several traces for one id are the exception.
const MAX_PER_TASK: usize = 128;
/// The link of a task that was said to work for two different ones: it leads nowhere.
const CLASH: u64 = u64::MAX;

const OWN: u8 = 1;
const FORWARDED: u8 = 2;
/// Something was heard of the task since the hand last came by.
const HEARD: u8 = 4;

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
    /// The place of the next record with the same hash, plus one; zero for none.
    next: u32,
    host: HostNo,
    flags: u8,
}

impl Task {
    fn new(key: TaskKey, host: HostNo) -> Self {
        Self { key, trace: [0; 2], link: 0, next: 0, host, flags: HEARD }
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
    hand: usize,
    heads: Heads,
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
            heads: Heads::over(capacity, hash),
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
        let mut next = self.heads.get(key.bits());
        while let Some(task) = place(next).and_then(|slot| self.records.get_mut(slot)) {
            task.flags |= if task.key == key { HEARD } else { 0 };
            next = task.next;
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
        self.records.capacity() * size_of::<Task>() + self.heads.allocated_bytes()
    }

    fn slots(&self, key: TaskKey) -> impl Iterator<Item = usize> {
        let mut next = self.heads.get(key.bits());
        let chain = std::iter::from_fn(move || {
            let slot = place(next)?;
            let task = self.records.get(slot)?;
            next = task.next;
            Some((slot, task.key))
        });
        chain.filter(move |(_, other)| *other == key).map(|(slot, _)| slot)
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
            let task = self.records.get_mut(slot)?;
            task.flags |= HEARD;
            return Some(task);
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
        let next = self.heads.replace(task.key.bits(), link(slot));
        match self.records.get_mut(slot) {
            Some(place) => *place = Task { next, ..task },
            None => self.records.push(Task { next, ..task }),
        }
        slot
    }

    /// A slot to write to: a new one, or that of the record which has to go.
    fn room(&mut self) -> usize {
        if self.records.len() < self.capacity {
            return self.records.len();
        }
        let slot = self.oldest_unheard();
        self.unchain(slot);
        self.evicted += 1;
        slot
    }

    /// Moves the hand on to a record of which nothing was heard since it last came by: at most one round and a step.
    fn oldest_unheard(&mut self) -> usize {
        loop {
            let slot = self.hand;
            self.hand = (slot + 1) % self.capacity;
            match self.records.get_mut(slot) {
                Some(task) if task.has(HEARD) => task.flags &= !HEARD,
                _ => return slot,
            }
        }
    }

    fn unchain(&mut self, slot: usize) {
        let Some(Task { key, next: after, .. }) = self.records.get(slot).copied() else { return };
        let mut next = self.heads.get(key.bits());
        if next == link(slot) {
            self.heads.replace(key.bits(), after);
        }
        while let Some(task) = place(next).and_then(|slot| self.records.get_mut(slot)) {
            if task.next == link(slot) {
                task.next = after;
                return;
            }
            next = task.next;
        }
    }
}

/// How a chain names a slot.
fn link(slot: usize) -> u32 {
    slot as u32 + 1
}

fn place(link: u32) -> Option<usize> {
    (link as usize).checked_sub(1)
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
        let bytes = 17 << 19;
        let mut tasks = Tasks::within(bytes, IdHash::new());
        for number in 1..=1_000_000 {
            tasks.note_link(key(number), HOST, key(number + 1), LinkKind::Created);
            tasks.note_span(key(number), HOST, u128::from(number), false);
        }
        assert!(tasks.capacity() >= 200_000, "{}", tasks.capacity());
        assert_eq!(tasks.len() as u64 + tasks.evicted(), 1_000_000);
        assert_eq!(tasks.len(), tasks.capacity());
        assert!(tasks.allocated_bytes() <= bytes, "{}", tasks.allocated_bytes());
        assert!(tasks.allocated_bytes() / tasks.capacity() <= 45);
    }

    #[test]
    fn the_oldest_goes_first() {
        let mut tasks = Tasks::within(4 << 10, IdHash::new());
        let room = tasks.capacity() as u64;
        (1..=room + 10).for_each(|number| tasks.note_span(key(number), HOST, 7, false));
        let known: Vec<_> = (1..=room + 10).filter(|number| tasks.of(key(*number)).count() == 1).collect();
        assert_eq!(known, (11..=room + 10).collect::<Vec<_>>());
    }

    #[test]
    fn what_is_heard_of_stays() {
        let mut tasks = Tasks::within(64 << 10, IdHash::new());
        for number in 1..=100_000 {
            tasks.note_span(key(number), HOST, 7, false);
            tasks.touch(key(500));
        }
        assert_eq!(tasks.of(key(500)).count(), 1);
        assert_eq!(tasks.of(key(501)).count(), 0);
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
