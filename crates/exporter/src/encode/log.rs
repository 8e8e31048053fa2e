//! Log records, and the trace context that is added when they leave.

use super::attribute::{attribute, text_attribute, text_value};
use super::{SAMPLED, wire};
use model::{LogFields, SpanId, TraceContext};

/// `LogRecord`. `observed_time_unix_nano` (11) stays unset: it would differ when a line is sent again.
pub(super) mod field {
    pub(in crate::encode) const TIME: u32 = 1;
    pub(in crate::encode) const SEVERITY_NUMBER: u32 = 2;
    pub(in crate::encode) const SEVERITY_TEXT: u32 = 3;
    pub(in crate::encode) const BODY: u32 = 5;
    pub(in crate::encode) const ATTRIBUTES: u32 = 6;
    pub(in crate::encode) const FLAGS: u32 = 8;
    pub(in crate::encode) const TRACE_ID: u32 = 9;
    pub(in crate::encode) const SPAN_ID: u32 = 10;
}

/// By which rule the line was joined.
const CORRELATION: &str = "xs.correlation";
/// The span id that stood in the line.
const TRACEPARENT_SPAN_ID: &str = "xs.traceparent.span_id";

/// Appends the body of a `LogRecord` without its trace context.
pub fn log_record(record: &dyn LogFields, out: &mut Vec<u8>) {
    wire::fixed64(field::TIME, record.time_unix_nano(), out);
    let severity = record.severity().map_or(0, model::Severity::number);
    wire::varint(field::SEVERITY_NUMBER, u64::from(severity), out);
    wire::text(field::SEVERITY_TEXT, &record.severity_text(), out);
    text_value(field::BODY, &record.body(), out);
    record.attributes(&mut |key, value| attribute(field::ATTRIBUTES, key, value, out));
}

/// Appends a trace context to the body of a `LogRecord` that is already in `out`, as its last message.
///
/// Field order is free in protobuf (encoding guide, "Field order"), and a repeated field may come in pieces.
pub fn trace_context(context: &TraceContext, out: &mut Vec<u8>) {
    text_attribute(field::ATTRIBUTES, CORRELATION, context.correlation.as_str(), out);
    if let Some(hint) = &context.traceparent_span_id {
        text_attribute(field::ATTRIBUTES, TRACEPARENT_SPAN_ID, hex(hint, &mut [0; 16]), out);
    }
    wire::fixed32(field::FLAGS, SAMPLED, out);
    wire::bytes(field::TRACE_ID, context.trace_id.bytes(), out);
    if let Some(span) = &context.span_id {
        wire::bytes(field::SPAN_ID, span.bytes(), out);
    }
}

/// The id's 16 lower-case hexadecimal digits.
fn hex<'a>(id: &SpanId, digits: &'a mut [u8; 16]) -> &'a str {
    for (pair, byte) in digits.chunks_exact_mut(2).zip(id.bytes()) {
        pair.copy_from_slice(&[digit(byte >> 4), digit(byte & 0xf)]);
    }
    std::str::from_utf8(digits).unwrap_or_default()
}

fn digit(value: u8) -> u8 {
    if value < 10 { b'0' + value } else { b'a' + value - 10 }
}
