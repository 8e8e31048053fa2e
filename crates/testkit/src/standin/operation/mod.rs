//! What XAPI does: operations, each with the spans and lines it leaves.

mod background;
mod chatter;
mod draft;
mod evidence;
mod script;
mod service;
mod smapi;
mod steps;
mod task;

pub(super) use background::{background, event_from, heartbeat};
pub(super) use draft::{Counters, Draft};
pub(super) use script::{SCRIPTS, Script};
pub(super) use service::{flush, restart, session_check};
pub(super) use task::task;

use super::host::Host;
use super::line::Line;
use super::options::Options;
use super::span::{Service, Span};
use super::time::SimTime;
use super::timetable::Timetable;

/// What an operation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// A call of this method, as an asynchronous task.
    Call(&'static str),
    /// xapi looking after its sessions.
    SessionCheck,
    /// A client polling for events: dispatches without spans.
    EventFrom,
    /// The pool's heartbeat: an id without spans.
    Heartbeat,
    /// Lines of daemons and threads that belong to no task.
    Background,
    /// A service writes its finished spans, and the tracer traces itself.
    Flush,
    /// A service ends and begins again.
    Restart,
}

/// What a service does besides logging and tracing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// Writes the spans finished so far.
    Flush(Service),
    /// Ends (writing them only if cleanly) and begins again with a new file.
    Restart(Service, bool),
}

/// What one storage plugin process writes at once.
#[derive(Clone, Debug, PartialEq)]
pub struct SmBatch {
    /// When it is written.
    pub at: SimTime,
    /// When the process began: the time in the file's name.
    pub began: SimTime,
    /// In the order of their ends.
    pub spans: Vec<Span>,
}

/// Everything one operation leaves. Times lie at or after `start`.
#[derive(Clone, Debug, PartialEq)]
pub struct Operation {
    /// What it is.
    pub kind: Kind,
    /// Index of the host it began on.
    pub host: u16,
    /// Its begin.
    pub start: SimTime,
    /// Its end, without what is written later.
    pub end: SimTime,
    /// Spans of services that flush, but for those that are lost.
    pub spans: Vec<Span>,
    /// Files of storage plugins.
    pub batches: Vec<SmBatch>,
    /// Log lines.
    pub lines: Vec<Line>,
    /// What the service does.
    pub act: Option<Act>,
}

impl Operation {
    /// How many spans it has on disk in the end.
    #[must_use]
    pub fn span_count(&self) -> usize {
        self.spans.len() + self.batches.iter().map(|batch| batch.spans.len()).sum::<usize>()
    }
}

/// What all operations share.
#[derive(Clone, Debug)]
pub struct World {
    /// As given.
    pub options: Options,
    /// The pool; the first is its master.
    pub hosts: Vec<Host>,
    /// When services flush and restart.
    pub timetable: Timetable,
}
