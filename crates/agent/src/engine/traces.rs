//! Trace files: read for delivery, and as evidence for the lines.
//!
//! Usually one reading serves both. The two part where they must: while the traces' endpoint is down, evidence goes on
//! alone; while the logs' endpoint is down, spans are delivered, but evidence waits for the lines and is read again at
//! their time; after a start, what was delivered before is read again as evidence only, beside what is new and not before
//! it, but for files that may hold copies of it (`shipped`). Both readings go through the files by the data's own time
//! (`plan`).

mod reading;

use super::attach::Attacher;
use super::identity::Identity;
use super::origin::Shift;
use super::outlet::Outlet;
use super::plan::Plan;
use super::set_aside::Keep;
use super::shipped::{Origin, Shipped};
use super::tally::{SignalTally, add};
use crate::span_metrics::SpanMetrics;
use exporter::batch::{Groups, HeldRecord};
use model::{NANOS_PER_MICRO, Now, StreamId};
use parser::correlate::Correlator;
use parser::evidence::SpanFacts;
use parser::redact::Redactor;
use parser::zipkin::{self, Context, DropRules, Folded, Item};
use reading::Reading;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use watcher::{Found, Purpose, Reason, Seek, Standing, Taken, Watcher};

/// Bytes read in one step.
const CHUNK: usize = 128 << 10;
/// What a file counts in a step at least.
const SMALL: u64 = 8 << 10;
/// Who has read nothing for so long does not get on: nobody keeps step with him.
pub(super) const REST: Duration = Duration::from_secs(1);

/// What a step works with.
pub(super) struct Desk<'e> {
    pub(super) watcher: &'e mut Watcher,
    pub(super) correlator: &'e mut Correlator<HeldRecord>,
    pub(super) outlet: Option<&'e mut Outlet>,
    pub(super) identity: &'e mut Identity,
    pub(super) tally: &'e mut SignalTally,
    pub(super) metrics: Option<&'e mut SpanMetrics>,
    pub(super) keep: &'e mut dyn Keep,
    /// `None`: lines become no events.
    pub(super) attach: Option<Attach<'e>>,
}

/// Lines that become events of the spans.
pub(super) struct Attach<'e> {
    pub(super) attacher: &'e mut Attacher,
    /// Up to which time lines have been read; `None`: no more are to come for now.
    pub(super) lines_up_to: Option<u64>,
    /// How long a line waits.
    pub(super) wait: Duration,
}

impl Attach<'_> {
    /// Up to which time spans may be sent; `None`: all. Those of earlier lines are decided by then.
    fn up_to(&self, evidence_up_to: Option<u64>) -> Option<u64> {
        /// What is written at one time lies in the files some 30 s apart.
        const APART: Duration = Duration::from_secs(30);
        let behind = u64::try_from(self.wait.saturating_add(APART).as_nanos()).unwrap_or(u64::MAX);
        let read = [self.lines_up_to, evidence_up_to].into_iter().flatten().min()?;
        Some(read.saturating_sub(behind))
    }
}

/// How far trace files are read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    /// How far evidence is wanted, in the data's own time; `None`: as far as there is any.
    pub(super) limit: Option<u64>,
    /// Delivery is not to run ahead of that either, so that no file is read twice.
    pub(super) in_step: bool,
}

impl Pace {
    fn wants(self, up_to: Option<u64>) -> bool {
        up_to.is_some_and(|up_to| self.limit.is_none_or(|limit| up_to <= limit))
    }
}

/// What is known of one trace file.
struct File {
    context: Arc<Context>,
    /// The host in its name.
    host: Option<model::Uuid>,
    /// The next line for delivery, and the next one as evidence, in bytes of the stream.
    deliver_at: u64,
    evidence_at: u64,
    /// Before this, lines were settled by an earlier run: their spans were shipped, and a copy that is still to be
    /// read is to be known as one.
    settled_at_start: u64,
}

