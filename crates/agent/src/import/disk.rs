//! One host's files, as a disk that the watcher reads: what lay at `/var/log/…` on the host lies there.
//!
//! Promises: nothing changes; each file has the number of its path as inode, so that it is the same file the next time.
//! A name is given the suffix that its bytes have, as the watcher goes by it. A file that can't be read any more (a disk
//! fails, a folder is removed) is noted: the import can't be complete then.

use super::content::Content;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use watcher::{Entry, File, FileSystem, Kind, Meta, Space};
use xxhash_rust::xxh3::xxh3_64;

/// The first failure to read.
#[derive(Clone, Default)]
pub(crate) struct Failure(Arc<Mutex<Option<String>>>);

impl Failure {
    pub(crate) fn get(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn note(&self, path: &Path, error: &io::Error) {
        let mut first = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        first.get_or_insert_with(|| format!("{}: {error}", path.display()));
    }
}

/// A file of the host.
#[derive(Clone)]
pub(crate) struct HostFile {
    pub(crate) content: Content,
    /// Seconds since the epoch.
    pub(crate) modified_unix: i64,
}

/// The disk; cheap to clone.
#[derive(Clone)]
pub(crate) struct HostDisk {
    files: Arc<BTreeMap<PathBuf, HostFile>>,
    folders: Arc<BTreeSet<PathBuf>>,
    device: u64,
    failure: Failure,
    /// Bytes that were read.
    read: Arc<AtomicU64>,
}

impl HostDisk {
    /// `device` tells one archive's files from another's.
    pub(crate) fn new(files: BTreeMap<PathBuf, HostFile>, device: u64, read: &Arc<AtomicU64>) -> Self {
        let folders = files.keys().flat_map(|path| path.ancestors().skip(1)).map(Path::to_path_buf).collect();
        Self {
            files: Arc::new(files),
            folders: Arc::new(folders),
            device,
            failure: Failure::default(),
            read: Arc::clone(read),
        }
    }

    pub(crate) fn failure(&self) -> Failure {
        self.failure.clone()
    }

    fn meta(&self, path: &Path, file: &HostFile) -> Meta {
        let time = file.modified_unix.saturating_mul(1_000_000_000);
        Meta {
            dev: self.device,
            ino: ino(path),
            size: file.content.len(),
            mtime_ns: time,
            ctime_ns: time,
            nlink: 1,
            kind: Kind::File,
        }
    }
}

/// Never 0, which stands for none.
fn ino(path: &Path) -> u64 {
    xxh3_64(path.as_os_str().as_encoded_bytes()).max(1)
}

impl FileSystem for HostDisk {
    fn list(&self, dir: &Path) -> io::Result<Vec<Entry>> {
        if !self.folders.contains(dir) {
            return Err(io::ErrorKind::NotFound.into());
        }
        let within = |path: &Path| path.parent() == Some(dir);
        let entry = |path: &Path, kind| {
            let name = path.file_name().map(OsString::from).unwrap_or_default();
            Entry { name, ino: ino(path), kind }
        };
        let below = self.files.range(dir.to_path_buf()..).map(|(path, _)| path);
        let files = below.take_while(|path| path.starts_with(dir)).filter(|path| within(path));
        let folders = self.folders.iter().filter(|path| within(path));
        Ok(files
            .map(|path| entry(path, Kind::File))
            .chain(folders.map(|path| entry(path, Kind::Directory)))
            .collect())
    }

    fn stat(&self, path: &Path) -> io::Result<Meta> {
        if let Some(file) = self.files.get(path) {
            return Ok(self.meta(path, file));
        }
        let known = self.folders.contains(path);
        let folder = Meta {
            dev: self.device,
            ino: ino(path),
            size: 0,
            mtime_ns: 0,
            ctime_ns: 0,
            nlink: 1,
            kind: Kind::Directory,
        };
        known.then_some(folder).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        let file = self.files.get(path).ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))?;
        let meta = self.meta(path, file);
        let (content, disk) = (file.content.clone(), self.clone());
        Ok(Arc::new(OpenFile { content, meta, path: path.to_path_buf(), disk }))
    }

    fn space(&self, _: &Path) -> io::Result<Space> {
        Ok(Space { free: u64::MAX, total: u64::MAX })
    }
}

struct OpenFile {
    content: Content,
    meta: Meta,
    path: PathBuf,
    disk: HostDisk,
}

impl File for OpenFile {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        let read = self.content.read_at(buf, offset);
        match &read {
            Ok(read) => drop(self.disk.read.fetch_add(*read as u64, Ordering::Relaxed)),
            Err(error) => self.disk.failure.note(&self.path, error),
        }
        read
    }

    fn stat(&self) -> io::Result<Meta> {
        Ok(self.meta)
    }
}
