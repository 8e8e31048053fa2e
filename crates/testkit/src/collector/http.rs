//! OTLP/HTTP: protobuf and JSON, plain, gzip and zstd.
//!
//! Source: opentelemetry-specification, protocol/otlp.md "OTLP/HTTP": a refusal's body is a `google.rpc.Status` in
//! the request's own encoding.

use super::exchange::Exchange;
use super::script::Code;
use super::verdict::Reply;
use super::{Shared, Signal};
use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceResponse,
};
use prost::Message;
use serde_json::json;
use std::io::{self, Read};
use std::sync::Arc;
use std::time::Duration;
use tonic::body::Body;

const PROTOBUF: &str = "application/x-protobuf";
const JSON: &str = "application/json";

/// Answers one request.
pub(crate) async fn serve(
    shared: &Arc<Shared>,
    cutter: &super::exchange::Cutter,
    request: http::Request<Incoming>,
) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let Some(signal) = Signal::of_path(parts.uri.path()) else { return plain(StatusCode::NOT_FOUND) };
    if parts.method != http::Method::POST {
        return plain(StatusCode::METHOD_NOT_ALLOWED);
    }
    let Some(json) = is_json(&super::header(&parts.headers, "content-type")) else {
        return plain(StatusCode::UNSUPPORTED_MEDIA_TYPE);
    };
    let head = super::head(
        &parts,
        signal,
        if json { super::Transport::HttpJson } else { super::Transport::HttpProtobuf },
    );
    let encoding = head.encoding.clone();
    let exchange = Exchange::open(shared, cutter, head, json);
    exchange.before_reading().await;
    let reply = match read(body, &encoding, &exchange).await {
        Ok(body) => exchange.answer(body).await,
        Err(error) => exchange.unreadable(error.to_string()),
    };
    respond(reply, signal, json)
}

fn is_json(content_type: &str) -> Option<bool> {
    match content_type.split(';').next().unwrap_or_default().trim() {
        PROTOBUF => Some(false),
        JSON => Some(true),
        _ => None,
    }
}

async fn read(body: Incoming, encoding: &str, exchange: &Exchange) -> io::Result<Bytes> {
    let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
    let wire_bytes = body.len() as u64;
    let body = inflate(encoding, body)?;
    exchange.came(wire_bytes, body.len() as u64);
    Ok(body)
}

fn inflate(encoding: &str, body: Bytes) -> io::Result<Bytes> {
    let mut plain = Vec::new();
    match encoding {
        "" | "identity" => return Ok(body),
        "gzip" => flate2::read::MultiGzDecoder::new(body.as_ref()).read_to_end(&mut plain)?,
        "zstd" => zstd::stream::read::Decoder::new(body.as_ref())?.read_to_end(&mut plain)?,
        other => return Err(io::Error::other(format!("content-encoding {other} is not known"))),
    };
    Ok(plain.into())
}

fn plain(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

/// A reply in HTTP's words.
fn respond(reply: Reply, signal: Signal, json: bool) -> Response<Body> {
    match reply {
        Reply::Success => body(StatusCode::OK, json, success(0, String::new(), signal, json)),
        Reply::NoContent => plain(StatusCode::NO_CONTENT),
        Reply::Partial { rejected, message } => {
            body(StatusCode::OK, json, success(rejected, message, signal, json))
        }
        Reply::Raw { status, headers, body } => raw(status, headers, body),
        Reply::Refused { code, status, message, retry_after } => {
            let status = status
                .and_then(|status| StatusCode::from_u16(status).ok())
                .unwrap_or_else(|| http_status(code));
            let mut response = body(status, json, refusal(code, &message, json));
            set_retry_after(&mut response, retry_after);
            response
        }
    }
}

/// In protobuf the answers of the three signals have one shape: field 1, with a count in its field 1 and a text in its
/// field 2. In JSON the count's name differs, and it is a string, as protobuf's JSON mapping writes 64-bit numbers.
fn success(rejected: u64, message: String, signal: Signal, json: bool) -> Vec<u8> {
    let said = rejected > 0 || !message.is_empty();
    if json {
        let partial =
            json!({"partialSuccess": {rejected_name(signal): rejected.to_string(), "errorMessage": message}});
        return if said { partial.to_string() } else { "{}".to_owned() }.into_bytes();
    }
    let rejected_spans = i64::try_from(rejected).unwrap_or(i64::MAX);
    let partial = ExportTracePartialSuccess { rejected_spans, error_message: message };
    ExportTraceServiceResponse { partial_success: said.then_some(partial) }.encode_to_vec()
}

fn rejected_name(signal: Signal) -> &'static str {
    match signal {
        Signal::Traces => "rejectedSpans",
        Signal::Logs => "rejectedLogRecords",
        Signal::Metrics => "rejectedDataPoints",
    }
}

fn refusal(code: Code, message: &str, json: bool) -> Vec<u8> {
    if json {
        return json!({"code": code as i32, "message": message}).to_string().into_bytes();
    }
    tonic_types::Status { code: code as i32, message: message.to_owned(), details: Vec::new() }
        .encode_to_vec()
}

fn body(status: StatusCode, json: bool, body: Vec<u8>) -> Response<Body> {
    let mut response = plain(status);
    let content_type = HeaderValue::from_static(if json { JSON } else { PROTOBUF });
    response.headers_mut().insert(header::CONTENT_TYPE, content_type);
    *response.body_mut() = Body::new(Full::from(body));
    response
}

/// Exactly this answer; also what a proxy in front of a gRPC server would say.
pub(crate) fn raw(status: u16, headers: Vec<(String, String)>, body: Vec<u8>) -> Response<Body> {
    let mut response = plain(StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR));
    for (name, value) in headers {
        if let (Ok(name), Ok(value)) = (name.parse::<header::HeaderName>(), value.parse()) {
            response.headers_mut().append(name, value);
        }
    }
    *response.body_mut() = Body::new(Full::from(body));
    response
}

fn set_retry_after(response: &mut Response<Body>, delay: Option<Duration>) {
    if let Some(delay) = delay {
        let seconds = delay.as_secs() + u64::from(delay.subsec_nanos() > 0);
        response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    }
}

/// As googleapis google/rpc/code.proto maps the codes, but RESOURCE_EXHAUSTED and UNAVAILABLE as OTLP uses them.
fn http_status(code: Code) -> StatusCode {
    match code {
        Code::InvalidArgument | Code::FailedPrecondition | Code::OutOfRange => StatusCode::BAD_REQUEST,
        Code::Unauthenticated => StatusCode::UNAUTHORIZED,
        Code::PermissionDenied => StatusCode::FORBIDDEN,
        Code::NotFound => StatusCode::NOT_FOUND,
        Code::Aborted | Code::AlreadyExists => StatusCode::CONFLICT,
        Code::ResourceExhausted => StatusCode::TOO_MANY_REQUESTS,
        Code::Unimplemented => StatusCode::NOT_IMPLEMENTED,
        Code::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        Code::DeadlineExceeded => StatusCode::GATEWAY_TIMEOUT,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}
