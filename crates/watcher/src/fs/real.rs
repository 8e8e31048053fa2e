//! The real disk.

use super::{Entry, File, FileSystem, Kind, Meta, Space};
use rustix::fs::OFlags;
use std::fs::{FileType, Metadata, OpenOptions};
use std::io;
use std::os::unix::fs::{DirEntryExt, FileExt, MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::sync::Arc;

/// The disk of the machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct RealFs;

impl FileSystem for RealFs {
    fn list(&self, dir: &Path) -> io::Result<Vec<Entry>> {
        std::fs::read_dir(dir)?.map(|entry| entry.and_then(|entry| to_entry(&entry))).collect()
    }

    fn stat(&self, path: &Path) -> io::Result<Meta> {
        std::fs::metadata(path).map(|meta| to_meta(&meta))
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        // The name was a regular file's when it was looked at, so that no device is opened; asked again below, because it
        // may have been given to something else since. O_NONBLOCK keeps a FIFO from waiting for its writer.
        let flags = OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOCTTY;
        let file = OpenOptions::new().read(true).custom_flags(flags.bits().cast_signed()).open(path)?;
        let opened = to_meta(&file.metadata()?);
        regular(opened)?;
        Ok(Arc::new(RealFile { file, opened }))
    }

    fn space(&self, path: &Path) -> io::Result<Space> {
        let stat = rustix::fs::statvfs(path)?;
        Ok(Space { free: stat.f_bavail * stat.f_frsize, total: stat.f_blocks * stat.f_frsize })
    }
}

struct RealFile {
    file: std::fs::File,
    opened: Meta,
}

impl File for RealFile {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        loop {
            match self.file.read_at(buf, offset) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                done => return done,
            }
        }
    }

    fn stat(&self) -> io::Result<Meta> {
        self.file.metadata().map(|meta| to_meta(&meta))
    }

    fn opened(&self) -> io::Result<Meta> {
        Ok(self.opened)
    }
}

fn regular(meta: Meta) -> io::Result<()> {
    if meta.kind == Kind::File { Ok(()) } else { Err(io::ErrorKind::InvalidInput.into()) }
}

fn to_entry(entry: &std::fs::DirEntry) -> io::Result<Entry> {
    Ok(Entry { name: entry.file_name(), ino: entry.ino(), kind: to_kind(entry.file_type()?) })
}

fn to_kind(kind: FileType) -> Kind {
    if kind.is_file() {
        Kind::File
    } else if kind.is_dir() {
        Kind::Directory
    } else if kind.is_symlink() {
        Kind::Symlink
    } else {
        Kind::Other
    }
}

fn to_meta(meta: &Metadata) -> Meta {
    Meta {
        dev: meta.dev(),
        ino: meta.ino(),
        size: meta.size(),
        mtime_ns: nanos(meta.mtime(), meta.mtime_nsec()),
        ctime_ns: nanos(meta.ctime(), meta.ctime_nsec()),
        nlink: meta.nlink(),
        kind: to_kind(meta.file_type()),
    }
}

fn nanos(seconds: i64, nanos: i64) -> i64 {
    seconds.saturating_mul(1_000_000_000).saturating_add(nanos)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn only_regular_files_are_opened_and_none_blocks() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        std::fs::write(at("file"), "text").unwrap();
        std::fs::create_dir(at("dir")).unwrap();
        rustix::fs::mkfifoat(rustix::fs::CWD, at("fifo"), 0o600.into()).unwrap();
        symlink(at("file"), at("link")).unwrap();
        symlink(at("none"), at("dangling")).unwrap();
        symlink(at("loop"), at("loop")).unwrap();
        let mut buf = [0; 8];
        for good in ["file", "link"] {
            assert_eq!(RealFs.open(&at(good)).unwrap().read_at(&mut buf, 1).unwrap(), 3, "{good}");
        }
        for bad in ["dir", "fifo", "dangling", "loop", "none"] {
            assert!(RealFs.open(&at(bad)).is_err(), "{bad}");
        }
        assert!(RealFs.open(Path::new("/dev/null")).is_err());
    }

    #[test]
    fn a_deleted_file_has_no_names_left() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        std::fs::write(&path, "text").unwrap();
        let file = RealFs.open(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        assert_eq!(file.stat().unwrap().nlink, 0);
        assert!(RealFs.space(dir.path()).unwrap().total > 0);
    }
}
