//! Log records.

use crate::{KeyValue, Resource, Severity, SpanId, TraceId, ValueRef};
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

/// What is sent of a log line, asked for field by field: of a record, or of a line of which none was made.
pub trait LogFields {
    /// As [`LogRecord::time_unix_nano`].
    fn time_unix_nano(&self) -> u64;
    /// As [`LogRecord::severity`].
    fn severity(&self) -> Option<Severity>;
    /// As [`LogRecord::severity_text`].
    fn severity_text(&self) -> Cow<'_, str>;
    /// As [`LogRecord::body`].
    fn body(&self) -> Cow<'_, str>;
    /// Lends each attribute, in the order of [`LogRecord::attributes`].
    fn attributes(&self, each: &mut dyn FnMut(&str, ValueRef<'_>));
}

impl LogFields for LogRecord<'_> {
    fn time_unix_nano(&self) -> u64 {
        self.time_unix_nano
    }

    fn severity(&self) -> Option<Severity> {
        self.severity
    }

    fn severity_text(&self) -> Cow<'_, str> {
        Cow::Borrowed(&self.severity_text)
    }

    fn body(&self) -> Cow<'_, str> {
        Cow::Borrowed(&self.body)
    }

    fn attributes(&self, each: &mut dyn FnMut(&str, ValueRef<'_>)) {
        self.attributes.iter().for_each(|kv| each(&kv.key, kv.value.lent()));
    }
}
