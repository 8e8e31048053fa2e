//! Reads plain files.
//!
//! Each read begins a little before its place, to see in the same call whether the bytes there are still those
//! that were read: a file that was truncated and has grown past the place again is not.

use super::{Each, Fault, last_line};
use crate::fs::{File, read_full};
use crate::identify::HEAD_MAX;
use crate::lines::Window;
use crate::stream::{Cursor, Feed, Halt, PlainFeed, Stream, pump};
use crate::watcher::Watcher;
use crate::{Purpose, StreamId};

impl Watcher {
    pub(super) fn read_plain(
        &mut self,
        id: StreamId,
        purpose: Purpose,
        budget: u64,
        each: Each<'_>,
    ) -> Result<u64, Fault> {
        let held = self.streams.get(id).is_some_and(|stream| stream.file.is_some());
        let file = self.opened(id)?.ok_or(Fault::Moved)?;
        let finished = self.settings.finished_files;
        let unmarked = self.streams.get(id).is_some_and(|stream| {
            stream.cursor(purpose).is_some_and(|cursor| cursor.marker.len == 0 && cursor.at > 0)
        });
        // Nothing was read that could be compared: the file may have been truncated and have grown again. One that was
        // opened just now was looked at for that, and a read from the start sees it.
        if held && unmarked && !self.begins_as_known(id, file.as_ref())? {
            return Err(Fault::Other);
        }
        if self.is_filled_copy(id, file.as_ref())? {
            self.suspect_copy(id);
            return Ok(0);
        }
        if !finished && !self.has_line_end(id, purpose, file.as_ref())? {
            self.grow_head(id, file.as_ref())?;
            return Ok(0);
        }
        let mut window = std::mem::take(&mut self.window);
        window.clear();
        let read = self.pump_plain(id, purpose, budget, file.as_ref(), &mut window, each);
        window.clear();
        self.window = window;
        let passed = read?;
        self.grow_head(id, file.as_ref())?;
        self.soil(id);
        Ok(passed)
    }

    /// Whether there is a newline in what was not looked at yet: a line that is written in many pieces is read
    /// once, not each time it has grown.
    fn has_line_end(&mut self, id: StreamId, purpose: Purpose, file: &dyn File) -> Result<bool, Fault> {
        let Some(cursor) = self.streams.get_mut(id).and_then(|stream| stream.cursor_mut(purpose)) else {
            return Ok(false);
        };
        if cursor.framer.is_skipping() || cursor.align || cursor.probed <= cursor.at {
            return Ok(true);
        }
        self.window.clear();
        let mut feed = PlainFeed { file, offset: cursor.probed, size: u64::MAX };
        loop {
            match feed.fill(&mut self.window) {
                Ok(()) if memchr::memchr(b'\n', self.window.bytes()).is_some() => return Ok(true),
                Ok(()) => self.window.consume(self.window.len()),
                Err(Halt::Io(kind)) => return Err(Fault::Io(kind)),
                Err(_) => break,
            }
        }
        cursor.probed = feed.offset;
        self.check_end(id, feed.offset, file)?;
        Ok(false)
    }

    fn pump_plain(
        &mut self,
        id: StreamId,
        purpose: Purpose,
        budget: u64,
        file: &dyn File,
        window: &mut Window,
        each: Each<'_>,
    ) -> Result<u64, Fault> {
        let shape = self.shape(id);
        let finished = self.settings.finished_files;
        let stream = self.streams.get_mut(id).ok_or(Fault::Moved)?;
        let size = stream.plain.as_ref().map_or(u64::MAX, |place| place.hints.size);
        let cursor = stream.cursor(purpose).ok_or(Fault::Moved)?;
        let back = if cursor.marker.offset == cursor.at { usize::from(cursor.marker.len) } else { 0 };
        let mut feed = PlainFeed { file, offset: cursor.at - back as u64, size };
        prove(cursor, &mut feed, window, back)?;
        if cursor.at == 0 {
            see_first(stream, &mut feed, window)?;
        }
        let (cursor, mut handout) = stream.handout(purpose, each).ok_or(Fault::Moved)?;
        cursor.framer.rewind();
        let (passed, halt) = pump(cursor, window, &mut feed, shape, budget, &mut handout);
        if halt == Halt::End && finished {
            last_line(cursor, window, &mut handout);
        }
        let end = cursor.seen();
        match halt {
            Halt::Io(kind) => Err(Fault::Io(kind)),
            Halt::End => self.check_end(id, end, file).map(|()| passed),
            _ => Ok(passed),
        }
    }

    /// The file ended here. If it was said to be longer, it was cut; if shorter, it grew meanwhile.
    fn check_end(&mut self, id: StreamId, end: u64, file: &dyn File) -> Result<(), Fault> {
        let Some(place) = self.streams.get_mut(id).and_then(|stream| stream.plain.as_mut()) else {
            return Ok(());
        };
        if end >= place.hints.size {
            place.hints.size = end;
            return Ok(());
        }
        let meta = file.stat()?;
        if meta.size < place.hints.size { Err(Fault::Other) } else { Ok(()) }
    }

    /// Takes more bytes into the head as long as it is not full.
    pub(in crate::watcher) fn grow_head(&mut self, id: StreamId, file: &dyn File) -> Result<(), Fault> {
        let Some(stream) = self.streams.get_mut(id).filter(|stream| !stream.head.is_full()) else {
            return Ok(());
        };
        let mut head = [0; HEAD_MAX];
        let read = read_full(file, &mut head, 0)?;
        let head = head.get(..read).unwrap_or_default();
        if !stream.head.fits(head) {
            return Err(Fault::Other);
        }
        stream.know_first(head);
        Ok(())
    }
}

/// A read from the start has what the stream is known by: whether it is still that, and more of it if there is more.
fn see_first(stream: &mut Stream, feed: &mut PlainFeed<'_>, window: &mut Window) -> Result<(), Fault> {
    while window.len() < HEAD_MAX {
        match feed.fill(window) {
            Ok(()) => {}
            Err(Halt::Io(kind)) => return Err(Fault::Io(kind)),
            Err(_) => break,
        }
    }
    let first = window.bytes().get(..HEAD_MAX).unwrap_or(window.bytes());
    if !stream.head.fits(first) {
        return Err(Fault::Other);
    }
    if first.len() > usize::from(stream.head.len) {
        stream.know_first(first);
    }
    Ok(())
}

/// Checks that the bytes before the place are those that were there.
fn prove(cursor: &Cursor, feed: &mut PlainFeed<'_>, window: &mut Window, back: usize) -> Result<(), Fault> {
    while window.len() < back {
        match feed.fill(window) {
            Ok(()) => {}
            Err(Halt::Io(kind)) => return Err(Fault::Io(kind)),
            Err(_) => return Err(Fault::Other),
        }
    }
    let before = window.bytes().get(..back).unwrap_or_default();
    if back > 0 && !cursor.marker.fits(before) {
        return Err(Fault::Other);
    }
    window.consume(back);
    Ok(())
}
