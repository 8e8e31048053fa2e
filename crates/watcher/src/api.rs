//! What passes between the watcher and the engine.

use crate::settings::Settings;
use crate::{Lost, Reason, Receipt, SavedStream, StreamId};
use std::io;
use std::path::{Path, PathBuf};

/// Names a log: its index in [`Settings::logs`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LogId(pub usize);

/// What a stream is of. Sorts traces before logs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum StreamKind {
    /// A trace file.
    Trace,
    /// A log file: the live one or a rotated sibling.
    Log(LogId),
}

impl StreamKind {
    /// The path of the log's live file, which its records name whatever the file is called now.
    #[must_use]
    pub fn log_path(self, settings: &Settings) -> Option<&Path> {
        match self {
            Self::Trace => None,
            Self::Log(LogId(log)) => settings.logs.get(log).map(|log| log.path.as_path()),
        }
    }
}

/// Why a scan should look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hint {
    /// Something happened to this path, or below it.
    Path(PathBuf),
    /// Events were lost: look at everything.
    Rescan,
    /// From now on hints come for each change (`true`), or nothing tells of changes and all must be polled.
    Notified(bool),
}

/// What a read is for. Each has a place of its own in a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Purpose {
    /// Lines to deliver: each is open until it is settled.
    Deliver,
    /// Lines to learn from: nothing of it is settled or stored.
    Evidence,
}

/// Where evidence is read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seek {
    /// The stream's first line.
    Start,
    /// The first line that starts at this offset or after it.
    Offset(u64),
    /// The line that [`Purpose::Deliver`] reads next.
    Deliver,
    /// What is there is not wanted as evidence: the stream leaves [`Watcher::unread`](crate::Watcher::unread).
    Nowhere,
}

/// A line, borrowed from the read buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line<'a> {
    /// Names it.
    pub receipt: Receipt,
    /// Its first byte's offset in the uncompressed stream: `receipt.start`.
    pub start: u64,
    /// The offset behind its newline.
    pub end: u64,
    /// Its bytes without the newline. A document that was printed over several lines has newlines inside.
    pub bytes: &'a [u8],
}

/// Bytes that were passed over in a read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Skipped {
    /// The stream.
    pub stream: StreamId,
    /// Where they begin in the uncompressed stream.
    pub start: u64,
    /// How many; of what can't be decoded, compressed bytes.
    pub bytes: u64,
    /// Why.
    pub reason: Reason,
}

/// What a read hands out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Item<'a> {
    /// A line.
    Line(Line<'a>),
    /// A line that an earlier run settled, behind one that it did not: it is not to be delivered again, but what it
    /// says still holds for others. What is answered to it is ignored but for `stop`.
    Settled(Line<'a>),
    /// Bytes that were passed over; they count as settled. What is answered to it is ignored but for `stop`.
    Skipped(Skipped),
}

/// What became of a line; ignored for [`Purpose::Evidence`] but for `stop`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Taken {
    /// How many parts it became: it is settled when as many came back. None: it is settled now.
    pub parts: u32,
    /// The reader's state before this line, given back as [`Found::mark`] after a restart; opaque here.
    pub mark: u64,
    /// Hand out nothing more in this read.
    pub stop: bool,
}

impl Taken {
    /// The line became so many parts.
    #[must_use]
    pub fn parts(parts: u32) -> Self {
        Self { parts, ..Self::default() }
    }

    /// The same with the reader's state before this line.
    #[must_use]
    pub fn with_mark(self, mark: u64) -> Self {
        Self { mark, ..self }
    }

    /// The same, and no further line in this read.
    #[must_use]
    pub fn and_stop(self) -> Self {
        Self { stop: true, ..self }
    }
}

/// How a read went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadOutcome {
    /// Uncompressed bytes that were passed, lines and skipped ones.
    pub bytes: u64,
    /// Nothing more can be read now; a later scan tells when there is.
    pub at_end: bool,
    /// The disk failed; the stream is tried again by itself, at the next look at its file.
    pub error: Option<io::ErrorKind>,
}

