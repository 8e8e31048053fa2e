//! OTLP over HTTP: one POST, and what its answer was.

use std::time::SystemTime;

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderValue};
use http::{Method, Request, Response};
use hyper::body::Incoming;

use super::body::{Outgoing, Received, Sent, receive};
use super::settings::{Protocol, without_secrets};
use super::{failure, reply};
use crate::classify::{Answer, Http, Reply, RetryAfter};

/// The request of `payload`, compressed as `encoding` says. Loki takes a content type only without
/// parameters.
pub(super) fn request(
    protocol: Protocol,
    payload: Bytes,
    encoding: Option<&'static str>,
    sent: Sent,
) -> Request<Outgoing> {
    let content_type = match protocol {
        Protocol::HttpJson => "application/json",
        Protocol::HttpProtobuf | Protocol::Grpc => "application/x-protobuf",
    };
    let mut request = Request::new(Outgoing::new(Bytes::new(), payload, sent));
    *request.method_mut() = Method::POST;
    let headers = request.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    if let Some(encoding) = encoding {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding));
    }
    request
}

/// Reads the response to its end.
pub(super) async fn answer(response: Response<Incoming>) -> Answer {
    let (head, body) = response.into_parts();
    let received = receive(body).await;
    match &received.error {
        // Success was promised, but what follows could have been a partial one: only the whole answer counts.
        Some(error) if head.status.is_success() => failure::of_body(error),
        _ => of_received(head.status.as_u16(), &head.headers, &received),
    }
}

/// What a response means as HTTP, without regard to errors while reading it.
pub(super) fn of_received(status: u16, headers: &HeaderMap, received: &Received) -> Answer {
    let content_type = text(headers, &header::CONTENT_TYPE);
    let is_success = (200..300).contains(&status);
    let reply = match is_success {
        true if received.is_cut => Reply::Foreign { content_type: reply::clean(content_type) },
        true => reply::success(content_type, &received.bytes),
        false => Reply::Empty,
    };
    let message = match status {
        200..=299 => String::new(),
        300..=399 => redirect(headers),
        _ => reply::error(content_type, &received.bytes),
    };
    let retry_after = RetryAfter::parse(text(headers, &header::RETRY_AFTER));
    Answer::Http(Http { status, retry_after, reply, message })
}

/// Where a redirect leads, without its query.
fn redirect(headers: &HeaderMap) -> String {
    match without_secrets(text(headers, &header::LOCATION)) {
        target if target.is_empty() => target,
        target => reply::clean(&format!("to {target}")),
    }
}

/// The server's clock.
pub(super) fn date(headers: &HeaderMap) -> Option<SystemTime> {
    httpdate::parse_http_date(text(headers, &header::DATE)).ok()
}

/// A header's value; empty if it is absent or no text.
pub(super) fn text<'h>(headers: &'h HeaderMap, name: &header::HeaderName) -> &'h str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}
