//! The engine: one loop, on one thread, that brings lines from the watcher through the parser and the correlator to
//! the exporter, and receipts back.
//!
//! A turn (`Engine::turn`) does a bounded piece of each kind of work and says when it wants to be called again. It
//! reads files through the watcher, and does nothing else to the outside: requests, checkpoints and what is set aside
//! are handed out. Time is passed in. So all of it can run on a simulated clock.
//!
//! Order of a turn: look for changes; read trace files (they are the evidence for lines); read logs; let held lines
//! go; hand out requests. Each signal has its own outlet and reads only while that has room: one endpoint that is down
//! stops its own files, never the other's.
//!
//! Promises: memory is bounded (`shares`); each line's receipt is settled when all its records are delivered, refused
//! for good, or dropped on purpose; nothing is lost without a count.

mod attach;
mod build;
mod changes;
mod exit;
mod followers;
mod identity;
mod lines_for_spans;
mod logs;
mod notices;
mod origin;
mod outlet;
mod outlets;
mod plan;
mod resources;
mod saving;
mod set_aside;
mod shares;
mod shipped;
mod show;
#[cfg(test)]
mod simulation;
pub(crate) mod status;
mod tally;
#[cfg(test)]
mod tests;
mod traces;
mod words;

pub(crate) use build::{finished_files, source};
pub(crate) use exporter::delivery::Attempt;
pub(crate) use logs::rule_name;
pub(crate) use origin::{Origin, Shift};
pub(crate) use outlet::{Request, Signal};
pub(crate) use saving::{Changes, Saving};
pub(crate) use set_aside::{Form, Keep, Rejected};
pub(crate) use status::{Brief, SignalStatus, Status};
pub(crate) use tally::SignalTally;

use crate::config::Settings;
use crate::span_metrics::SpanMetrics;
use attach::Attacher;
use exporter::batch::HeldRecord;
use exporter::classify::Answer;
use identity::Identity;
use logs::LogRoom;
use model::{Now, Receipt};
use notices::{Notice, Notices};
use outlet::{Outcome, Outlet};
use outlets::Outlets;
use parser::correlate::{Correlator, FilesRead};
use shares::Shares;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tally::Tallies;
use traces::TraceRoom;
use watcher::{Hint, Watcher};
pub(crate) use words::Words;

/// While files change all the time they are looked at no more often.
const SCAN_GAP: Duration = Duration::from_millis(20);

/// What a turn brought.
#[derive(Debug, Default)]
pub(crate) struct Turn {
    /// To be sent, each to be answered by [`Engine::answered`].
    pub(crate) requests: Vec<Request>,
    /// There is more to do at once.
    pub(crate) more: bool,
    /// When to come again, by the monotonic clock, if nothing happens before; `None`: not before something happens.
    pub(crate) deadline: Option<Duration>,
}

/// Everything between the files and the requests.
pub(crate) struct Engine {
    settings: Settings,
    shares: Shares,
    watcher: Watcher,
    identity: Identity,
    traces: TraceRoom,
    logs: LogRoom,
    correlator: Correlator<HeldRecord>,
    outlets: Outlets,
    /// `None`: lines become no events of spans.
    attacher: Option<Attacher>,
    tallies: Tallies,
    /// `None`: not wanted.
    span_metrics: Option<SpanMetrics>,
    keep: Box<dyn Keep>,
    next_scan: Duration,
    /// When files were looked at last.
    scanned: Duration,
    /// Something has changed since.
    told: bool,
    /// When lines were read last.
    logs_moved: Duration,
    /// A look at many files goes on in the next turn: what evidence there is, is not known yet.
    looking: bool,
    stopping: bool,
    health: changes::Health,
    notices: Notices,
    /// What servers say, made fit to be shown.
    words: Words,
    /// What each endpoint said last of records that it did not want.
    last_words: BTreeMap<Signal, String>,
    /// See [`changes::evidence_from`].
    evidence_from: u64,
    started: Duration,
    /// A position may have moved since the last checkpoint.
    moved: bool,
    directories: Vec<PathBuf>,
    directories_changed: bool,
}

