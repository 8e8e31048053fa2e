//! The numbers as OTLP.

use super::histogram::{BOUNDS_MS, millis};
use super::series::{Attributes, Exemplar, Series, Table};
use model::SpanKind;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value};
use opentelemetry_proto::tonic::metrics::v1::{
    AggregationTemporality, Exemplar as OtlpExemplar, Histogram, HistogramDataPoint, Metric, NumberDataPoint,
    ResourceMetrics, ScopeMetrics, Sum, exemplar, metric, number_data_point,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use prost::Message;

const CUMULATIVE: i32 = AggregationTemporality::Cumulative as i32;

/// From when to when the numbers are.
#[derive(Clone, Copy)]
struct Span {
    start_unix_nano: u64,
    now_unix_nano: u64,
}

/// An `ExportMetricsServiceRequest` of all series.
pub(super) fn encode(table: &Table, start_unix_nano: u64, now_unix_nano: u64) -> Vec<u8> {
    let span = Span { start_unix_nano, now_unix_nano };
    let resource_metrics =
        table.by_resource().map(|(attributes, series)| resource(attributes, &series, span));
    ExportMetricsServiceRequest { resource_metrics: resource_metrics.collect() }.encode_to_vec()
}

fn resource(attributes: &Attributes, series: &[&Series], span: Span) -> ResourceMetrics {
    let service = attributes.iter().find(|(key, _)| key == "service.name").map_or("", |(_, value)| value);
    let calls = series.iter().map(|series| calls(series, service, span)).collect();
    let durations = series.iter().map(|series| duration(series, service, span)).collect();
    let calls = metric::Data::Sum(Sum {
        data_points: calls,
        aggregation_temporality: CUMULATIVE,
        is_monotonic: true,
    });
    let durations =
        metric::Data::Histogram(Histogram { data_points: durations, aggregation_temporality: CUMULATIVE });
    let metrics = vec![
        made("traces.span.metrics.calls", "", "spans", calls),
        made("traces.span.metrics.duration", "ms", "how long they took", durations),
    ];
    let scope = InstrumentationScope {
        name: "xapi-observer".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        ..InstrumentationScope::default()
    };
    let scope_metrics = ScopeMetrics { scope: Some(scope), metrics, ..ScopeMetrics::default() };
    let attributes = attributes.iter().map(|(key, value)| text(key, value)).collect();
    ResourceMetrics {
        resource: Some(Resource { attributes, ..Resource::default() }),
        scope_metrics: vec![scope_metrics],
        ..ResourceMetrics::default()
    }
}

fn made(name: &str, unit: &str, description: &str, data: metric::Data) -> Metric {
    Metric {
        name: name.to_owned(),
        unit: unit.to_owned(),
        description: description.to_owned(),
        data: Some(data),
        ..Metric::default()
    }
}

fn calls(series: &Series, service: &str, span: Span) -> NumberDataPoint {
    NumberDataPoint {
        attributes: attributes(series, service),
        start_time_unix_nano: span.start_unix_nano,
        time_unix_nano: span.now_unix_nano,
        value: Some(number_data_point::Value::AsInt(series.durations.count.cast_signed())),
        ..NumberDataPoint::default()
    }
}

fn duration(series: &Series, service: &str, span: Span) -> HistogramDataPoint {
    HistogramDataPoint {
        attributes: attributes(series, service),
        start_time_unix_nano: span.start_unix_nano,
        time_unix_nano: span.now_unix_nano,
        count: series.durations.count,
        sum: Some(series.durations.sum_ms),
        bucket_counts: series.durations.buckets.to_vec(),
        explicit_bounds: BOUNDS_MS.to_vec(),
        exemplars: series.exemplar.iter().map(sample).collect(),
        ..HistogramDataPoint::default()
    }
}

fn sample(exemplar: &Exemplar) -> OtlpExemplar {
    OtlpExemplar {
        trace_id: exemplar.trace_id.bytes().to_vec(),
        span_id: exemplar.span_id.bytes().to_vec(),
        time_unix_nano: exemplar.end_unix_nano,
        value: Some(exemplar::Value::AsDouble(millis(exemplar.duration))),
        ..OtlpExemplar::default()
    }
}

fn attributes(series: &Series, service: &str) -> Vec<KeyValue> {
    let mut attributes = vec![
        text("service.name", service),
        text("span.kind", kind(series.kind)),
        text("status.code", series.status),
    ];
    match &series.operation {
        Some(operation) => attributes.push(text("span.name", operation)),
        None => attributes.push(keyed("otel.metric.overflow", any_value::Value::BoolValue(true))),
    }
    attributes
}

fn text(key: &str, value: &str) -> KeyValue {
    keyed(key, any_value::Value::StringValue(value.to_owned()))
}

fn keyed(key: &str, value: any_value::Value) -> KeyValue {
    KeyValue { key: key.to_owned(), value: Some(AnyValue { value: Some(value) }), ..KeyValue::default() }
}

/// As the connector writes it.
fn kind(kind: SpanKind) -> &'static str {
    match kind {
        SpanKind::Internal => "SPAN_KIND_INTERNAL",
        SpanKind::Server => "SPAN_KIND_SERVER",
        SpanKind::Client => "SPAN_KIND_CLIENT",
        SpanKind::Producer => "SPAN_KIND_PRODUCER",
        SpanKind::Consumer => "SPAN_KIND_CONSUMER",
    }
}
