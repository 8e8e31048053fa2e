//! Spans and log records through the SDK's OTLP exporters; the requests are caught where they would be sent.

use model::{LogRecord, Scope, Severity, Span, SpanKind, Status, TraceContext, Value};
use opentelemetry::logs::{AnyValue, LogRecord as _, Logger as _, LoggerProvider as _};
use opentelemetry::trace as otel;
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{LogExporter, Protocol, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::logs::{LogBatch, LogExporter as _, SdkLogRecord, SdkLoggerProvider};
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanExporter as _, SpanLinks};
use prost::Message;
use std::borrow::Cow;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

/// Keeps each body and answers 200.
#[derive(Clone, Debug, Default)]
struct Catcher(Arc<Mutex<Vec<Bytes>>>);

type Answer<'a> = Pin<Box<dyn Future<Output = Result<Response<Bytes>, HttpError>> + Send + 'a>>;

impl HttpClient for Catcher {
    fn send_bytes<'a, 'b>(&'a self, request: Request<Bytes>) -> Answer<'b>
    where
        'a: 'b,
        Self: 'b,
    {
        self.0.lock().unwrap().push(request.into_body());
        Box::pin(async { Ok(Response::new(Bytes::new())) })
    }
}

impl Catcher {
    fn requests<M: Message + Default>(&self) -> Vec<M> {
        self.0.lock().unwrap().drain(..).map(|body| M::decode(body).unwrap()).collect()
    }
}

fn wait<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(future)
}