impl Engine {
    /// Does a bounded piece of work.
    pub(crate) fn turn(&mut self, now: Now) -> Turn {
        let mut more = false;
        if !self.stopping {
            self.scan(now);
            more |= self.read_traces(now);
            // Lines are held or not by what is known of the trace files: of those that were just found, too.
            self.correlate(now);
            more |= self.read_logs(now);
            self.moved |= more;
            self.correlate(now);
            self.settle_attached(now);
        }
        let requests = self.outlets.poll(now, &mut self.tallies);
        self.notices.due(now).for_each(|(notice, rest)| notice.tell(&rest));
        Turn { requests, more: more && !self.stopping, deadline: self.deadline(now) }
    }

    /// Something changed in the files. They are looked at when what is found could leave: at once after quiet, but not
    /// again for every line that is written.
    pub(crate) fn wake(&mut self, hint: Hint) {
        self.watcher.wake(hint);
        self.told = true;
        let rested = self.outlets.iter().map(Outlet::rests_until).max().unwrap_or_default();
        self.next_scan = self.next_scan.min(rested.max(self.scanned.saturating_add(SCAN_GAP)));
    }

    /// The next turn looks at everything: for what the last reads met.
    pub(crate) fn look_at_all(&mut self) {
        self.watcher.wake(Hint::Rescan);
        self.next_scan = Duration::ZERO;
    }

    /// A request was answered.
    pub(crate) fn answered(&mut self, signal: Signal, attempt: Attempt, answer: &Answer, now: Now) {
        for outcome in self.outlets.answered(signal, attempt, answer, now, &mut self.tallies) {
            self.carry_out(signal, outcome, now);
        }
    }

    /// The agent's own metrics were answered.
    pub(crate) fn metrics_answered(&mut self, answer: &Answer, now: Now) {
        self.outlets.metrics_answered(answer, now);
    }

    /// Whether the agent's own metrics are not to be sent now, as their endpoint is down or has asked for a pause.
    pub(crate) fn metrics_are_to_wait(&self, now: Now) -> bool {
        self.outlets.metrics_are_to_wait(now)
    }

    /// Stops reading and sending; the open requests may still be answered. Held lines are not sent: unsettled, they
    /// are read and joined after the next start.
    pub(crate) fn stop(&mut self) {
        self.stopping = true;
        self.notices.rest().for_each(|(notice, rest)| notice.tell(&rest));
        [&mut self.outlets.traces, &mut self.outlets.logs].into_iter().flatten().for_each(Outlet::stop);
    }

    /// Whether a request is on its way.
    pub(crate) fn has_open_requests(&self) -> bool {
        self.outlets.iter().any(Outlet::is_open)
    }

    /// Whether nothing is left to do: all files are read, all records are settled.
    pub(crate) fn is_at_rest(&self) -> bool {
        !self.looking
            && !self.watcher.has_undecided()
            && !self.traces.has_work()
            && !self.logs.has_work(&self.watcher)
            && self.correlator.held_lines() == 0
            && self.outlets.iter().all(Outlet::is_empty)
    }

    /// What an endpoint said last of records that it did not want.
    pub(crate) fn last_words(&self, signal: Signal) -> Option<&str> {
        self.last_words.get(&signal).map(String::as_str)
    }

    /// Of the bytes on disk of all files that were found, how many are settled, and how many there are.
    pub(crate) fn progress(&self) -> (u64, u64) {
        self.watcher.streams().fold((0, 0), |(done, all), info| {
            let left = info.size.unwrap_or(info.disk_size).saturating_sub(info.settled);
            (done + info.disk_size.saturating_sub(left), all + info.disk_size)
        })
    }

    fn scan(&mut self, now: Now) {
        if now.mono < self.next_scan {
            return;
        }
        (self.scanned, self.told) = (now.mono, false);
        if self.looking {
            // Lines could not be read: nothing says yet that they don't get on.
            self.logs_moved = now.mono;
        }
        for change in self.watcher.scan(now) {
            self.moved = true;
            self.take_change(change, now);
        }
        self.traces.offer_unread(&mut self.watcher);
        self.next_scan = self.watcher.next_wake();
        self.looking = self.next_scan <= now.mono;
        let directories = self.watcher.directories();
        if directories != self.directories {
            self.directories = directories;
            self.directories_changed = true;
        }
    }

