//! When a request leaves.

use super::group::Group;
use super::held::HeldRecord;
use super::request::Batch;
use crate::encode;
use model::{Now, Receipt, TraceContext};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

/// At most 20 requests a second, unless they are full.
const GAP: Duration = Duration::from_millis(50);
/// A scratch buffer that one giant record has made larger is cut back to this.
const SCRATCH: usize = 64 << 10;

/// What the configuration says of one signal's requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatcherConfig {
    /// Bytes of a request at most, before compression.
    pub max_request: usize,
    /// The longest a record waits for its request to fill. The agent seldom makes use of it: a request leaves as soon
    /// as there is room and 50 ms have passed since the one before it. A shorter `max_delay` shortens that gap.
    pub max_delay: Duration,
}

/// One signal's records on their way into requests.
///
/// When one leaves:
/// * a full one as soon as there is room;
/// * one that isn't full as soon as there is room and 50 ms have passed since the last one left, so that the first
///   record after quiet leaves at once;
/// * while there is no room, it fills; then [`Batcher::is_full`] asks the caller to bring no more. What comes
///   nevertheless is taken: nothing is lost, only the bound on memory is.
#[derive(Debug)]
pub struct Batcher {
    config: BatcherConfig,
    /// Full ones, oldest first.
    full: VecDeque<Batch>,
    open: Batch,
    /// When the open one's first record came.
    opened: Duration,
    left: Option<Duration>,
    spare: Option<Batch>,
    scratch: Vec<u8>,
}

impl Batcher {
    /// No records yet.
    #[must_use]
    pub fn new(config: BatcherConfig) -> Self {
        Self {
            config,
            full: VecDeque::new(),
            open: Batch::default(),
            opened: Duration::ZERO,
            left: None,
            spare: None,
            scratch: Vec::new(),
        }
    }

    /// Takes another configuration; it holds from the next record on.
    pub fn configure(&mut self, config: BatcherConfig) {
        self.config = config;
    }

    /// Adds a record, whose body `encode` appends to the buffer it is given.
    pub fn push(
        &mut self,
        group: &Arc<Group>,
        receipt: Receipt,
        now: Now,
        encode: impl FnOnce(&mut Vec<u8>),
    ) {
        let mut record = std::mem::take(&mut self.scratch);
        record.clear();
        encode(&mut record);
        self.add(group, receipt, now, &record);
        record.clear();
        record.shrink_to(SCRATCH);
        self.scratch = record;
    }

    /// Adds a line that was held, with the trace context that was found for it, if any was.
    pub fn push_held(&mut self, held: &HeldRecord, context: Option<&TraceContext>, now: Now) {
        self.push(&held.group, held.receipt, now, |out| {
            out.extend_from_slice(&held.bytes);
            if let Some(context) = context {
                encode::trace_context(context, out);
            }
        });
    }

    /// Whether a full request waits: bring no more until one has left.
    #[must_use]
    pub fn is_full(&self) -> bool {
        !self.full.is_empty()
    }

