//! Logs: read for delivery, oldest first, the logs of the host in step by their lines' own time.
//!
//! A line becomes a record at once; the correlator lets it go, or holds the encoded record until it does. At a start
//! the last minutes before the first unsettled line are read again, for what they say about tasks, and never shipped.

use super::attach::Attacher;
use super::exit::Exit;
use super::origin::Shift;
use super::resources::Resources;
use super::tally::{SignalTally, add};
use super::traces::passed_over;
use exporter::batch::{Group, HeldRecord};
use exporter::encode;
use model::{LogFields, NANOS_PER_SECOND, Now, Receipt, Scope, StreamId};
use parser::correlate::{Aim, Correlator};
use parser::evidence::LineEvidence;
use parser::log::{DropRule, HostContext, LogReader, LogSource, Origin, TimeMark};
use parser::redact::Redactor;
use std::collections::HashMap;
use std::sync::Arc;
use watcher::{Found, Item, Line, LogId, Purpose, Reason, Seek, StreamKind, Taken, Watcher};

/// Bytes read in one step.
const CHUNK: usize = 128 << 10;
/// What the buffer for encoding keeps of its memory: a line of many MiB is rare.
const SCRATCH: usize = 64 << 10;
/// How much of a log is read again at a start, at most.
const TAIL_BYTES: u64 = 8 << 20;
/// How far back lines are read again at a start: what they say of tasks holds for as long as an operation takes, and
/// costs little to learn.
const TAIL_SECONDS: u64 = 3600;

/// This program's name in syslog. Its own lines get into `daemon.log` by the journal; shipping lines about shipping
/// would never end.
const OWN_PROGRAM: &str = "xapi-observer";

/// What a step works with.
pub(super) struct Desk<'e> {
    pub(super) watcher: &'e mut Watcher,
    pub(super) correlator: &'e mut Correlator<HeldRecord>,
    pub(super) exit: Exit<'e>,
    /// `None`: lines become no events of spans.
    pub(super) attacher: Option<&'e mut Attacher>,
    pub(super) host: &'e HostContext,
    pub(super) tally: &'e mut SignalTally,
}

/// One configured log.
struct Family {
    source: LogSource,
    /// The newest second of a line that was read.
    front_unix: i64,
}

/// The reading of logs.
pub(super) struct LogRoom {
    families: Vec<Family>,
    readers: HashMap<StreamId, LogReader>,
    /// Streams of which the tail before the first unsettled line is still to be read again.
    tails: Vec<Tail>,
    redactor: Arc<Redactor>,
    resources: Resources,
    scratch: Vec<u8>,
    oldest_unix: i64,
    shift: Shift,
}

/// The part of a log that is read again for its evidence.
struct Tail {
    stream: StreamId,
    log: usize,
    end: u64,
    /// The time of the lines at `end`.
    end_unix: i64,
    reader: LogReader,
}

impl LogRoom {
    /// Lines before `oldest_unix` are passed over.
    pub(super) fn new(sources: Vec<LogSource>, redactor: Arc<Redactor>, oldest_unix: i64) -> Self {
        let families = sources.into_iter().map(|source| Family { source, front_unix: 0 }).collect();
        let (readers, tails) = (HashMap::new(), Vec::new());
        Self {
            families,
            readers,
            tails,
            redactor,
            resources: Resources::default(),
            scratch: Vec::new(),
            oldest_unix,
            shift: Shift::default(),
        }
    }

    /// The same, with all times moved.
    pub(super) fn shifted(self, shift: Shift) -> Self {
        Self { shift, ..self }
    }

