//! Reading answers: OTLP responses, and a server's words about an error.

use bytes::Bytes;
use prost::Message;
use serde_json::Value;

use crate::classify::{Partial, Reply};

/// The longest words of a server that are kept, in bytes. Loki's count of refused lines stands at the end of
/// a long list.
const MESSAGE_LIMIT: usize = 8 * 1024;

/// Any `Export…ServiceResponse`: those of traces, logs and metrics are the same on the wire
/// (opentelemetry-proto, `collector/*/v1/*_service.proto`).
#[derive(Clone, PartialEq, Message)]
struct ExportResponse {
    #[prost(message, optional, tag = "1")]
    partial_success: Option<PartialSuccess>,
}

#[derive(Clone, PartialEq, Message)]
struct PartialSuccess {
    #[prost(int64, tag = "1")]
    rejected: i64,
    #[prost(string, tag = "2")]
    error_message: String,
}

/// The names of `rejected_…` in JSON.
const REJECTED: [&str; 3] = ["rejectedSpans", "rejectedLogRecords", "rejectedDataPoints"];

/// What a body is, by its content type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Protobuf,
    Json,
    /// Not said, or by a guess of the server's library: the bytes decide.
    Unsaid,
    Other,
}

fn format(content_type: &str) -> Format {
    let media = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match media.as_str() {
        "application/x-protobuf" | "application/protobuf" => Format::Protobuf,
        "application/json" => Format::Json,
        "" | "text/plain" | "application/octet-stream" => Format::Unsaid,
        _ => Format::Other,
    }
}

/// The body of a successful HTTP response.
pub(super) fn success(content_type: &str, body: &[u8]) -> Reply {
    if body.is_empty() {
        return Reply::Empty;
    }
    let partial = match format(content_type) {
        Format::Protobuf => protobuf(body),
        Format::Json => json(body),
        Format::Unsaid => json(body).or_else(|| protobuf(body)),
        Format::Other => None,
    };
    match partial {
        Some(partial) => Reply::Otlp(partial),
        None => Reply::Foreign { content_type: clean(content_type) },
    }
}

/// A response message in protobuf; `None` if it is none.
pub(super) fn protobuf(body: &[u8]) -> Option<Partial> {
    let response = ExportResponse::decode(body).ok()?;
    let partial = response.partial_success.unwrap_or_default();
    let rejected = u64::try_from(partial.rejected).unwrap_or(0);
    Some(Partial { rejected, message: clean(&partial.error_message) })
}

fn json(body: &[u8]) -> Option<Partial> {
    let response: Value = serde_json::from_slice(body).ok()?;
    let partial = response.as_object()?.get("partialSuccess").unwrap_or(&Value::Null);
    let rejected = REJECTED.iter().find_map(|name| partial.get(name)).map_or(0, count);
    let message = partial.get("errorMessage").and_then(Value::as_str).unwrap_or_default();
    Some(Partial { rejected, message: clean(message) })
}

/// A 64-bit number, which in protobuf's JSON is a text, and from many servers a number.
fn count(value: &Value) -> u64 {
    value.as_u64().or_else(|| value.as_str()?.parse().ok()).unwrap_or(0)
}

/// The server's words in the body of an error: of a `google.rpc.Status` in protobuf or JSON, else the text
/// itself.
pub(super) fn error(content_type: &str, body: &Bytes) -> String {
    let words = match format(content_type) {
        Format::Protobuf => status(body),
        Format::Json => json_words(body),
        // Loki answers with protobuf whatever the request was, and does not always say so.
        Format::Unsaid => json_words(body).or_else(|| status(body)),
        Format::Other => None,
    };
    clean(&words.unwrap_or_else(|| String::from_utf8_lossy(body).into_owned()))
}

fn status(body: &[u8]) -> Option<String> {
    let status = tonic_types::Status::decode(body).ok()?;
    Some(status.message).filter(|message| !message.is_empty())
}

