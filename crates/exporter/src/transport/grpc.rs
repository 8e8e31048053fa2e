//! OTLP over gRPC: one unary call (grpc/grpc, `doc/PROTOCOL-HTTP2.md`).
//!
//! The framing is done here, on the same HTTP client as OTLP/HTTP: `tonic`'s client compresses at a fixed
//! level that costs three times the processor time, hides what kind of failure a connection had, and panics
//! on a status whose details are not base64 (`Status::from_header_map`).

use std::time::Duration;

use base64::Engine;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use bytes::{BufMut, Bytes, BytesMut};
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use percent_encoding::percent_decode_str;
use prost::Message;
use tonic::Code;

use super::body::{Outgoing, Received, Sent, receive};
use super::settings::Signal;
use super::{failure, http as plain, reply};
use crate::classify::{Answer, Failed, Failure, Grpc, Http, Partial, Reply};

const STATUS: HeaderName = HeaderName::from_static("grpc-status");
const MESSAGE: HeaderName = HeaderName::from_static("grpc-message");
const DETAILS: HeaderName = HeaderName::from_static("grpc-status-details-bin");
const ENCODING: HeaderName = HeaderName::from_static("grpc-encoding");
const TIMEOUT: HeaderName = HeaderName::from_static("grpc-timeout");

/// One byte says whether the message is compressed, four its length.
const FRAME_HEADER: usize = 5;

/// The most milliseconds that fit into the eight digits of `grpc-timeout`.
const LONGEST_TIMEOUT: u128 = 99_999_999;

/// Binary headers may or may not be padded.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The method's path.
pub(super) fn path(signal: Signal) -> &'static str {
    match signal {
        Signal::Traces => "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
        Signal::Logs => "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
        Signal::Metrics => "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
    }
}

/// The request of `payload`, compressed as `encoding` says.
pub(super) fn request(
    payload: Bytes,
    encoding: Option<&'static str>,
    timeout: Duration,
    sent: Sent,
) -> Request<Outgoing> {
    let head = frame_header(payload.len(), encoding.is_some());
    let mut request = Request::new(Outgoing::new(head, payload, sent));
    *request.method_mut() = Method::POST;
    let headers = request.headers_mut();
    headers.insert(header::TE, HeaderValue::from_static("trailers"));
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    if let Some(encoding) = encoding {
        headers.insert(ENCODING, HeaderValue::from_static(encoding));
    }
    if let Ok(value) = HeaderValue::try_from(format!("{}m", timeout.as_millis().min(LONGEST_TIMEOUT))) {
        headers.insert(TIMEOUT, value);
    }
    request
}

fn frame_header(len: usize, is_compressed: bool) -> Bytes {
    let mut head = BytesMut::with_capacity(FRAME_HEADER);
    head.put_u8(u8::from(is_compressed));
    // A request is at most some MiB; the configuration bounds it far below 4 GiB.
    head.put_u32(u32::try_from(len).unwrap_or(u32::MAX));
    head.freeze()
}

/// Reads the response to its end.
pub(super) async fn answer(response: Response<Incoming>) -> Answer {
    let (head, body) = response.into_parts();
    let received = receive(body).await;
    if head.status != StatusCode::OK || !is_grpc(&head.headers) {
        return not_grpc(head.status, &head.headers, &received);
    }
    // The status stands after the body, or, in an answer without one, in its only headers.
    let status = received.trailers.as_ref().filter(|trailers| trailers.contains_key(STATUS));
    let status = status.or_else(|| head.headers.contains_key(STATUS).then_some(&head.headers));
    match (status, &received.error) {
        (Some(headers), _) => of_status(headers, &received.bytes),
        (None, Some(error)) => failure::of_body(error),
        (None, None) => no_status(),
    }
}

fn is_grpc(headers: &HeaderMap) -> bool {
    plain::text(headers, &header::CONTENT_TYPE).starts_with("application/grpc")
}

/// A proxy, or a server of something else.
fn not_grpc(status: StatusCode, headers: &HeaderMap, received: &Received) -> Answer {
    if status.is_success() {
        let content_type = reply::clean(plain::text(headers, &header::CONTENT_TYPE));
        let (status, message) = (status.as_u16(), String::new());
        return Answer::Http(Http {
            status,
            retry_after: None,
            reply: Reply::Foreign { content_type },
            message,
        });
    }
    plain::of_received(status.as_u16(), headers, received)
}

/// The stream ended without a status: something between cut it off, and the server may have the request.
fn no_status() -> Answer {
    let message = "the stream ended without a status".to_owned();
    Answer::Failed(Failed { failure: Failure::Reset, sent: true, message })
}