/// A stream was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Names it for this run.
    pub stream: StreamId,
    /// What it is of.
    pub kind: StreamKind,
    /// The file's name now.
    pub path: PathBuf,
    /// When the file was made: of a trace file, what its name says, else its last change. Nanoseconds since the
    /// epoch.
    pub created_unix_nano: u64,
    /// The file's last change, nanoseconds since the epoch.
    pub modified_unix_nano: u64,
    /// Where delivery begins; not 0 when a checkpoint knows it.
    pub resume_at: u64,
    /// What was given as [`Taken::mark`] with the line at `resume_at`; 0 if the stream is new.
    pub mark: u64,
}

/// What keeps a file or directory from being read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// It is no regular file: a FIFO, a socket, a device, a directory with a file's name.
    NotAFile,
    /// The disk says so: no permission, too many open files, an I/O error …
    Io(io::ErrorKind),
    /// A compressed file that is damaged or cut; what could be decoded was read.
    Undecodable,
}

/// What a scan found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// A stream: new, or known from a checkpoint.
    Found(Found),
    /// It has more to read.
    Grew {
        /// Which.
        stream: StreamId,
    },
    /// Its file has another name: rotated, compressed, moved.
    Renamed {
        /// Which.
        stream: StreamId,
        /// The name now.
        path: PathBuf,
    },
    /// Its file is gone; nothing more will be read. What was unread has been told by [`Change::Lost`].
    Gone {
        /// Which.
        stream: StreamId,
        /// The last name.
        path: PathBuf,
    },
    /// Bytes will never be read.
    Lost(Lost),
    /// A file or directory can't be read, or (`None`) can be read again. Told once for each change.
    Trouble {
        /// Which.
        path: PathBuf,
        /// What it is, now.
        trouble: Option<Trouble>,
    },
}

/// How far a stream was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// See [`StreamInfo::created_unix_nano`].
    pub created_unix_nano: u64,
    /// See [`StreamInfo::deliver_at`].
    pub deliver_at: u64,
    /// See [`StreamInfo::evidence_at`].
    pub evidence_at: Option<u64>,
    /// There is something to deliver.
    pub to_deliver: bool,
    /// There is something to read as evidence.
    pub to_learn: bool,
}

/// One stream, as it stands: for `status`, and to choose what to read as evidence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamInfo {
    /// Names it for this run.
    pub stream: StreamId,
    /// What it is of.
    pub kind: StreamKind,
    /// The file's name now, or the last.
    pub path: PathBuf,
    /// See [`Found::created_unix_nano`].
    pub created_unix_nano: u64,
    /// The file's last change, nanoseconds since the epoch.
    pub modified_unix_nano: u64,
    /// The uncompressed size, where it is known: of a plain file, or of a compressed one that was read whole.
    pub size: Option<u64>,
    /// The size on disk.
    pub disk_size: u64,
    /// Everything before this offset is settled.
    pub settled: u64,
    /// The next line that delivery reads.
    pub deliver_at: u64,
    /// The next line that is read as evidence, if any is.
    pub evidence_at: Option<u64>,
    /// Lines that were read and not settled.
    pub open_lines: usize,
    /// What was given as [`Taken::mark`] with the line behind the first unsettled one; `None` if none was read there.
    pub second_open_mark: Option<u64>,
    /// The file has no name any more.
    pub deleted: bool,
}

/// What changed in the checkpoints.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dirty {
    /// To be stored, each under its key.
    pub saved: Vec<SavedStream>,
    /// Keys to be removed: their files have been gone for long.
    pub removed: Vec<u64>,
}

impl Dirty {
    /// Nothing changed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.saved.is_empty() && self.removed.is_empty()
    }
}

/// How the descriptors stand: for `status`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Held {
    /// Open descriptors.
    pub open: usize,
    /// Bytes of deleted files that they keep on disk.
    pub deleted_bytes: u64,
}
