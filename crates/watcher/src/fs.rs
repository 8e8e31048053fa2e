//! All file I/O goes through here, so that a simulation can put a stricter disk below the watcher.
//!
//! Promises: no call blocks on what is no regular file. Leaves to others: what the files mean.

mod real;

pub use real::RealFs;

use std::ffi::OsString;
use std::io;
use std::path::Path;
use std::sync::Arc;

/// What a name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A regular file: the only thing that is ever read.
    File,
    /// A directory.
    Directory,
    /// A symbolic link; only [`FileSystem::list`] says so, [`FileSystem::stat`] follows it.
    Symlink,
    /// A FIFO, socket or device; or the file system did not say.
    Other,
}

/// What `stat` says of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Meta {
    /// Device number. May change over a reboot.
    pub dev: u64,
    /// Inode number. May be given to another file once this one is deleted.
    pub ino: u64,
    /// Bytes.
    pub size: u64,
    /// Last change of the content, nanoseconds since the epoch.
    pub mtime_ns: i64,
    /// Last change of content or inode, nanoseconds since the epoch.
    pub ctime_ns: i64,
    /// How many names the file has; 0: it is deleted, and only open descriptors keep it.
    pub nlink: u64,
    /// What it is.
    pub kind: Kind,
}

/// One name in a directory, as cheap as the directory gives it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The name; any bytes.
    pub name: OsString,
    /// Its inode number (of the link itself, for a symbolic link).
    pub ino: u64,
    /// What it is, the link itself for a symbolic link.
    pub kind: Kind,
}

/// Room on a file system, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Space {
    /// What is left for this program.
    pub free: u64,
    /// The whole.
    pub total: u64,
}

/// An open regular file.
pub trait File: Send + Sync {
    /// Reads at `offset`; 0 at the end. May read less than there is.
    ///
    /// # Errors
    /// What the kernel says; `EINTR` is tried again inside.
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize>;

    /// The open file's own state, even if its name is gone.
    ///
    /// # Errors
    /// What the kernel says.
    fn stat(&self) -> io::Result<Meta>;

    /// Its state when it was opened, or later: which file it is never changes.
    ///
    /// # Errors
    /// As [`stat`](Self::stat).
    fn opened(&self) -> io::Result<Meta> {
        self.stat()
    }
}

/// A disk.
pub trait FileSystem: Send {
    /// The names in a directory, in any order, without `.` and `..`. A symbolic link to a directory is listed.
    ///
    /// # Errors
    /// What the kernel says; nothing is returned in part.
    fn list(&self, dir: &Path) -> io::Result<Vec<Entry>>;

    /// Follows symbolic links.
    ///
    /// # Errors
    /// What the kernel says; a loop of links is an error like another.
    fn stat(&self, path: &Path) -> io::Result<Meta>;

    /// Opens a regular file for reading, following links, without ever blocking. Only a name that [`stat`](Self::stat) has
    /// said to be a regular file's: to open a device may do something.
    ///
    /// # Errors
    /// What the kernel says; [`io::ErrorKind::InvalidInput`] for anything but a regular file.
    fn open(&self, path: &Path) -> io::Result<Arc<dyn File>>;

    /// The room on the file system that holds `path`.
    ///
    /// # Errors
    /// What the kernel says.
    fn space(&self, path: &Path) -> io::Result<Space>;
}

/// Reads until `buf` is full or the file ends; how much.
pub(crate) fn read_full(file: &dyn File, buf: &mut [u8], offset: u64) -> io::Result<usize> {
    let mut filled = 0;
    while let Some(room) = buf.get_mut(filled..).filter(|room| !room.is_empty()) {
        match file.read_at(room, offset + filled as u64)? {
            0 => break,
            read => filled += read,
        }
    }
    Ok(filled)
}
