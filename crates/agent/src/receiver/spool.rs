//! The files that hold what was received until it is delivered.
//!
//! Promises: what [`Spool::append`] has answered is on disk; a failed write leaves nothing of it behind; the files take no
//! more than [`MOST`] and some, and go once all in them is settled. Leaves to others: saying what is settled.

use std::collections::BTreeMap;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Bytes that may wait to be delivered; then senders are asked to wait.
const MOST: u64 = 64 << 20;
/// A file of this size is followed by another.
const FILE: u64 = 4 << 20;

/// Why lines were not written.
#[derive(Debug)]
pub(crate) enum Full {
    /// [`MOST`] bytes wait to be delivered.
    Waiting,
    /// The disk says so.
    Disk(io::Error),
}

/// The files.
#[derive(Debug)]
pub(crate) struct Spool {
    directory: PathBuf,
    /// All files with their sizes, the one that is written to among them.
    sizes: BTreeMap<PathBuf, u64>,
    open: Option<(PathBuf, File)>,
}

impl Spool {
    /// Goes on with what an earlier run left in the directory, which is made if it is not there.
    ///
    /// # Errors
    /// What the disk says.
    pub(crate) fn open(directory: &Path) -> io::Result<Self> {
        DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
        let mut sizes = BTreeMap::new();
        for entry in std::fs::read_dir(directory)? {
            let entry = entry?;
            sizes.insert(entry.path(), entry.metadata()?.len());
        }
        Ok(Self { directory: directory.to_path_buf(), sizes, open: None })
    }

    /// Writes these lines and waits until the disk has them. `time`, RFC 3339 with microseconds, names a new file.
    ///
    /// # Errors
    /// Nothing of them was written.
    pub(crate) fn append(&mut self, lines: &[u8], time: &str) -> Result<(), Full> {
        if self.sizes.values().sum::<u64>() + lines.len() as u64 > MOST {
            return Err(Full::Waiting);
        }
        let (path, file) = self.file(time).map_err(Full::Disk)?;
        let before = self.sizes.get(&path).copied().unwrap_or(0);
        let written = (&file).write_all(lines).and_then(|()| file.sync_data());
        if let Err(error) = written {
            // Half a line would be joined to the next one. If even that fails, another file is begun.
            let _ = file.set_len(before);
            self.open = None;
            return Err(Full::Disk(error));
        }
        let size = before + lines.len() as u64;
        self.sizes.insert(path.clone(), size);
        self.open = (size < FILE).then_some((path, file));
        Ok(())
    }

    /// Removes the files that are settled whole, at the size that is given with each.
    pub(crate) fn remove_settled(&mut self, settled: &[(PathBuf, u64)]) {
        for (path, size) in settled {
            if self.sizes.get(path) != Some(size) {
                continue;
            }
            if self.open.as_ref().is_some_and(|(open, _)| open == path) {
                self.open = None;
            }
            match std::fs::remove_file(path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {}
                _ => {
                    self.sizes.remove(path);
                }
            }
        }
    }

    /// Whether there is any file.
    pub(crate) fn is_empty(&self) -> bool {
        self.sizes.is_empty()
    }

    /// The open file, else a new one. It is taken out; who has written to it puts it back.
    fn file(&mut self, time: &str) -> io::Result<(PathBuf, File)> {
        if let Some(open) = self.open.take() {
            return Ok(open);
        }
        let path = self.directory.join(format!("zipkin-{time}.ndjson"));
        let file = OpenOptions::new().append(true).create(true).mode(0o600).open(&path)?;
        // The name, too, is to be on disk.
        File::open(&self.directory)?.sync_all()?;
        Ok((path, file))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(directory: &Path) -> Vec<String> {
        let mut names: Vec<String> = std::fs::read_dir(directory)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn lines_are_kept_until_they_are_settled() {
        let directory = tempfile::tempdir().unwrap();
        let folder = directory.path().join("zipkin");
        let mut spool = Spool::open(&folder).unwrap();
        spool.append(b"[1]\n", "t1").unwrap();
        spool.append(b"[2]\n", "t2").unwrap();
        let path = folder.join("zipkin-t1.ndjson");
        assert_eq!(std::fs::read(&path).unwrap(), b"[1]\n[2]\n");
        spool.remove_settled(&[(path.clone(), 4)]);
        assert_eq!(files(&folder), ["zipkin-t1.ndjson"], "the second line is not settled");
        let mut spool = Spool::open(&folder).unwrap();
        spool.append(b"[3]\n", "t3").unwrap();
        assert_eq!(files(&folder), ["zipkin-t1.ndjson", "zipkin-t3.ndjson"]);
        spool.remove_settled(&[(path, 8), (folder.join("zipkin-t3.ndjson"), 4)]);
        assert!(spool.is_empty());
        assert_eq!(files(&folder), Vec::<String>::new());
        spool.append(b"[4]\n", "t4").unwrap();
        assert_eq!(files(&folder), ["zipkin-t4.ndjson"]);
    }

    #[test]
    fn files_and_all_of_them_are_bounded() {
        let directory = tempfile::tempdir().unwrap();
        let mut spool = Spool::open(directory.path()).unwrap();
        let lines = vec![b'\n'; 3 << 20];
        let mut taken = 0_u64;
        for n in 0.. {
            match spool.append(&lines, &format!("t{n:02}")) {
                Ok(()) => taken += lines.len() as u64,
                Err(Full::Waiting) => break,
                Err(Full::Disk(error)) => panic!("{error}"),
            }
        }
        assert_eq!(taken, 63 << 20);
        let names = files(directory.path());
        assert_eq!(names.len(), 11, "{names:?}");
        spool.remove_settled(&[(directory.path().join(&names[0]), 6 << 20)]);
        spool.append(&lines, "t99").unwrap();
    }

    #[test]
    fn a_full_disk_leaves_no_half_line() {
        let directory = tempfile::tempdir().unwrap();
        let mut spool = Spool::open(directory.path()).unwrap();
        std::os::unix::fs::symlink("/dev/full", directory.path().join("zipkin-t1.ndjson")).unwrap();
        assert!(matches!(spool.append(b"[1]\n", "t1"), Err(Full::Disk(_))));
        spool.append(b"[2]\n", "t2").unwrap();
        assert_eq!(std::fs::read(directory.path().join("zipkin-t2.ndjson")).unwrap(), b"[2]\n");
    }
}
