//! The line at a place of a file, and by what log's rules a line is read.

use super::Where;
use super::files::{Files, live_name, unpacked};
use crate::cli::Failure;
use crate::config::{LogSettings, Settings};
use crate::engine;
use model::{NANOS_PER_SECOND, Now};
use parser::log::{LogReader, LogSource, Parts};
use std::path::{Path, PathBuf};
use watcher::{Item, LogId, Reason, StreamInfo, StreamKind, Taken};

/// A line that was found.
pub(super) struct Placed {
    /// The file that was named.
    path: PathBuf,
    /// The log that it belongs to.
    pub(super) log: LogSettings,
    configured: bool,
    pub(super) bytes: Vec<u8>,
    pub(super) start: u64,
    end: u64,
    /// As it stands before the line.
    pub(super) reader: LogReader,
}

impl Placed {
    pub(super) fn told(&self) -> Where {
        Where {
            file: self.path.display().to_string(),
            log: self.log.path.display().to_string(),
            configured: self.configured,
            start: self.start,
            end: self.end,
        }
    }
}

/// Finds the line with this byte of the uncompressed file. Reads the file from its start, because a line's year and,
/// in one hour of it, its time, hang on the lines before.
pub(super) fn find(path: &Path, offset: u64, settings: &Settings, now: Now) -> Result<Placed, Failure> {
    let failed = |why: &str| Failure::Running(format!("{}: {why}", path.display()));
    let path = std::path::absolute(path).map_err(|error| failed(&error.to_string()))?;
    std::fs::File::open(&path).map_err(|error| failed(&error.to_string()))?;
    let (log, configured) = log_of(&path, &settings.logs);
    let mut files = Files::of_logs(std::slice::from_ref(&log), settings, now);
    let all = files.all(StreamKind::Log(LogId(0)));
    let Some(stream) = all.iter().find(|info| is_named(info, &path)) else {
        let why = files.troubles.first().map_or("it is empty, or not named as logs are", String::as_str);
        return Err(failed(why));
    };
    let mut search = Search::new(offset, LogReader::new(modified_second(stream)));
    let source = engine::source(&log);
    let trouble = files.read(stream.stream, &mut |item| search.take(item, &source));
    match (search.found, search.passed_over, trouble) {
        (Some((bytes, start, end)), ..) => {
            Ok(Placed { path, log, configured, bytes, start, end, reader: search.reader })
        }
        (None, Some(reason), _) => {
            Err(failed(&format!("the agent passes over what is there: {}", reason.as_str())))
        }
        (None, None, Some(trouble)) => Err(failed(&trouble)),
        (None, None, None) => Err(Failure::Usage(format!(
            "{}: there is no byte {offset}; uncompressed it has {}",
            path.display(),
            search.size
        ))),
    }
}

/// The way through a file to one of its bytes.
struct Search {
    offset: u64,
    reader: LogReader,
    /// The line's bytes, its start and its end.
    found: Option<(Vec<u8>, u64, u64)>,
    /// Why the byte is in no line.
    passed_over: Option<Reason>,
    /// What was passed so far.
    size: u64,
}

impl Search {
    fn new(offset: u64, reader: LogReader) -> Self {
        Self { offset, reader, found: None, passed_over: None, size: 0 }
    }

    fn take(&mut self, item: Item<'_>, source: &LogSource) -> Taken {
        match item {
            Item::Line(line) | Item::Settled(line) if line.end > self.offset => {
                let inside = line.start <= self.offset;
                self.found = inside.then(|| (line.bytes.to_vec(), line.start, line.end));
                Taken::default().and_stop()
            }
            Item::Line(line) | Item::Settled(line) => {
                self.size = line.end;
                self.reader.learn(source, line.bytes);
                Taken::default()
            }
            Item::Skipped(bytes) => {
                self.size = bytes.start.saturating_add(bytes.bytes);
                if bytes.start <= self.offset && self.offset < self.size {
                    self.passed_over = Some(bytes.reason);
                }
                Taken::default()
            }
        }
    }
}

/// Whether this is the file that was named: compressed and plain copies are one stream.
fn is_named(info: &StreamInfo, path: &Path) -> bool {
    let name = |path: &Path| path.file_name().map(|name| unpacked(&name.to_string_lossy()).to_owned());
    info.path == path || (info.path.parent() == path.parent() && name(&info.path) == name(path))
}

/// The file's last change, in seconds.
pub(super) fn modified_second(info: &StreamInfo) -> i64 {
    i64::try_from(info.modified_unix_nano / NANOS_PER_SECOND).unwrap_or(i64::MAX)
}

/// The configured log that a file belongs to; else one of its own, with the format that its name says.
fn log_of(path: &Path, logs: &[LogSettings]) -> (LogSettings, bool) {
    let live = live_name(path);
    match logs.iter().find(|log| log.path == live || log.path == path) {
        Some(log) => (log.clone(), true),
        None => (unconfigured(live), false),
    }
}

fn unconfigured(path: PathBuf) -> LogSettings {
    let name = path.file_name().map(|name| name.to_string_lossy().to_ascii_lowercase()).unwrap_or_default();
    let format = match name.as_str() {
        name if name.starts_with("smlog") => "smlog",
        name if name.starts_with("audit") => "audit",
        _ => "xensource",
    };
    LogSettings::plain(path, format)
}

/// The log whose format reads the most out of a line; of equals, the first.
pub(super) fn likely_source(line: &[u8], settings: &Settings) -> LogSource {
    let sources = settings.logs.iter().map(engine::source);
    let best = sources.rev().max_by_key(|source| understood(&source.parts(line)));
    best.unwrap_or_else(|| engine::source(&unconfigured("/var/log/xensource.log".into())))
}

fn understood(parts: &Parts<'_>) -> usize {
    let found = [
        parts.stamp.is_some(),
        !parts.level.is_empty(),
        parts.thread.is_some(),
        !parts.module.is_empty(),
        parts.pid.is_some(),
    ];
    found.into_iter().filter(|found| *found).count()
}
