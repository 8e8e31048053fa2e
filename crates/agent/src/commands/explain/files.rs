//! Logs and trace files, read whole and for their evidence alone.
//!
//! All reading goes through the watcher, as the agent's does: so compressed files, rotated siblings and cut lines are
//! what they are to the agent. Nothing will be waited for: the watcher's clock is run ahead, so that what it would look
//! at again in some seconds is taken as it is.

use crate::config::{LogSettings, Settings};
use model::{Now, StreamId};
use std::path::{Path, PathBuf};
use std::time::Duration;
use watcher::{
    Change, Hint, Item, Purpose, RealFs, Seek, StartAt, StreamInfo, StreamKind, Taken, Trouble, Watcher,
};

/// Bytes read at once.
const CHUNK: usize = 1 << 20;
/// The most looks at the files; each finds up to a thousand.
const LOOKS: usize = 10_000;
/// When the watcher is made to look, on its own clock.
const MOMENTS_MS: [u64; 5] = [0, 700, 2_000, 13_000, 30_000];

/// An open watcher, and what it could not read.
pub(super) struct Files {
    watcher: Watcher,
    pub(super) troubles: Vec<String>,
}

impl Files {
    /// Looks at all files of these logs, siblings included.
    pub(super) fn of_logs(logs: &[LogSettings], settings: &Settings, now: Now) -> Self {
        let log =
            |log: &LogSettings| watcher::LogSettings { path: log.path.clone(), start_at: StartAt::Beginning };
        let logs = logs.iter().map(log).collect();
        Self::look(watcher::Settings { logs, all_siblings: true, ..bounds(settings) }, now)
    }

    /// Looks at the trace files that changed since `from_unix`, in seconds.
    pub(super) fn of_traces(directory: &Path, from_unix: i64, settings: &Settings, now: Now) -> Self {
        let age = now.unix_seconds().saturating_sub(u64::try_from(from_unix).unwrap_or(0));
        let slack = Duration::from_secs(60);
        let max_age = Duration::from_secs(age).saturating_add(slack);
        let traces = vec![directory.to_path_buf()];
        Self::look(watcher::Settings { traces, max_age, ..bounds(settings) }, now)
    }

    fn look(settings: watcher::Settings, now: Now) -> Self {
        let mut files =
            Self { watcher: Watcher::new(Box::new(RealFs), settings, Vec::new()), troubles: Vec::new() };
        for moment in MOMENTS_MS.map(Duration::from_millis) {
            let nanos = u64::try_from(moment.as_nanos()).unwrap_or(0);
            let now = Now { mono: moment, wall_unix_nano: now.wall_unix_nano.saturating_add(nanos) };
            files.watcher.wake(Hint::Rescan);
            for _ in 0..LOOKS {
                files.watcher.scan(now).into_iter().for_each(|change| files.troubles.extend(told(change)));
                if files.watcher.next_wake() > now.mono {
                    break;
                }
            }
        }
        files
    }

    /// All that were found, in the order in which the agent reads them.
    pub(super) fn all(&mut self, kind: StreamKind) -> Vec<StreamInfo> {
        let found: Vec<StreamId> =
            self.watcher.streams().filter(|info| info.kind == kind).map(|info| info.stream).collect();
        found.iter().for_each(|stream| self.watcher.seek_evidence(*stream, Seek::Start));
        let order: Vec<StreamId> = self.watcher.unread(kind, Purpose::Evidence).collect();
        order.into_iter().filter_map(|stream| self.watcher.info(stream)).collect()
    }

    /// Reads a stream from its start, until `each` says stop. Answers why it could not be read to its end.
    pub(super) fn read(
        &mut self,
        stream: StreamId,
        each: &mut dyn FnMut(Item<'_>) -> Taken,
    ) -> Option<String> {
        self.watcher.seek_evidence(stream, Seek::Start);
        loop {
            let mut stopped = false;
            let outcome = self.watcher.read(stream, Purpose::Evidence, CHUNK, &mut |item| {
                let taken = if stopped { Taken::default().and_stop() } else { each(item) };
                stopped |= taken.stop;
                taken
            });
            if let Some(error) = outcome.error {
                return Some(error.to_string());
            }
            if stopped || outcome.at_end || outcome.bytes == 0 {
                return None;
            }
        }
    }
}

/// What bounds a reading, as configured.
fn bounds(settings: &Settings) -> watcher::Settings {
    let number = |bytes: u64| usize::try_from(bytes).unwrap_or(usize::MAX);
    watcher::Settings {
        line_limit: number(settings.limits.line_bytes),
        open_files: number(settings.limits.open_files),
        max_age: Duration::ZERO,
        finished_files: true,
        ..watcher::Settings::default()
    }
}

fn told(change: Change) -> Option<String> {
    let Change::Trouble { path, trouble: Some(trouble) } = change else { return None };
    let why = match trouble {
        Trouble::NotAFile => "it is no regular file".to_owned(),
        Trouble::Undecodable => "it is damaged or cut".to_owned(),
        Trouble::Io(kind) => kind.to_string(),
    };
    Some(format!("{}: {why}", path.display()))
}

/// The live file of the log that a file belongs to by its name: `xensource.log` for `xensource.log.2.gz` and
/// `xensource.log-20260219.gz`, as logrotate names them.
pub(super) fn live_name(path: &Path) -> PathBuf {
    let Some(name) = path.file_name().and_then(|name| name.to_str()) else { return path.to_path_buf() };
    let plain = unpacked(name);
    let at = plain.rfind(['.', '-']).filter(|at| *at > 0);
    let (stem, suffix) = at.and_then(|at| plain.split_at_checked(at)).unwrap_or((plain, ""));
    let digits = suffix.get(1..).unwrap_or_default();
    let numeric = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    let rotated = numeric && (suffix.starts_with('.') || digits.len() >= 8);
    path.with_file_name(if rotated { stem } else { plain })
}

/// The name without the suffix of a compression.
pub(super) fn unpacked(name: &str) -> &str {
    name.strip_suffix(".gz").or_else(|| name.strip_suffix(".zst")).unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn siblings_lead_to_the_live_file() {
        for (name, expected) in [
            ("/var/log/xensource.log", "/var/log/xensource.log"),
            ("/var/log/xensource.log.1", "/var/log/xensource.log"),
            ("/var/log/xensource.log.12.gz", "/var/log/xensource.log"),
            ("/var/log/xensource.log.1.zst", "/var/log/xensource.log"),
            ("/var/log/xensource.log-20260219.gz", "/var/log/xensource.log"),
            ("/var/log/SMlog", "/var/log/SMlog"),
            ("/var/log/SMlog-7", "/var/log/SMlog-7"),
            ("/var/log/x.log.old", "/var/log/x.log.old"),
            ("/var/log/.1", "/var/log/.1"),
        ] {
            assert_eq!(live_name(Path::new(name)), Path::new(expected), "{name}");
        }
    }
}
