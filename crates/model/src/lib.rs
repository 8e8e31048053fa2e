//! What passes between the rooms of the house: spans, log records, the ids that name them, and the receipts
//! that walk back from delivery to the files.
//!
//! Promises: plain data, borrowed from the bytes it was read from wherever that is possible; no I/O, no clock,
//! no format. Leaves to others: reading files (`watcher`), reading formats (`parser`), OTLP (`exporter`).

mod attribute;
mod id;
mod log;
mod receipt;
mod severity;
mod span;
mod task;
mod time;

pub use attribute::{KeyValue, Resource, Scope, Value, ValueRef};
pub use id::{IdError, SpanId, TraceId, Uuid};
pub use log::{Correlation, LogFields, LogRecord, TraceContext};
pub use receipt::{Receipt, StreamId};
pub use severity::Severity;
pub use span::{Event, Span, SpanKind, Status};
pub use task::TaskId;
pub use time::{NANOS_PER_MICRO, NANOS_PER_SECOND, Now};
