//! Which lines of one stream are settled: the way back of the receipts.
//!
//! Promises: the settled prefix never passes a line that has parts outstanding, whatever the order in which
//! parts come back; settling in order costs no search. Leaves to others: which bytes are lines.
//!
//! A stream is cut into lines without gaps. Each is *open* until all parts it became have come back; what is
//! skipped is closed from the start. Closed lines behind an open one are kept as ranges, merged from time to
//! time, so that memory follows the number of open lines.

use std::collections::VecDeque;

/// How many closed entries may wait before neighbours are merged.
const MERGE_AT: usize = 64;

struct Slot {
    start: u64,
    end: u64,
    mark: u64,
    /// Outstanding parts; 0 means closed.
    parts: u32,
}

/// The settling state of one stream. Most streams are settled whole, and there may be tens of thousands: those have no
/// more than two numbers.
#[derive(Default)]
pub(crate) struct Tracker {
    settled: u64,
    /// The mark of the line at `settled`, or of the last line before it.
    mark: u64,
    lines: Option<Box<Lines>>,
}

/// What of a stream is not settled.
#[derive(Default)]
struct Lines {
    /// Lines from `settled` on, in order, without gaps.
    slots: VecDeque<Slot>,
    closed: usize,
    merge_at: usize,
    /// Ranges that an earlier run settled and this one has not read up to yet; sorted.
    restored: VecDeque<(u64, u64)>,
}

/// Of a stream that is settled whole.
static NO_LINES: Lines = Lines { slots: VecDeque::new(), closed: 0, merge_at: 0, restored: VecDeque::new() };

impl Tracker {
    /// Starts where a checkpoint left off.
    pub(crate) fn restore(settled: u64, mark: u64, beyond: &[(u64, u64)]) -> Self {
        let mut restored: Vec<_> = beyond.iter().copied().filter(|&(start, end)| start < end).collect();
        restored.sort_unstable();
        // Those that the prefix has reached belong to it.
        let settled =
            restored.iter().fold(settled, |to, &(from, end)| if from <= to { to.max(end) } else { to });
        restored.retain(|&(start, _)| start > settled);
        let lines = Lines { restored: restored.into(), ..Lines::default() };
        let lines = (!lines.restored.is_empty()).then(|| Box::new(lines));
        Self { settled, mark, lines }
    }

    fn lines(&self) -> &Lines {
        self.lines.as_deref().unwrap_or(&NO_LINES)
    }

    fn lines_mut(&mut self) -> &mut Lines {
        self.lines.get_or_insert_default()
    }

    /// Everything before this offset is settled.
    pub(crate) fn settled(&self) -> u64 {
        self.settled
    }

    /// The mark of the first unsettled line; of the last line if there is none.
    pub(crate) fn mark(&self) -> u64 {
        self.lines().slots.front().map_or(self.mark, |slot| slot.mark)
    }

    /// Where the next line begins.
    pub(crate) fn end(&self) -> u64 {
        self.lines().slots.back().map_or(self.settled, |slot| slot.end)
    }

    /// The mark of the line behind the first unsettled one: the reader's state when it had read that one.
    pub(crate) fn second_mark(&self) -> Option<u64> {
        self.lines().slots.get(1).map(|slot| slot.mark)
    }

    /// Lines that are neither settled nor merged away.
    pub(crate) fn open_lines(&self) -> usize {
        self.lines().slots.len() - self.lines().closed
    }

    /// Whether the line that starts here was settled by an earlier run. To be asked in the order of the lines.
    pub(crate) fn was_settled(&mut self, start: u64) -> bool {
        let Some(lines) = &mut self.lines else { return false };
        while lines.restored.front().is_some_and(|&(_, end)| end <= start) {
            lines.restored.pop_front();
        }
        lines.restored.front().is_some_and(|&(from, _)| from <= start)
    }

    /// Bytes from an offset on that an earlier run settled and this one has not read up to yet.
    pub(crate) fn settled_beyond(&self, from: u64) -> u64 {
        self.lines().restored.iter().map(|&(start, end)| end.saturating_sub(start.max(from))).sum()
    }