fn json_words(body: &[u8]) -> Option<String> {
    let value: Value = serde_json::from_slice(body).ok()?;
    let words = [value.get("message"), value.get("error")];
    words.into_iter().flatten().find_map(Value::as_str).map(str::to_owned)
}

/// One line of text within the limit.
pub(super) fn clean(text: &str) -> String {
    let mut line = String::with_capacity(text.len().min(MESSAGE_LIMIT));
    for c in text.trim_matches(|c: char| c.is_whitespace() || c.is_control()).chars() {
        if line.len() + c.len_utf8() > MESSAGE_LIMIT {
            break;
        }
        line.push(if c.is_control() { ' ' } else { c });
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    fn partial(rejected: i64, message: &str) -> Vec<u8> {
        let partial = PartialSuccess { rejected, error_message: message.to_owned() };
        ExportResponse { partial_success: Some(partial) }.encode_to_vec()
    }

    fn otlp(rejected: u64, message: &str) -> Reply {
        Reply::Otlp(Partial { rejected, message: message.to_owned() })
    }

    fn foreign(content_type: &str) -> Reply {
        Reply::Foreign { content_type: content_type.to_owned() }
    }

    #[test]
    fn a_response_is_known_by_type_and_bytes() {
        let proto = "application/x-protobuf";
        let cases: [(&str, &[u8], Reply); 16] = [
            (proto, b"", Reply::Empty),
            ("text/html", b"", Reply::Empty),
            (proto, &partial(3, "three"), otlp(3, "three")),
            (proto, &partial(-1, ""), otlp(0, "")),
            (proto, b"<html>", foreign(proto)),
            ("application/json", b"{}", otlp(0, "")),
            ("application/json; charset=utf-8", br#"{"partialSuccess":{}}"#, otlp(0, "")),
            (
                "Application/JSON",
                br#"{"partialSuccess":{"rejectedSpans":"3","errorMessage":"x"}}"#,
                otlp(3, "x"),
            ),
            ("application/json", br#"{"partialSuccess":{"rejectedLogRecords":2}}"#, otlp(2, "")),
            ("application/json", br#"{"partialSuccess":{"rejectedDataPoints":"1"}}"#, otlp(1, "")),
            ("application/json", br#""ok""#, foreign("application/json")),
            ("application/json", b"<html>", foreign("application/json")),
            ("text/html", b"<html>", foreign("text/html")),
            ("text/plain; charset=utf-8", b"{}", otlp(0, "")),
            ("", &partial(1, "one"), otlp(1, "one")),
            ("text/plain", b"OK", foreign("text/plain")),
        ];
        for (content_type, body, expected) in cases {
            assert_eq!(success(content_type, body), expected, "{content_type} {body:?}");
        }
    }

    #[test]
    fn the_servers_words_are_found_in_each_form() {
        let status = |message: &str| {
            tonic_types::Status { code: 3, message: message.to_owned(), details: Vec::new() }.encode_to_vec()
        };
        let cases: [(&str, Vec<u8>, &str); 8] = [
            ("application/x-protobuf", status("bad id"), "bad id"),
            ("application/octet-stream", status("too old"), "too old"),
            ("", status("too old"), "too old"),
            ("application/json", br#"{"code":3,"message":"bad id"}"#.to_vec(), "bad id"),
            ("application/json", br#"{"error":"no"}"#.to_vec(), "no"),
            ("text/plain", b"  page not\nfound\x07 \n".to_vec(), "page not found"),
            ("application/x-protobuf", b"not protobuf".to_vec(), "not protobuf"),
            ("text/html", vec![0xff, b'a'], "\u{fffd}a"),
        ];
        for (content_type, body, expected) in cases {
            assert_eq!(error(content_type, &body.clone().into()), expected, "{content_type} {body:?}");
        }
    }

    #[test]
    fn words_are_bounded_at_a_character() {
        let long = "ä".repeat(100_000);
        assert_eq!(clean(&long).len(), MESSAGE_LIMIT);
        assert_eq!(clean(&format!("x{long}")).len(), MESSAGE_LIMIT - 1);
    }
}
