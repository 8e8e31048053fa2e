//! Log records.

use crate::{KeyValue, Resource, Severity, SpanId, TraceId};
use std::borrow::Cow;

/// The rule by which a log line was joined to its trace: the value of `xs.correlation`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Correlation {
    /// A trace context stood in the line itself.
    Context,
    /// The line's task id has a span.
    Task,
    /// The line's task is linked to a task that has a span.
    Link,
}

impl Correlation {
    /// The attribute's text.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Context => "context",
            Self::Task => "task",
            Self::Link => "link",
        }
    }
}

/// Where a log line belongs, as far as the evidence goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceContext {
    /// The trace.
    pub trace_id: TraceId,
    /// The span, only where the evidence singles one out.
    pub span_id: Option<SpanId>,
    /// The span id that stood in the line: a hint, not the line's span (`xs.traceparent.span_id`).
    pub traceparent_span_id: Option<SpanId>,
    /// By which rule.
    pub correlation: Correlation,
}

/// One log line, as read. Its trace context is not here: it is found later, and added when the record leaves.
#[derive(Clone, Debug, PartialEq)]
pub struct LogRecord<'a> {
    /// Nanoseconds since the epoch: the second in the text, and the line's place in its file as the fraction.
    pub time_unix_nano: u64,
    /// The level's number; `None` where the line has none.
    pub severity: Option<Severity>,
    /// The level as written, without padding; empty where the line has none.
    pub severity_text: Cow<'a, str>,
    /// The message, unescaped.
    pub body: Cow<'a, str>,
    /// Each key once.
    pub attributes: Vec<KeyValue<'a>>,
    /// Where it comes from.
    pub resource: Resource<'a>,
}