    /// A log or a sibling of one was found.
    pub(super) fn found(&mut self, found: &Found, log: LogId) {
        let modified = i64::try_from(found.modified_unix_nano / NANOS_PER_SECOND).unwrap_or(i64::MAX);
        let mut reader = LogReader::new(modified);
        let mark = TimeMark::from(found.mark);
        if found.resume_at > 0 {
            let end_unix = mark.second().unwrap_or(modified);
            self.tails.push(Tail {
                stream: found.stream,
                log: log.0,
                end: found.resume_at,
                end_unix,
                reader,
            });
        }
        reader.restore(mark);
        self.readers.insert(found.stream, reader);
    }

    /// A log file is gone for good.
    pub(super) fn gone(&mut self, stream: StreamId) {
        self.readers.remove(&stream);
        self.tails.retain(|tail| tail.stream != stream);
    }

    /// Whether a line waits to be delivered.
    pub(super) fn has_work(&self, watcher: &Watcher) -> bool {
        self.next(watcher).is_some()
    }

    /// The time of the newest line that was read, now or by an earlier run, of the log that is furthest behind and has
    /// more; `None` if all are read.
    pub(super) fn front_unix_nano(&self, watcher: &Watcher) -> Option<u64> {
        let (log, stream) = self.next(watcher)?;
        let read = self.families.get(log)?.front_unix;
        let second = if read > 0 { read } else { self.reached_unix(stream).unwrap_or(0) };
        Some(u64::try_from(second).unwrap_or(0).saturating_mul(NANOS_PER_SECOND))
    }

    /// The second of the newest line that was read of this file.
    pub(super) fn reached_unix(&self, stream: StreamId) -> Option<i64> {
        self.readers.get(&stream).and_then(|reader| reader.mark().second())
    }

    /// The log that is furthest behind, and its oldest unread file.
    fn next(&self, watcher: &Watcher) -> Option<(usize, StreamId)> {
        let unread = |(log, family): (usize, &Family)| {
            let stream = watcher.unread(StreamKind::Log(LogId(log)), Purpose::Deliver).next()?;
            Some((family.front_unix, log, stream))
        };
        let furthest_behind = self.families.iter().enumerate().filter_map(unread).min();
        furthest_behind.map(|(_, log, stream)| (log, stream))
    }

    /// Reads a piece, if there is room for it. Says whether there is more to be done at once.
    pub(super) fn step(&mut self, desk: &mut Desk<'_>, now: Now) -> bool {
        if let Some(tail) = self.due_tail(desk.watcher) {
            self.relearn(tail, desk);
            return true;
        }
        if !desk.exit.has_room() || desk.correlator.is_full() {
            return false;
        }
        let Some((log, stream)) = self.next(desk.watcher) else { return false };
        let read = self.deliver_from(log, stream, desk, now);
        read > 0 || self.next(desk.watcher).is_some_and(|(_, next)| next != stream)
    }

    /// The next tail to be read again: in each log the oldest first, and none before the lines that are older than it,
    /// because what lines say of task numbers holds in their order.
    fn due_tail(&mut self, watcher: &Watcher) -> Option<Tail> {
        let at = (0..self.families.len()).find_map(|log| self.due_tail_of(log, watcher))?;
        Some(self.tails.remove(at))
    }

    fn due_tail_of(&self, log: usize, watcher: &Watcher) -> Option<usize> {
        let of_log = self.tails.iter().enumerate().filter(|(_, tail)| tail.log == log);
        let (at, tail) = of_log.min_by_key(|(_, tail)| tail.end_unix)?;
        let next = watcher.unread(StreamKind::Log(LogId(log)), Purpose::Deliver).next();
        let reached = |stream| self.readers.get(&stream).and_then(|reader| reader.mark().second());
        let is_due = |next| next == tail.stream || reached(next).is_none_or(|second| second >= tail.end_unix);
        next.is_none_or(is_due).then_some(at)
    }

