//! What the watcher is told: plain, already validated values.

use std::path::PathBuf;
use std::time::Duration;

/// Where a log that was never seen before is begun.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StartAt {
    /// At the live file's first line.
    #[default]
    Beginning,
    /// Behind the live file's last line.
    End,
}

/// One log with its rotated siblings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogSettings {
    /// The live file's path, absolute. It need not exist.
    pub path: PathBuf,
    /// Where to begin, if it was never seen before.
    pub start_at: StartAt,
}

/// The watcher's settings.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The directories of trace files, absolute; each is read with everything below it. They need not exist.
    pub traces: Vec<PathBuf>,
    /// The logs; a [`LogId`](crate::LogId) is an index into this list.
    pub logs: Vec<LogSettings>,
    /// The longest line that is handed out, in bytes; a longer one is skipped.
    pub line_limit: usize,
    /// How many descriptors may be open at once.
    pub open_files: usize,
    /// How old a trace file may be (by its last change) at a start without a checkpoint; zero: no limit.
    pub max_age: Duration,
    /// How many bytes of deleted files open descriptors may keep on disk.
    pub held_deleted: u64,
    /// The rotated siblings of a log that was never begun are read too: for a start after the checkpoints were
    /// lost, and for an import.
    pub all_siblings: bool,
    /// Nothing that is read will grow any more, so a last line without a newline is a line: for an import.
    pub finished_files: bool,
    /// The largest decoder window, as a power of two: what needs more is undecodable.
    pub window_log_max: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            traces: Vec::new(),
            logs: Vec::new(),
            line_limit: 16 << 20,
            open_files: 256,
            max_age: Duration::from_secs(6 * 24 * 3600),
            held_deleted: 64 << 20,
            all_siblings: false,
            finished_files: false,
            window_log_max: 23,
        }
    }
}
