//! Spans and log records to OTLP's protobuf bytes, in one pass and without messages in between.
//!
//! Promises: each function appends one message body (no tag, no length) to a buffer that the caller reuses; fields
//! stand in the order of their numbers with minimal varints, so the bytes equal those of the generated messages in
//! `opentelemetry-proto`; nothing is allocated but the buffer's growth. [`trace_context`] and the
//! events of lines ([`LineEvent`]) are the exceptions to the order: they add fields to what is already encoded, which
//! protobuf allows.
//!
//! Leaves to others: which record goes into which request ([`crate::batch`]), compression, sending.
//!
//! Source of the field numbers: `opentelemetry-proto` v1.10, `trace/v1/trace.proto`, `logs/v1/logs.proto`,
//! `common/v1/common.proto`, `resource/v1/resource.proto`.

mod attribute;
mod event;
pub mod json;
mod log;
mod span;
mod wire;

pub use attribute::{resource, scope};
pub use event::{LineEvent, dropped_events};
pub use log::{log_record, trace_context};
pub use span::span;

pub(crate) use attribute::{resource_len, scope_len};
pub(crate) use wire::{len_field_len, message_header};

/// Bit 0 of a W3C trace's flags: what is in the files was sampled, else it would not be there.
const SAMPLED: u32 = 1;