impl File {
    /// Where the two readings have met, one reads on for both.
    fn meet(&self, stream: StreamId, standing: Option<Standing>, watcher: &mut Watcher) {
        let apart = standing.is_some_and(|standing| standing.evidence_at.is_some());
        if apart && self.evidence_at == self.deliver_at {
            watcher.seek_evidence(stream, Seek::Nowhere);
        }
    }
}

/// The reading of trace files.
pub(super) struct TraceRoom {
    host_name: String,
    extra: Vec<(String, String)>,
    rules: DropRules,
    redactor: Arc<Redactor>,
    folded: Folded,
    groups: Groups,
    /// Files at work. Of the others it holds that all was delivered, and served as evidence, from where the watcher
    /// began up to where it stands.
    files: HashMap<StreamId, File>,
    /// Contexts are few: one for each service and host.
    contexts: HashMap<Origin, Arc<Context>>,
    /// Files that an earlier run shipped from, until all evidence was read.
    shipped: Shipped,
    deliver: Plan,
    evidence: Plan,
    /// Files that were read since the last scan, and not to their end.
    unfinished: Vec<StreamId>,
    last_change_unix_nano: Option<u64>,
    /// Spans are shipped; else the files are evidence alone.
    delivers: bool,
    shift: Shift,
    /// Until when spans that are not read for delivery count as on their way nevertheless.
    moves_until: Duration,
}

impl TraceRoom {
    pub(super) fn new(
        host_name: &str,
        extra: Vec<(String, String)>,
        rules: DropRules,
        redactor: Arc<Redactor>,
        folded: Folded,
        delivers: bool,
    ) -> Self {
        Self {
            host_name: host_name.to_owned(),
            extra,
            rules,
            redactor,
            folded,
            groups: Groups::new(),
            files: HashMap::new(),
            contexts: HashMap::new(),
            shipped: Shipped::default(),
            deliver: Plan::default(),
            evidence: Plan::default(),
            unfinished: Vec::new(),
            last_change_unix_nano: None,
            delivers,
            shift: Shift::default(),
            moves_until: Duration::ZERO,
        }
    }

    /// The same, with all times moved.
    pub(super) fn shifted(self, shift: Shift) -> Self {
        Self { shift, ..self }
    }

    /// The newest change of any trace file.
    pub(super) fn last_change_unix_nano(&self) -> Option<u64> {
        self.last_change_unix_nano
    }

    /// Up to which time all evidence has been read; `None` if there is none unread.
    pub(super) fn evidence_up_to(&self) -> Option<u64> {
        self.evidence.read_up_to()
    }

    /// Whether a line waits to be delivered.
    pub(super) fn has_work(&self) -> bool {
        self.deliver.first().is_some()
    }

    /// A file was found. `evidence_from`: files last changed before this time have nothing to say about any line that
    /// is still to be read.
    pub(super) fn found(
        &mut self,
        found: &Found,
        evidence_from: u64,
        identity: &mut Identity,
        watcher: &mut Watcher,
        now: Now,
    ) {
        let origin = origin_of(&found.path);
        let host = origin.1;
        identity.trace_file(host);
        let wanted = found.modified_unix_nano >= evidence_from;
        let evidence_at = if wanted { 0 } else { found.resume_at };
        self.files.remove(&found.stream);
        if evidence_at < found.resume_at {
            self.shipped.add(&origin, found.created_unix_nano, found.stream);
        }
        if evidence_at != found.resume_at || !self.delivers {
            let file = File {
                context: self.context(origin),
                host,
                deliver_at: found.resume_at,
                evidence_at,
                settled_at_start: found.resume_at,
            };
            self.files.insert(found.stream, file);
        }
        // A file of the future must not make all changes to come look old.
        let changed = found.modified_unix_nano.min(now.wall_unix_nano);
        self.last_change_unix_nano = self.last_change_unix_nano.max(Some(changed));
        if wanted && !self.delivers {
            watcher.seek_evidence(found.stream, Seek::Start);
        }
        if evidence_at < found.resume_at {
            self.evidence.offer(found.stream, found.created_unix_nano);
        }
    }

