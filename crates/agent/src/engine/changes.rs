//! What changed in the files, and how things stand: carried out, counted, and told once.

use super::notices::Notice;
use super::words::Words;
use super::{Engine, Signal};
use crate::config::LogSettings;
use exporter::delivery::State;
use model::{NANOS_PER_SECOND, Now};
use parser::log::TimeMark;
use std::collections::BTreeMap;
use std::path::PathBuf;
use watcher::{Change, Found, Lost, Reason, SavedKind, SavedStream, StreamKind, Trouble, store};

/// How far back from the first unsettled line trace files are read again at a start.
const EVIDENCE_SECONDS: u64 = 600;

/// What does not work as it should.
#[derive(Debug, Default)]
pub(super) struct Health {
    /// Files and directories that can't be read, and why.
    pub(super) files: BTreeMap<PathBuf, String>,
    /// Why checkpoints are not on disk.
    pub(super) store: Option<String>,
    /// What was wrong with the store at the start, and where the positions come from.
    pub(super) damaged: Vec<String>,
    /// Why changes are polled for; `None` while the kernel tells of them.
    pub(super) polling: Option<String>,
    /// The watcher was told of that.
    pub(super) watching_told: bool,
}

impl Health {
    /// Tells that an endpoint is in another state.
    pub(super) fn endpoint(&self, signal: Signal, state: &State, words: &Words) {
        let signal = signal.as_str();
        let said = |message: &str| words.of(message);
        match state {
            State::Ok => tracing::info!(id = "XO1201", signal, "the endpoint takes data"),
            State::Retrying { message, .. } => {
                tracing::warn!(
                    id = "XO1202",
                    signal,
                    why = said(message),
                    "the endpoint does not answer well; trying again"
                )
            }
            State::Blocked { message, .. } => {
                tracing::error!(
                    id = "XO1203",
                    signal,
                    why = said(message),
                    "the endpoint can't be used; positions are held"
                )
            }
            State::Refusing { message } => {
                tracing::error!(
                    id = "XO1204",
                    signal,
                    why = said(message),
                    "the endpoint refuses most records"
                )
            }
        }
    }
}

impl Engine {
    /// Something was wrong with the store and was dealt with.
    pub(crate) fn store_trouble(&mut self, trouble: &store::Trouble) {
        let directory = self.settings.checkpoint.display();
        match trouble {
            store::Trouble::Unavailable { why } => {
                self.health.store = Some(why.clone());
                tracing::error!(id = "XO1301", %directory, %why, "checkpoints are kept in memory for now");
            }
            store::Trouble::Upgraded { entries } => {
                tracing::info!(id = "XO1306", %directory, entries, "positions were taken over from an older release");
            }
            other => {
                self.health.damaged.push(words(other));
                tracing::error!(id = "XO1303", %directory, trouble = ?other, "the checkpoint store was damaged")
            }
        }
    }

    /// A save has ended.
    pub(crate) fn saved(&mut self, trouble: Option<&store::Trouble>) {
        match trouble {
            Some(trouble) if self.health.store.is_none() => self.store_trouble(trouble),
            Some(_) => {}
            None => {
                if self.health.store.take().is_some() {
                    tracing::info!(id = "XO1302", "checkpoints are on disk again");
                }
            }
        }
    }

    /// How changes in files are noticed from now on: `None`: the kernel tells; else why they are polled for.
    pub(crate) fn watching(&mut self, polling: Option<String>) {
        if self.health.watching_told && self.health.polling == polling {
            return;
        }
        self.health.watching_told = true;
        self.wake(watcher::Hint::Notified(polling.is_none()));
        if let Some(cause) = &polling {
            tracing::warn!(id = "XO1105", %cause, "files are polled: the kernel does not tell of changes");
        }
        self.health.polling = polling;
    }

    pub(super) fn take_change(&mut self, change: Change, now: Now) {
        match change {
            Change::Found(found) => self.found(&found, now),
            Change::Grew { stream } => {
                if self.watcher.info(stream).is_some_and(|info| info.kind == StreamKind::Trace) {
                    self.traces.grew(now);
                }
            }
            Change::Renamed { .. } => {}
            Change::Gone { stream, .. } => {
                self.traces.gone(stream);
                self.logs.gone(stream);
            }
            Change::Lost(lost) => self.lost(&lost, now),
            Change::Trouble { path, trouble } => self.trouble(path, trouble),
        }
    }

