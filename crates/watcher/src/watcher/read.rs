//! Reading: from a place in a stream to lines.

mod handout;
mod packed;
mod plain;

use super::Watcher;
use crate::lines::Window;
use crate::stream::{Cursor, Halt, Shape, Sink, Source};
use crate::{Item, Purpose, ReadOutcome, Reason, StreamId, StreamKind, Taken, Trouble};
use std::io;

/// Takes what is read, and answers what became of it.
pub(super) type Each<'a> = &'a mut dyn FnMut(Item<'_>) -> Taken;

/// Why a read did not come to its bytes.
#[derive(Debug)]
pub(super) enum Fault {
    /// The name stands for another file, or for none.
    Moved,
    /// The content is not what it was.
    Other,
    /// The disk failed.
    Io(io::ErrorKind),
    /// A compressed file ends before the place, or is damaged before it.
    Short(Halt),
}

impl Fault {
    /// The error, if the disk was it.
    fn disk(&self) -> Option<io::ErrorKind> {
        match self {
            Self::Io(kind) | Self::Short(Halt::Io(kind)) => Some(*kind),
            _ => None,
        }
    }
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound => Self::Moved,
            kind => Self::Io(kind),
        }
    }
}

impl Watcher {
    /// Hands out lines, until about `max_bytes` were passed, `each` says stop, or nothing more can be read. At
    /// least one line is handed out if there is one, however long.
    pub fn read(
        &mut self,
        stream: StreamId,
        purpose: Purpose,
        max_bytes: usize,
        each: Each<'_>,
    ) -> ReadOutcome {
        self.streams.rest_some();
        let found = self.streams.get_mut(stream);
        let (unread, source) =
            found.map_or((false, Source::Nothing), |stream| (stream.unread(purpose), stream.source()));
        let budget = max_bytes.max(1) as u64;
        let read = match source {
            Source::Plain if unread => self.read_plain(stream, purpose, budget, each),
            Source::Packed if unread => self.read_packed(stream, purpose, budget, each),
            _ => Ok(0),
        };
        let error = match &read {
            Ok(_) => self.unblock(stream),
            Err(fault) => self.fault(stream, purpose, fault, each),
        };
        if let Some(stream) = self.streams.get_mut(stream).filter(|_| purpose == Purpose::Deliver) {
            stream.remember_marker();
        }
        self.streams.refresh(stream);
        self.note_drained(stream);
        let at_end = !self.streams.get(stream).is_some_and(|stream| stream.unread(purpose));
        ReadOutcome { bytes: read.unwrap_or(0), at_end, error }
    }

    fn shape(&self, id: StreamId) -> Shape {
        let documents = self.streams.get(id).is_some_and(|stream| stream.kind == StreamKind::Trace);
        Shape { limit: self.settings.line_limit, documents }
    }

    /// What is to be done about a failed read; the error if the disk was it.
    fn fault(
        &mut self,
        id: StreamId,
        purpose: Purpose,
        fault: &Fault,
        each: Each<'_>,
    ) -> Option<io::ErrorKind> {
        if let Some(kind) = fault.disk() {
            self.block(id, kind);
            return Some(kind);
        }
        match fault {
            Fault::Short(Halt::Cut | Halt::Bad) => self.end_packed(id, purpose, Halt::Cut, each),
            Fault::Moved => self.look_again(id),
            _ if self.streams.get(id)?.source() == Source::Packed => {
                return self.end_or_refuse(id, purpose, fault);
            }
            _ => self.suspect(id),
        }
        None
    }

    /// Nothing is read before the name was looked at.
    fn look_again(&mut self, id: StreamId) {
        if let Some(stream) = self.streams.get_mut(id) {
            stream.blocked = true;
            self.hinted.insert(stream.path().to_path_buf());
        }
    }

    /// Reading failed: not again before the file is looked at.
    fn block(&mut self, id: StreamId, kind: io::ErrorKind) {
        let Some(stream) = self.streams.get_mut(id) else { return };
        stream.blocked = true;
        let path = stream.path().to_path_buf();
        self.set_trouble(&path, Some(Trouble::Io(kind)));
        self.blocked.insert(id);
    }

    /// Reading works again.
    fn unblock(&mut self, id: StreamId) -> Option<io::ErrorKind> {
        if self.blocked.remove(&id) {
            let path = self.streams.get(id)?.path().to_path_buf();
            self.set_trouble(&path, None);
        }
        None
    }

    /// The plain file's content is not what it was.
    pub(super) fn suspect(&mut self, id: StreamId) {
        let Some(stream) = self.streams.get_mut(id) else { return };
        (stream.suspect, stream.fate) = (true, Some(Reason::Truncated));
        // Shorter than at the last look: cut since then. Else it was cut before, and had grown again.
        if let Some(place) = &mut stream.plain
            && stream.prior_size > 0
            && self.fs.stat(&place.path).is_ok_and(|meta| meta.size >= place.hints.size)
        {
            place.hints.size = stream.prior_size;
        }
        self.close(id);
        self.look_again(id);
    }

    /// The compressed file has another content: it is a stream of its own.
    pub(super) fn refuse_packed(&mut self, id: StreamId) {
        let Some(stream) = self.streams.get_mut(id) else { return };
        let Some(packed) = stream.packed.take() else { return };
        stream.refused = Some(Box::new((packed.place.hints.dev, packed.place.hints.ino)));
        let missing = stream.source() == Source::Nothing;
        self.streams.forget_inode(id, &packed.place);
        self.leave(id, &packed.place.path);
        if missing {
            self.missing.entry(id).or_insert(self.now.mono);
        }
        self.hinted.insert(packed.place.path);
        self.streams.refresh(id);
    }
}

/// What follows the last newline is a line, because nothing will follow it.
fn last_line(cursor: &mut Cursor, window: &mut Window, sink: &mut dyn Sink) {
    let len = window.len();
    if len == 0 || cursor.align {
        return;
    }
    let end = cursor.at + len as u64;
    if cursor.framer.is_skipping() {
        sink.oversize(cursor.next, end);
    } else {
        sink.line(cursor.at, end, window.bytes());
    }
    window.consume(len);
    *cursor = Cursor { marker: cursor.marker, ..Cursor::at(end) };
}