/// One request for each resource: an exporter has but one.
pub(crate) fn traces(spans: &[Span<'static>]) -> Vec<ExportTraceServiceRequest> {
    let catcher = Catcher::default();
    for (resource, own) in by_resource(spans, |span| &span.resource) {
        let builder = SpanExporter::builder().with_http().with_protocol(Protocol::HttpBinary);
        let builder = builder.with_endpoint("http://localhost/v1/traces").with_http_client(catcher.clone());
        let mut exporter = builder.build().unwrap();
        exporter.set_resource(&resource);
        wait(exporter.export(own.into_iter().map(span_data).collect())).unwrap();
    }
    catcher.requests()
}

/// As [`traces`]; each record with its trace context, where it has one.
pub(crate) fn logs(records: &[(LogRecord<'static>, Option<TraceContext>)]) -> Vec<ExportLogsServiceRequest> {
    let catcher = Catcher::default();
    let empty = scope(&Scope::default());
    for (resource, own) in by_resource(records, |(record, _)| &record.resource) {
        let builder = LogExporter::builder().with_http().with_protocol(Protocol::HttpBinary);
        let builder = builder.with_endpoint("http://localhost/v1/logs").with_http_client(catcher.clone());
        let mut exporter = builder.build().unwrap();
        exporter.set_resource(&resource);
        let own: Vec<SdkLogRecord> =
            own.into_iter().map(|(record, context)| log_data(record, context.as_ref())).collect();
        let batch: Vec<_> = own.iter().map(|record| (record, &empty)).collect();
        wait(exporter.export(LogBatch::new(&batch))).unwrap();
    }
    catcher.requests()
}

fn by_resource<T>(
    records: &[T],
    resource: impl Fn(&T) -> &model::Resource<'static>,
) -> Vec<(Resource, Vec<&T>)> {
    let mut groups: Vec<(&model::Resource<'static>, Vec<&T>)> = Vec::new();
    for record in records {
        let own = resource(record);
        match groups.iter_mut().find(|(known, _)| *known == own) {
            Some((_, group)) => group.push(record),
            None => groups.push((resource(record), vec![record])),
        }
    }
    let sdk = |resource: &model::Resource<'static>| {
        Resource::builder_empty().with_attributes(attributes(&resource.attributes)).build()
    };
    groups.into_iter().map(|(resource, group)| (sdk(resource), group)).collect()
}

fn attributes(attributes: &[model::KeyValue<'static>]) -> Vec<KeyValue> {
    attributes.iter().map(|kv| KeyValue::new(kv.key.to_string(), value(&kv.value))).collect()
}

fn value(value: &Value<'static>) -> opentelemetry::Value {
    match value {
        Value::Str(text) => text.to_string().into(),
        Value::Int(number) => (*number).into(),
        Value::Bool(truth) => (*truth).into(),
        Value::Double(number) => (*number).into(),
    }
}

fn any_value(value: &Value<'static>) -> AnyValue {
    match value {
        Value::Str(text) => text.to_string().into(),
        Value::Int(number) => (*number).into(),
        Value::Bool(truth) => (*truth).into(),
        Value::Double(number) => (*number).into(),
    }
}

fn time(unix_nano: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_nanos(unix_nano)
}

fn scope(scope: &Scope<'static>) -> InstrumentationScope {
    let builder = InstrumentationScope::builder(scope.name.to_string());
    if scope.version.is_empty() {
        builder.build()
    } else {
        builder.with_version(scope.version.to_string()).build()
    }
}

fn trace_id(id: model::TraceId) -> otel::TraceId {
    otel::TraceId::from_bytes(*id.bytes())
}

fn span_id(id: Option<model::SpanId>) -> otel::SpanId {
    id.map_or(otel::SpanId::INVALID, |id| otel::SpanId::from_bytes(*id.bytes()))
}

fn span_data(span: &Span<'static>) -> SpanData {
    let sampled = otel::TraceFlags::SAMPLED;
    let own = span_id(Some(span.span_id));
    SpanData {
        span_context: otel::SpanContext::new(
            trace_id(span.trace_id),
            own,
            sampled,
            false,
            otel::TraceState::default(),
        ),
        parent_span_id: span_id(span.parent_id),
        parent_span_is_remote: false,
        span_kind: kind(span.kind),
        name: span.name.clone(),
        start_time: time(span.start_unix_nano),
        end_time: time(span.end_unix_nano),
        attributes: attributes(&span.attributes),
        dropped_attributes_count: 0,
        events: events(span),
        links: SpanLinks::default(),
        status: status(&span.status),
        instrumentation_scope: scope(&span.scope),
    }
}

fn kind(kind: SpanKind) -> otel::SpanKind {
    match kind {
        SpanKind::Internal => otel::SpanKind::Internal,
        SpanKind::Server => otel::SpanKind::Server,
        SpanKind::Client => otel::SpanKind::Client,
        SpanKind::Producer => otel::SpanKind::Producer,
        SpanKind::Consumer => otel::SpanKind::Consumer,
    }
}

fn status(status: &Status<'static>) -> otel::Status {
    match status {
        Status::Unset => otel::Status::Unset,
        Status::Ok => otel::Status::Ok,
        Status::Error(message) => otel::Status::error(message.clone()),
    }
}

fn events(span: &Span<'static>) -> SpanEvents {
    let mut events = SpanEvents::default();
    events.events.extend(span.events.iter().map(|event| {
        otel::Event::new(event.name.clone(), time(event.time_unix_nano), attributes(&event.attributes), 0)
    }));
    events
}

/// Only a logger hands out records; one of a provider without processors does nothing else.
fn log_data(record: &LogRecord<'static>, context: Option<&TraceContext>) -> SdkLogRecord {
    let mut data = SdkLoggerProvider::builder().build().logger("").create_log_record();
    data.set_timestamp(time(record.time_unix_nano));
    data.set_observed_timestamp(time(1));
    if let Some(number) = record.severity {
        data.set_severity_number(severity(number));
    }
    if let Cow::Borrowed(text) = record.severity_text {
        data.set_severity_text(text);
    }
    data.set_body(record.body.to_string().into());
    for kv in &record.attributes {
        data.add_attribute(kv.key.to_string(), any_value(&kv.value));
    }
    if let Some(context) = context {
        join(context, &mut data);
    }
    data
}

fn join(context: &TraceContext, data: &mut SdkLogRecord) {
    data.add_attribute("xs.correlation", context.correlation.as_str());
    if let Some(hint) = context.traceparent_span_id {
        data.add_attribute("xs.traceparent.span_id", hint.to_string());
    }
    data.set_trace_context(
        trace_id(context.trace_id),
        span_id(context.span_id),
        Some(otel::TraceFlags::SAMPLED),
    );
}

fn severity(severity: Severity) -> opentelemetry::logs::Severity {
    use opentelemetry::logs::Severity as Sdk;
    match severity {
        Severity::Debug => Sdk::Debug,
        Severity::Info => Sdk::Info,
        Severity::Audit => Sdk::Info2,
        Severity::Warn => Sdk::Warn,
        Severity::Error => Sdk::Error,
        Severity::Critical => Sdk::Fatal,
    }
}
