//! Reads compressed files.
//!
//! A decoder stands where its cursor does, as long as it is kept; without one, the file is decoded from its
//! start up to the place, and the bytes there are compared with what was read before.

use super::{Each, Fault, last_line};
use crate::decode::Decoder;
use crate::fs::File;
use crate::identify::HEAD_MAX;
use crate::lines::{Window, is_whole};
use crate::saved::Packing;
use crate::stream::{Cursor, Feed, Halt, PackedFeed, Stream, Unpacked, pump};
use crate::watcher::Watcher;
use crate::{Item, Purpose, Reason, Skipped, StreamId, StreamKind, Trouble};
use std::io;
use std::sync::Arc;

impl Watcher {
    pub(super) fn read_packed(
        &mut self,
        id: StreamId,
        purpose: Purpose,
        budget: u64,
        each: Each<'_>,
    ) -> Result<u64, Fault> {
        let mut unpacked = self.unpacked(id, purpose)?;
        let shape = self.shape(id);
        let finished = self.settings.finished_files || shape.documents;
        let stream = self.streams.get_mut(id).ok_or(Fault::Moved)?;
        let (cursor, mut handout) = stream.handout(purpose, &mut *each).ok_or(Fault::Moved)?;
        let Unpacked { decoder, window } = unpacked.as_mut();
        let (passed, halt) = pump(cursor, window, &mut PackedFeed(decoder), shape, budget, &mut handout);
        if halt == Halt::End && finished && (self.settings.finished_files || is_whole(window.bytes())) {
            last_line(cursor, window, &mut handout);
        }
        match halt {
            Halt::Budget => {
                window.shrink();
                cursor.unpacked = Some(unpacked);
                self.keep_decoder(id, purpose);
            }
            _ => self.decoders.forget(id, purpose),
        }
        self.soil(id);
        match halt {
            Halt::Budget => Ok(passed),
            Halt::Io(kind) => Err(Fault::Io(kind)),
            halt => {
                self.end_packed(id, purpose, halt, each);
                Ok(passed)
            }
        }
    }

    /// A decoder at the cursor's place.
    fn unpacked(&mut self, id: StreamId, purpose: Purpose) -> Result<Box<Unpacked>, Fault> {
        let stream = self.streams.get_mut(id).ok_or(Fault::Moved)?;
        let place = stream.packed.as_ref().map(|packed| packed.place.clone()).ok_or(Fault::Moved)?;
        if let Some(unpacked) = stream.cursor_mut(purpose).and_then(|cursor| cursor.unpacked.take()) {
            return Ok(unpacked);
        }
        let file = self.open_file(&place.path)?;
        let meta = file.stat()?;
        if !place.hints.same_file(&meta) {
            return Err(Fault::Moved);
        }
        let mut unpacked = self.start_unpacking(file, place.hints.packing)?;
        let stream = self.streams.get_mut(id).ok_or(Fault::Moved)?;
        let first = enter(&mut unpacked, stream)?;
        stream.know_first(first);
        let cursor = stream.cursor_mut(purpose).ok_or(Fault::Moved)?;
        cursor.framer.rewind();
        advance(&mut unpacked, cursor)?;
        Ok(unpacked)
    }

    fn start_unpacking(&self, file: Arc<dyn File>, packing: Packing) -> Result<Box<Unpacked>, Fault> {
        let decoder = Decoder::new(file, packing, self.settings.window_log_max);
        let decoder = decoder?;
        Ok(Box::new(Unpacked { decoder, window: Window::default() }))
    }

    /// Whether the compressed file has the stream's content up to the place of delivery. If not, it is another
    /// stream's.
    pub(in crate::watcher) fn check_packed(&mut self, id: StreamId) -> bool {
        match self.unpacked(id, Purpose::Deliver) {
            Ok(unpacked) => {
                if let Some(stream) = self.streams.get_mut(id) {
                    stream.deliver.unpacked = Some(unpacked);
                }
                self.keep_decoder(id, Purpose::Deliver);
                true
            }
            Err(fault) => {
                if matches!(fault, Fault::Other | Fault::Short(Halt::End)) {
                    let _ = self.end_or_refuse(id, Purpose::Deliver, &fault);
                }
                false
            }
        }
    }

