//! What arrived, as plain rows: what a test compares with the ledger.

use serde_json::Value;
use std::sync::Arc;
use xxhash_rust::xxh3::xxh3_128;

/// Names and values, in the order of the request. Integers, floats, booleans and text are themselves, bytes are
/// hexadecimal text, lists and maps are arrays and objects.
pub type Attributes = Vec<(String, Value)>;

/// The value of `key`; the first, where it is repeated.
#[must_use]
pub fn attribute<'a>(attributes: &'a Attributes, key: &str) -> Option<&'a Value> {
    attributes.iter().find(|(name, _)| name == key).map(|(_, value)| value)
}

/// The text of `key`; empty if it is absent or no text.
#[must_use]
pub fn text<'a>(attributes: &'a Attributes, key: &str) -> &'a str {
    attribute(attributes, key).and_then(Value::as_str).unwrap_or_default()
}

/// What a span or log record is known by, however often it comes.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RecordId {
    /// A span: trace id, span id, kind (client and server of one call may share an id), and the hash of
    /// `service.name`.
    Span([u8; 16], [u8; 8], u8, u64),
    /// A log record: `log.record.uid`; without one, a hash of time, body and service.
    Log(u128),
    /// A metric is not told apart from its like.
    Metric,
}

/// One span.
#[derive(Clone, Debug, PartialEq)]
pub struct SpanRow {
    /// The request it came in, as [`super::Request::seq`].
    pub request: u64,
    /// Hexadecimal, lower case.
    pub trace_id: String,
    /// Hexadecimal, lower case.
    pub span_id: String,
    /// Hexadecimal, empty for a root.
    pub parent_id: String,
    /// OTLP's number.
    pub kind: i32,
    /// The operation.
    pub name: String,
    /// Nanoseconds since the epoch.
    pub start: u64,
    /// Nanoseconds since the epoch.
    pub end: u64,
    /// OTLP's number: 0 unset, 1 OK, 2 error.
    pub status: i32,
    /// The status's message.
    pub status_message: String,
    /// The span's own.
    pub attributes: Attributes,
    /// Time, name, attributes.
    pub events: Vec<(u64, String, Attributes)>,
    /// Name and version of the instrumentation scope.
    pub scope: (String, String),
    /// Shared by the rows of one `ResourceSpans`.
    pub resource: Arc<Attributes>,
}

/// One log record.
#[derive(Clone, Debug, PartialEq)]
pub struct LogRow {
    /// The request it came in, as [`super::Request::seq`].
    pub request: u64,
    /// Nanoseconds since the epoch.
    pub time: u64,
    /// 0 if unset.
    pub observed_time: u64,
    /// OTLP's number; 0 if unset.
    pub severity: i32,
    /// As written.
    pub severity_text: String,
    /// The body; a text as it is, everything else as JSON.
    pub body: String,
    /// Hexadecimal, empty without a trace.
    pub trace_id: String,
    /// Hexadecimal, empty without a span.
    pub span_id: String,
    /// The flags field.
    pub flags: u32,
    /// The record's own.
    pub attributes: Attributes,
    /// Shared by the rows of one `ResourceLogs`.
    pub resource: Arc<Attributes>,
}

/// One metric of one request.
#[derive(Clone, Debug, PartialEq)]
pub struct MetricRow {
    /// The request it came in, as [`super::Request::seq`].
    pub request: u64,
    /// The instrument.
    pub name: String,
    /// Its unit.
    pub unit: String,
    /// `gauge`, `sum`, `histogram` …
    pub kind: &'static str,
    /// Attributes and value of each data point; of a histogram, the sum.
    pub points: Vec<(Attributes, f64)>,
    /// Shared by the rows of one `ResourceMetrics`.
    pub resource: Arc<Attributes>,
}

/// One record of any signal.
#[derive(Clone, Debug, PartialEq)]
pub enum Row {
    /// Of a traces request.
    Span(SpanRow),
    /// Of a logs request.
    Log(LogRow),
    /// Of a metrics request.
    Metric(MetricRow),
}

macro_rules! resource_lookups {
    ($($row:ident),*) => {$(
        impl $row {
            /// Resource attribute `service.name`.
            #[must_use]
            pub fn service(&self) -> &str {
                text(&self.resource, "service.name")
            }

            /// Resource attribute `xs.host.uuid`.
            #[must_use]
            pub fn host_uuid(&self) -> &str {
                text(&self.resource, "xs.host.uuid")
            }
        }
    )*};
}

resource_lookups!(SpanRow, LogRow, MetricRow);

impl SpanRow {
    /// Text of the attribute `key`.
    #[must_use]
    pub fn text(&self, key: &str) -> &str {
        text(&self.attributes, key)
    }

    /// What it is known by.
    #[must_use]
    pub fn id(&self) -> RecordId {
        let service = xxhash_rust::xxh3::xxh3_64(self.service().as_bytes());
        RecordId::Span(
            unhex(&self.trace_id),
            unhex(&self.span_id),
            u8::try_from(self.kind).unwrap_or_default(),
            service,
        )
    }
}

impl LogRow {
    /// Text of the attribute `key`.
    #[must_use]
    pub fn text(&self, key: &str) -> &str {
        text(&self.attributes, key)
    }

    /// What it is known by.
    #[must_use]
    pub fn id(&self) -> RecordId {
        let uid = self.text("log.record.uid");
        if uid.len() == 32 && uid.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return RecordId::Log(u128::from_be_bytes(unhex(uid)));
        }
        RecordId::Log(xxh3_128(format!("{}\0{}\0{}\0{uid}", self.time, self.service(), self.body).as_bytes()))
    }
}

impl Row {
    /// What it is known by.
    #[must_use]
    pub fn id(&self) -> RecordId {
        match self {
            Self::Span(span) => span.id(),
            Self::Log(log) => log.id(),
            Self::Metric(_) => RecordId::Metric,
        }
    }

    /// The span, if it is one.
    #[must_use]
    pub fn as_span(&self) -> Option<&SpanRow> {
        if let Self::Span(span) = self { Some(span) } else { None }
    }

    /// The log record, if it is one.
    #[must_use]
    pub fn as_log(&self) -> Option<&LogRow> {
        if let Self::Log(log) = self { Some(log) } else { None }
    }
}

/// Lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The bytes that [`hex`] wrote; what is too long is cut, what is too short is zero.
fn unhex<const N: usize>(text: &str) -> [u8; N] {
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks(2)) {
        let digits = std::str::from_utf8(pair).unwrap_or_default();
        *byte = u8::from_str_radix(digits, 16).unwrap_or_default();
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hexadecimal_goes_there_and_back() {
        assert_eq!(hex(&[0, 0x1f, 0xff]), "001fff");
        assert_eq!(unhex::<3>("001fff"), [0, 0x1f, 0xff]);
        assert_eq!(unhex::<3>("ab"), [0xab, 0, 0]);
    }
}
