//! What a checkpoint says of one stream, as the store keeps it.
//!
//! Promises: [`SavedStream::to_bytes`] is read back by every later version of this program. Leaves to others:
//! checksums, and where the bytes lie.

mod binary;
mod json;
pub(crate) mod parts;

use serde::Deserialize;
use std::fmt;
use std::path::PathBuf;

/// The number that [`SavedStream::to_bytes`] begins with.
const VERSION: u8 = 2;

/// Which of the two kinds of file a stream is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SavedKind {
    /// A trace file.
    Trace,
    /// A log or one of its rotated siblings.
    Log,
}

/// How the bytes on disk are packed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Packing {
    /// As they are.
    #[default]
    Plain,
    /// zstd frames.
    Zstd,
    /// gzip members.
    Gzip,
}

/// The hash of a stream's first bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Head {
    /// How many bytes, up to 1,024.
    pub len: u16,
    /// Their XXH3-128, high half first.
    pub hash: [u64; 2],
}

/// The hash of the bytes just before an offset.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Marker {
    /// The offset they end at, in bytes of the uncompressed stream.
    pub offset: u64,
    /// How many bytes, up to 64.
    pub len: u16,
    /// Their XXH3-64.
    pub hash: u64,
}

/// What the file looked like when the checkpoint was made; unchanged, it is known without being opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Hints {
    /// How it is packed.
    pub packing: Packing,
    /// Device number.
    pub dev: u64,
    /// Inode number.
    pub ino: u64,
    /// Size on disk, in bytes.
    pub size: u64,
    /// Last change of the content, nanoseconds since the epoch.
    pub mtime_ns: i64,
    /// Last change of the inode, nanoseconds since the epoch.
    pub ctime_ns: i64,
}

/// One stream's checkpoint: what of it is settled, and how to know it again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SavedStream {
    /// Names the entry in the store; never given twice.
    pub key: u64,
    /// Trace file or log.
    pub kind: SavedKind,
    /// The last path it had.
    pub path: PathBuf,
    /// Of a log: the path of the live file whose family it belongs to. Of a trace file: empty.
    pub family: PathBuf,
    /// Its first bytes.
    pub head: Head,
    /// A place at or before `settled`.
    pub marker: Marker,
    /// Everything before this offset of the uncompressed stream is settled.
    pub settled: u64,
    /// Settled ranges beyond it, sorted, apart from each other.
    pub beyond: Vec<(u64, u64)>,
    /// What the reader of this log gave as the state before the first unsettled line; opaque here.
    pub mark: u64,
    /// The file, when this was written.
    pub hints: Hints,
    /// All of the file that `hints` describes was handed out and settled, but for an unfinished last line.
    pub drained: bool,
    /// When this was written, seconds since the epoch.
    pub updated_unix: u64,
}

/// Why bytes are no checkpoint.
#[derive(Debug)]
pub enum SavedError {
    /// They were written by a later version of this program.
    Version(u8),
    /// They can't be read.
    Format,
    /// Empty.
    Empty,
}

impl fmt::Display for SavedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Version(version) => {
                write!(f, "the checkpoint has version {version}, known are up to {VERSION}")
            }
            Self::Format => f.write_str("the checkpoint can't be read"),
            Self::Empty => f.write_str("the checkpoint is empty"),
        }
    }
}

impl std::error::Error for SavedError {}

/// While thousands of lines are held there are as many ranges, written every second: distances take half the room.
fn to_distances(settled: u64, ranges: &[(u64, u64)]) -> Vec<u64> {
    let mut last = settled;
    let distances = |&(start, end): &(u64, u64)| {
        let start = start.max(last);
        let gap = start - std::mem::replace(&mut last, end.max(start));
        [gap, last - start]
    };
    ranges.iter().flat_map(distances).collect()
}

