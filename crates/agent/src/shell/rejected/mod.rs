//! `<checkpoint>/rejected/`: what could not be read or was refused for good, byte for byte, bounded.
//!
//! Entries ([`entry`]) are appended to `rejected.0`; a full file becomes `rejected.1` and so on; the oldest goes. The
//! directory is 0700, the files 0600: the bytes are exact, secrets included. The format is in `docs/rejected.md`.
//!
//! Promises: never more than [`TOTAL`] bytes; an entry is whole or not there: what a crash or a full disk left of one
//! is cut off before the next is written.

mod entry;

use super::clock::Clock;
use crate::engine::{Keep, Rejected};
pub(crate) use entry::{Entries, Entry};
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, BufReader, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Bytes of one file; more only where one entry has more.
const FILE_BYTES: u64 = 8 << 20;
/// Files kept.
const FILES: usize = 4;
/// Bytes of all files.
pub(crate) const TOTAL: u64 = FILE_BYTES * FILES as u64;

/// The directory of what was set aside.
#[derive(Debug)]
pub(crate) struct RejectedFiles {
    directory: PathBuf,
    clock: Clock,
    /// The newest file is known to end with a whole entry.
    whole: bool,
    /// A failure was told; it is told once until it works again.
    failing: bool,
}

impl RejectedFiles {
    pub(crate) fn new(checkpoint: &Path, clock: Clock) -> Self {
        Self { directory: directory(checkpoint), clock, whole: false, failing: false }
    }

    fn append(&mut self, rejected: &Rejected<'_>) -> io::Result<()> {
        DirBuilder::new().mode(0o700).recursive(true).create(&self.directory)?;
        if !self.whole {
            cut_torn(&path(&self.directory, 0))?;
            self.whole = true;
        }
        let entry = entry::write(rejected, self.clock.now().unix_seconds())?;
        self.make_room(entry.len() as u64)?;
        let newest = path(&self.directory, 0);
        let mut file = OpenOptions::new().append(true).create(true).mode(0o600).open(newest)?;
        self.whole = false;
        file.write_all(&entry)?;
        self.whole = true;
        Ok(())
    }

    /// Shifts and removes files until the newest has room for `bytes` more.
    fn make_room(&self, bytes: u64) -> io::Result<()> {
        if bytes > TOTAL {
            return Err(io::Error::other("it is larger than all that is kept"));
        }
        let newest = length(&path(&self.directory, 0));
        if newest > 0 && newest + bytes > FILE_BYTES {
            self.shift()?;
        }
        for number in (0..FILES).rev() {
            let used: u64 = (0..FILES).map(|number| length(&path(&self.directory, number))).sum();
            if used + bytes > TOTAL && length(&path(&self.directory, number)) > 0 {
                std::fs::remove_file(path(&self.directory, number))?;
            }
        }
        Ok(())
    }

    fn shift(&self) -> io::Result<()> {
        for number in (0..FILES - 1).rev() {
            let (from, to) = (path(&self.directory, number), path(&self.directory, number + 1));
            if from.exists() {
                std::fs::rename(from, to)?;
            }
        }
        Ok(())
    }
}

impl Keep for RejectedFiles {
    fn keep(&mut self, rejected: &Rejected<'_>) {
        let outcome = self.append(rejected);
        if let (Err(error), false) = (&outcome, self.failing) {
            tracing::error!(id = "XO1401", directory = %self.directory.display(), %error, "what is set aside can't be kept");
        }
        self.failing = outcome.is_err();
    }
}

/// The directory in that of the checkpoints.
pub(crate) fn directory(checkpoint: &Path) -> PathBuf {
    checkpoint.join("rejected")
}

/// The files in the directory, the oldest first. Their entries, one file after the other, are in the order in which they
/// were set aside.
pub(crate) fn files(directory: &Path) -> Vec<PathBuf> {
    (0..FILES).rev().map(|number| path(directory, number)).filter(|path| path.exists()).collect()
}

fn path(directory: &Path, number: usize) -> PathBuf {
    directory.join(format!("rejected.{number}"))
}

fn length(path: &Path) -> u64 {
    std::fs::metadata(path).map_or(0, |meta| meta.len())
}

/// Cuts off what is no whole entry at the end of a file.
fn cut_torn(path: &Path) -> io::Result<()> {
    let file = match OpenOptions::new().read(true).write(true).open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        opened => opened?,
    };
    let whole = whole_bytes(&file)?;
    if whole < file.metadata()?.len() {
        file.set_len(whole)?;
    }
    Ok(())
}

/// Where the last whole entry of a file ends.
fn whole_bytes(file: &File) -> io::Result<u64> {
    let mut entries = Entries::new(BufReader::new(file));
    loop {
        match entries.next() {
            Some(Ok(_)) => {}
            Some(Err(entry::Error::Io(error))) => return Err(error),
            Some(Err(_)) | None => return Ok(entries.whole_bytes()),
        }
    }
}

#[cfg(test)]
mod tests;
