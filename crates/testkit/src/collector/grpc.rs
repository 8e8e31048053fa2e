//! OTLP/gRPC, served by tonic with a codec that hands on the message's bytes: so both transports share one decoder,
//! and what is saved is what came, with fields that this schema doesn't know.

use super::exchange::{Cutter, Exchange};
use super::http::raw;
use super::script::Code;
use super::verdict::Reply;
use super::{Shared, Signal, Transport};
use bytes::{Buf, BufMut, Bytes};
use http::Response;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper_util::rt::TokioExecutor;
use hyper_util::server::conn::auto;
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceResponse,
};
use prost::Message;
use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use tonic::Status;
use tonic::body::Body;
use tonic::codec::{Codec, CompressionEncoding, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::codegen::Service;
use tonic_types::{ErrorDetails, StatusExt};

/// An HTTP answer that takes the place of the gRPC one.
type Instead = Arc<Mutex<Option<Response<Body>>>>;

/// Serves one connection to its end, in HTTP/1 or HTTP/2 as the other side begins.
pub(crate) async fn connection<I, S>(io: I, service: S)
where
    I: hyper::rt::Read + hyper::rt::Write + Unpin + 'static,
    S: hyper::service::Service<http::Request<Incoming>, Response = Response<Body>, Error = Infallible>,
    S::Future: Send + 'static,
{
    let _ = auto::Builder::new(TokioExecutor::new()).serve_connection(io, service).await;
}

/// Answers one request.
pub(crate) async fn serve(
    shared: &Arc<Shared>,
    cutter: &Cutter,
    request: http::Request<Incoming>,
) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let Some(signal) = signal_of(parts.uri.path()) else {
        return Status::unimplemented(format!("{} is not known", parts.uri.path())).into_http();
    };
    let exchange = Exchange::open(shared, cutter, super::head(&parts, signal, Transport::Grpc), false);
    exchange.before_reading().await;
    let wire = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&wire);
    let body = body.map_frame(move |frame| {
        let bytes = frame.data_ref().map_or(0, Bytes::len) as u64;
        counter.fetch_add(bytes, Ordering::Relaxed);
        frame
    });
    let instead = Instead::default();
    let export = Export { exchange: Some(exchange), wire, instead: Arc::clone(&instead) };
    let mut grpc = tonic::server::Grpc::new(RawCodec)
        .accept_compressed(CompressionEncoding::Gzip)
        .accept_compressed(CompressionEncoding::Zstd)
        .max_decoding_message_size(usize::MAX);
    let response = grpc.unary(export, http::Request::from_parts(parts, body)).await;
    instead.lock().unwrap_or_else(PoisonError::into_inner).take().unwrap_or(response)
}

fn signal_of(path: &str) -> Option<Signal> {
    match path {
        "/opentelemetry.proto.collector.trace.v1.TraceService/Export" => Some(Signal::Traces),
        "/opentelemetry.proto.collector.logs.v1.LogsService/Export" => Some(Signal::Logs),
        "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export" => Some(Signal::Metrics),
        _ => None,
    }
}

/// The one method of each of the three services.
struct Export {
    exchange: Option<Exchange>,
    wire: Arc<AtomicU64>,
    instead: Instead,
}

type Answer = Result<tonic::Response<Bytes>, Status>;

impl Service<tonic::Request<Bytes>> for Export {
    type Response = tonic::Response<Bytes>;
    type Error = Status;
    type Future = Pin<Box<dyn Future<Output = Answer> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Status>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: tonic::Request<Bytes>) -> Self::Future {
        let (exchange, instead) = (self.exchange.take(), Arc::clone(&self.instead));
        let wire = self.wire.load(Ordering::Relaxed);
        Box::pin(async move {
            let exchange = exchange.ok_or_else(|| Status::internal("a unary call has one message"))?;
            let body = request.into_inner();
            exchange.came(wire, body.len() as u64);
            respond(exchange.answer(body).await, &instead)
        })
    }
}

/// A reply in gRPC's words.
fn respond(reply: Reply, instead: &Instead) -> Answer {
    match reply {
        Reply::Success | Reply::NoContent => Ok(success(None)),
        Reply::Partial { rejected, message } => {
            let rejected_spans = i64::try_from(rejected).unwrap_or(i64::MAX);
            Ok(success(Some(ExportTracePartialSuccess { rejected_spans, error_message: message })))
        }
        Reply::Refused { code, message, retry_after, .. } => Err(refusal(code, message, retry_after)),
        Reply::Raw { status, headers, body } => {
            *instead.lock().unwrap_or_else(PoisonError::into_inner) = Some(raw(status, headers, body));
            Err(Status::unknown("answered by HTTP"))
        }
    }
}

/// The answers of the three signals have one shape: field 1, with a count in its field 1 and a text in its field 2.
fn success(partial_success: Option<ExportTracePartialSuccess>) -> tonic::Response<Bytes> {
    tonic::Response::new(ExportTraceServiceResponse { partial_success }.encode_to_vec().into())
}

fn refusal(code: Code, message: String, retry_after: Option<std::time::Duration>) -> Status {
    match retry_after {
        None => Status::new(code, message),
        Some(delay) => Status::with_error_details(code, message, ErrorDetails::with_retry_info(Some(delay))),
    }
}

/// Messages as bytes.
#[derive(Clone, Copy)]
struct RawCodec;

impl Codec for RawCodec {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for RawCodec {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, item: Bytes, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put(item);
        Ok(())
    }
}

impl Decoder for RawCodec {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(buffer.copy_to_bytes(buffer.remaining())))
    }
}
