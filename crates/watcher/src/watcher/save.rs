//! Streams as the store keeps them.

use super::Watcher;
use crate::saved::{SavedKind, SavedStream};
use crate::stream::Stream;
use crate::{Dirty, Now, StreamId, StreamKind};
use std::time::Duration;

/// How many settled ranges beyond the prefix a checkpoint holds. Each held line can be a gap between two, and what is
/// settled behind the last range is sent again after a crash: a busy host's log (40 lines a second, each of a task
/// held for half a minute) has about a thousand.
const RANGES: usize = 8_192;
/// How long a stream is remembered after its file was deleted: a compressed file may still turn up.
const REMEMBER_DELETED: Duration = Duration::from_secs(600);
/// The same for logs, and where the directory itself vanished: it may come back with everything in it.
const REMEMBER: Duration = Duration::from_secs(31 * 24 * 3600);
/// The most vanished streams that are remembered.
const REMEMBERED: usize = 20_000;

impl Watcher {
    /// What changed in the checkpoints since the last call: of `max` streams at most, those that changed first.
    pub fn take_dirty(&mut self, now: Now, max: usize) -> Dirty {
        self.forget_old();
        let rest = self.dirty.split_off(max.min(self.dirty.len()));
        let mut saved = Vec::with_capacity(self.dirty.len());
        for id in std::mem::replace(&mut self.dirty, rest) {
            let (settings, now) = (&self.settings, now.unix_seconds());
            saved.extend(self.streams.clean(id, |stream| to_saved(stream, settings, now)));
        }
        self.streams.rest_some();
        Dirty { saved, removed: std::mem::take(&mut self.removed) }
    }

    /// Whether [`take_dirty`](Self::take_dirty) has left something.
    #[must_use]
    pub fn is_dirty(&self) -> bool {
        !self.dirty.is_empty()
    }

    /// Forgets streams whose files have been gone for long.
    fn forget_old(&mut self) {
        let now = self.now.mono;
        let excess = self.missing.len().saturating_sub(REMEMBERED);
        let old = |(at, (id, _)): (usize, (&StreamId, &Duration))| {
            if self.streams.sleeps(*id) {
                return None;
            }
            let stream = self.streams.get(*id)?;
            let gone = now.saturating_sub(stream.gone?);
            let known_dir = stream.path().parent().is_some_and(|dir| self.tree.contains_key(dir));
            let deleted = stream.kind == StreamKind::Trace && known_dir;
            let limit = if deleted { REMEMBER_DELETED } else { REMEMBER };
            (stream.tracker.open_lines() == 0 && (gone > limit || at < excess)).then_some(*id)
        };
        let old: Vec<_> = self.missing.iter().enumerate().filter_map(old).collect();
        for id in old {
            self.missing.remove(&id);
            self.removed.extend(self.streams.remove(id).map(|stream| stream.key));
        }
    }
}

fn to_saved(stream: &mut Stream, settings: &crate::Settings, now: u64) -> SavedStream {
    let marker = stream.settled_marker();
    stream.tracker.rest();
    let tracker = &stream.tracker;
    let settled = tracker.settled();
    SavedStream {
        key: stream.key,
        kind: match stream.kind {
            StreamKind::Trace => SavedKind::Trace,
            StreamKind::Log(_) => SavedKind::Log,
        },
        path: stream.path().to_path_buf(),
        family: stream.kind.log_path(settings).map(Into::into).unwrap_or_default(),
        head: stream.head,
        marker,
        settled,
        beyond: tracker.beyond(RANGES),
        mark: tracker.mark(),
        hints: stream.main_place().map(|place| place.hints).unwrap_or_default(),
        drained: stream.is_finished() && settled == stream.deliver.next,
        updated_unix: now,
    }
}
