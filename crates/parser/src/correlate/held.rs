//! The lines that are held: in the order in which they were read, by age, by the end of their time, and by task.

use super::decide::Subject;
use super::key::TaskKey;
use super::origin::HostNo;
use std::collections::{BTreeMap, BTreeSet};

/// What a held line costs beside its payload: its record, and its place in four trees (353 bytes were measured, see
/// `benches/correlate.rs`).
pub(super) const OVERHEAD_BYTES: usize = 352;

/// What a line waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// For evidence, to the end of its wait.
    Evidence,
    /// Its trace is certain: only for the trace files to be read to the end that they have by now.
    Reading,
    /// The trace files have nothing more for it, but the log, being a backlog, may still link its task to another.
    Links,
}

/// A line, as the rules see it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line {
    /// When it was read, on the monotonic clock, in nanoseconds.
    pub(super) read: i64,
    /// When it was written, on the same clock: its age is counted from here.
    pub(super) born: i64,
    pub(super) subject: Subject,
    pub(super) stage: Stage,
    /// It is wanted where its span is.
    pub(super) for_span: bool,
}

/// A held line, and what is kept of it.
#[derive(Debug)]
pub(super) struct HeldLine<T> {
    pub(super) payload: T,
    pub(super) bytes: usize,
    pub(super) line: Line,
}

/// In the order of reading.
type Serial = u64;

/// A held line's number; none is given twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeldNo(Serial);

/// All of them.
#[derive(Debug)]
pub(super) struct Held<T> {
    lines: BTreeMap<Serial, HeldLine<T>>,
    by_age: BTreeSet<(i64, Serial)>,
    reading: BTreeSet<(i64, Serial)>,
    links: BTreeSet<(HostNo, i64, Serial)>,
    by_time: BTreeSet<(i64, Serial)>,
    by_task: BTreeSet<(TaskKey, Serial)>,
    next: Serial,
    bytes: usize,
}

impl<T> Held<T> {
    pub(super) fn new() -> Self {
        Self {
            lines: BTreeMap::new(),
            by_age: BTreeSet::new(),
            reading: BTreeSet::new(),
            links: BTreeSet::new(),
            by_time: BTreeSet::new(),
            by_task: BTreeSet::new(),
            next: 0,
            bytes: 0,
        }
    }

    pub(super) fn push(&mut self, line: HeldLine<T>) {
        let serial = self.next;
        self.next += 1;
        self.insert(serial, line);
    }

    /// The number that the next line will have.
    pub(super) fn next_no(&self) -> HeldNo {
        HeldNo(self.next)
    }

    /// All lines, in the order of reading.
    pub(super) fn lines(&self) -> impl Iterator<Item = (HeldNo, &HeldLine<T>)> {
        self.lines.iter().map(|(serial, line)| (HeldNo(*serial), line))
    }

    /// The line of this number, if it is held.
    pub(super) fn line(&self, no: HeldNo) -> Option<&T> {
        self.lines.get(&no.0).map(|line| &line.payload)
    }

    pub(super) fn take_no(&mut self, no: HeldNo) -> Option<HeldLine<T>> {
        self.take(no.0)
    }