    /// Whether nothing waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.full.is_empty() && self.open.is_empty()
    }

    /// Bytes of memory that it takes, spare buffers included.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let batches = self.full.iter().chain([&self.open]).chain(self.spare.as_ref());
        batches.map(Batch::memory).sum::<usize>() + self.scratch.capacity()
    }

    /// The next request, if one may leave now. `room`: the delivery can take one.
    pub fn ready(&mut self, now: Now, room: bool) -> Option<Batch> {
        if !room || self.next_deadline()? > now.mono {
            return None;
        }
        self.left = Some(now.mono);
        self.full.pop_front().or_else(|| Some(self.take_open()))
    }

    /// When [`Batcher::ready`] will have one, provided that there is room then: a moment of [`Now::mono`], past if
    /// one may leave at once; `None` if there is nothing to send.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Duration> {
        if !self.full.is_empty() {
            return Some(Duration::ZERO);
        }
        if self.open.is_empty() {
            return None;
        }
        let rested = self.left.map_or(Duration::ZERO, |left| left.saturating_add(GAP));
        Some(rested.min(self.opened.saturating_add(self.config.max_delay)))
    }

    /// Before this moment of [`Now::mono`] no record that is yet to come can leave, unless its request gets full; past,
    /// if none has left lately.
    #[must_use]
    pub fn rests_until(&self) -> Duration {
        let gap = GAP.min(self.config.max_delay);
        self.left.map_or(Duration::ZERO, |left| left.saturating_add(gap))
    }

    /// Gives back a batch that is settled, so that its memory is used again.
    pub fn recycle(&mut self, mut batch: Batch) {
        batch.clear();
        // What one giant record made is not kept: its memory would count as in use for ever.
        self.spare = (batch.memory() <= 2 * self.config.max_request.max(SCRATCH)).then_some(batch);
    }

    fn add(&mut self, group: &Arc<Group>, receipt: Receipt, now: Now, record: &[u8]) {
        let limit = self.config.max_request;
        if !self.open.is_empty() && self.open.size_with(group, record.len()) > limit {
            self.close_open();
        }
        if self.open.is_empty() {
            self.opened = now.mono;
        }
        self.open.push(group, receipt, record, limit);
        if self.open.size() >= limit {
            self.close_open();
        }
    }

    fn close_open(&mut self) {
        let batch = self.take_open();
        self.full.push_back(batch);
    }

    fn take_open(&mut self) -> Batch {
        std::mem::replace(&mut self.open, self.spare.take().unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::Groups;
    use model::{Resource, Scope, StreamId};

    const ROOM: bool = true;

    fn at(millis: u64) -> Now {
        Now { mono: Duration::from_millis(millis), wall_unix_nano: 0 }
    }

    fn batcher(max_request: usize, max_delay: u64) -> Batcher {
        Batcher::new(BatcherConfig { max_request, max_delay: Duration::from_millis(max_delay) })
    }

    /// Pushes a record of `size` bytes at `millis`.
    fn push(batcher: &mut Batcher, millis: u64, size: usize) {
        let group = Groups::new().get(&Resource::default(), &Scope::default());
        let receipt = Receipt { stream: StreamId(1), start: millis };
        batcher.push(&group, receipt, at(millis), |out| out.resize(out.len() + size, 0));
    }

    fn records(batch: Option<Batch>) -> usize {
        batch.map_or(0, |batch| batch.len())
    }

    #[test]
    fn first_after_quiet_leaves_at_once_then_every_50_ms() {
        let mut one = batcher(1000, 1000);
        assert_eq!(one.next_deadline(), None);
        push(&mut one, 7, 10);
        assert_eq!(records(one.ready(at(7), ROOM)), 1);
        push(&mut one, 8, 10);
        push(&mut one, 9, 10);
        assert_eq!(records(one.ready(at(56), ROOM)), 0);
        assert_eq!(one.next_deadline(), Some(Duration::from_millis(57)));
        assert_eq!(records(one.ready(at(57), ROOM)), 2);
        assert!(one.is_empty());
        push(&mut one, 400, 10);
        assert_eq!(records(one.ready(at(400), ROOM)), 1);
    }

    #[test]
    fn max_delay_shortens_the_gap() {
        let mut one = batcher(1000, 10);
        push(&mut one, 0, 10);
        assert_eq!(records(one.ready(at(0), ROOM)), 1);
        push(&mut one, 5, 10);
        assert_eq!(one.next_deadline(), Some(Duration::from_millis(15)));
        assert_eq!(one.rests_until(), Duration::from_millis(10));
    }

    #[test]
    fn full_ones_do_not_wait_for_the_gap() {
        let mut one = batcher(100, 1000);
        push(&mut one, 0, 10);
        assert_eq!(records(one.ready(at(0), ROOM)), 1);
        for _ in 0..9 {
            push(&mut one, 1, 20);
        }
        assert!(one.is_full());
        assert_eq!(records(one.ready(at(1), ROOM)), 4);
        assert_eq!(records(one.ready(at(1), ROOM)), 4);
        assert!(!one.is_full());
        assert_eq!(records(one.ready(at(1), ROOM)), 0);
        assert_eq!(records(one.ready(at(51), ROOM)), 1);
    }

    #[test]
    fn without_room_it_fills() {
        let mut one = batcher(100, 10);
        for millis in 0..4 {
            push(&mut one, millis, 20);
            assert_eq!(records(one.ready(at(9_000), !ROOM)), 0);
        }
        assert!(!one.is_full());
        push(&mut one, 4, 20);
        assert!(one.is_full());
        assert_eq!(records(one.ready(at(9_000), ROOM)), 4);
    }

    #[test]
    fn a_record_above_the_limit_goes_alone() {
        let mut one = batcher(100, 1000);
        for size in [20, 500, 20] {
            push(&mut one, 0, size);
        }
        let sizes: Vec<usize> =
            std::iter::from_fn(|| one.ready(at(0), ROOM)).map(|batch| batch.len()).collect();
        assert_eq!(sizes, [1, 1], "the third is not full and waits for its turn");
        assert_eq!(records(one.ready(at(50), ROOM)), 1);
    }

    #[test]
    fn memory_is_used_again_and_let_go() {
        let mut one = batcher(1 << 20, 1000);
        for _ in 0..1000 {
            push(&mut one, 0, 1000);
        }
        let large = one.ready(at(0), ROOM).unwrap();
        assert!((1_000_000..1_200_000).contains(&large.memory()), "{}", large.memory());
        one.recycle(large);
        assert!(one.bytes() >= 1_000_000);
        for millis in [100, 200, 300, 400] {
            push(&mut one, millis, 10);
            let small = one.ready(at(millis), ROOM).unwrap();
            one.recycle(small);
        }
        assert!(one.bytes() < 10_000, "{}", one.bytes());
    }
}
