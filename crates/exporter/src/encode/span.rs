//! Spans.

use super::attribute::{attributes, attributes_len};
use super::{SAMPLED, wire};
use model::{Event, Span, Status};

/// `Span`.
pub(super) mod field {
    pub(in crate::encode) const TRACE_ID: u32 = 1;
    pub(in crate::encode) const SPAN_ID: u32 = 2;
    pub(in crate::encode) const PARENT_SPAN_ID: u32 = 4;
    pub(in crate::encode) const NAME: u32 = 5;
    pub(in crate::encode) const KIND: u32 = 6;
    pub(in crate::encode) const START: u32 = 7;
    pub(in crate::encode) const END: u32 = 8;
    pub(in crate::encode) const ATTRIBUTES: u32 = 9;
    pub(in crate::encode) const EVENTS: u32 = 11;
    pub(in crate::encode) const DROPPED_EVENTS: u32 = 12;
    pub(in crate::encode) const STATUS: u32 = 15;
    pub(in crate::encode) const FLAGS: u32 = 16;
}

/// `Span.Event`.
pub(super) mod event_field {
    pub(in crate::encode) const TIME: u32 = 1;
    pub(in crate::encode) const NAME: u32 = 2;
    pub(in crate::encode) const ATTRIBUTES: u32 = 3;
}

/// `Status`.
mod status_field {
    pub(super) const MESSAGE: u32 = 2;
    pub(super) const CODE: u32 = 3;
}

const STATUS_OK: u64 = 1;
const STATUS_ERROR: u64 = 2;
/// A key of one byte and eight bytes.
const FIXED64_LEN: usize = 9;

/// Appends the body of a `Span`. Resource and scope are not in it: they are the request's business.
///
/// The flags say "sampled"; the bits about the parent's remoteness stay 0, which means "not known".
pub fn span(span: &Span<'_>, out: &mut Vec<u8>) {
    wire::bytes(field::TRACE_ID, span.trace_id.bytes(), out);
    wire::bytes(field::SPAN_ID, span.span_id.bytes(), out);
    if let Some(parent) = &span.parent_id {
        wire::bytes(field::PARENT_SPAN_ID, parent.bytes(), out);
    }
    wire::text(field::NAME, &span.name, out);
    wire::varint(field::KIND, span.kind as u64, out);
    wire::fixed64(field::START, span.start_unix_nano, out);
    wire::fixed64(field::END, span.end_unix_nano, out);
    attributes(field::ATTRIBUTES, &span.attributes, out);
    span.events.iter().for_each(|one| event(one, out));
    status(&span.status, out);
    wire::fixed32(field::FLAGS, SAMPLED, out);
}

fn event(event: &Event<'_>, out: &mut Vec<u8>) {
    let time = if event.time_unix_nano == 0 { 0 } else { FIXED64_LEN };
    let name = wire::text_len(event_field::NAME, &event.name);
    let length = time + name + attributes_len(event_field::ATTRIBUTES, &event.attributes);
    wire::message_header(field::EVENTS, length, out);
    wire::fixed64(event_field::TIME, event.time_unix_nano, out);
    wire::text(event_field::NAME, &event.name, out);
    attributes(event_field::ATTRIBUTES, &event.attributes, out);
}

fn status(status: &Status<'_>, out: &mut Vec<u8>) {
    let (code, message) = match status {
        Status::Unset => return,
        Status::Ok => (STATUS_OK, ""),
        Status::Error(message) => (STATUS_ERROR, message.as_ref()),
    };
    wire::message_header(field::STATUS, wire::text_len(status_field::MESSAGE, message) + 2, out);
    wire::text(status_field::MESSAGE, message, out);
    wire::varint(status_field::CODE, code, out);
}
