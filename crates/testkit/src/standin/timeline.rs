//! The scenario's operations, taken apart into what happens when.

use super::line::Line;
use super::operation::{Act, Operation, SmBatch};
use super::scenario::Scenario;
use super::span::Span;
use super::time::SimTime;
use std::cmp::Ordering;
use std::collections::BinaryHeap;

/// Something that happens at one moment.
#[derive(Debug)]
pub enum Event {
    /// A span ends and waits for the next flush.
    Ended(Box<Span>),
    /// A line is logged.
    Logged(Box<Line>),
    /// A storage plugin writes its file: host and content.
    Batch(u16, Box<SmBatch>),
    /// A service of a host flushes, or begins anew.
    Service(u16, Act),
}

/// What happens, in order. Only operations that have begun are held.
pub struct Timeline {
    scenario: Scenario,
    upcoming: Option<Operation>,
    heap: BinaryHeap<Entry>,
    sequence: u64,
}

impl Timeline {
    /// The timeline of a scenario.
    #[must_use]
    pub fn new(mut scenario: Scenario) -> Self {
        let upcoming = scenario.next();
        Self { scenario, upcoming, heap: BinaryHeap::new(), sequence: 0 }
    }

    /// Where it comes from.
    #[must_use]
    pub fn scenario(&self) -> &Scenario {
        &self.scenario
    }

    /// No new work: see [`Scenario::stop`].
    pub fn stop(&mut self) {
        self.scenario.stop();
    }

    /// When the next event is; `None` after the last.
    pub fn peek(&mut self) -> Option<SimTime> {
        self.unfold();
        self.heap.peek().map(|entry| entry.at)
    }

    /// The next event, if it is not later than `now`.
    pub fn next_until(&mut self, now: SimTime) -> Option<(SimTime, Event)> {
        if self.peek()? > now {
            return None;
        }
        self.heap.pop().map(|entry| (entry.at, entry.event))
    }

    /// Takes apart every operation that begins before the next event.
    fn unfold(&mut self) {
        loop {
            let next = self.heap.peek().map_or(SimTime::MAX, |entry| entry.at);
            let Some(operation) = self.upcoming.take_if(|operation| operation.start <= next) else { return };
            self.push(operation);
            self.upcoming = self.scenario.next();
        }
    }

    fn push(&mut self, operation: Operation) {
        let Operation { host, start, spans, batches, lines, act, .. } = operation;
        spans.into_iter().for_each(|span| self.add(span.end, 0, Event::Ended(Box::new(span))));
        lines.into_iter().for_each(|line| self.add(line.at, 1, Event::Logged(Box::new(line))));
        batches
            .into_iter()
            .for_each(|batch| self.add(batch.at, 2, Event::Batch(host_of(&batch, host), Box::new(batch))));
        act.into_iter().for_each(|act| self.add(start, 3, Event::Service(host, act)));
    }

    fn add(&mut self, at: SimTime, class: u8, event: Event) {
        self.sequence += 1;
        self.heap.push(Entry { at, class, sequence: self.sequence, event });
    }
}

fn host_of(batch: &SmBatch, fallback: u16) -> u16 {
    batch.spans.first().map_or(fallback, |span| span.host)
}

/// Ordered so that the earliest comes out of the heap first; at one moment spans before flushes.
struct Entry {
    at: SimTime,
    class: u8,
    sequence: u64,
    event: Event,
}

impl Ord for Entry {
    fn cmp(&self, other: &Self) -> Ordering {
        (other.at, other.class, other.sequence).cmp(&(self.at, self.class, self.sequence))
    }
}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Entry {}