    /// The payloads' bytes and what the holding costs.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn len(&self) -> usize {
        self.lines.len()
    }

    /// The birth of the oldest line that waits for evidence.
    pub(super) fn oldest_waiting(&self) -> Option<i64> {
        self.by_age.first().map(|(born, _)| *born)
    }

    /// The birth of the oldest line that waits for reading alone.
    pub(super) fn oldest_reading(&self) -> Option<i64> {
        self.reading.first().map(|(born, _)| *born)
    }

    /// The end of the earliest time of a line that waits for the trace files.
    pub(super) fn earliest_end(&self) -> Option<i64> {
        self.by_time.first().map(|(end, _)| *end)
    }

    /// Whether any line waits for links.
    pub(super) fn has_links(&self) -> bool {
        !self.links.is_empty()
    }

    pub(super) fn take_oldest_waiting(&mut self) -> Option<HeldLine<T>> {
        let serial = self.by_age.first()?.1;
        self.take(serial)
    }

    pub(super) fn take_oldest_reading(&mut self) -> Option<HeldLine<T>> {
        let serial = self.reading.first()?.1;
        self.take(serial)
    }

    pub(super) fn take_earliest(&mut self) -> Option<HeldLine<T>> {
        let serial = self.by_time.first()?.1;
        self.take(serial)
    }

    /// A line of the host that waits for links, if its time ended by then; the earliest one.
    pub(super) fn take_links(&mut self, host: HostNo, end: i64) -> Option<HeldLine<T>> {
        // Asked with every line: mostly there is one host, and its earliest line is too young.
        let first = self.links.first().filter(|(of, ..)| *of == host);
        let earliest = first.or_else(|| self.links.range((host, i64::MIN, 0)..).next())?;
        let (of, ended, serial) = *earliest;
        if of == host && ended <= end { self.take(serial) } else { None }
    }

    /// Any line that waits for links.
    pub(super) fn take_any_links(&mut self) -> Option<HeldLine<T>> {
        let serial = self.links.first()?.2;
        self.take(serial)
    }

    /// The line that was read first.
    pub(super) fn take_first_read(&mut self) -> Option<HeldLine<T>> {
        let serial = *self.lines.first_key_value()?.0;
        self.take(serial)
    }

    /// The task's own span was seen: those lines of the task of which `is_settled` is true wait for it no longer.
    pub(super) fn settle(&mut self, task: TaskKey, is_settled: impl Fn(&Subject) -> bool) {
        let lines: Vec<Serial> =
            self.by_task.range((task, 0)..=(task, Serial::MAX)).map(|(_, serial)| *serial).collect();
        for serial in lines {
            if self.lines.get(&serial).is_some_and(|held| is_settled(&held.line.subject)) {
                self.move_to(serial, Stage::Reading);
            }
        }
    }

    /// Takes all, in the order of reading.
    pub(super) fn drain(&mut self) -> impl Iterator<Item = HeldLine<T>> + use<T> {
        let held = std::mem::replace(self, Self { next: self.next, ..Self::new() });
        held.lines.into_values()
    }

    fn move_to(&mut self, serial: Serial, stage: Stage) {
        if let Some(mut held) = self.take(serial) {
            held.line.stage = stage;
            self.insert(serial, held);
        }
    }

    fn insert(&mut self, serial: Serial, held: HeldLine<T>) {
        self.bytes = self.bytes.saturating_add(held.bytes).saturating_add(OVERHEAD_BYTES);
        let line = &held.line;
        let end = line.subject.window.end_unix_nano;
        match line.stage {
            Stage::Evidence => self.by_age.insert((line.born, serial)),
            Stage::Reading => self.reading.insert((line.born, serial)),
            Stage::Links => self.links.insert((line.subject.host, end, serial)),
        };
        if line.stage != Stage::Links {
            self.by_time.insert((end, serial));
        }
        if let Some((task, _)) = line.subject.start().filter(|_| line.stage == Stage::Evidence) {
            self.by_task.insert((task, serial));
        }
        self.lines.insert(serial, held);
    }

    fn take(&mut self, serial: Serial) -> Option<HeldLine<T>> {
        let held = self.lines.remove(&serial)?;
        self.bytes = self.bytes.saturating_sub(held.bytes).saturating_sub(OVERHEAD_BYTES);
        let line = &held.line;
        let end = line.subject.window.end_unix_nano;
        match line.stage {
            Stage::Evidence => self.by_age.remove(&(line.born, serial)),
            Stage::Reading => self.reading.remove(&(line.born, serial)),
            Stage::Links => self.links.remove(&(line.subject.host, end, serial)),
        };
        if line.stage != Stage::Links {
            self.by_time.remove(&(end, serial));
        }
        if let Some((task, _)) = line.subject.start().filter(|_| line.stage == Stage::Evidence) {
            self.by_task.remove(&(task, serial));
        }
        Some(held)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::correlate::origin::ServiceNo;
    use crate::correlate::window::Window;

    fn line(payload: u32, born: i64, task: u64) -> HeldLine<u32> {
        let window = Window { start_unix_nano: -born, end_unix_nano: -born };
        let task = TaskKey::from_bits(task);
        let (host, service) = (HostNo(1), ServiceNo(1));
        let subject = Subject { window, host, service, context: None, task, number: None };
        let line = Line { read: 0, born, subject, stage: Stage::Evidence, for_span: false };
        HeldLine { payload, bytes: 100, line }
    }

    fn payload(line: Option<HeldLine<u32>>) -> u32 {
        line.map_or(0, |line| line.payload)
    }

    #[test]
    fn lines_leave_by_every_order() {
        let mut held = Held::new();
        [line(1, 30, 7), line(2, 10, 8), line(3, 20, 7), line(4, 40, 7)]
            .into_iter()
            .for_each(|line| held.push(line));
        assert_eq!(held.bytes(), 4 * (100 + OVERHEAD_BYTES));
        held.settle(TaskKey::from_bits(7).unwrap(), |subject| subject.window.start_unix_nano != -40);
        assert_eq!(
            (held.oldest_waiting(), held.oldest_reading(), held.earliest_end()),
            (Some(10), Some(20), Some(-40))
        );
        assert_eq!(payload(held.take_oldest_reading()), 3);
        assert_eq!(payload(held.take_oldest_waiting()), 2);
        assert_eq!(payload(held.take_first_read()), 1);
        assert_eq!(payload(held.take_earliest()), 4);
        assert_eq!((held.len(), held.bytes()), (0, 0));
        assert!(held.by_task.is_empty() && held.by_age.is_empty() && held.reading.is_empty());
        assert_eq!((payload(held.take_first_read()), payload(held.take_oldest_waiting())), (0, 0));
    }
}
