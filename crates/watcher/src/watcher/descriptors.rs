//! Open descriptors: which are kept, which are let go.
//!
//! A plain trace file is opened at first sight, because XAPI removes it before its compressed copy is whole; it
//! stays open while it has unread bytes, and for a while after. Over the cap, the descriptor that was of no use for
//! longest goes first; what is named can be opened again. A new trace file for which no descriptor is left is opened when
//! it is read: to open it at once and close it again would keep nothing.

use super::Watcher;
use crate::fs::{File, read_full};
use crate::identify::HEAD_MAX;
use crate::saved::Packing;
use crate::stream::{Source, Stream};
use crate::{Change, Lost, Purpose, Reason, StreamId, StreamKind};
use std::collections::VecDeque;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// A drained file is closed after this long without growth.
const IDLE: Duration = Duration::from_secs(90);
/// The most decoders that stand ready: two signals, two purposes. Each has its window in memory.
const DECODERS: usize = 4;
/// With less than this part of the disk free, nothing deleted is kept on it: a tenth.
const FREE_PART: u64 = 10;

/// Cursors that have a decoder, the least recently used first.
#[derive(Default)]
pub(super) struct Decoders(VecDeque<(StreamId, Purpose)>);

impl Decoders {
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn forget(&mut self, id: StreamId, purpose: Purpose) {
        self.0.retain(|entry| *entry != (id, purpose));
    }

    /// This one was used last. Returns the one to be dropped.
    fn used(&mut self, id: StreamId, purpose: Purpose) -> Option<(StreamId, Purpose)> {
        self.forget(id, purpose);
        self.0.push_back((id, purpose));
        if self.0.len() > DECODERS { self.0.pop_front() } else { None }
    }
}

impl Watcher {
    /// Opens a file, letting go of another one if there are too many.
    pub(super) fn open_file(&mut self, path: &Path) -> io::Result<Arc<dyn File>> {
        if let Some((_, file)) = self.spare.take().filter(|(spare, _)| spare == path) {
            return Ok(file);
        }
        while self.open.len() + self.decoders.len() >= self.settings.open_files.max(8) {
            if !self.close_one() {
                break;
            }
        }
        match self.fs.open(path) {
            Err(error) if is_exhausted(&error) && self.close_one() => self.fs.open(path),
            opened => opened,
        }
    }

    /// Lets go of the named file that was of no use for longest, one without unread bytes before others.
    fn close_one(&mut self) -> bool {
        let closed = self.next_drained().or_else(|| self.longest_unused());
        closed.into_iter().for_each(|id| self.close(id));
        closed.is_some()
    }

    /// The file that was drained first, of those that were drained lately: no look at all that are open.
    fn next_drained(&mut self) -> Option<StreamId> {
        loop {
            let id = self.drained.pop_front()?;
            let stream = self.streams.get(id).filter(|stream| stream.file.is_some());
            if stream.is_some_and(|stream| stream.holds().is_none() && is_read(&stream)) {
                return Some(id);
            }
        }
    }

    fn longest_unused(&self) -> Option<StreamId> {
        let candidates = self.open.iter().filter_map(|id| self.streams.get(*id));
        let named = candidates.filter(|stream| stream.holds().is_none());
        named.min_by_key(|stream| (!stream.is_drained(), stream.used)).map(|stream| stream.id)
    }

    /// A read has ended: a trace file that was read to its end is among the first to be closed.
    pub(super) fn note_drained(&mut self, id: StreamId) {
        let drained = |stream: &Stream| stream.kind == StreamKind::Trace && is_read(stream);
        if self.streams.get(id).is_some_and(|stream| drained(&stream)) && self.drained.back() != Some(&id) {
            self.drained.push_back(id);
        }
        if self.drained.len() > self.settings.open_files.max(8) {
            self.drained.pop_front();
        }
    }

    /// Closes a stream's plain file.
    pub(super) fn close(&mut self, id: StreamId) {
        self.open.remove(&id);
        let now = self.now.mono;
        if let Some(stream) = self.streams.get_mut(id) {
            stream.file = None;
            if stream.source() == Source::Nothing {
                self.missing.entry(id).or_insert(now);
            }
        }
        self.streams.refresh(id);
    }

    /// The stream's plain file, open; `None`: the name stands for another file by now.
    pub(super) fn opened(&mut self, id: StreamId) -> io::Result<Option<Arc<dyn File>>> {
        let now = self.now.mono;
        let Some(stream) = self.streams.get_mut(id) else { return Ok(None) };
        stream.used = now;
        if let Some(file) = &stream.file {
            return Ok(Some(Arc::clone(file)));
        }
        let trace = stream.kind == StreamKind::Trace;
        let Some(place) = stream.plain.clone() else { return Ok(None) };
        // By what it begins with, it was found to be this stream's a moment ago.
        let judged = trace && self.spare.as_ref().is_some_and(|(path, _)| *path == place.path);
        let file = self.open_file(&place.path)?;
        if !place.hints.same_file(&file.opened()?) {
            return Ok(None);
        }
        if !judged && !self.begins_as_known(id, file.as_ref())? {
            self.suspect(id);
            return Ok(None);
        }
        if let Some(stream) = self.streams.get_mut(id) {
            stream.file = Some(Arc::clone(&file));
        }
        self.open.insert(id);
        Ok(Some(file))
    }

