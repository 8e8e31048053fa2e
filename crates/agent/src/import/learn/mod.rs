//! The first reading of a host's files: what they say of times, and what its lines call the host.
//!
//! Local times are read here as if they were UTC; how far that is off is what is to be found out. The files are read by the
//! watcher as later by the engine, so that both find the same lines in them.

mod votes;
mod zone;

pub(super) use votes::{Votes, add as add_vote, of_file};
pub(super) use zone::{ZoneFrom, choose};

use super::disk::HostDisk;
use crate::config::Settings;
use crate::engine::{finished_files, source};
use chrono::FixedOffset;
use model::{Now, StreamId};
use parser::log::{LogReader, LogSource, Zone};
use parser::zipkin::{self, Context, DropRules, Item};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use watcher::{Change, LogId, Purpose, StreamKind, Taken, Watcher};

/// Bytes read at once.
const CHUNK: usize = 1 << 20;
/// Looks at the files until all are found, at most: each is a thousand names, or half a second of waiting for nothing.
const LOOKS: u64 = 100_000;

/// The first and last line of a log file, in local seconds as if they were UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Lines {
    pub(super) first: i64,
    pub(super) last: i64,
}

/// What the files say.
#[derive(Default)]
pub(super) struct Learned {
    /// What most lines are likely to call the host: the first that calls it anything does.
    pub(super) host_name: Option<String>,
    pub(super) spans: u64,
    /// Seconds since the epoch of the oldest start and the newest end of a span.
    pub(super) span_range: Option<(i64, i64)>,
    pub(super) logs: BTreeMap<PathBuf, Lines>,
    pub(super) votes: Votes,
}

/// Reads everything. `year_near` stands in for the files' dates when years are added to lines.
pub(super) fn learn(
    disk: &HostDisk,
    settings: &Settings,
    year_near: Option<i64>,
    cancelled: &AtomicBool,
) -> Learned {
    let watcher = Watcher::new(Box::new(disk.clone()), finished_files(settings), Vec::new());
    let mut reading = Reading { watcher, found: Vec::new(), learned: Learned::default(), cancelled };
    reading.look();
    reading.traces();
    for (number, log) in settings.logs.iter().enumerate() {
        let as_utc = FixedOffset::east_opt(0).map_or(Zone::Local, Zone::Fixed);
        reading.log(LogId(number), &source(log).with_zone(as_utc), year_near);
    }
    reading.learned
}

struct Found {
    stream: StreamId,
    kind: StreamKind,
    path: PathBuf,
    modified_unix: i64,
}

struct Reading<'r> {
    watcher: Watcher,
    found: Vec<Found>,
    learned: Learned,
    cancelled: &'r AtomicBool,
}

impl Reading<'_> {
    /// Finds all files: on a clock of its own, as nothing changes.
    fn look(&mut self) {
        for step in 0..LOOKS {
            let now = Now { mono: Duration::from_millis(500 * step), wall_unix_nano: u64::MAX / 2 };
            for change in self.watcher.scan(now) {
                if let Change::Found(found) = change {
                    let seconds = found.modified_unix_nano / model::NANOS_PER_SECOND;
                    self.found.push(Found {
                        stream: found.stream,
                        kind: found.kind,
                        path: found.path,
                        modified_unix: i64::try_from(seconds).unwrap_or(0),
                    });
                }
            }
            if !self.watcher.has_undecided() {
                return;
            }
        }
    }

    /// The streams of one kind, in the order of reading.
    fn streams(&self, kind: StreamKind) -> Vec<StreamId> {
        self.watcher.unread(kind, Purpose::Deliver).collect()
    }

    fn traces(&mut self) {
        let (context, rules) = (Context::new(String::new()), DropRules::new([]));
        for stream in self.streams(StreamKind::Trace) {
            let learned = &mut self.learned;
            read(&mut self.watcher, stream, self.cancelled, &mut |line| {
                zipkin::read(line, &context, &rules, |item| {
                    if let Item::Span { facts, .. } | Item::Dropped { facts } = item {
                        learned.span(facts.start_unix_micros, facts.end_unix_micros);
                        learned.votes.span(&facts);
                    }
                });
            });
        }
    }

    fn log(&mut self, log: LogId, source: &LogSource, year_near: Option<i64>) {
        let kind = StreamKind::Log(log);
        for stream in self.streams(kind) {
            let known = self.found.iter().find(|found| found.stream == stream && found.kind == kind);
            let Some(Found { path, modified_unix, .. }) = known else { continue };
            let mut reader = LogReader::new(year_near.unwrap_or(*modified_unix));
            let (learned, path) = (&mut self.learned, path.clone());
            read(&mut self.watcher, stream, self.cancelled, &mut |line| {
                learned.line(&path, &mut reader, source, line);
            });
        }
    }
}

impl Learned {
    fn span(&mut self, start_unix_micros: u64, end_unix_micros: u64) {
        let seconds = |micros: u64| i64::try_from(micros / 1_000_000).unwrap_or(0);
        let (start, end) = (seconds(start_unix_micros), seconds(end_unix_micros));
        self.spans += 1;
        let (oldest, newest) = self.span_range.unwrap_or((start, end));
        self.span_range = Some((oldest.min(start), newest.max(end)));
    }

    fn line(&mut self, path: &PathBuf, reader: &mut LogReader, source: &LogSource, line: &[u8]) {
        let parts = source.parts(line);
        if self.host_name.is_none() && !parts.host.is_empty() && parts.stamp.is_some() {
            self.host_name = Some(String::from_utf8_lossy(parts.host).into_owned());
        }
        let is_local = parts.stamp.is_some_and(|stamp| !matches!(stamp, parser::log::Stamp::Absolute { .. }));
        let read = reader.learn(source, line);
        if !is_local {
            return;
        }
        let second = read.unix_second;
        match self.logs.get_mut(path) {
            Some(lines) => lines.last = second,
            None => {
                self.logs.insert(path.clone(), Lines { first: second, last: second });
            }
        }
        if let Some(task) = read.evidence.task {
            self.votes.line(task, second);
        }
    }
}

/// Reads one stream to its end.
fn read(watcher: &mut Watcher, stream: StreamId, cancelled: &AtomicBool, each: &mut dyn FnMut(&[u8])) {
    loop {
        let outcome = watcher.read(stream, Purpose::Deliver, CHUNK, &mut |item| {
            if let watcher::Item::Line(line) = item {
                each(line.bytes.strip_suffix(b"\r").unwrap_or(line.bytes));
            }
            Taken::default()
        });
        if outcome.at_end || outcome.bytes == 0 || cancelled.load(Ordering::Relaxed) {
            return;
        }
    }
}