    /// A file has more.
    pub(super) fn grew(&mut self, now: Now) {
        self.last_change_unix_nano = Some(now.wall_unix_nano);
    }

    /// A file is gone.
    pub(super) fn gone(&mut self, stream: StreamId) {
        self.files.remove(&stream);
        self.deliver.forget(stream);
        self.evidence.forget(stream);
    }

    /// After a scan: what the watcher has to read is what there is to do. Of files that had as much to read at the last
    /// scan, and were not read since, that is known.
    pub(super) fn offer_unread(&mut self, watcher: &mut Watcher) {
        let mut streams = watcher.take_news();
        streams.append(&mut self.unfinished);
        streams.sort_unstable();
        streams.dedup();
        streams.into_iter().for_each(|stream| self.offer(stream, watcher));
    }

    fn offer(&mut self, stream: StreamId, watcher: &Watcher) {
        let Some(standing) = watcher.standing(stream) else { return };
        let created = standing.created_unix_nano;
        if standing.to_deliver && self.delivers {
            self.deliver.offer(stream, created);
            if self.files.get(&stream).is_none_or(|file| file.evidence_at >= file.deliver_at) {
                self.evidence.offer(stream, self.deliver.time_of(stream));
            }
        }
        if standing.to_learn {
            self.evidence.offer(stream, created);
        }
    }

    /// A file was read that may have more.
    fn note_unfinished(&mut self, stream: StreamId, standing: Option<Standing>) {
        let more = standing.is_some_and(|standing| standing.to_deliver || standing.to_learn);
        if more && self.unfinished.last() != Some(&stream) {
            self.unfinished.push(stream);
        }
    }

    /// The file is at work from now on, if there is one: its path.
    fn begin(&mut self, stream: StreamId, watcher: &mut Watcher) -> Option<PathBuf> {
        let info = watcher.info_to_read(stream)?;
        if self.files.contains_key(&stream) {
            return Some(info.path);
        }
        let origin = origin_of(&info.path);
        let host = origin.1;
        let context = self.context(origin);
        let at = info.deliver_at;
        self.files
            .insert(stream, File { context, host, deliver_at: at, evidence_at: at, settled_at_start: at });
        Some(info.path)
    }

    /// There may be nothing more to know of the file than that all of it was read: there are tens of thousands.
    fn end(&mut self, stream: StreamId) {
        let waits = self.deliver.awaits(stream) || self.evidence.awaits(stream);
        let met = self.files.get(&stream).is_some_and(|file| file.evidence_at == file.deliver_at);
        if met && !waits && self.delivers {
            self.files.remove(&stream);
            self.deliver.know(stream, self.evidence.time_of(stream));
            self.evidence.forget(stream);
        }
    }

    fn context(&mut self, origin: Origin) -> Arc<Context> {
        if let Some(known) = self.contexts.get(&origin) {
            return Arc::clone(known);
        }
        let context = Context::new(self.host_name.clone()).fallback(origin.0.clone(), origin.1);
        let context = Arc::new(context.attributes(self.extra.clone()));
        self.contexts.insert(origin, Arc::clone(&context));
        context
    }

    /// Reads a piece of a file or of several small ones, for delivery if there is room, and of evidence if delivery does
    /// not bring it along. Says whether there is more to be done at once.
    pub(super) fn step(&mut self, desk: &mut Desk<'_>, pace: Pace, now: Now) -> bool {
        let mut read = 0;
        let mut any = false;
        // Lines find their spans by all that is known: where they become events, evidence goes first.
        let evidence_up_to = self.evidence.read_up_to().filter(|up_to| pace.wants(Some(*up_to)));
        let up_to = desk.attach.as_ref().and_then(|attach| attach.up_to(evidence_up_to));
        while read < CHUNK as u64 {
            let Some(bytes) = self.read_one(desk, (pace, up_to), now) else { break };
            any = true;
            // Finding out that a file has nothing more costs as much as a small one.
            read += bytes.max(SMALL);
        }
        any
    }