    /// While no descriptor was held, the inode may have been given to another file.
    pub(super) fn begins_as_known(&mut self, id: StreamId, file: &dyn File) -> io::Result<bool> {
        let Some(stream) = self.streams.get_mut(id) else { return Ok(false) };
        let mut head = [0; HEAD_MAX];
        let known = head.get_mut(..usize::from(stream.head.len)).unwrap_or_default();
        let read = read_full(file, known, 0)?;
        let head = head.get(..read).unwrap_or_default();
        let fits = stream.head.fits(head);
        if fits {
            stream.keep_first(head);
        }
        Ok(fits)
    }

    /// Opens a plain trace file that has unread bytes, before it is removed, and a log that is written to, to be
    /// sure of its inode. That it fails is no trouble yet.
    pub(super) fn hold(&mut self, id: StreamId) {
        let Some(stream) = self.streams.get(id) else { return };
        let plain = stream.plain.as_ref().is_some_and(|place| place.named);
        let wanted = stream.is_live() || (stream.kind == StreamKind::Trace && !stream.is_drained());
        if self.has_room_to_hold() && plain && wanted && stream.file.is_none() {
            let _ = self.opened(id);
        }
    }

    /// Whether a file may be kept open that is not read yet. One descriptor is left free: to look into the next name must
    /// not cost a file that is yet to be read its own.
    pub(super) fn has_room_to_hold(&self) -> bool {
        self.open.len() + self.decoders.len() + 1 < self.settings.open_files.max(8)
    }

    /// A decoder stands ready: perhaps another has to go.
    pub(super) fn keep_decoder(&mut self, id: StreamId, purpose: Purpose) {
        if let Some((id, purpose)) = self.decoders.used(id, purpose)
            && let Some(cursor) = self.streams.get_mut(id).and_then(|stream| stream.cursor_mut(purpose))
        {
            cursor.unpacked = None;
        }
    }

    /// Closes what is drained, and what may not be kept.
    pub(super) fn tend_descriptors(&mut self) {
        for id in self.open.clone() {
            if self.is_done_with(id) {
                self.close(id);
            } else {
                self.switch_to_packed(id);
            }
        }
        self.let_go_of_deleted();
    }

    /// A deleted file is done with once it is drained; a named one after a while.
    fn is_done_with(&self, id: StreamId) -> bool {
        let Some(stream) = self.streams.get(id) else { return true };
        let busy =
            stream.unread(Purpose::Deliver) || stream.unread(Purpose::Evidence) || !stream.is_drained();
        let idle = self.now.mono.saturating_sub(stream.used) >= IDLE;
        let old = stream.plain.as_ref().is_some_and(|place| self.age(place.hints.mtime_ns) >= IDLE);
        let live = stream.is_live() && stream.holds().is_none();
        !busy && !live && (stream.holds().is_some() || idle || (old && stream.kind == StreamKind::Trace))
    }

    /// The compressed copy is whole: if it has the content, the deleted file is no longer needed.
    fn switch_to_packed(&mut self, id: StreamId) {
        let Some(stream) = self.streams.get(id) else { return };
        let ready = stream.packed.as_ref().is_some_and(|packed| packed.ready && packed.place.named);
        if ready && stream.holds().is_some() && self.check_packed(id) {
            self.close(id);
        }
    }

    /// Keeps to the cap on deleted bytes, and keeps nothing on a disk that is nearly full.
    fn let_go_of_deleted(&mut self) {
        let mut held = self.held_streams();
        let mut sum: u64 = held.iter().map(|(_, _, bytes)| bytes).sum();
        if sum == 0 {
            return;
        }
        held.sort_unstable();
        let cap = if self.is_disk_full() { 0 } else { self.settings.held_deleted };
        for (_, id, bytes) in held {
            if sum <= cap {
                break;
            }
            sum -= bytes;
            self.let_go(id);
        }
    }

    fn held_streams(&self) -> Vec<(u64, StreamId, u64)> {
        let held = self.open.iter().filter_map(|id| self.streams.get(*id));
        held.filter_map(|stream| Some((stream.created(), stream.id, stream.holds()?))).collect()
    }

    fn is_disk_full(&self) -> bool {
        let roots: Vec<PathBuf> = self.roots();
        let spaces = roots.iter().filter_map(|root| self.fs.space(root).ok());
        spaces.min_by_key(|space| space.free).is_some_and(|space| space.free < space.total / FREE_PART)
    }

    /// Closes a deleted file that has unread bytes: lost, unless its compressed copy has them.
    fn let_go(&mut self, id: StreamId) {
        let Some(stream) = self.streams.get_mut(id) else { return };
        if stream.packed.as_ref().is_none_or(|packed| !packed.place.named) {
            let start = stream.deliver.next;
            let bytes = stream.unread_plain().map_or(0, |(bytes, _)| bytes);
            let path = stream.path().to_path_buf();
            stream.abandon();
            if bytes > 0 {
                let reason = Reason::HeldDeletedCap;
                self.changes.push(Change::Lost(Lost { stream: id, path, start, bytes, reason }));
            }
        }
        self.close(id);
    }
}

impl Stream {
    /// What is left of the plain file will not be read; it has been told.
    pub(super) fn abandon(&mut self) {
        if let Some(place) = self.plain.as_mut().filter(|place| place.hints.packing == Packing::Plain) {
            place.hints.size = self.deliver.next;
        }
    }
}

/// Read to its end, for every purpose.
fn is_read(stream: &Stream) -> bool {
    stream.is_drained() && !stream.unread(Purpose::Deliver) && !stream.unread(Purpose::Evidence)
}

/// No descriptor is left, for this process or for all.
fn is_exhausted(error: &io::Error) -> bool {
    use rustix::io::Errno;
    matches!(Errno::from_io_error(error), Some(Errno::MFILE | Errno::NFILE))
}