    /// The metrics of spans since the start, as an OTLP request in protobuf; `None` if there are none.
    pub(crate) fn take_span_metrics(&mut self, now: Now) -> Option<Vec<u8>> {
        self.span_metrics.as_mut()?.take_request(now)
    }

    /// The trace files below this directory of which all is settled, each with its size.
    pub(crate) fn settled_files(&self, below: &Path) -> Vec<(PathBuf, u64)> {
        let files = self.watcher.streams().filter(|info| info.path.starts_with(below));
        let settled =
            files.filter_map(|info| info.size.filter(|size| *size == info.settled).zip(Some(info.path)));
        settled.map(|(size, path)| (path, size)).collect()
    }

    /// Which files are watched, and how.
    pub(crate) fn watched(&self) -> &watcher::Settings {
        self.watcher.settings()
    }

    /// The directories whose changes are to be told from the first turn on.
    pub(crate) fn find_directories(&self) -> Vec<PathBuf> {
        self.watcher.find_directories()
    }

    /// The directories whose changes are to be told, if they are others than before.
    pub(crate) fn take_directories(&mut self) -> Option<Vec<PathBuf>> {
        std::mem::take(&mut self.directories_changed).then(|| self.directories.clone())
    }

    fn read_traces(&mut self, now: Now) -> bool {
        let pace = traces::Pace { limit: self.evidence_limit(), in_step: self.lines_move(now) };
        let (lines_up_to, wait) = (self.lines_up_to(now), self.settings.wait);
        let attach = self.attacher.as_mut().map(|attacher| traces::Attach { attacher, lines_up_to, wait });
        let mut desk = traces::Desk {
            attach,
            watcher: &mut self.watcher,
            correlator: &mut self.correlator,
            outlet: self.outlets.traces.as_mut(),
            identity: &mut self.identity,
            tally: &mut self.tallies.traces,
            metrics: self.span_metrics.as_mut(),
            keep: &mut *self.keep,
        };
        self.traces.step(&mut desk, pace, now)
    }

    /// How far evidence is wanted, in the data's own time; `None`: as far as there is any.
    ///
    /// Spans are remembered in bounded memory, so they are read in step with the logs, and somewhat ahead. When held
    /// lines fill their share, more evidence is the only thing that lets them go.
    fn evidence_limit(&self) -> Option<u64> {
        const AHEAD: Duration = Duration::from_secs(60);
        if !self.settings.reads_logs() {
            return Some(0);
        }
        let ahead = self.settings.wait.saturating_add(AHEAD);
        let front = self.logs.front_unix_nano(&self.watcher).filter(|_| !self.correlator.is_full())?;
        Some(front.saturating_add(u64::try_from(ahead.as_nanos()).unwrap_or(u64::MAX)))
    }

    /// Whether lines get on. Then, in a backlog, spans are delivered no farther ahead of them than their evidence is
    /// wanted, so that one reading serves both. Lines that don't, because their endpoint is slow or down, hold up no
    /// spans.
    fn lines_move(&self, now: Now) -> bool {
        self.settings.reads_logs() && now.mono < self.logs_moved.saturating_add(traces::REST)
    }

    /// Whether lines had better not be read yet: their evidence is being read, and they would only fill the memory
    /// until it is there. Spans that don't get on hold up no lines.
    fn lines_are_early(&self, now: Now) -> bool {
        let Some(up_to) = self.traces.evidence_up_to().filter(|_| self.traces.is_moving(now)) else {
            return false;
        };
        let wait = u64::try_from(self.settings.wait.as_nanos()).unwrap_or(u64::MAX);
        let front = self.logs.front_unix_nano(&self.watcher);
        front.is_some_and(|front| up_to < front.saturating_add(wait))
    }