    /// The bytes read for delivery and as evidence; `None` if nothing is to be read. `up_to`: up to which time spans may
    /// be sent.
    fn read_one(&mut self, desk: &mut Desk<'_>, (pace, up_to): (Pace, Option<u64>), now: Now) -> Option<u64> {
        let room = desk.outlet.as_ref().is_some_and(|outlet| outlet.has_room());
        let due = !pace.in_step || pace.wants(self.deliver.read_up_to());
        let due = due && up_to.is_none_or(|up_to| self.deliver.read_up_to() <= Some(up_to));
        let next = self.deliver.first().filter(|_| room && due);
        let copies = next.and_then(|stream| self.copies_of(stream, desk.watcher));
        let next = next.filter(|_| copies.is_none());
        let taught = self.evidence.first().filter(|_| pace.wants(self.evidence.read_up_to()));
        let teaches = copies.or(taught);
        let delivered = next.map(|stream| {
            self.moves_until = now.mono.saturating_add(REST);
            self.deliver_from(stream, desk, (pace.limit, up_to), now)
        });
        let apart = teaches.filter(|stream| Some(*stream) != next);
        let first = desk.attach.is_some();
        let apart = apart.filter(|stream| first || !(self.comes_along(*stream) && self.is_moving(now)));
        let learned = apart.map(|stream| self.learn_from(stream, desk));
        delivered.into_iter().chain(learned).reduce(|one, other| one + other)
    }

    /// A file that was shipped by an earlier run and not read again yet, and may hold copies of what is to be delivered
    /// from this one. It is read first.
    fn copies_of(&mut self, stream: StreamId, watcher: &Watcher) -> Option<StreamId> {
        if self.evidence.first().is_none() {
            self.shipped.clear();
        }
        let info = watcher.info(stream).filter(|_| !self.shipped.is_empty())?;
        let unread = |file: &File| file.evidence_at < file.settled_at_start;
        let mut beside = self.shipped.beside(&origin_of(&info.path), info.created_unix_nano);
        beside.find(|stream| self.evidence.awaits(*stream) && self.files.get(stream).is_some_and(unread))
    }

    /// Whether the file is to be delivered from where its evidence is: it is read for both, as soon as there is room.
    fn comes_along(&self, stream: StreamId) -> bool {
        self.deliver.awaits(stream)
            && self.files.get(&stream).is_none_or(|file| file.evidence_at == file.deliver_at)
    }

    /// Whether spans were read for delivery a moment ago: if not now, then they will be as soon as there is room.
    pub(super) fn is_moving(&self, now: Now) -> bool {
        now.mono < self.moves_until
    }

    /// When spans that are not read until then don't get on.
    pub(super) fn moves_until(&self) -> Duration {
        self.moves_until
    }

