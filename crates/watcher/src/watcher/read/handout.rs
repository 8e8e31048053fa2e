//! Hands lines to the engine, and opens those that are to be settled.

use super::Each;
use crate::settle::Tracker;
use crate::stream::{Cursor, Sink, Stream};
use crate::{Item, Line, Purpose, Reason, Receipt, Skipped, StreamId};

/// Where the lines of a read go.
pub(super) struct Handout<'a, 'b> {
    stream: StreamId,
    /// `None`: the lines are read for what they say. What is skipped then is told by the delivery's own read.
    tracker: Option<&'a mut Tracker>,
    each: Each<'b>,
}

impl Stream {
    /// The cursor for a purpose, and where its lines go.
    pub(super) fn handout<'a, 'b>(
        &'a mut self,
        purpose: Purpose,
        each: Each<'b>,
    ) -> Option<(&'a mut Cursor, Handout<'a, 'b>)> {
        let (cursor, tracker) = match purpose {
            Purpose::Deliver => (&mut self.deliver, Some(&mut self.tracker)),
            Purpose::Evidence => (self.evidence.as_deref_mut()?, None),
        };
        Some((cursor, Handout { stream: self.id, tracker, each }))
    }
}

impl Sink for Handout<'_, '_> {
    fn line(&mut self, start: u64, end: u64, bytes: &[u8]) -> bool {
        let line = Line { receipt: Receipt { stream: self.stream, start }, start, end, bytes };
        if self.tracker.as_mut().is_some_and(|tracker| tracker.was_settled(start)) {
            self.close(start, end);
            return !(self.each)(Item::Settled(line)).stop;
        }
        let taken = (self.each)(Item::Line(line));
        if let Some(tracker) = &mut self.tracker {
            tracker.open(start, end, taken.mark, taken.parts);
        }
        !taken.stop
    }

    fn oversize(&mut self, start: u64, end: u64) -> bool {
        let Some(tracker) = &mut self.tracker else { return true };
        let known = tracker.was_settled(start);
        self.close(start, end);
        let skipped = Skipped { stream: self.stream, start, bytes: end - start, reason: Reason::Oversize };
        known || !(self.each)(Item::Skipped(skipped)).stop
    }
}

impl Handout<'_, '_> {
    fn close(&mut self, start: u64, end: u64) {
        if let Some(tracker) = &mut self.tracker {
            let mark = tracker.mark();
            tracker.open(start, end, mark, 0);
        }
    }
}
