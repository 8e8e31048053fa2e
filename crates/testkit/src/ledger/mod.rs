//! The ledger: what was completely on disk, and what of it must arrive how.
//!
//! The stand-in enters each span and each line as it writes it, with the truth about the line: the trace it belongs
//! to, by which evidence, and how long after the line that evidence was on disk. [`Ledger::check`] holds what
//! arrived against it, by ids alone, and never by order or text.
//!
//! A ledger is saved and loaded as JSON lines, so that a decoder in another process (or another language) can do
//! the comparison, or hand over what it decoded as [`Arrived`] lines.

mod check;
mod file;
mod id;
mod marker;
mod report;

pub use check::{Accounted, Checker};
pub use file::LedgerError;
pub use id::{SpanId, TraceId};
pub use marker::{MARKER_THREAD_BASE, find_marker};
pub use report::{Joins, Report, RuleTally, Sample};

use serde::{Deserialize, Serialize};

/// A span that stands on disk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WrittenSpan {
    /// Its trace.
    pub trace: TraceId,
    /// Its own id.
    pub id: SpanId,
    /// The span above it, which need not be written anywhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<SpanId>,
    /// `INTERNAL`, `SERVER`, `CLIENT`, `PRODUCER`, `CONSUMER`.
    pub kind: Kind,
    /// Which service's file it is in.
    pub service: Name,
    /// Index into [`Ledger::hosts`].
    pub host: u16,
    /// Microseconds since the epoch.
    pub start: u64,
    /// Microseconds since the epoch.
    pub end: u64,
    /// How often it was written: two where two observers were on.
    pub copies: u8,
    /// XAPI tracing its own tracing (`Tracing.*` and below): the agent drops these unless told otherwise.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub tracer: bool,
}

/// A span's kind, as Zipkin and OTLP both name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Kind {
    /// No kind in the file.
    Internal,
    /// The callee's side.
    Server,
    /// The caller's side.
    Client,
    /// Hands a message over.
    Producer,
    /// Takes a message.
    Consumer,
}

/// A service name: few of them, so each is kept once.
pub type Name = std::borrow::Cow<'static, str>;

/// The best evidence by which a line finds its trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Rule {
    /// A trace context stands in the line.
    Context,
    /// The line's task id is on a span.
    Task,
    /// The line's task leads to a task whose id is on a span.
    Link,
    /// There is no way: the line belongs to no trace, or nothing on its host says to which.
    None,
}

/// A log line that stands on disk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WrittenLine {
    /// The number in its text (see [`find_marker`]); each once in a ledger.
    pub marker: u64,
    /// Index into [`Ledger::hosts`].
    pub host: u16,
    /// The service name it must arrive under; empty where the line leaves that open.
    pub service: Name,
    /// Seconds since the epoch, as its text says.
    pub second: u64,
    /// The trace it belongs to. `None`: to give it one is wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<TraceId>,
    /// The innermost written span of its own service and trace in which it was logged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inside: Option<SpanId>,
    /// By which evidence.
    pub rule: Rule,
    /// Milliseconds from the line until the evidence was on disk, at the latest. `None` with a trace: never on this
    /// host, so that the line need not be joined, but must not be joined to another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence_after_ms: Option<u32>,
}

/// Everything that must arrive.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ledger {
    /// The hosts' uuids.
    pub hosts: Vec<String>,
    /// Each span once, in the order of writing.
    pub spans: Vec<WrittenSpan>,
    /// Each line once, in the order of writing.
    pub lines: Vec<WrittenLine>,
}

/// What arrived, as any decoder can say it. Repeats are kept: they are the duplicates.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Arrived {
    /// The spans.
    pub spans: Vec<ArrivedSpan>,
    /// The log records.
    pub lines: Vec<ArrivedLine>,
}

/// A span that arrived.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArrivedSpan {
    /// Its trace.
    pub trace: TraceId,
    /// Its own id.
    pub id: SpanId,
    /// The resource's `service.name`.
    #[serde(default)]
    pub service: Name,
}

/// A log record that arrived.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArrivedLine {
    /// What [`find_marker`] found in its body and `thread.id`.
    #[serde(default)]
    pub marker: Option<u64>,
    /// The record's trace id.
    #[serde(default)]
    pub trace: Option<TraceId>,
    /// The record's span id.
    #[serde(default)]
    pub span: Option<SpanId>,
    /// The resource's `service.name`.
    #[serde(default)]
    pub service: Name,
}

impl Ledger {
    /// Holds what arrived against what was written, with the agent's default `wait` of 75 s and nothing set aside.
    #[must_use]
    pub fn check(&self, arrived: &Arrived) -> Report {
        let mut checker = Checker::new(self);
        arrived.spans.iter().for_each(|span| checker.span(span));
        arrived.lines.iter().for_each(|line| checker.line(line));
        checker.report(Accounted::default())
    }

    /// Bytes it takes in memory, roughly: tests of memory subtract it.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        self.spans.capacity() * size_of::<WrittenSpan>() + self.lines.capacity() * size_of::<WrittenLine>()
    }
}