    /// Gives the bytes that were read. `limit`: how far evidence is wanted; `up_to`: up to which time spans may be sent.
    fn deliver_from(
        &mut self,
        stream: StreamId,
        desk: &mut Desk<'_>,
        (limit, up_to): (Option<u64>, Option<u64>),
        now: Now,
    ) -> u64 {
        let path = self.begin(stream, desk.watcher);
        let Some((file, path)) = self.files.get_mut(&stream).zip(path) else {
            self.deliver.forget(stream);
            return 0;
        };
        let Desk { watcher, correlator, outlet, identity, tally, metrics, keep, attach } = desk;
        let Some(outlet) = outlet.as_deref_mut() else { return 0 };
        let mut attacher = attach.as_mut().map(|attach| &mut *attach.attacher);
        attacher.iter_mut().for_each(|attacher| attacher.foresee(correlator));
        let mut reading = Reading {
            file,
            rules: &self.rules,
            redactor: &self.redactor,
            folded: &mut self.folded,
            shift: self.shift,
            groups: &mut self.groups,
            group: None,
            correlator,
            outlet,
            identity,
            tally,
            metrics: metrics.as_deref_mut(),
            attacher,
            keep: &mut **keep,
            path: &path,
            limit,
            up_to,
            now,
            along: false,
            newest: self.deliver.time_of(stream),
            bad: 0,
            parts: 0,
        };
        let outcome = watcher.read(stream, Purpose::Deliver, CHUNK, &mut |item| reading.take(item));
        let newest = reading.newest;
        let standing = watcher.standing(stream);
        file.deliver_at = standing.map_or(file.deliver_at, |standing| standing.deliver_at);
        file.meet(stream, standing, watcher);
        let along = file.evidence_at >= file.deliver_at;
        let rests = outcome.at_end || outcome.bytes == 0;
        self.deliver.read(stream, newest, rests);
        if along {
            self.evidence.read(stream, newest, rests);
        }
        self.note_unfinished(stream, standing);
        self.end(stream);
        outcome.bytes
    }

    /// Gives the bytes that were read.
    fn learn_from(&mut self, stream: StreamId, desk: &mut Desk<'_>) -> u64 {
        self.begin(stream, desk.watcher);
        let Some(file) = self.files.get_mut(&stream) else {
            self.evidence.forget(stream);
            return 0;
        };
        let (watcher, correlator) = (&mut *desk.watcher, &mut *desk.correlator);
        if watcher.standing(stream).is_none_or(|standing| standing.evidence_at != Some(file.evidence_at)) {
            let seek = if file.evidence_at == 0 { Seek::Start } else { Seek::Offset(file.evidence_at) };
            watcher.seek_evidence(stream, seek);
        }
        let (mut newest, file_host, folded) = (0, file.host, &mut self.folded);
        let outcome = watcher.read(stream, Purpose::Evidence, CHUNK, &mut |item| {
            if let watcher::Item::Line(line) = item {
                let shipped = line.start < file.settled_at_start;
                zipkin::read(line.bytes, &file.context, &self.rules, |item| {
                    if let Item::Span { span, facts, .. } = &item
                        && shipped
                    {
                        folded.first_seen(facts, span.kind);
                    }
                    if let Item::Span { facts, .. } | Item::Dropped { facts } = item {
                        newest = newest.max(end_unix_nano(&facts));
                        correlator.span(&facts, file_host);
                    }
                });
                file.evidence_at = line.end;
            }
            Taken::default()
        });
        let standing = watcher.standing(stream);
        file.evidence_at = standing.and_then(|standing| standing.evidence_at).unwrap_or(file.evidence_at);
        file.meet(stream, standing, watcher);
        self.evidence.read(stream, newest, outcome.at_end || outcome.bytes == 0);
        self.note_unfinished(stream, standing);
        self.end(stream);
        outcome.bytes
    }
}

/// Counts bytes that the watcher passed over. What is left out because it is not wanted is no loss.
pub(super) fn passed_over(tally: &mut SignalTally, reason: Reason, bytes: u64) {
    let numbers = match reason {
        Reason::TooOld | Reason::BeforeStart => &mut tally.passed_over_bytes,
        _ => &mut tally.lost_bytes,
    };
    add(numbers, reason.as_str(), bytes);
}

fn end_unix_nano(facts: &SpanFacts<'_>) -> u64 {
    facts.end_unix_micros.saturating_mul(NANOS_PER_MICRO)
}

/// The service and host in a trace file's name.
fn origin_of(path: &Path) -> Origin {
    let name = file_name(path).and_then(zipkin::file_name);
    name.map_or((String::new(), None), |name| (name.service.to_owned(), name.host))
}

fn file_name(path: &Path) -> Option<&str> {
    path.file_name().and_then(std::ffi::OsStr::to_str)
}