fn of_status(headers: &HeaderMap, body: &[u8]) -> Answer {
    let code = headers.get(STATUS).map_or(Code::Unknown, |code| Code::from_bytes(code.as_bytes()));
    let message = percent_decode_str(plain::text(headers, &MESSAGE)).decode_utf8_lossy();
    let message = reply::clean(&message);
    let partial = if code == Code::Ok { partial(body) } else { Partial::default() };
    Answer::Grpc(Grpc { code, message, retry_info: retry_info(headers), partial })
}

/// The response message. One that can't be read takes nothing from the status, which is OK.
fn partial(body: &[u8]) -> Partial {
    let Some((head, message)) = body.split_first_chunk::<FRAME_HEADER>() else { return Partial::default() };
    let [is_compressed, length @ ..] = *head;
    let message = message.get(..u32::from_be_bytes(length) as usize).filter(|_| is_compressed == 0);
    message
        .and_then(reply::protobuf)
        .unwrap_or_else(|| Partial { rejected: 0, message: "the response message can't be read".to_owned() })
}

/// `google.rpc.RetryInfo` in the status' details (googleapis, `google/rpc/error_details.proto`).
fn retry_info(headers: &HeaderMap) -> Option<Duration> {
    let details = BASE64.decode(headers.get(DETAILS)?.as_bytes()).ok()?;
    let status = tonic_types::Status::decode(details.as_slice()).ok()?;
    let info = status.details.iter().find(|detail| detail.type_url.ends_with("/google.rpc.RetryInfo"))?;
    let delay = tonic_types::pb::RetryInfo::decode(info.value.as_slice()).ok()?.retry_delay?;
    let (seconds, nanos) = (u64::try_from(delay.seconds).ok()?, u32::try_from(delay.nanos).ok()?);
    Some(Duration::from_secs(seconds).saturating_add(Duration::from_nanos(nanos.into())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let pair = |(name, value): &(&'static str, &str)| {
            (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())
        };
        pairs.iter().map(pair).collect()
    }

    /// A `google.rpc.Status` with a RetryInfo of 7.5 s, by hand: `details {type_url, value {retry_delay}}`.
    fn details() -> Vec<u8> {
        let info = [0x0a, 0x08, 0x08, 0x07, 0x10, 0x80, 0xca, 0xb5, 0xee, 0x01];
        let url = b"type.googleapis.com/google.rpc.RetryInfo";
        let mut any = vec![0x0a, url.len() as u8];
        any.extend(url);
        any.extend([0x12, info.len() as u8]);
        any.extend(info);
        let mut status = vec![0x08, 0x08, 0x1a, any.len() as u8];
        status.extend(any);
        status
    }

    #[test]
    fn retry_info_is_read_padded_or_not_and_garbage_ignored() {
        let padded = base64::prelude::BASE64_STANDARD.encode(details());
        let expected = Some(Duration::from_millis(7_500));
        let cases = [
            (padded.as_str(), expected),
            (padded.trim_end_matches('='), expected),
            ("!!!!", None),
            ("", None),
            ("AAAA", None),
        ];
        for (value, expected) in cases {
            assert_eq!(retry_info(&headers(&[("grpc-status-details-bin", value)])), expected, "{value}");
        }
        assert_eq!(retry_info(&HeaderMap::new()), None);
    }

    #[test]
    fn a_status_is_read_with_its_words() {
        let cases = [
            (&[("grpc-status", "14"), ("grpc-message", "full%20%C3%A4")][..], Code::Unavailable, "full ä"),
            (&[("grpc-status", "99")][..], Code::Unknown, ""),
            (&[("grpc-status", "x")][..], Code::Unknown, ""),
            (&[("grpc-status", "3"), ("grpc-message", "%ff%zz")][..], Code::InvalidArgument, "\u{fffd}%zz"),
        ];
        for (pairs, code, message) in cases {
            let Answer::Grpc(grpc) = of_status(&headers(pairs), b"") else { panic!("{pairs:?}") };
            assert_eq!((grpc.code, grpc.message.as_str()), (code, message), "{pairs:?}");
        }
    }

    #[test]
    fn a_message_is_read_from_its_frame() {
        let unreadable = "the response message can't be read";
        let cases: [(&[u8], u64, &str); 6] = [
            (b"", 0, ""),
            (b"\0\0\0\0\0", 0, ""),
            (b"\0\0\0\0\x04\x0a\x02\x08\x03", 3, ""),
            (b"\x01\0\0\0\x04\x0a\x02\x08\x03", 0, unreadable),
            (b"\0\0\0\0\x09\x0a\x02\x08\x03", 0, unreadable),
            (b"\0\0\0\0\x01\xff", 0, unreadable),
        ];
        for (body, rejected, message) in cases {
            assert_eq!(partial(body), Partial { rejected, message: message.to_owned() }, "{body:?}");
        }
    }

    #[test]
    fn a_frame_says_length_and_compression() {
        assert_eq!(frame_header(0x0102, false).as_ref(), [0, 0, 0, 1, 2]);
        assert_eq!(frame_header(1, true).as_ref(), [1, 0, 0, 0, 1]);
    }
}