    fn read_logs(&mut self, now: Now) -> bool {
        if self.looking || self.lines_are_early(now) || self.lines_wait_for_room() {
            return false;
        }
        let Some(exit) = self.outlets.log_exit() else { return false };
        let mut desk = logs::Desk {
            watcher: &mut self.watcher,
            correlator: &mut self.correlator,
            exit,
            attacher: self.attacher.as_mut(),
            host: self.identity.host(),
            tally: &mut self.tallies.logs,
        };
        let read = self.logs.step(&mut desk, now);
        if read {
            self.logs_moved = now.mono;
        }
        read
    }

    fn correlate(&mut self, now: Now) {
        let read = self.files_read();
        let (Some(mut exit), attacher) = (self.outlets.log_exit(), &mut self.attacher) else { return };
        let mut ship = |joined| exit.ship(&joined, attacher.as_mut(), now);
        self.correlator.advance(read, now, &mut ship);
        // With all evidence read and the memory full, the oldest line can't be waited for any longer.
        while self.correlator.is_full() && read.traces_at_end {
            if !self.correlator.release_oldest(now, &mut ship) {
                break;
            }
        }
    }

    fn files_read(&self) -> FilesRead {
        let up_to = self.traces.evidence_up_to();
        FilesRead {
            traces_up_to_unix_nano: up_to.filter(|_| !self.looking),
            traces_at_end: up_to.is_none() && !self.looking && !self.told,
            last_change_unix_nano: self.traces.last_change_unix_nano(),
            logs_at_end: !self.logs.has_work(&self.watcher),
        }
    }

    fn deadline(&self, now: Now) -> Option<Duration> {
        let outlets = self.outlets.iter().filter_map(Outlet::next_deadline).min();
        if self.stopping {
            return outlets;
        }
        let others =
            [self.correlator.next_deadline(now), self.notices.next_deadline(), self.patience_end(now)];
        [Some(self.next_scan), outlets].into_iter().chain(others).flatten().min()
    }

    /// When one signal no longer waits for the other to get on.
    fn patience_end(&self, now: Now) -> Option<Duration> {
        let lines = self.traces.has_work() && self.lines_move(now);
        let spans = self.traces.is_moving(now) && self.logs.has_work(&self.watcher);
        let lines = lines.then(|| self.logs_moved.saturating_add(traces::REST));
        lines.into_iter().chain(spans.then(|| self.traces.moves_until())).min()
    }

    fn carry_out(&mut self, signal: Signal, outcome: Outcome, now: Now) {
        match outcome {
            Outcome::Settled(receipt, records) => self.settle(receipt, records),
            Outcome::Refused { body, receipt, records, message } => {
                let (path, message) = (self.path_of(receipt), self.words.of(&message));
                self.last_words.insert(signal, message.clone());
                if self.notices.note(Notice::SetAside(signal), records, &message, now) {
                    tracing::warn!(id = "XO1205", signal = signal.as_str(), records, why = %message, %path, offset = receipt.start, "refused for good; set aside");
                }
                self.keep.keep(&Rejected {
                    signal: signal.as_str(),
                    reason: "refused",
                    message: &message,
                    path: &path,
                    offset: receipt.start,
                    form: Form::Otlp,
                    bytes: &body,
                });
            }
            Outcome::Warned { refused, message } => {
                let message = self.words.of(&message);
                self.last_words.insert(signal, message.clone());
                if self.notices.note(Notice::Said(signal), refused, &message, now) {
                    tracing::warn!(id = "XO1206", signal = signal.as_str(), refused, said = %message, "the collector took a request and said");
                }
            }
            Outcome::State(state) => self.health.endpoint(signal, &state, &self.words),
        }
    }

    fn settle(&mut self, receipt: Receipt, records: usize) {
        self.moved = true;
        self.watcher.settle(receipt, u32::try_from(records).unwrap_or(u32::MAX));
    }

    fn path_of(&self, receipt: Receipt) -> String {
        self.watcher.info(receipt.stream).map_or_else(String::new, |info| info.path.display().to_string())
    }
}
