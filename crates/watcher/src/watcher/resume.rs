//! Streams as checkpoints know them, before their files are looked for.

use super::Watcher;
use crate::discover::{created_unix_nano, trace_file};
use crate::saved::{Packing, SavedKind, SavedStream};
use crate::settle::Tracker;
use crate::stream::{Cursor, PackedFile, Place, Stream};
use crate::{LogId, StreamKind};
use std::time::Duration;

impl Watcher {
    /// Takes in one checkpoint. One of a log that is no longer watched is kept in the store, untouched.
    pub(super) fn resume(&mut self, saved: SavedStream) {
        self.streams.reserve_key(saved.key);
        let Some(kind) = self.kind_of(&saved) else { return };
        match kind {
            StreamKind::Trace => self.first_traces = false,
            StreamKind::Log(LogId(log)) => {
                if let Some(begun) = self.begun.get_mut(log) {
                    *begun = true;
                }
            }
        }
        let place = Place { path: saved.path.clone(), named: false, hints: saved.hints };
        let stream = self.streams.create(kind, order_of(&saved), Some(saved.key));
        let id = stream.id;
        restore(stream, saved, place.clone());
        self.streams.know_inode(id, &place);
        if let (StreamKind::Trace, Some(dir)) = (kind, place.path.parent())
            && let Some((stem, _)) = place.path.file_name().and_then(trace_file)
        {
            self.streams.know_stem(id, dir, &stem);
        }
        self.missing.insert(id, Duration::ZERO);
        self.streams.rest_some();
    }

    fn kind_of(&self, saved: &SavedStream) -> Option<StreamKind> {
        match saved.kind {
            SavedKind::Trace => (!self.settings.traces.is_empty()).then_some(StreamKind::Trace),
            SavedKind::Log => {
                let log = self.settings.logs.iter().position(|log| log.path == saved.family)?;
                Some(StreamKind::Log(LogId(log)))
            }
        }
    }
}

fn restore(stream: &mut Stream, saved: SavedStream, place: Place) {
    stream.head = saved.head;
    stream.tracker = Tracker::restore(saved.settled, saved.mark, &saved.beyond);
    stream.deliver = Cursor { marker: saved.marker, ..Cursor::at(stream.tracker.settled()) };
    stream.remember_marker();
    if saved.hints.packing == Packing::Plain {
        if saved.drained {
            stream.deliver.probed = saved.hints.size;
        }
        stream.plain = Some(place);
    } else {
        stream.deliver.ended = saved.drained;
        stream.packed = Some(Box::new(PackedFile::new(place, Duration::ZERO)));
    }
}

/// What the order will be once the file is found; until then, of a log, nothing.
fn order_of(saved: &SavedStream) -> u64 {
    let created = || created_unix_nano(&saved.path.file_name().and_then(trace_file)?.0);
    match saved.kind {
        SavedKind::Trace => {
            created().unwrap_or_else(|| u64::try_from(saved.hints.mtime_ns).unwrap_or_default())
        }
        SavedKind::Log => 0,
    }
}