    /// Gives the bytes that were read; none, if the file can't be read for now.
    fn deliver_from(&mut self, log: usize, stream: StreamId, desk: &mut Desk<'_>, now: Now) -> u64 {
        let Some(family) = self.families.get_mut(log) else { return 0 };
        let reader =
            self.readers.entry(stream).or_insert_with(|| LogReader::new(now.unix_seconds().cast_signed()));
        let Desk { watcher, correlator, exit, attacher, host, tally } = desk;
        self.resources.renew(host);
        let mut reading = Reading {
            source: &family.source,
            reader,
            front_unix: &mut family.front_unix,
            host,
            redactor: &self.redactor,
            resources: &mut self.resources,
            scratch: &mut self.scratch,
            oldest_unix: self.oldest_unix,
            shift: self.shift,
            correlator,
            exit,
            attacher: attacher.as_deref_mut(),
            tally,
            now,
        };
        let outcome = watcher.read(stream, Purpose::Deliver, CHUNK, &mut |item| reading.take(item));
        outcome.bytes
    }

    /// Reads the lines before the first unsettled one again; what they say of tasks holds for those behind it.
    fn relearn(&mut self, tail: Tail, desk: &mut Desk<'_>) {
        let Some(family) = self.families.get(tail.log) else { return };
        let Tail { stream, end, end_unix, mut reader, .. } = tail;
        // Lines before this second have nothing to say any more.
        let from_unix = end_unix.saturating_sub_unsigned(TAIL_SECONDS);
        let (correlator, host) = (&mut *desk.correlator, desk.host.uuid());
        desk.watcher.seek_evidence(stream, Seek::Offset(end.saturating_sub(TAIL_BYTES)));
        loop {
            let mut done = false;
            let outcome = desk.watcher.read(stream, Purpose::Evidence, CHUNK, &mut |item| {
                let Item::Line(line) = item else { return Taken::default() };
                if line.start >= end {
                    done = true;
                    return Taken::default().and_stop();
                }
                let learned = reader.learn(&family.source, line.bytes);
                if learned.unix_second >= from_unix {
                    correlator.teach(&learned.evidence, host);
                }
                Taken::default()
            });
            if done || outcome.at_end || outcome.bytes == 0 {
                break;
            }
        }
        desk.watcher.seek_evidence(stream, Seek::Nowhere);
    }
}

/// Lines of one log on their way to the correlator and their way out.
struct Reading<'r, 'e> {
    source: &'r LogSource,
    reader: &'r mut LogReader,
    front_unix: &'r mut i64,
    host: &'r HostContext,
    redactor: &'r Redactor,
    resources: &'r mut Resources,
    scratch: &'r mut Vec<u8>,
    oldest_unix: i64,
    shift: Shift,
    correlator: &'r mut Correlator<HeldRecord>,
    exit: &'r mut Exit<'e>,
    attacher: Option<&'r mut Attacher>,
    tally: &'r mut SignalTally,
    now: Now,
}

/// A record that is ready to leave, or to wait.
pub(super) struct Ready<'r> {
    pub(super) record: &'r dyn LogFields,
    pub(super) group: Arc<Group>,
    pub(super) receipt: Receipt,
}

impl Reading<'_, '_> {
    fn take(&mut self, item: Item<'_>) -> Taken {
        match item {
            Item::Skipped(skipped) => {
                passed_over(self.tally, skipped.reason, skipped.bytes);
                Taken::default()
            }
            Item::Line(line) => {
                let taken = self.line(line);
                let room = self.exit.has_room() && !self.correlator.is_full();
                if room { taken } else { taken.and_stop() }
            }
            Item::Settled(line) => {
                let learned = self.reader.learn(self.source, line.bytes);
                *self.front_unix = learned.unix_second.max(*self.front_unix);
                self.correlator.teach(&learned.evidence, self.host.uuid());
                Taken::default()
            }
        }
    }

