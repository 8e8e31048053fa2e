//! A stand-in for XAPI: writes trace files and logs exactly as XAPI, xenopsd, the storage plugins and rsyslog do.
//!
//! - [`Scenario`] is pure: from [`Options`] (a seed among them) it makes [`Operation`]s over simulated time, each with
//!   the spans and lines it leaves, and the truth about each line.
//! - [`Timeline`] takes them apart into [`Event`]s in the order of time, holding only what has begun.
//! - [`StandIn`] writes them to disk, and enters what it has written into a [`Ledger`].
//!
//! The same options give the same bytes in the same files. Two ways to run: [`write_all`] as fast as the disk takes
//! it, with simulated times; and [`StandIn::step`], which does what is due by a moment the caller names, so that
//! tests and the demo let time pass as they like.
//!
//! What it plants: passwords as `SECRET-<n>` in arguments, headers and lines; one task id with two traces; tasks that
//! only a chain of lines leads to; names with `|` and `]`. What it leaves to tests: damaged files and the misuse of
//! directories.
#![allow(clippy::indexing_slicing, reason = "a tool for tests: it indexes its own tables only")]

mod host;
mod line;
mod operation;
mod options;
mod rng;
mod scenario;
mod span;
mod time;
mod timeline;
mod timetable;
mod writer;
mod zipkin;

pub use host::{Host, TRACES};
pub use line::{Line, Log, Program, Truth};
pub use operation::{Act, Kind, Operation, SmBatch, World};
pub use options::{Compression, F2, Options, Rotation};
pub use rng::Rng;
pub use scenario::Scenario;
pub use span::{Service, Span, TASK_ID, TASK_NAME, Text};
pub use time::{MILLI, SECOND, SimTime, Zone};
pub use timeline::{Event, Timeline};
pub use timetable::{Restart, Timetable};
pub use writer::{LogMessage, LogSink, Written};

use crate::ledger::Ledger;
use std::io;
use std::path::Path;
use writer::Disk;

/// A pool of hosts that writes.
pub struct StandIn {
    timeline: Timeline,
    disk: Disk,
    /// When compressed files become whole.
    due: Vec<SimTime>,
    now: SimTime,
}

impl StandIn {
    /// Lays the hosts' directories below `root`; nothing happens yet.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn new(options: Options, root: impl AsRef<Path>) -> io::Result<Self> {
        Self::build(options, root.as_ref(), None)
    }

    /// The same, but log lines go to `sink` instead of files: to rsyslogd's socket, say.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn with_log_sink(options: Options, root: impl AsRef<Path>, sink: LogSink) -> io::Result<Self> {
        Self::build(options, root.as_ref(), Some(sink))
    }

    fn build(options: Options, root: &Path, sink: Option<LogSink>) -> io::Result<Self> {
        let now = options.start;
        let scenario = Scenario::new(options.clone(), root);
        let disk = Disk::new(options, &scenario.world().hosts, sink)?;
        Ok(Self { timeline: Timeline::new(scenario), disk, due: Vec::new(), now })
    }

    /// Does everything that is due by `now`, and lets go of all buffers. False once nothing is left to do.
    ///
    /// # Errors
    /// Those of the file system, or of the log sink; then the event is lost and the stand-in should be given up.
    pub fn step(&mut self, now: SimTime) -> io::Result<bool> {
        self.advance(now)?;
        self.disk.sync(None)?;
        Ok(self.next_due().is_some())
    }

    fn advance(&mut self, now: SimTime) -> io::Result<()> {
        while let Some((at, event)) = self.timeline.next_until(now) {
            self.complete(at)?;
            self.now = self.now.max(at);
            self.due.extend(self.disk.apply(at, event)?);
        }
        self.complete(now)
    }

    fn complete(&mut self, now: SimTime) -> io::Result<()> {
        let before = self.due.len();
        self.due.retain(|due| *due > now);
        if self.due.len() < before { self.disk.complete(now) } else { Ok(()) }
    }

    /// When it has something to do next; `None` when all is done.
    pub fn next_due(&mut self) -> Option<SimTime> {
        self.timeline.peek().into_iter().chain(self.due.iter().copied()).min()
    }

    /// Begins no new operation from here on. What has begun goes on: see [`StandIn::finish`].
    pub fn stop(&mut self) {
        self.timeline.stop();
    }

    /// Stops, and does all that is left at once, however long it takes in simulated time.
    ///
    /// # Errors
    /// As [`StandIn::step`].
    pub fn finish(&mut self) -> io::Result<()> {
        self.stop();
        self.advance(SimTime::MAX)?;
        self.disk.sync(Some(self.now))
    }

    /// The time of the last event.
    #[must_use]
    pub fn now(&self) -> SimTime {
        self.now
    }

    /// The hosts; the first is the pool's master.
    #[must_use]
    pub fn hosts(&self) -> &[Host] {
        &self.timeline.scenario().world().hosts
    }

    /// What is on disk by now.
    #[must_use]
    pub fn ledger(&self) -> &Ledger {
        &self.disk.ledger
    }

    /// How much was written by now.
    #[must_use]
    pub fn written(&self) -> Written {
        self.disk.written
    }

    /// Takes the ledger, for what is checked after the writing.
    #[must_use]
    pub fn into_ledger(self) -> Ledger {
        self.disk.ledger
    }
}

/// Writes everything from `options.start` to the end at once. Needs `options.spans` or an `options.end`.
///
/// # Errors
/// Those of the file system; options without an end.
pub fn write_all(options: Options, root: impl AsRef<Path>) -> io::Result<StandIn> {
    if options.spans.is_none() && options.end == SimTime::MAX {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "neither spans nor an end are given"));
    }
    let mut standin = StandIn::new(options, root)?;
    standin.advance(SimTime::MAX)?;
    standin.finish()?;
    Ok(standin)
}
