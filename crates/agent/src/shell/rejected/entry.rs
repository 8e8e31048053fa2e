//! One entry of a file of what was set aside: a head, which is one line of JSON, then the bytes, then a newline.
//!
//! Promises: what [`write()`] makes, [`Entries`] reads back exactly, whatever the bytes are; damage is told with its
//! place, and never takes more memory than all files may have.

use super::TOTAL;
use crate::engine::{Form, Rejected};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::io::{self, BufRead, Read};

/// The version of the format.
const VERSION: u8 = 1;
/// The longest head.
const HEAD: u64 = 64 << 10;

/// A head as it is written.
#[derive(Serialize, Deserialize)]
struct Head<'h> {
    v: u8,
    time_unix: u64,
    signal: Cow<'h, str>,
    reason: Cow<'h, str>,
    message: Cow<'h, str>,
    path: Cow<'h, str>,
    offset: u64,
    form: Cow<'h, str>,
    length: u64,
}

/// What was set aside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// When, in seconds since the epoch.
    pub(crate) time_unix: u64,
    /// `traces` or `logs`.
    pub(crate) signal: String,
    /// A short word, as counters have it.
    pub(crate) reason: String,
    /// What the server or the reader said; of a server, made fit to be shown.
    pub(crate) message: String,
    /// The file it was read from, as far as its name is text.
    pub(crate) path: String,
    /// Where in that file's uncompressed stream; of several records, the first one's line.
    pub(crate) offset: u64,
    /// What the bytes are.
    pub(crate) form: Form,
    /// The exact bytes.
    pub(crate) bytes: Vec<u8>,
}

/// Why an entry can't be read. Nothing behind it can be read either, as lengths lead from one to the next.
#[derive(Debug)]
pub(crate) enum Error {
    /// The disk failed.
    Io(io::Error),
    /// At this byte of the file there is no head that this version knows.
    Head(u64),
    /// The entry that begins at this byte of the file is cut off.
    Torn(u64),
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Io(error) => error.fmt(f),
            Self::Head(at) => write!(f, "at byte {at}: no entry that this version can read"),
            Self::Torn(at) => write!(f, "at byte {at}: the entry is cut off"),
        }
    }
}

/// The bytes of an entry.
///
/// # Errors
/// None that can be expected: JSON of text and numbers.
pub(super) fn write(rejected: &Rejected<'_>, time_unix: u64) -> io::Result<Vec<u8>> {
    let head = Head {
        v: VERSION,
        time_unix,
        signal: rejected.signal.into(),
        reason: rejected.reason.into(),
        message: rejected.message.into(),
        path: rejected.path.into(),
        offset: rejected.offset,
        form: rejected.form.as_str().into(),
        length: rejected.bytes.len() as u64,
    };
    let mut entry = serde_json::to_vec(&head)?;
    entry.push(b'\n');
    entry.extend_from_slice(rejected.bytes);
    entry.push(b'\n');
    Ok(entry)
}

/// The entries of one file, in order. Ends behind the first error.
pub(crate) struct Entries<R> {
    file: R,
    whole: u64,
    ended: bool,
}

impl<R: BufRead> Entries<R> {
    pub(crate) fn new(file: R) -> Self {
        Self { file, whole: 0, ended: false }
    }

    /// Where the last entry that was read ends in the file.
    pub(crate) fn whole_bytes(&self) -> u64 {
        self.whole
    }

    fn read(&mut self) -> Result<Option<Entry>, Error> {
        let mut line = Vec::new();
        let at = self.whole;
        let length = self.file.by_ref().take(HEAD).read_until(b'\n', &mut line).map_err(Error::Io)?;
        if length == 0 {
            return Ok(None);
        }
        if line.pop() != Some(b'\n') {
            return Err(if length as u64 == HEAD { Error::Head(at) } else { Error::Torn(at) });
        }
        let head: Head<'_> = serde_json::from_slice(&line).map_err(|_| Error::Head(at))?;
        let form = Form::parse(&head.form).filter(|_| head.v == VERSION).ok_or(Error::Head(at))?;
        let bytes = self.bytes(head.length, at)?;
        self.whole += length as u64 + head.length + 1;
        Ok(Some(Entry {
            time_unix: head.time_unix,
            signal: head.signal.into_owned(),
            reason: head.reason.into_owned(),
            message: head.message.into_owned(),
            path: head.path.into_owned(),
            offset: head.offset,
            form,
            bytes,
        }))
    }

    /// The bytes behind a head, and the newline behind them.
    fn bytes(&mut self, length: u64, at: u64) -> Result<Vec<u8>, Error> {
        if length > TOTAL {
            return Err(Error::Head(at));
        }
        let mut bytes = Vec::new();
        self.file.by_ref().take(length + 1).read_to_end(&mut bytes).map_err(Error::Io)?;
        let cut = bytes.len() as u64 <= length;
        match bytes.pop() {
            Some(b'\n') if !cut => Ok(bytes),
            Some(_) if !cut => Err(Error::Head(at)),
            _ => Err(Error::Torn(at)),
        }
    }
}

impl<R: BufRead> Iterator for Entries<R> {
    type Item = Result<Entry, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let read = self.read().transpose();
        self.ended = !matches!(read, Some(Ok(_)));
        read
    }
}
