//! The lock that keeps a second process off the store, and names the first.

use rustix::fs::{FlockOperation, flock};
use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};

/// Why the lock could not be taken.
#[derive(Debug)]
pub enum LockError {
    /// Another process uses the store.
    Held {
        /// The directory.
        directory: PathBuf,
        /// Its pid, where the lock file says it.
        pid: Option<u32>,
    },
    /// The lock file can't be made or opened.
    Io(std::io::Error),
}

impl fmt::Display for LockError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Held { directory, pid: Some(pid) } => {
                write!(f, "{} is in use by process {pid}; one agent a directory", directory.display())
            }
            Self::Held { directory, pid: None } => {
                write!(f, "{} is in use by another process; one agent a directory", directory.display())
            }
            Self::Io(error) => write!(f, "the lock can't be taken: {error}"),
        }
    }
}

impl std::error::Error for LockError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io(error) => Some(error),
            Self::Held { .. } => None,
        }
    }
}

/// The held lock; dropping it lets go. The file stays.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
}

impl Lock {
    pub(super) fn take(directory: &Path) -> Result<Self, LockError> {
        let path = directory.join("lock");
        let opened = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path);
        let mut file = opened.map_err(LockError::Io)?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(rustix::io::Errno::WOULDBLOCK) => {
                return Err(LockError::Held { directory: directory.to_path_buf(), pid: holder(&mut file) });
            }
            Err(error) => return Err(LockError::Io(error.into())),
        }
        // The pid is for people; a full disk that can't take it is no reason not to run.
        let _ = file
            .set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| write!(file, "{}", std::process::id()));
        Ok(Self { _file: file })
    }
}

fn holder(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}
