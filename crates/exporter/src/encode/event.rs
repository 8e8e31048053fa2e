//! Log lines as events of spans.
//!
//! A line is an encoded `LogRecord` by the time that its span is known. So the event is made from those bytes: the parts
//! of both messages have the same form, and are copied under other field numbers.
//!
//! Source of the numbers: `opentelemetry-proto` v1.10, `trace/v1/trace.proto` and `logs/v1/logs.proto`.

use super::log::field as record;
use super::span::{event_field as event, field as span};
use super::{attribute, wire};
use prost::encoding::{WireType, decode_key, decode_varint};

/// The name of such an event: what OpenTelemetry gives an entry of a log that has no name of its own (specification,
/// "OpenTracing Compatibility", Log).
const NAME: &str = "log";
/// The line's text.
const BODY: &str = "log.body";
/// The line's level, as it was written.
const SEVERITY: &str = "log.severity";

/// A log record, encoded as [`super::log_record`] does it, seen as an event of a span.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineEvent {
    /// The line's time: nanoseconds since the epoch.
    pub time_unix_nano: u64,
    /// OTLP's number; 0 where the line has none.
    pub severity: u64,
    /// The `events` field of a `Span`, with its key and length.
    pub field: Box<[u8]>,
}

impl LineEvent {
    /// The event of this record; `None` if the bytes are no `LogRecord`.
    ///
    /// It has the record's time and attributes, and beside them `log.body` and `log.severity`.
    #[must_use]
    pub fn of(log_record: &[u8]) -> Option<Self> {
        let (mut time_unix_nano, mut severity, mut content) =
            (0, 0, Vec::with_capacity(log_record.len() + 64));
        wire::text(event::NAME, NAME, &mut content);
        let mut rest = log_record;
        while !rest.is_empty() {
            match (decode_key(&mut rest).ok()?, &mut rest) {
                ((record::TIME, WireType::SixtyFourBit), rest) => {
                    time_unix_nano = u64::from_le_bytes(*rest.split_off(..8)?.first_chunk()?);
                }
                ((record::SEVERITY_NUMBER, WireType::Varint), rest) => severity = decode_varint(rest).ok()?,
                ((record::SEVERITY_TEXT, WireType::LengthDelimited), rest) => {
                    let text = std::str::from_utf8(delimited(rest)?).ok()?;
                    attribute::text_attribute(event::ATTRIBUTES, SEVERITY, text, &mut content);
                }
                ((record::BODY, WireType::LengthDelimited), rest) => {
                    attribute::any_attribute(event::ATTRIBUTES, BODY, delimited(rest)?, &mut content);
                }
                ((record::ATTRIBUTES, WireType::LengthDelimited), rest) => {
                    wire::bytes(event::ATTRIBUTES, delimited(rest)?, &mut content);
                }
                _ => return None,
            }
        }
        Some(Self { time_unix_nano, severity, field: events_field(time_unix_nano, &content) })
    }
}

/// Appends to the body of a `Span`, as its last part, that so many of its events were left out.
pub fn dropped_events(count: u32, out: &mut Vec<u8>) {
    wire::varint(span::DROPPED_EVENTS, u64::from(count), out);
}

/// The `events` field of a `Span`: the time, and what follows it.
fn events_field(time_unix_nano: u64, content: &[u8]) -> Box<[u8]> {
    let mut head = Vec::with_capacity(16);
    wire::fixed64(event::TIME, time_unix_nano, &mut head);
    let length = head.len() + content.len();
    let mut field = Vec::with_capacity(wire::len_field_len(span::EVENTS, length));
    wire::message_header(span::EVENTS, length, &mut field);
    field.extend_from_slice(&head);
    field.extend_from_slice(content);
    field.into()
}

fn delimited<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = usize::try_from(decode_varint(rest).ok()?).ok()?;
    rest.split_off(..length)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encode;
    use model::{KeyValue, LogRecord, Resource, Severity, Value};
    use opentelemetry_proto::tonic::trace::v1::Span;
    use prost::Message;

    fn record() -> LogRecord<'static> {
        let attribute = |key: &'static str, value| KeyValue { key: key.into(), value };
        LogRecord {
            time_unix_nano: 1_772_500_000_000_000_042,
            severity: Some(Severity::Error),
            severity_text: "error".into(),
            body: "the disk is on fire".into(),
            attributes: vec![
                attribute("thread.id", Value::Int(7)),
                attribute("log.record.uid", Value::Str("ab".into())),
            ],
            resource: Resource::default(),
        }
    }

    fn encoded(record: &LogRecord<'_>) -> Vec<u8> {
        let mut bytes = Vec::new();
        encode::log_record(record, &mut bytes);
        bytes
    }

    /// As a receiver reads it: a span with nothing but the event.
    fn decoded(line: &LineEvent) -> Span {
        let mut bytes = line.field.to_vec();
        dropped_events(3, &mut bytes);
        Span::decode(bytes.as_slice()).unwrap()
    }

    #[test]
    fn a_line_is_an_event_with_its_body_level_and_attributes() {
        let line = LineEvent::of(&encoded(&record())).unwrap();
        assert_eq!((line.time_unix_nano, line.severity), (1_772_500_000_000_000_042, 17));
        let span = decoded(&line);
        assert_eq!((span.events.len(), span.dropped_events_count), (1, 3));
        let event = &span.events[0];
        assert_eq!((event.name.as_str(), event.time_unix_nano), ("log", line.time_unix_nano));
        let attributes: Vec<String> = event
            .attributes
            .iter()
            .map(|kv| format!("{} {:?}", kv.key, kv.value.as_ref().unwrap().value.as_ref().unwrap()))
            .collect();
        let expected = [
            "log.severity StringValue(\"error\")",
            "log.body StringValue(\"the disk is on fire\")",
            "thread.id IntValue(7)",
            "log.record.uid StringValue(\"ab\")",
        ];
        assert_eq!(attributes, expected);
    }

    #[test]
    fn a_bare_line_has_no_level() {
        let bare = LogRecord { severity: None, severity_text: "".into(), attributes: Vec::new(), ..record() };
        let line = LineEvent::of(&encoded(&bare)).unwrap();
        assert_eq!(line.severity, 0);
        assert_eq!(decoded(&line).events[0].attributes.len(), 1);
    }

    #[test]
    fn what_is_no_record_is_no_event() {
        let whole = encoded(&record());
        for cut in [1, 5, whole.len() - 1] {
            assert_eq!(LineEvent::of(&whole[..cut]), None, "{cut}");
        }
        assert_eq!(LineEvent::of(&[0xff; 12]), None);
    }
}