    fn line(&mut self, line: Line<'_>) -> Taken {
        self.tally.lines += 1;
        self.tally.records += 1;
        self.tally.read_bytes += line.end - line.start;
        let bytes = line.bytes.strip_suffix(b"\r").unwrap_or(line.bytes);
        let mut read = self.reader.read_raw(self.source, self.host, bytes, line.start);
        *self.front_unix = read.unix_second.max(*self.front_unix);
        let mark = u64::from(read.mark);
        if read.unix_second < self.oldest_unix {
            self.tally.records -= 1;
            passed_over(self.tally, Reason::TooOld, line.end - line.start);
            self.correlator.teach(&read.evidence, self.host.uuid());
            return Taken::parts(0).with_mark(mark);
        }
        let (attacher, severity) = (self.attacher.as_ref(), read.fields.severity());
        let for_span = attacher.is_some_and(|attacher| attacher.wants(severity));
        let own = (read.evidence.program == OWN_PROGRAM).then(|| "own_log".to_owned());
        let no_way = (!for_span && !self.exit.sends()).then(|| "not_exported".to_owned());
        if let Some(rule) = own.or_else(|| read.dropped.map(rule_name)).or(no_way) {
            add(&mut self.tally.dropped, &rule, 1);
            self.correlator.teach(&read.evidence, self.host.uuid());
            return Taken::parts(0).with_mark(mark);
        }
        read.fields.time_unix_nano = self.shift.time(read.fields.time_unix_nano);
        let aim = if for_span { Aim::Span } else { Aim::Trace };
        let suspects = self.redactor.suspects(bytes);
        let (group, redacted) = self.group(&read.origin);
        let receipt = line.receipt;
        if suspects || read.fields.has_foreign_keys() {
            let mut record = read.fields.record();
            let redacted = if suspects { redacted } else { 0 };
            self.tally.redacted += redacted + self.redactor.record(&mut record, suspects);
            self.correlate(&read.evidence, aim, Ready { record: &record, group, receipt });
        } else {
            self.correlate(&read.evidence, aim, Ready { record: &read.fields, group, receipt });
        }
        Taken::parts(1).with_mark(mark)
    }

    /// The group of the lines of this origin, without secrets, and how many were taken out.
    fn group(&mut self, origin: &Origin<'_>) -> (Arc<Group>, u64) {
        if let Some(known) = self.resources.find(origin, self.redactor) {
            return known;
        }
        let mut resource = self.host.resource(origin);
        let redacted = self.redactor.resource(&mut resource);
        (self.resources.groups().get(&resource, &Scope::default()), redacted)
    }

    /// The record leaves at once, or is kept encoded until it may.
    fn correlate(&mut self, evidence: &LineEvidence<'_>, aim: Aim, ready: Ready<'_>) {
        let (host, now, scratch) = (self.host.uuid(), self.now, &mut *self.scratch);
        let (exit, attacher) = (&mut *self.exit, &mut self.attacher);
        let out = &mut |joined| exit.ship(&joined, attacher.as_deref_mut(), now);
        let hold = || {
            let held = ready.held(scratch);
            let size = held.size();
            (held, size)
        };
        let Some(joined) = self.correlator.line(evidence, host, aim, now, hold, out) else { return };
        match self.attacher.as_deref_mut() {
            None => self.exit.ship_record(&ready, joined.context.as_ref(), now),
            attacher => self.exit.ship(&joined.with(ready.held(self.scratch)), attacher, now),
        }
    }
}

impl Ready<'_> {
    fn held(&self, scratch: &mut Vec<u8>) -> HeldRecord {
        scratch.clear();
        scratch.shrink_to(SCRATCH);
        encode::log_record(self.record, scratch);
        HeldRecord::new(&self.group, self.receipt, scratch)
    }
}

/// The rule, as its counter names it.
pub(crate) fn rule_name(rule: DropRule) -> String {
    match rule {
        DropRule::MinSeverity => "min_severity".to_owned(),
        DropRule::Pattern(index) => format!("drop[{index}]"),
        DropRule::Module(index) => format!("drop_modules[{index}]"),
    }
}
