//! Zipkin v2 trace files, as XAPI's OCaml services and its Python `observer.py` write them.
//!
//! For: turning one line (an array of up to 10,000 spans; also one span, or a pretty-printed document) into
//! [`Span`]s, the correlator's [`SpanFacts`], and a report of every byte that is neither.
//!
//! Promises:
//! - A line is read span by span: its array is never held parsed, and a span borrows from the line. Buffers are
//!   used again from span to span, so a plain span costs no allocation.
//! - A span that can't be read is set aside alone ([`Item::Bad`], with offset, exact bytes and reason); its
//!   neighbours are delivered. That holds for a cut array with a whole one appended, too.
//! - No depth of nesting, size or byte makes it panic or recurse; looking for the next whole span in damaged text
//!   takes a bounded number of steps.
//!
//! Leaves to others: finding lines (`watcher`), secrets ([`crate::redact`]), shipping (`exporter`).
//!
//! Sources: openzipkin/zipkin-api `zipkin2-api.yaml`; xen-api `ocaml/libs/tracing/tracing_export.ml` and
//! `python3/packages/observer.py`; opentelemetry-python v1.12.0 `exporter/opentelemetry-exporter-zipkin-json`.

mod annotation;
mod context;
mod draft;
mod drops;
mod endpoint;
mod file_name;
mod fold;
mod hex;
mod map;
mod offsets;
mod percent;
mod quick;
mod read;
mod recover;
mod scalar;
mod suspects;
mod tags;
mod unique;

pub use context::Context;
pub use drops::DropRules;
pub use file_name::{FileName, file_name};
pub use fold::Folded;
pub use read::read;

use crate::evidence::SpanFacts;
use model::Span;

/// What a line holds, one after the other.
#[derive(Debug)]
pub enum Item<'i, 'a> {
    /// A span to ship.
    Span {
        /// The span. Lent: change it, encode it, but don't keep it; its buffers are used for the next.
        span: &'i mut Span<'a>,
        /// What the correlator learns from it.
        facts: SpanFacts<'i>,
        /// Its JSON text, for a quick look at whether something in it needs work.
        raw: &'i [u8],
        /// Whether its resource or its scope is another one than that of the span before it, as that was handed out. The
        /// first of a line is always new.
        new_origin: bool,
    },
    /// A span that the drop rules leave out, deliberately. It still teaches.
    Dropped {
        /// What the correlator learns from it.
        facts: SpanFacts<'i>,
    },
    /// Bytes that are no span.
    Bad {
        /// Where they begin, from the line's first byte.
        offset: usize,
        /// The bytes exactly as they stand in the line.
        bytes: &'i [u8],
        /// What is wrong with them.
        reason: Reason,
    },
}

/// Why bytes of a trace file are set aside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Reason {
    /// No JSON: cut, joined or damaged.
    Syntax,
    /// No text: too many bytes are no UTF-8 for it to be a damaged line.
    Encoding,
    /// JSON, but no object.
    NotASpan,
    /// `traceId` is missing, zero, or not 1 to 32 hexadecimal digits.
    TraceId,
    /// `id` is missing, zero, or not 1 to 16 hexadecimal digits.
    SpanId,
    /// `parentId` is zero or not 1 to 16 hexadecimal digits.
    ParentId,
    /// `name` is no text.
    Name,
    /// `timestamp` is no whole number of microseconds, or missing with no annotation to stand in for it.
    Timestamp,
    /// `duration` is no whole number, or ends past the year 2554.
    Duration,
    /// `localEndpoint` or `remoteEndpoint` is no object.
    Endpoint,
    /// An annotation has no time or no value.
    Annotation,
    /// `tags` is no object, or a tag's value is an array or object.
    Tag,
}

impl Reason {
    /// All of them, in order.
    pub const ALL: [Self; 12] = [
        Self::Syntax,
        Self::Encoding,
        Self::NotASpan,
        Self::TraceId,
        Self::SpanId,
        Self::ParentId,
        Self::Name,
        Self::Timestamp,
        Self::Duration,
        Self::Endpoint,
        Self::Annotation,
        Self::Tag,
    ];

    /// A short name, for counters.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Syntax => "syntax",
            Self::Encoding => "encoding",
            Self::NotASpan => "not_a_span",
            Self::TraceId => "trace_id",
            Self::SpanId => "span_id",
            Self::ParentId => "parent_id",
            Self::Name => "name",
            Self::Timestamp => "timestamp",
            Self::Duration => "duration",
            Self::Endpoint => "endpoint",
            Self::Annotation => "annotation",
            Self::Tag => "tag",
        }
    }
}