    /// The next line, `start` to `end`, became `parts` parts; none: it is closed at once.
    pub(crate) fn open(&mut self, start: u64, end: u64, mark: u64, parts: u32) {
        debug_assert!(start >= self.end(), "lines come in order");
        if parts == 0 && self.lines().slots.is_empty() {
            self.settled = end;
            self.mark = mark;
            return;
        }
        let lines = self.lines_mut();
        lines.slots.push_back(Slot { start, end, mark, parts });
        if parts == 0 {
            lines.closed += 1;
            lines.merge();
        }
    }

    /// The line at `start` has `n` parts more. `false` if it isn't open.
    pub(crate) fn add(&mut self, start: u64, n: u32) -> bool {
        let Some(slot) = self.open_slot(start) else { return false };
        slot.parts = slot.parts.saturating_add(n);
        true
    }

    /// `n` parts of the line at `start` came back. `false` if it isn't open.
    pub(crate) fn settle(&mut self, start: u64, n: u32) -> bool {
        let Some(slot) = self.open_slot(start) else { return false };
        slot.parts = slot.parts.saturating_sub(n);
        if slot.parts == 0 {
            self.lines_mut().closed += 1;
            self.advance();
            self.lines_mut().merge();
        }
        true
    }

    /// Settled ranges beyond the prefix, the lowest `max` of them.
    pub(crate) fn beyond(&self, max: usize) -> Vec<(u64, u64)> {
        let lines = self.lines();
        let closed = lines.slots.iter().filter(|slot| slot.parts == 0).map(|slot| (slot.start, slot.end));
        let mut ranges: Vec<(u64, u64)> = Vec::new();
        for (start, end) in closed.chain(lines.restored.iter().copied()) {
            let full = ranges.len() == max;
            match ranges.last_mut() {
                Some(last) if last.1 >= start => last.1 = last.1.max(end),
                _ if full => break,
                _ => ranges.push((start, end)),
            }
        }
        ranges
    }

    /// The line that starts here, if it is open.
    fn open_slot(&mut self, start: u64) -> Option<&mut Slot> {
        let lines = self.lines.as_deref_mut()?;
        let at = lines.find(start)?;
        lines.slots.get_mut(at).filter(|slot| slot.parts > 0)
    }

    fn advance(&mut self) {
        let Some(lines) = &mut self.lines else { return };
        while let Some(Slot { end, mark, parts: 0, .. }) = lines.slots.front() {
            (self.settled, self.mark) = (*end, *mark);
            lines.closed -= 1;
            lines.slots.pop_front();
        }
    }

    /// Whether everything that was read is settled, and nothing else of it is kept (after [`rest`](Self::rest)).
    pub(crate) fn is_whole(&self) -> bool {
        self.lines.is_none()
    }

    /// Gives back memory that is not in use: most streams are drained, and there may be many.
    pub(crate) fn rest(&mut self) {
        self.lines.take_if(|lines| lines.slots.is_empty() && lines.restored.is_empty());
    }
}

impl Lines {
    fn find(&self, start: u64) -> Option<usize> {
        if self.slots.front()?.start == start {
            return Some(0);
        }
        self.slots.binary_search_by_key(&start, |slot| slot.start).ok()
    }