    /// The compressed file has another content than the stream; or it ends before the place, and is a copy that was made
    /// just before the original was truncated (logrotate's `copytruncate`): then all of it was read. The error if the disk
    /// failed before that could be told.
    pub(super) fn end_or_refuse(
        &mut self,
        id: StreamId,
        purpose: Purpose,
        fault: &Fault,
    ) -> Option<io::ErrorKind> {
        let copy =
            if matches!(fault, Fault::Short(Halt::End)) { self.is_shorter_copy(id) } else { Ok(false) };
        match copy {
            Ok(true) => {
                if let Some(cursor) = self.streams.get_mut(id).and_then(|stream| stream.cursor_mut(purpose)) {
                    cursor.ended = true;
                }
            }
            Ok(false) => self.refuse_packed(id),
            Err(fault) => {
                let kind = fault.disk().unwrap_or(io::ErrorKind::Other);
                self.block(id, kind);
                return Some(kind);
            }
        }
        None
    }

    /// Whether a log's compressed file has all of the content that fits into it: as with a plain copy, by what is known
    /// of the bytes at its end, else by a whole head. An error is the disk's.
    fn is_shorter_copy(&self, id: StreamId) -> Result<bool, Fault> {
        let log = self.streams.get(id).filter(|stream| stream.kind != StreamKind::Trace);
        let Some(stream) = log else { return Ok(false) };
        let Some(packed) = &stream.packed else { return Ok(false) };
        let unpack = |to: Option<&Cursor>| -> Result<_, Fault> {
            let file = self.fs.open(&packed.place.path)?;
            let mut unpacked = self.start_unpacking(file, packed.place.hints.packing)?;
            enter(&mut unpacked, &stream)?;
            match to {
                Some(to) => advance(&mut unpacked, to).map(|()| to.at),
                None => size_of(&mut unpacked),
            }
        };
        let known = |result: Result<u64, Fault>| match result {
            Err(fault) if fault.disk().is_some() => Err(fault),
            result => Ok(result.ok()),
        };
        let Some(size) = known(unpack(None))? else { return Ok(false) };
        let Some(marker) = stream.marker_before(size) else { return Ok(stream.head.is_all_of(size)) };
        let cursor = Cursor { marker, ..Cursor::at(marker.offset) };
        Ok(known(unpack(Some(&cursor)))?.is_some())
    }

    /// The compressed file was read to its end, as it is.
    pub(super) fn end_packed(&mut self, id: StreamId, purpose: Purpose, halt: Halt, each: Each<'_>) {
        if let Some(cursor) = self.streams.get_mut(id).and_then(|stream| stream.cursor_mut(purpose)) {
            cursor.ended = true;
        }
        if purpose == Purpose::Evidence {
            return;
        }
        if halt == Halt::End {
            self.end_whole(id, each);
        } else {
            self.end_broken(id, each);
        }
    }

    /// Nothing will follow the last line, so it is not one.
    fn end_whole(&mut self, id: StreamId, each: Each<'_>) {
        let Some(stream) = self.streams.get_mut(id) else { return };
        let (start, end) = (stream.deliver.next, stream.deliver.seen());
        if end > start {
            stream.tracker.open(start, end, stream.tracker.mark(), 0);
            stream.deliver = Cursor { ended: true, marker: stream.deliver.marker, ..Cursor::at(end) };
            let skipped = Skipped { stream: id, start, bytes: end - start, reason: Reason::Unfinished };
            each(Item::Skipped(skipped));
        }
    }