fn from_distances(settled: u64, distances: &[u64]) -> Vec<(u64, u64)> {
    let mut last = settled;
    let (pairs, _) = distances.as_chunks::<2>();
    let range = |[gap, len]: &[u64; 2]| {
        let start = last.saturating_add(*gap);
        last = start.saturating_add(*len);
        (start, last)
    };
    pairs.iter().map(range).collect()
}

impl SavedStream {
    /// One byte with the version, then what it says (`binary`).
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.path.as_os_str().len() + self.family.as_os_str().len() + 96);
        bytes.push(VERSION);
        binary::write(self, &mut bytes);
        bytes.shrink_to_fit();
        bytes
    }

    /// Reads what [`to_bytes`](Self::to_bytes) wrote, of this release or an earlier one.
    ///
    /// # Errors
    /// [`SavedError`]; never a panic, whatever the bytes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, SavedError> {
        let (&version, rest) = bytes.split_first().ok_or(SavedError::Empty)?;
        let read = match version {
            1 => json::read(rest),
            VERSION => binary::read(rest),
            later => return Err(SavedError::Version(later)),
        };
        read.ok_or(SavedError::Format)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::OsString;
    use std::os::unix::ffi::OsStringExt;

    fn sample(path: PathBuf) -> SavedStream {
        SavedStream {
            key: u64::MAX,
            kind: SavedKind::Log,
            path,
            family: "/var/log/xensource.log".into(),
            head: Head { len: 1024, hash: [u64::MAX, 7] },
            marker: Marker { offset: 90, len: 64, hash: u64::MAX - 1 },
            settled: 100,
            beyond: vec![(110, 120), (130, 140)],
            mark: 9,
            hints: Hints { packing: Packing::Gzip, dev: 1, ino: 2, size: 3, mtime_ns: -4, ctime_ns: 5 },
            drained: true,
            updated_unix: 1_771_533_975,
        }
    }

    #[test]
    fn what_is_written_is_read_back() {
        for path in [PathBuf::from("/var/log/é"), OsString::from_vec(b"/var/\xff\xfe".to_vec()).into()] {
            let saved = sample(path);
            assert_eq!(SavedStream::from_bytes(&saved.to_bytes()).unwrap(), saved);
        }
    }

    #[test]
    fn a_drained_trace_file_takes_little_more_than_its_name() {
        let path = "/var/log/dt/zipkinv2/json/x.ndjson.zst";
        let hints = Hints {
            dev: 2049,
            ino: 1 << 20,
            size: 90_000,
            mtime_ns: 1 << 60,
            ctime_ns: 1 << 60,
            ..Hints::default()
        };
        let saved = SavedStream {
            kind: SavedKind::Trace,
            family: PathBuf::new(),
            beyond: Vec::new(),
            hints,
            ..sample(path.into())
        };
        assert!(saved.to_bytes().len() < path.len() + 80, "{}", saved.to_bytes().len());
    }

    #[test]
    fn ranges_that_lie_within_others_are_joined_to_them() {
        let mut saved = sample("/x".into());
        saved.beyond = vec![(90, 110), (105, 108), (120, 130)];
        let read = SavedStream::from_bytes(&saved.to_bytes()).unwrap();
        assert_eq!(read.beyond, [(100, 110), (110, 110), (120, 130)]);
    }

    #[test]
    fn damage_is_an_error() {
        let bytes = sample("/x".into()).to_bytes();
        assert!(matches!(SavedStream::from_bytes(&[]), Err(SavedError::Empty)));
        assert!(matches!(SavedStream::from_bytes(&[9, b'{']), Err(SavedError::Version(9))));
        let longer = [bytes.as_slice(), b"x"].concat();
        assert!(matches!(SavedStream::from_bytes(&longer), Err(SavedError::Format)));
        for cut in 1..bytes.len() {
            assert!(matches!(SavedStream::from_bytes(&bytes[..cut]), Err(SavedError::Format)), "{cut}");
        }
    }
}