    /// Makes one of neighbouring closed lines, once as many are closed as twice what the last merging left:
    /// each line is then looked at a bounded number of times.
    fn merge(&mut self) {
        if self.closed < self.merge_at.max(MERGE_AT) {
            return;
        }
        let mut merged: VecDeque<Slot> = VecDeque::with_capacity(self.slots.len() - self.closed + 16);
        for slot in self.slots.drain(..) {
            match merged.back_mut() {
                Some(last) if slot.parts == 0 && last.parts == 0 => last.end = slot.end,
                _ => merged.push_back(slot),
            }
        }
        self.slots = merged;
        self.closed = self.slots.iter().filter(|slot| slot.parts == 0).count();
        self.merge_at = 2 * self.closed;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_prefix_stops_at_the_first_open_line() {
        let mut tracker = Tracker::default();
        tracker.open(0, 10, 1, 2);
        tracker.open(10, 20, 2, 1);
        tracker.open(20, 30, 3, 1);
        assert!(tracker.settle(10, 1));
        assert!(tracker.settle(0, 1));
        assert_eq!((tracker.settled(), tracker.mark()), (0, 1));
        assert_eq!(tracker.beyond(8), [(10, 20)]);
        assert!(tracker.settle(0, 1));
        assert_eq!((tracker.settled(), tracker.mark()), (20, 3));
        assert!(!tracker.settle(0, 1), "a line settles once");
    }

    #[test]
    fn ranges_of_an_earlier_run_are_kept_until_read() {
        let mut tracker = Tracker::restore(10, 4, &[(20, 30), (40, 50)]);
        assert_eq!(tracker.beyond(8), [(20, 30), (40, 50)]);
        assert!(!tracker.was_settled(10));
        tracker.open(10, 20, 0, 0);
        assert!(tracker.was_settled(20));
        tracker.open(20, 30, 0, 0);
        assert!(!tracker.was_settled(30));
        assert_eq!((tracker.settled(), tracker.beyond(8)), (30, vec![(40, 50)]));
    }

    #[test]
    fn a_range_that_the_prefix_has_reached_belongs_to_it() {
        let tracker = Tracker::restore(10, 0, &[(30, 40), (10, 20), (20, 25)]);
        assert_eq!((tracker.settled(), tracker.beyond(8)), (25, vec![(30, 40)]));
    }

    #[test]
    fn many_settled_lines_behind_an_open_one_take_little_memory() {
        let mut tracker = Tracker::default();
        for at in 0..100_000 {
            tracker.open(at, at + 1, 0, 1);
        }
        for at in 1..100_000 {
            tracker.settle(at, 1);
        }
        assert!(tracker.lines().slots.len() < 200, "{}", tracker.lines().slots.len());
        assert_eq!(tracker.beyond(8), [(1, 100_000)]);
    }

    /// The same by the dullest means: parts for each line in a list.
    #[derive(Default)]
    struct Model(Vec<(u64, u64, u32)>);

    impl Model {
        fn prefix(&self) -> u64 {
            self.0.iter().take_while(|line| line.2 == 0).last().map_or(0, |line| line.1)
        }

        fn beyond(&self) -> Vec<(u64, u64)> {
            let mut ranges: Vec<(u64, u64)> = Vec::new();
            for line in self.0.iter().skip_while(|line| line.2 == 0).filter(|line| line.2 == 0) {
                match ranges.last_mut() {
                    Some(last) if last.1 == line.0 => last.1 = line.1,
                    _ => ranges.push((line.0, line.1)),
                }
            }
            ranges
        }
    }

    #[derive(Clone, Debug)]
    enum Step {
        Open(u64, u32),
        Settle(usize, u32),
        Add(usize, u32),
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            (1..50u64, 0..4u32).prop_map(|(len, parts)| Step::Open(len, parts)),
            (any::<usize>(), 1..3u32).prop_map(|(at, n)| Step::Settle(at, n)),
            (any::<usize>(), 1..3u32).prop_map(|(at, n)| Step::Add(at, n)),
        ];
        proptest::collection::vec(step, 1..600)
    }

    proptest! {
        #[test]
        fn it_does_what_the_model_does(steps in steps()) {
            let (mut tracker, mut model) = (Tracker::default(), Model::default());
            for step in steps {
                let lines = model.0.len().max(1);
                match step {
                    Step::Open(len, parts) => {
                        let start = model.0.last().map_or(0, |line| line.1);
                        model.0.push((start, start + len, parts));
                        tracker.open(start, start + len, 0, parts);
                    }
                    Step::Settle(at, n) => {
                        let Some(line) = model.0.get_mut(at % lines) else { continue };
                        prop_assert_eq!(tracker.settle(line.0, n), line.2 > 0);
                        line.2 = line.2.saturating_sub(n);
                    }
                    Step::Add(at, n) => {
                        let Some(line) = model.0.get_mut(at % lines) else { continue };
                        let open = line.2 > 0;
                        prop_assert_eq!(tracker.add(line.0, n), open);
                        line.2 += if open { n } else { 0 };
                    }
                }
                prop_assert_eq!(tracker.settled(), model.prefix());
            }
            prop_assert_eq!(tracker.beyond(usize::MAX), model.beyond());
            prop_assert_eq!(tracker.open_lines(), model.0.iter().filter(|line| line.2 > 0).count());
        }
    }
}
