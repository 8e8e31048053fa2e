//! `<checkpoint>/rejected/`: what could not be read or was refused for good, byte for byte, bounded.
//!
//! An entry is one line of JSON (`time`, `signal`, `reason`, `message`, `path`, `offset`, `form`, `length`), then
//! `length` bytes, then a newline. Entries are appended to `rejected.0`; a full file becomes `rejected.1` and so on;
//! the oldest goes. The directory is 0700, the files 0600: the bytes are exact, secrets included.

use super::clock::Clock;
use crate::engine::{Keep, Rejected};
use serde_json::json;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Bytes of one file.
const FILE_BYTES: u64 = 8 << 20;
/// Files kept.
const FILES: usize = 4;

/// The directory of what was set aside.
#[derive(Debug)]
pub(crate) struct RejectedFiles {
    directory: PathBuf,
    clock: Clock,
    /// A failure was told; it is told once until it works again.
    failing: bool,
}

impl RejectedFiles {
    pub(crate) fn new(checkpoint: &Path, clock: Clock) -> Self {
        Self { directory: checkpoint.join("rejected"), clock, failing: false }
    }

    fn append(&self, rejected: &Rejected<'_>) -> io::Result<()> {
        let mut file = self.file(rejected.bytes.len() as u64)?;
        let head = json!({
            "time_unix": self.clock.now().unix_seconds(),
            "signal": rejected.signal,
            "reason": rejected.reason,
            "message": rejected.message,
            "path": rejected.path,
            "offset": rejected.offset,
            "form": rejected.form,
            "length": rejected.bytes.len(),
        });
        let mut entry = serde_json::to_vec(&head)?;
        entry.push(b'\n');
        entry.extend_from_slice(rejected.bytes);
        entry.push(b'\n');
        file.write_all(&entry)
    }

    /// The newest file, with room for `bytes` more.
    fn file(&self, bytes: u64) -> io::Result<File> {
        DirBuilder::new().mode(0o700).recursive(true).create(&self.directory)?;
        let newest = self.path(0);
        let length = std::fs::metadata(&newest).map_or(0, |meta| meta.len());
        if length > 0 && length + bytes > FILE_BYTES {
            self.shift()?;
        }
        OpenOptions::new().append(true).create(true).mode(0o600).open(newest)
    }

    fn shift(&self) -> io::Result<()> {
        for number in (0..FILES - 1).rev() {
            if self.path(number).exists() {
                std::fs::rename(self.path(number), self.path(number + 1))?;
            }
        }
        Ok(())
    }

    fn path(&self, number: usize) -> PathBuf {
        self.directory.join(format!("rejected.{number}"))
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn entry(bytes: &[u8]) -> Rejected<'_> {
        let message = "no JSON";
        Rejected { signal: "traces", reason: "bad", message, path: "/x", offset: 7, form: "source", bytes }
    }

    #[test]
    fn entries_are_exact_private_and_bounded() {
        let directory = tempfile::tempdir().unwrap();
        let mut files = RejectedFiles::new(directory.path(), Clock::start());
        files.keep(&entry(b"a\0b\n"));
        let path = directory.path().join("rejected/rejected.0");
        let text = std::fs::read(&path).unwrap();
        assert!(text.ends_with(b"}\na\0b\n\n"), "{text:?}");
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let mode = std::fs::metadata(path.parent().unwrap()).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
        let large = vec![b'x'; 3 << 20];
        (0..40).for_each(|_| files.keep(&entry(&large)));
        let kept: Vec<u64> = std::fs::read_dir(path.parent().unwrap())
            .unwrap()
            .flatten()
            .map(|file| file.metadata().unwrap().len())
            .collect();
        assert_eq!(kept.len(), FILES);
        assert!(kept.iter().all(|length| *length <= FILE_BYTES), "{kept:?}");
    }
}
