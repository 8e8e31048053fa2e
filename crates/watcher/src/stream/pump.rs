//! Moves bytes from a file through the framer to whoever takes lines.
//!
//! Promises: the cursor always stands where reading can go on, however a run of it ended. Leaves to others:
//! where bytes come from ([`Feed`]) and what becomes of lines ([`Sink`]).

use super::Cursor;
use crate::decode::{Decoder, Piece};
use crate::fs::File;
use crate::identify::MARKER_MAX;
use crate::lines::{Frame, Window};
use crate::saved::Marker;
use std::io;

/// Why no more bytes come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Halt {
    /// Enough for now.
    Budget,
    /// This is the end.
    End,
    /// A compressed file ends in the middle.
    Cut,
    /// A compressed file is damaged.
    Bad,
    /// The disk failed.
    Io(io::ErrorKind),
}

/// Gives bytes.
pub(crate) trait Feed {
    /// More bytes into the window, or why there are none.
    fn fill(&mut self, window: &mut Window) -> Result<(), Halt>;
}

/// Takes lines. Each answers whether more are wanted.
pub(crate) trait Sink {
    fn line(&mut self, start: u64, end: u64, bytes: &[u8]) -> bool;
    fn oversize(&mut self, start: u64, end: u64) -> bool;
}

/// A plain file from an offset on.
pub(crate) struct PlainFeed<'a> {
    pub(crate) file: &'a dyn File,
    pub(crate) offset: u64,
    /// Where it ended when it was looked at last: reading stops there, unless there turned out to be more.
    pub(crate) size: u64,
}

impl Feed for PlainFeed<'_> {
    fn fill(&mut self, window: &mut Window) -> Result<(), Halt> {
        if self.offset == self.size {
            return Err(Halt::End);
        }
        match window.fill(|room| self.file.read_at(room, self.offset)) {
            Ok(0) => Err(Halt::End),
            Ok(read) => {
                self.offset += read as u64;
                Ok(())
            }
            Err(error) => Err(Halt::Io(error.kind())),
        }
    }
}

/// A decoder.
pub(crate) struct PackedFeed<'a>(pub(crate) &'a mut Decoder);

impl Feed for PackedFeed<'_> {
    fn fill(&mut self, window: &mut Window) -> Result<(), Halt> {
        let mut piece = Piece::End;
        let filled = window.fill(|room| {
            piece = self.0.read(room);
            Ok(if let Piece::Bytes(read) = piece { read } else { 0 })
        });
        match (piece, filled) {
            (_, Err(error)) | (Piece::Io(error), _) => Err(Halt::Io(error.kind())),
            (Piece::Bytes(_), _) => Ok(()),
            (Piece::End, _) => Err(Halt::End),
            (Piece::Cut, _) => Err(Halt::Cut),
            (Piece::Bad, _) => Err(Halt::Bad),
        }
    }
}

/// What the lines of a stream are like.
#[derive(Clone, Copy)]
pub(crate) struct Shape {
    /// The longest line.
    pub(crate) limit: usize,
    /// Documents over several lines are one.
    pub(crate) documents: bool,
}

/// Hands out lines until `budget` bytes were passed, the sink has enough, or the feed halts. The window must
/// hold what follows `cursor.at`. Returns the bytes passed, and why it stopped.
pub(crate) fn pump(
    cursor: &mut Cursor,
    window: &mut Window,
    feed: &mut dyn Feed,
    shape: Shape,
    budget: u64,
    sink: &mut dyn Sink,
) -> (u64, Halt) {
    let from = cursor.at;
    let halt = loop {
        if let Err(halt) = turn(cursor, window, feed, shape, sink) {
            break halt;
        }
        if cursor.at - from >= budget {
            break Halt::Budget;
        }
    };
    // Unless it stopped in the middle, all of the window was looked at.
    cursor.probed = if halt == Halt::Budget { cursor.at } else { cursor.at + window.len() as u64 };
    mark(cursor, window);
    (cursor.at - from, halt)
}

fn turn(
    cursor: &mut Cursor,
    window: &mut Window,
    feed: &mut dyn Feed,
    shape: Shape,
    sink: &mut dyn Sink,
) -> Result<(), Halt> {
    if cursor.align {
        return align(cursor, window, feed);
    }
    let wanted = match cursor.framer.next(window.bytes(), shape.limit, shape.documents) {
        Frame::More => return feed.fill(window),
        Frame::Line { text, len } => {
            let end = cursor.at + len as u64;
            let wanted = sink.line(cursor.at, end, window.bytes().get(..text).unwrap_or_default());
            step(cursor, window, len, true);
            wanted
        }
        Frame::Skip { len, done } => {
            let start = cursor.next;
            step(cursor, window, len, done);
            !done || sink.oversize(start, cursor.at)
        }
    };
    if wanted { Ok(()) } else { Err(Halt::Budget) }
}

fn step(cursor: &mut Cursor, window: &mut Window, len: usize, done: bool) {
    window.consume(len);
    cursor.at += len as u64;
    if done {
        cursor.next = cursor.at;
    }
}

/// To the first line's start.
fn align(cursor: &mut Cursor, window: &mut Window, feed: &mut dyn Feed) -> Result<(), Halt> {
    if window.len() == 0 {
        feed.fill(window)?;
    }
    let newline = memchr::memchr(b'\n', window.bytes());
    cursor.align = newline.is_none();
    step(cursor, window, newline.map_or(window.len(), |at| at + 1), true);
    Ok(())
}

/// Remembers the bytes before the place, as long as they are in the window.
fn mark(cursor: &mut Cursor, window: &Window) {
    let before = window.before(MARKER_MAX);
    if !before.is_empty() && cursor.marker.offset != cursor.at {
        cursor.marker = Marker::at(cursor.at, before);
    }
}
