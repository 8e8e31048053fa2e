//! Spans.

use crate::{KeyValue, Resource, Scope, SpanId, TraceId};
use std::borrow::Cow;

/// What part a span plays in a call; the discriminants are OTLP's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum SpanKind {
    /// Work inside a service.
    #[default]
    Internal = 1,
    /// The callee's side of a call.
    Server = 2,
    /// The caller's side of a call.
    Client = 3,
    /// Hands a message over.
    Producer = 4,
    /// Takes a message.
    Consumer = 5,
}

/// How a span ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Status<'a> {
    /// The file says nothing.
    #[default]
    Unset,
    /// The file says that it went well.
    Ok,
    /// It failed; the text is empty where the file has none.
    Error(Cow<'a, str>),
}

/// Something that happened in a span.
#[derive(Clone, Debug, PartialEq)]
pub struct Event<'a> {
    /// Nanoseconds since the epoch.
    pub time_unix_nano: u64,
    /// The event's name.
    pub name: Cow<'a, str>,
    /// What is known of it.
    pub attributes: Vec<KeyValue<'a>>,
}

/// One span, as read from a trace file.
#[derive(Clone, Debug, PartialEq)]
pub struct Span<'a> {
    /// The trace it belongs to.
    pub trace_id: TraceId,
    /// Its own id, unique in the trace; with `kind` where client and server share one.
    pub span_id: SpanId,
    /// The span it was started by; `None` for a root. The parent may never be seen.
    pub parent_id: Option<SpanId>,
    /// The operation.
    pub name: Cow<'a, str>,
    /// Its part in a call.
    pub kind: SpanKind,
    /// Nanoseconds since the epoch.
    pub start_unix_nano: u64,
    /// Nanoseconds since the epoch, not before the start.
    pub end_unix_nano: u64,
    /// How it ended.
    pub status: Status<'a>,
    /// Everything that is neither resource nor scope nor status; each key once.
    pub attributes: Vec<KeyValue<'a>>,
    /// Annotations, and the exception where there was one.
    pub events: Vec<Event<'a>>,
    /// Where it comes from.
    pub resource: Resource<'a>,
    /// Which instrumentation made it.
    pub scope: Scope<'a>,
}
