//! Whether files have changed: what `stat` says of them, compared with before.

use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

/// What tells one content of a file from another, without reading it: device, inode, size, and the times of
/// its last change, each to the nanosecond. `None` for a file that is not there.
type Print = Option<(u64, u64, u64, i64, i64, i64, i64)>;

/// Files that are watched by looking.
#[derive(Clone, Debug, Default)]
pub(super) struct Files(Vec<PathBuf>);

/// How the files were at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Prints(Vec<Print>);

impl Files {
    pub(super) fn new(paths: impl IntoIterator<Item = PathBuf>) -> Self {
        Self(paths.into_iter().collect())
    }

    /// How they are now. A few microseconds a file.
    pub(super) fn prints(&self) -> Prints {
        Prints(self.0.iter().map(print_of).collect())
    }
}

fn print_of(path: &PathBuf) -> Print {
    let meta = std::fs::metadata(path).ok()?;
    let changed = (meta.mtime(), meta.mtime_nsec(), meta.ctime(), meta.ctime_nsec());
    Some((meta.dev(), meta.ino(), meta.len(), changed.0, changed.1, changed.2, changed.3))
}
