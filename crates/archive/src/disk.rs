//! Files and folders: what has a place on a disk.

use crate::limits::Limit;
use rustix::fs::OFlags;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// A piece of a file on a disk: what lies there as it is can be read in any order, without a copy.
#[derive(Clone, Debug)]
pub struct Slice {
    file: Arc<File>,
    offset: u64,
    len: u64,
}

impl Slice {
    /// The whole of an open file, as long as it is now.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn whole(file: File) -> io::Result<Self> {
        let len = file.metadata()?.len();
        Ok(Self { file: Arc::new(file), offset: 0, len })
    }

    /// Opens a regular file without ever blocking; of a FIFO or device it is an error.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let flags = i32::try_from((OFlags::NONBLOCK | OFlags::NOCTTY).bits()).unwrap_or(0);
        let file = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
        if !file.metadata()?.is_file() {
            return Err(io::Error::new(io::ErrorKind::Unsupported, "it is no regular file"));
        }
        Self::whole(file)
    }

    /// A part of it; what lies beyond its end is left off.
    pub(crate) fn part(&self, offset: u64, len: u64) -> Self {
        let offset = offset.min(self.len);
        let len = len.min(self.len - offset);
        Self { file: Arc::clone(&self.file), offset: self.offset + offset, len }
    }

    /// Bytes.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Reads at an offset of the piece; 0 at its end. May read less than there is.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        let left = usize::try_from(self.len.saturating_sub(offset)).unwrap_or(usize::MAX);
        let room = buf.len().min(left);
        self.file.read_at(buf.get_mut(..room).unwrap_or_default(), self.offset.saturating_add(offset))
    }
}

/// What a walk tells of itself while it goes on, and how it is ended.
#[derive(Clone, Debug, Default)]
pub(crate) struct Watch {
    /// Bytes read from the disk.
    pub(crate) read: Arc<AtomicU64>,
    /// The walk is to end.
    pub(crate) cancelled: Arc<AtomicBool>,
}

/// Reads a piece of a file from its begin.
pub(crate) struct SliceReader {
    slice: Slice,
    at: u64,
    watch: Watch,
}

impl SliceReader {
    pub(crate) fn new(slice: Slice, watch: &Watch) -> Self {
        Self { slice, at: 0, watch: watch.clone() }
    }
}

impl Read for SliceReader {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if self.watch.cancelled.load(Ordering::Relaxed) {
            return Err(Limit::Cancelled.into());
        }
        let read = self.slice.read_at(buf, self.at)?;
        self.at += read as u64;
        self.watch.read.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

impl Seek for SliceReader {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let at = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::End(by) => self.slice.len.checked_add_signed(by),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
        };
        self.at = at.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        Ok(self.at)
    }
}
