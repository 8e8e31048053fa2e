//! OTLP over gRPC; also against tonic's own server, which reads the frames with other code than ours.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use exporter::classify::{Answer, Failure, Grpc, Http, Partial, Reply, RetryAfter};
use exporter::transport::{Compression, Protocol, Signal, USER_AGENT};
use http::Version;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::service::TowerToHyperService;
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{
    TraceService, TraceServiceServer,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use tonic::codec::CompressionEncoding;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

use crate::server::{grpc_response, raw, response, serve};
use crate::{body, check_failed, request, settings, transport};

fn grpc(code: Code, message: &str, retry_info: Option<u64>, partial: Partial) -> Answer {
    let retry_info = retry_info.map(Duration::from_secs);
    Answer::Grpc(Grpc { code, message: message.to_owned(), retry_info, partial })
}

#[tokio::test]
async fn a_call_is_what_the_protocol_says() {
    let server = serve(|_| grpc_response(Some(b""), &[("grpc-status", "0")])).await;
    let cases = [
        (Signal::Traces, "/opentelemetry.proto.collector.trace.v1.TraceService/Export"),
        (Signal::Logs, "/opentelemetry.proto.collector.logs.v1.LogsService/Export"),
        (Signal::Metrics, "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export"),
    ];
    for (signal, path) in cases {
        let mut settings = settings(server.url("/ignored"), Protocol::Grpc);
        settings.signal = signal;
        settings.headers = vec![("x-scope-orgid".to_owned(), "dom0".to_owned())];
        let answer = transport(&settings).send(body()).await;
        assert_eq!(answer, grpc(Code::Ok, "", None, Partial::default()));
        let seen = server.seen().pop().unwrap();
        assert_eq!((seen.method.as_str(), seen.uri.path(), seen.version), ("POST", path, Version::HTTP_2));
        assert_eq!(seen.header("content-type"), Some("application/grpc"));
        assert_eq!(seen.header("te"), Some("trailers"));
        assert_eq!(seen.header("grpc-timeout"), Some("20000m"));
        assert_eq!(seen.header("grpc-encoding"), None);
        assert_eq!(seen.header("user-agent"), Some(USER_AGENT));
        assert_eq!(seen.header("x-scope-orgid"), Some("dom0"));
        assert_eq!(seen.body[..5], [0, 0, 0, 0, body().len() as u8]);
        assert_eq!(seen.body[5..], body());
    }
}

#[tokio::test]
async fn answers_are_read_as_they_are() {
    let none = Partial::default;
    let partial = b"\x0a\x09\x08\x03\x12\x05three";
    let three = Partial { rejected: 3, message: "three".to_owned() };
    let html = || response(200, &[("content-type", "text/html")], "<html>");
    let foreign = Reply::Foreign { content_type: "text/html".to_owned() };
    let http = |status, retry_after, reply| {
        Answer::Http(Http { status, retry_after, reply, message: String::new() })
    };
    let after = Some(RetryAfter::In(Duration::from_secs(3)));
    let cases = vec![
        (grpc_response(Some(partial), &[("grpc-status", "0")]), grpc(Code::Ok, "", None, three)),
        (grpc_response(None, &[("grpc-status", "0")]), grpc(Code::Ok, "", None, none())),
        (
            grpc_response(None, &[("grpc-status", "14"), ("grpc-message", "too%20busy")]),
            grpc(Code::Unavailable, "too busy", None, none()),
        ),
        (
            response(
                200,
                &[("content-type", "application/grpc"), ("grpc-status", "16"), ("grpc-message", "who")],
                "",
            ),
            grpc(Code::Unauthenticated, "who", None, none()),
        ),
        (
            grpc_response(None, &[("grpc-status", "8"), ("grpc-status-details-bin", "this is not base64!")]),
            grpc(Code::ResourceExhausted, "", None, none()),
        ),
        (response(503, &[("retry-after", "3")], ""), http(503, after, Reply::Empty)),
        (html(), http(200, None, foreign)),
    ];
    for (answer, expected) in cases {
        let answer = Mutex::new(Some(answer));
        let server = serve(move |_| answer.lock().unwrap().take().unwrap()).await;
        let settings = settings(server.url(""), Protocol::Grpc);
        assert_eq!(transport(&settings).send(body()).await, expected);
    }
}

#[tokio::test]
async fn a_stream_without_a_status_is_no_answer() {
    let server = serve(|_| grpc_response(Some(b""), &[])).await;
    let settings = settings(server.url(""), Protocol::Grpc);
    check_failed(transport(&settings).send(body()).await, Failure::Reset, true);
}

#[tokio::test]
async fn a_connection_that_ends_in_the_call_is_a_reset() {
    let closes = raw(|mut tcp| async move {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        // An empty SETTINGS frame, then the end.
        tcp.write_all(&[0, 0, 0, 4, 0, 0, 0, 0, 0]).await.unwrap();
        let mut buffer = vec![0; 1 << 16];
        let mut read = 0;
        while read < 100 {
            read += tcp.read(&mut buffer).await.unwrap();
        }
    })
    .await;
    let settings = settings(format!("http://{closes}"), Protocol::Grpc);
    let failed = crate::failed(transport(&settings).send(body()).await);
    assert_eq!(failed.failure, Failure::Reset, "{}", failed.message);
}

/// tonic's server, which answers what it is told and keeps what it got.
#[derive(Clone)]
struct Collector {
    answer: Result<i64, Status>,
    seen: Arc<Mutex<Vec<ExportTraceServiceRequest>>>,
}

#[tonic::async_trait]
impl TraceService for Collector {
    async fn export(
        &self,
        request: tonic::Request<ExportTraceServiceRequest>,
    ) -> Result<tonic::Response<ExportTraceServiceResponse>, Status> {
        self.seen.lock().unwrap().push(request.into_inner());
        let rejected_spans = self.answer.clone()?;
        let partial = ExportTracePartialSuccess { rejected_spans, error_message: "words".to_owned() };
        Ok(tonic::Response::new(ExportTraceServiceResponse { partial_success: Some(partial) }))
    }
}

impl Collector {
    fn new(answer: Result<i64, Status>) -> Self {
        Self { answer, seen: Arc::default() }
    }

    async fn start(&self) -> String {
        let service = TraceServiceServer::new(self.clone())
            .accept_compressed(CompressionEncoding::Gzip)
            .accept_compressed(CompressionEncoding::Zstd)
            .max_decoding_message_size(1 << 20);
        let service = TowerToHyperService::new(service);
        let address = raw(move |tcp| {
            let service = service.clone();
            async move {
                let server = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
                let _ = server.serve_connection(TokioIo::new(tcp), service).await;
            }
        })
        .await;
        format!("http://{address}")
    }
}

#[tokio::test]
async fn tonics_server_reads_each_compression() {
    for compression in [Compression::None, Compression::Gzip, Compression::Zstd] {
        let collector = Collector::new(Ok(2));
        let mut settings = settings(collector.start().await, Protocol::Grpc);
        settings.compression = compression;
        let answer = transport(&settings).send(body()).await;
        let partial = Partial { rejected: 2, message: "words".to_owned() };
        assert_eq!(answer, grpc(Code::Ok, "", None, partial), "{compression:?}");
        assert_eq!(*collector.seen.lock().unwrap(), [request()], "{compression:?}");
    }
}

#[tokio::test]
async fn tonics_statuses_are_read() {
    let details = ErrorDetails::with_retry_info(Some(Duration::from_secs(7)));
    let exhausted = Status::with_error_details(Code::ResourceExhausted, "ingestion rate", details);
    let cases = [
        (exhausted, grpc(Code::ResourceExhausted, "ingestion rate", Some(7), Partial::default())),
        (
            Status::invalid_argument("trace ids must be 128 bit"),
            grpc(Code::InvalidArgument, "trace ids must be 128 bit", None, Partial::default()),
        ),
        (Status::unavailable("ä %"), grpc(Code::Unavailable, "ä %", None, Partial::default())),
    ];
    for (status, expected) in cases {
        let collector = Collector::new(Err(status));
        let settings = settings(collector.start().await, Protocol::Grpc);
        assert_eq!(transport(&settings).send(body()).await, expected);
    }
}

#[tokio::test]
async fn a_message_beyond_the_servers_limit_is_told_by_its_status() {
    let collector = Collector::new(Ok(0));
    let settings = settings(collector.start().await, Protocol::Grpc);
    let mut large = request();
    large.resource_spans[0].schema_url = "x".repeat(4 << 20);
    let answer = transport(&settings).send(prost::Message::encode_to_vec(&large).into()).await;
    let Answer::Grpc(answer) = answer else { panic!("{answer}") };
    assert!(matches!(answer.code, Code::OutOfRange | Code::ResourceExhausted), "{answer:?}");
    assert!(collector.seen.lock().unwrap().is_empty());
}