    /// The rest can't be decoded: told once.
    fn end_broken(&mut self, id: StreamId, each: Each<'_>) {
        let bytes = self.undecodable(id);
        let Some(stream) = self.streams.get_mut(id) else { return };
        let start = stream.deliver.seen();
        // What the plain file had was read: nothing is missing.
        let has_all = stream.plain.as_ref().is_some_and(|place| place.hints.size <= start);
        let Some(packed) = stream.packed.as_mut().filter(|packed| !packed.told) else { return };
        packed.told = true;
        if has_all {
            return;
        }
        let path = packed.place.path.clone();
        if bytes > 0 {
            each(Item::Skipped(Skipped { stream: id, start, bytes, reason: Reason::Undecodable }));
        }
        self.set_trouble(&path, Some(Trouble::Undecodable));
    }

    /// The compressed bytes behind the last whole block, or behind where the decoder gave up.
    fn undecodable(&mut self, id: StreamId) -> u64 {
        let Some(packed) = self.streams.get(id).and_then(|stream| stream.packed.clone()) else { return 0 };
        let size = packed.place.hints.size;
        let mut progress = packed.walk.0;
        let walked = self.open_file(&packed.place.path).and_then(|file| progress.walk(file.as_ref(), size));
        match (packed.place.hints.packing, walked) {
            // There is nothing in it yet.
            _ if size == 0 => 0,
            (Packing::Zstd, Ok(_)) => size.saturating_sub(progress.offset()).max(1),
            _ => 1,
        }
    }
}

/// Checks that a compressed file begins as the stream does; its first bytes.
fn enter<'a>(unpacked: &'a mut Unpacked, stream: &Stream) -> Result<&'a [u8], Fault> {
    let Unpacked { decoder, window } = unpacked;
    let known = stream.head;
    let mut halt = None;
    while halt.is_none() && window.len() < HEAD_MAX {
        halt = PackedFeed(decoder).fill(window).err();
    }
    match halt {
        Some(Halt::Io(kind)) => Err(Fault::Io(kind)),
        Some(halt @ (Halt::Cut | Halt::Bad)) if window.len() < usize::from(known.len) => {
            Err(Fault::Short(halt))
        }
        _ if known.fits(window.bytes()) => Ok(window.bytes()),
        _ => Err(Fault::Other),
    }
}

/// How many bytes a compressed file has.
fn size_of(unpacked: &mut Unpacked) -> Result<u64, Fault> {
    let Unpacked { decoder, window } = unpacked;
    let mut size = 0;
    loop {
        size += window.len() as u64;
        window.consume(window.len());
        match PackedFeed(decoder).fill(window) {
            Ok(()) => {}
            Err(Halt::End) => return Ok(size),
            Err(halt) => return Err(Fault::Short(halt)),
        }
    }
}

/// Decodes up to the cursor's place, and checks that the bytes before it are those that were there.
fn advance(unpacked: &mut Unpacked, cursor: &Cursor) -> Result<(), Fault> {
    let back = if cursor.marker.offset == cursor.at { u64::from(cursor.marker.len) } else { 0 };
    skip(unpacked, cursor.at - back)?;
    let back = usize::try_from(back).unwrap_or_default();
    let Unpacked { decoder, window } = unpacked;
    while window.len() < back {
        PackedFeed(decoder).fill(window).map_err(Fault::Short)?;
    }
    let before = window.bytes().get(..back).unwrap_or_default();
    if back > 0 && !cursor.marker.fits(before) {
        return Err(Fault::Other);
    }
    window.consume(back);
    Ok(())
}

fn skip(unpacked: &mut Unpacked, mut bytes: u64) -> Result<(), Fault> {
    let Unpacked { decoder, window } = unpacked;
    loop {
        let step = usize::try_from(bytes).unwrap_or(usize::MAX).min(window.len());
        window.consume(step);
        bytes -= step as u64;
        if bytes == 0 {
            return Ok(());
        }
        PackedFeed(decoder).fill(window).map_err(Fault::Short)?;
    }
}
