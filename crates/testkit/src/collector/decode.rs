//! Requests → rows: protobuf and JSON by the schema's own crate.

use super::Signal;
use super::rows::{Attributes, LogRow, MetricRow, Row, SpanRow, hex};
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value};
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use opentelemetry_proto::tonic::metrics::v1::{Metric, metric, number_data_point};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::sync::Arc;

/// The records of one request.
///
/// # Errors
/// The decoder's words, if the bytes are no such request.
pub(crate) fn rows(signal: Signal, json: bool, body: &[u8], request: u64) -> Result<Vec<Row>, String> {
    Ok(match signal {
        Signal::Traces => spans(parse::<ExportTraceServiceRequest>(json, body)?, request),
        Signal::Logs => logs(parse::<ExportLogsServiceRequest>(json, body)?, request),
        Signal::Metrics => metrics(parse::<ExportMetricsServiceRequest>(json, body)?, request),
    })
}

fn parse<T: Message + Default + DeserializeOwned>(json: bool, body: &[u8]) -> Result<T, String> {
    if json { from_json(body) } else { T::decode(body).map_err(|error| error.to_string()) }
}

#[cfg(feature = "every-protocol")]
fn from_json<T: DeserializeOwned>(body: &[u8]) -> Result<T, String> {
    serde_json::from_slice(body).map_err(|error| error.to_string())
}

#[cfg(not(feature = "every-protocol"))]
fn from_json<T: DeserializeOwned>(_: &[u8]) -> Result<T, String> {
    Err("JSON is not read here".to_owned())
}

fn spans(export: ExportTraceServiceRequest, request: u64) -> Vec<Row> {
    let mut rows = Vec::new();
    for group in export.resource_spans {
        let resource = resource(group.resource);
        for scoped in group.scope_spans {
            let scope = scope(scoped.scope);
            rows.extend(
                scoped.spans.into_iter().map(|span| Row::Span(self::span(span, request, &scope, &resource))),
            );
        }
    }
    rows
}

fn span(span: Span, request: u64, scope: &(String, String), resource: &Arc<Attributes>) -> SpanRow {
    let status = span.status.unwrap_or_default();
    let events =
        span.events.into_iter().map(|event| (event.time_unix_nano, event.name, attributes(event.attributes)));
    SpanRow {
        request,
        trace_id: hex(&span.trace_id),
        span_id: hex(&span.span_id),
        parent_id: hex(&span.parent_span_id),
        kind: span.kind,
        name: span.name,
        start: span.start_time_unix_nano,
        end: span.end_time_unix_nano,
        status: status.code,
        status_message: status.message,
        attributes: attributes(span.attributes),
        events: events.collect(),
        scope: scope.clone(),
        resource: Arc::clone(resource),
    }
}

fn logs(export: ExportLogsServiceRequest, request: u64) -> Vec<Row> {
    let mut rows = Vec::new();
    for group in export.resource_logs {
        let resource = resource(group.resource);
        let records = group.scope_logs.into_iter().flat_map(|scoped| scoped.log_records);
        rows.extend(records.map(|record| Row::Log(log(record, request, &resource))));
    }
    rows
}

fn log(record: LogRecord, request: u64, resource: &Arc<Attributes>) -> LogRow {
    LogRow {
        request,
        time: record.time_unix_nano,
        observed_time: record.observed_time_unix_nano,
        severity: record.severity_number,
        severity_text: record.severity_text,
        body: match value(record.body) {
            Value::String(text) => text,
            Value::Null => String::new(),
            other => other.to_string(),
        },
        trace_id: hex(&record.trace_id),
        span_id: hex(&record.span_id),
        flags: record.flags,
        attributes: attributes(record.attributes),
        resource: Arc::clone(resource),
    }
}

fn metrics(export: ExportMetricsServiceRequest, request: u64) -> Vec<Row> {
    let mut rows = Vec::new();
    for group in export.resource_metrics {
        let resource = resource(group.resource);
        let all = group.scope_metrics.into_iter().flat_map(|scoped| scoped.metrics);
        rows.extend(all.map(|one| Row::Metric(metric(one, request, &resource))));
    }
    rows
}

fn metric(metric: Metric, request: u64, resource: &Arc<Attributes>) -> MetricRow {
    let (kind, points) = match metric.data {
        Some(metric::Data::Gauge(data)) => ("gauge", numbers(data.data_points)),
        Some(metric::Data::Sum(data)) => ("sum", numbers(data.data_points)),
        Some(metric::Data::Histogram(data)) => {
            let points = data.data_points.into_iter();
            ("histogram", points.map(|p| (attributes(p.attributes), p.sum.unwrap_or_default())).collect())
        }
        Some(metric::Data::ExponentialHistogram(_)) => ("exponential_histogram", Vec::new()),
        Some(metric::Data::Summary(_)) => ("summary", Vec::new()),
        None => ("none", Vec::new()),
    };
    MetricRow { request, name: metric.name, unit: metric.unit, kind, points, resource: Arc::clone(resource) }
}

fn numbers(points: Vec<opentelemetry_proto::tonic::metrics::v1::NumberDataPoint>) -> Vec<(Attributes, f64)> {
    let number = |value| match value {
        Some(number_data_point::Value::AsDouble(value)) => value,
        #[allow(clippy::cast_precision_loss, reason = "counters of a test stay far below 2^52")]
        Some(number_data_point::Value::AsInt(value)) => value as f64,
        None => f64::NAN,
    };
    points.into_iter().map(|point| (attributes(point.attributes), number(point.value))).collect()
}

fn resource(resource: Option<Resource>) -> Arc<Attributes> {
    Arc::new(attributes(resource.unwrap_or_default().attributes))
}

fn scope(scope: Option<InstrumentationScope>) -> (String, String) {
    scope.map(|scope| (scope.name, scope.version)).unwrap_or_default()
}

fn attributes(attributes: Vec<KeyValue>) -> Attributes {
    attributes.into_iter().map(|kv| (kv.key, value(kv.value))).collect()
}

fn value(any: Option<AnyValue>) -> Value {
    use any_value::Value as Any;
    match any.and_then(|any| any.value) {
        None => Value::Null,
        Some(Any::StringValue(text)) => text.into(),
        Some(Any::BoolValue(truth)) => truth.into(),
        Some(Any::IntValue(number)) => number.into(),
        Some(Any::DoubleValue(number)) => number.into(),
        Some(Any::BytesValue(bytes)) => hex(&bytes).into(),
        Some(Any::ArrayValue(list)) => list.values.into_iter().map(|one| value(Some(one))).collect(),
        Some(Any::KvlistValue(map)) => attributes(map.values).into_iter().collect(),
        Some(other) => format!("{other:?}").into(),
    }
}
