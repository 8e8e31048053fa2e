//! Streams that were never seen before: are they read, and from where?
//!
//! A trace file is read from its start, unless it is too old at a start without a checkpoint. Of a log that was
//! never seen, only the live file is read. Of one that was begun, all that comes is read, under whatever name: what
//! was passed over at its begin is known since. That a file is older than others that are known proves nothing: a
//! listing may have run into the middle of a rotation, or a file can't be read for a while.

use super::Watcher;
use super::look::Sighting;
use crate::discover::Class;
use crate::saved::Packing;
use crate::stream::Cursor;
use crate::{Change, Found, Lost, Reason, StartAt, StreamId, StreamKind};
use std::path::Path;

/// How far back from a log's end its last newline is looked for.
const LAST_LINE: usize = 64 << 10;

impl Watcher {
    /// Makes a stream of a file that is none's, and decides where it begins.
    pub(super) fn begin(&mut self, sighting: &Sighting, head: &[u8]) {
        let passed = self.passed_over(sighting);
        if let Some(id) = self.hardly_known(sighting, head) {
            return self.attach(id, sighting);
        }
        let stream = self.streams.create(sighting.kind(), sighting.order(), None);
        let id = stream.id;
        if passed != Some(Reason::TooOld) {
            stream.know_first(head);
        }
        if let (Class::Trace { stem, .. }, Some(dir)) = (&sighting.class, sighting.path.parent()) {
            self.streams.know_stem(id, dir, stem);
        }
        if let Some(reason) = passed {
            self.pass_over(id, sighting, reason);
        }
        self.attach(id, sighting);
    }

    /// Whether a file is over the age limit, where that is asked. Then it need not be opened.
    pub(super) fn is_too_old(&self, sighting: &Sighting) -> bool {
        let limit = self.settings.max_age;
        let trace = sighting.kind() == StreamKind::Trace && self.first_traces;
        trace && !limit.is_zero() && self.age(sighting.meta.mtime_ns) > limit
    }

    pub(super) fn passed_over(&self, sighting: &Sighting) -> Option<Reason> {
        let Class::Log { log, .. } = &sighting.class else {
            return self.is_too_old(sighting).then_some(Reason::TooOld);
        };
        // What an import finds it reads, older than what an earlier one found or not.
        if self.settings.finished_files {
            return None;
        }
        let live = sighting.order() == u64::MAX;
        let start_at = self.settings.logs.get(*log).map(|log| log.start_at).unwrap_or_default();
        let passed = if self.begun.get(*log).copied().unwrap_or_default() {
            self.unwanted.contains(&(sighting.meta.dev, sighting.meta.ino))
        } else if live {
            start_at == StartAt::End
        } else {
            !self.settings.all_siblings
        };
        passed.then_some(Reason::BeforeStart)
    }

    /// A stream without a file that was too short to be known by its head: it grew, was rotated and perhaps compressed
    /// unseen. Rather that one than none.
    fn hardly_known(&self, sighting: &Sighting, head: &[u8]) -> Option<StreamId> {
        if sighting.kind() == StreamKind::Trace || sighting.order() == u64::MAX {
            return None;
        }
        let fits = |id: &StreamId| {
            let stream = self.streams.get(*id).filter(|stream| stream.gone.is_none());
            stream.is_some_and(|stream| !stream.head.is_strong() && stream.head.fits(head))
        };
        let missing = |id: &StreamId| self.missing.contains_key(id);
        self.streams.of_log(sighting.kind()).into_iter().filter(missing).find(fits)
    }

    fn pass_over(&mut self, id: StreamId, sighting: &Sighting, reason: Reason) {
        let plain = sighting.class.packing() == Packing::Plain;
        let end = if plain { self.last_line_end(&sighting.path, sighting.meta.size, reason) } else { 0 };
        let Some(stream) = self.streams.get_mut(id) else { return };
        stream.tracker.open(0, end, 0, 0);
        stream.deliver = Cursor { ended: !plain, ..Cursor::at(end) };
        let bytes = if plain { end } else { sighting.meta.size };
        if bytes > 0 {
            self.changes.push(Change::Lost(Lost {
                stream: id,
                path: sighting.path.clone(),
                start: 0,
                bytes,
                reason,
            }));
        }
    }

    /// Behind the last whole line, so that the first one read is whole too.
    fn last_line_end(&mut self, path: &Path, size: u64, reason: Reason) -> u64 {
        if reason == Reason::TooOld {
            return size;
        }
        let from = size.saturating_sub(LAST_LINE as u64);
        let mut tail = vec![0; LAST_LINE];
        let read = self.open_file(path).and_then(|file| crate::fs::read_full(file.as_ref(), &mut tail, from));
        let tail = tail.get(..read.unwrap_or(0)).unwrap_or_default();
        memchr::memrchr(b'\n', tail).map_or(from, |at| from + at as u64 + 1).min(size)
    }

    /// Tells the engine of a stream, once.
    pub(super) fn announce(&mut self, id: StreamId) {
        let Some(stream) = self.streams.get_mut(id) else { return };
        if std::mem::replace(&mut stream.announced, true) {
            return;
        }
        let modified = stream.main_place().map_or(0, |place| place.hints.mtime_ns);
        let found = Found {
            stream: id,
            kind: stream.kind,
            path: stream.path().to_path_buf(),
            created_unix_nano: stream.created(),
            modified_unix_nano: u64::try_from(modified).unwrap_or_default(),
            resume_at: stream.deliver.next,
            mark: stream.tracker.mark(),
        };
        self.changes.push(Change::Found(found));
    }

    /// Once everything that is there was looked at, what comes is new.
    pub(super) fn end_of_first_look(&mut self) {
        if !self.backlog.is_empty() {
            return;
        }
        self.first_traces = false;
        for (begun, log) in self.begun.iter_mut().zip(&self.settings.logs) {
            let dir = log.path.parent().and_then(|dir| self.tree.get(dir));
            *begun |= dir.is_none_or(|dir| dir.trouble.is_none());
        }
    }
}