    fn found(&mut self, found: &Found, now: Now) {
        match found.kind {
            StreamKind::Trace => {
                let (identity, watcher) = (&mut self.identity, &mut self.watcher);
                self.traces.found(found, self.evidence_from, identity, watcher, now);
            }
            StreamKind::Log(log) => self.logs.found(found, log),
        }
    }

    fn lost(&mut self, lost: &Lost, now: Now) {
        let kind = self.watcher.info(lost.stream).map(|info| info.kind);
        let signal = if matches!(kind, Some(StreamKind::Log(_))) { Signal::Logs } else { Signal::Traces };
        super::traces::passed_over(self.tallies.get(signal), lost.reason, lost.bytes);
        let path = lost.path.display();
        let (reason, bytes, offset) = (lost.reason.as_str(), lost.bytes, lost.start);
        let wanted = !matches!(lost.reason, Reason::TooOld | Reason::BeforeStart);
        let notice = if wanted { Notice::Lost(lost.reason) } else { Notice::PassedOver(lost.reason) };
        if !self.notices.note(notice, bytes, &path.to_string(), now) {
            return;
        }
        if !wanted {
            tracing::info!(id = "XO1101", %path, offset, bytes, reason, "passed over");
        } else {
            tracing::error!(id = "XO1102", %path, offset, bytes, reason, "lost before it was delivered");
        }
    }

    fn trouble(&mut self, path: PathBuf, trouble: Option<Trouble>) {
        match trouble {
            Some(trouble) => {
                let why = match trouble {
                    Trouble::NotAFile => "it is no regular file".to_owned(),
                    Trouble::Undecodable => "it is damaged or cut".to_owned(),
                    Trouble::Io(kind) => kind.to_string(),
                };
                tracing::warn!(id = "XO1103", path = %path.display(), %why, "can't be read");
                self.health.files.insert(path, why);
            }
            None => {
                if self.health.files.remove(&path).is_some() {
                    tracing::info!(id = "XO1104", path = %path.display(), "can be read again");
                }
            }
        }
    }
}

/// What was wrong with the store, for people.
fn words(trouble: &store::Trouble) -> String {
    match trouble {
        store::Trouble::HalfSnapshot => "a half-written snapshot was removed".to_owned(),
        store::Trouble::SnapshotsDropped => "damaged snapshots were dropped".to_owned(),
        store::Trouble::SetAside { kept_as, why } => {
            format!("it was damaged ({why}) and is kept as {}", kept_as.display())
        }
        store::Trouble::BadEntries { count } => format!("{count} entries could not be read"),
        store::Trouble::Upgraded { entries } => format!("{entries} positions come from an older release"),
        store::Trouble::FromSidecar { entries } => format!("{entries} positions come from the side-car"),
        store::Trouble::NothingLeft => "no position was left: everything is read from its start".to_owned(),
        store::Trouble::Unavailable { why } => why.clone(),
    }
}

/// Trace files last changed before this have nothing to say about lines that are still to be read: ten minutes before
/// the oldest unsettled line that the checkpoints know of, or, where all are settled, before the newest. Of a log that is
/// no longer configured nothing will be read.
pub(super) fn evidence_from(saved: &[SavedStream], configured: &[LogSettings]) -> u64 {
    let is_read = |stream: &&SavedStream| configured.iter().any(|log| log.path == stream.family);
    let logs = || saved.iter().filter(|stream| stream.kind == SavedKind::Log).filter(is_read);
    let second = |stream: &SavedStream| TimeMark::from(stream.mark).second();
    let oldest_unsettled = logs().filter(|stream| !stream.drained).filter_map(second).min();
    let from = oldest_unsettled.or_else(|| logs().filter_map(second).max()).unwrap_or(0);
    u64::try_from(from).unwrap_or(0).saturating_sub(EVIDENCE_SECONDS).saturating_mul(NANOS_PER_SECOND)
}
