//! How a file or directory is, as far as it can be told without waiting for anything.

use super::finding::Finding;
use super::system::Rights;
use std::fs::{File, Metadata};
use std::io;
use std::path::Path;
use std::time::UNIX_EPOCH;

/// What stands in the way, if anything does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    /// It can be read.
    Good,
    Missing,
    Denied,
    /// Something else than a file (or directory) has its name.
    OtherKind,
    Failed(io::ErrorKind),
}

impl Access {
    fn of(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound => Self::Missing,
            io::ErrorKind::PermissionDenied => Self::Denied,
            kind => Self::Failed(kind),
        }
    }

    /// Of a regular file: it is opened, and closed again. A FIFO would wait for its writer, and is not.
    pub(super) fn of_file(path: &Path) -> (Self, Option<Metadata>) {
        match std::fs::metadata(path) {
            Err(error) => (Self::of(&error), None),
            Ok(found) if !found.is_file() => (Self::OtherKind, None),
            Ok(found) => (File::open(path).err().map_or(Self::Good, |error| Self::of(&error)), Some(found)),
        }
    }

    /// Of a directory.
    pub(super) fn of_directory(path: &Path) -> Self {
        match std::fs::metadata(path) {
            Err(error) => Self::of(&error),
            Ok(found) if !found.is_dir() => Self::OtherKind,
            Ok(_) => std::fs::read_dir(path).err().map_or(Self::Good, |error| Self::of(&error)),
        }
    }
}

/// When it was changed last, in seconds since the epoch.
pub(super) fn modified(found: &Metadata) -> u64 {
    let time = found.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    time.unwrap_or_default().as_secs()
}

/// The finding for something that may not be read: who is not root can't tell what root will see.
pub(super) fn denied(id: &'static str, path: &Path, rights: &Rights) -> Finding {
    let shown = path.display();
    if rights.read_all {
        return Finding::fail(id, "can't be read, not even with CAP_DAC_READ_SEARCH")
            .of(&shown)
            .mend(format!("ls -ldZ {shown}"));
    }
    Finding::warn(id, format!("can't be read by uid {}; the service, as root, may well", rights.uid))
        .of(shown)
        .mend("sudo xapi-observer doctor")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::doctor::finding::Level;

    #[test]
    fn what_stands_in_the_way_is_told() {
        let directory = tempfile::tempdir().unwrap();
        let (file, missing) = (directory.path().join("file"), directory.path().join("missing"));
        std::fs::write(&file, "x").unwrap();
        assert_eq!(Access::of_file(&file).0, Access::Good);
        assert_eq!(Access::of_file(&missing).0, Access::Missing);
        assert_eq!(Access::of_file(directory.path()).0, Access::OtherKind);
        assert_eq!(Access::of_directory(directory.path()), Access::Good);
        assert_eq!(Access::of_directory(&missing), Access::Missing);
        assert_eq!(Access::of_directory(&file), Access::OtherKind);
        assert_eq!(Access::of(&io::Error::from(io::ErrorKind::PermissionDenied)), Access::Denied);
    }

    #[test]
    fn who_is_not_root_can_not_tell() {
        for (read_all, level) in [(true, Level::Fail), (false, Level::Warn)] {
            let finding = denied("logs.file", Path::new("/x"), &Rights { uid: 1000, read_all });
            assert_eq!((finding.level, finding.mend.len()), (level, 1));
        }
    }
}
