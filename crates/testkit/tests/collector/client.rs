//! Requests, and a sender for each transport.

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use hyper_util::rt::TokioExecutor;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::metrics::v1::{
    Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics, Sum, metric, number_data_point,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use std::io::Write;
use testkit::collector::{Collector, Options};

pub(crate) const UUID: &str = "cb043a21-9c51-4418-a1e8-e7079ac6dc1a";

pub(crate) fn start() -> Collector {
    Collector::start(Options::default()).unwrap()
}

fn kv(key: &str, value: &str) -> KeyValue {
    let value = AnyValue { value: Some(any_value::Value::StringValue(value.into())) };
    KeyValue { key: key.into(), value: Some(value), ..KeyValue::default() }
}

fn resource() -> Option<Resource> {
    let attributes = vec![kv("service.name", "xapi"), kv("xs.host.uuid", UUID)];
    Some(Resource { attributes, ..Resource::default() })
}

/// Spans with the ids 1, 2 … of one trace.
pub(crate) fn spans(count: u8) -> ExportTraceServiceRequest {
    let span = |id: u8| Span {
        trace_id: vec![7; 16],
        span_id: vec![0, 0, 0, 0, 0, 0, 0, id],
        name: format!("span {id}"),
        kind: 2,
        start_time_unix_nano: 1_000,
        end_time_unix_nano: 2_000,
        attributes: vec![kv("xs.xapi.task.id", "R:3e35c13ce76f")],
        ..Span::default()
    };
    let scope_spans = vec![ScopeSpans { spans: (1..=count).map(span).collect(), ..ScopeSpans::default() }];
    let group = ResourceSpans { resource: resource(), scope_spans, ..ResourceSpans::default() };
    ExportTraceServiceRequest { resource_spans: vec![group] }
}

/// Lines with the bodies "line 1", "line 2" …, at seconds 1, 2 …
pub(crate) fn logs(count: u8) -> ExportLogsServiceRequest {
    let record = |id: u8| LogRecord {
        time_unix_nano: u64::from(id) * 1_000_000_000,
        body: Some(AnyValue { value: Some(any_value::Value::StringValue(format!("line {id}"))) }),
        trace_id: vec![7; 16],
        span_id: vec![0, 0, 0, 0, 0, 0, 0, id],
        attributes: vec![kv("log.record.uid", &format!("{id:032x}"))],
        ..LogRecord::default()
    };
    let scope_logs =
        vec![ScopeLogs { log_records: (1..=count).map(record).collect(), ..ScopeLogs::default() }];
    let group = ResourceLogs { resource: resource(), scope_logs, ..ResourceLogs::default() };
    ExportLogsServiceRequest { resource_logs: vec![group] }
}

/// A counter at 5.
pub(crate) fn metrics() -> ExportMetricsServiceRequest {
    let value = Some(number_data_point::Value::AsInt(5));
    let point = NumberDataPoint { value, ..NumberDataPoint::default() };
    let data = Some(metric::Data::Sum(Sum { data_points: vec![point], ..Sum::default() }));
    let metric = Metric { name: "lines".into(), data, ..Metric::default() };
    let scope_metrics = vec![ScopeMetrics { metrics: vec![metric], ..ScopeMetrics::default() }];
    let group = ResourceMetrics { resource: resource(), scope_metrics, ..ResourceMetrics::default() };
    ExportMetricsServiceRequest { resource_metrics: vec![group] }
}

pub(crate) fn compress(encoding: &str, body: &[u8]) -> Vec<u8> {
    match encoding {
        "gzip" => {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
            encoder.write_all(body).unwrap();
            encoder.finish().unwrap()
        }
        "zstd" => zstd::stream::encode_all(body, 0).unwrap(),
        _ => body.to_vec(),
    }
}

/// What came back: status, headers by name, body.
pub(crate) type Answer = (u16, http::HeaderMap, Bytes);

/// Posts a body; an error is a connection without an answer.
pub(crate) async fn post(
    url: &str,
    content_type: &str,
    encoding: &str,
    body: &[u8],
) -> Result<Answer, hyper_util::client::legacy::Error> {
    let client: Client<HttpConnector, Full<Bytes>> = Client::builder(TokioExecutor::new()).build_http();
    let mut request = Request::post(url).header("content-type", content_type);
    if !encoding.is_empty() {
        request = request.header("content-encoding", encoding);
    }
    let body = Full::from(compress(encoding, body));
    let response = client.request(request.body(body).unwrap()).await?;
    let (parts, body) = response.into_parts();
    let body = body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    Ok((parts.status.as_u16(), parts.headers, body))
}
