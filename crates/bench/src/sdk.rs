//! What the SDK's exporter sends for the same spans, and what they take where the host's constants stand on each.
//!
//! The spans go through the agent's own mapping, then into batches of 512 for each resource, as the SDK's batch
//! processor makes them, and through opentelemetry-otlp with gzip.

use crate::Result;
use crate::corpus::{self, Corpus};
use exporter::encode;
use model::{KeyValue, Span, SpanKind, Status, Value};
use opentelemetry::trace as otel;
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{Compression, Protocol, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanExporter as _, SpanLinks};
use parser::redact::Redactor;
use parser::zipkin::{self, Context, DropRules, Item};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

/// So many spans say enough of all.
const SAMPLE: u64 = 100_000;
/// `OTEL_BSP_MAX_EXPORT_BATCH_SIZE` by default.
const BATCH: usize = 512;

/// Bytes of a sample of spans.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sizes {
    pub(crate) spans: u64,
    /// What the SDK sent.
    pub(crate) sdk: u64,
    /// Encoded, with the resource's attributes on every span.
    pub(crate) constants_on_each: u64,
}

impl Sizes {
    /// Bytes a span that the SDK sent.
    #[allow(clippy::cast_precision_loss, reason = "a mean")]
    pub(crate) fn sdk_each(&self) -> f64 {
        self.sdk as f64 / self.spans.max(1) as f64
    }

    /// Bytes a span with the constants on it.
    #[allow(clippy::cast_precision_loss, reason = "a mean")]
    pub(crate) fn constants_each(&self) -> f64 {
        self.constants_on_each as f64 / self.spans.max(1) as f64
    }
}

/// Sends a sample of the corpus through the SDK.
pub(crate) fn sizes(of: &Corpus) -> Result<Sizes> {
    let (rules, redactor) = (DropRules::new(["Tracing.*"]), Redactor::new(true, &[]));
    let context = Context::new("host");
    let mut sender = Sender::new()?;
    let (mut sizes, mut out) = (Sizes::default(), Vec::new());
    corpus::for_each_line(of, |_, line| {
        if sizes.spans >= SAMPLE {
            return Ok(());
        }
        let mut sent = Ok(());
        zipkin::read(line, &context, &rules, |item| {
            let Item::Span { span, raw, .. } = item else { return };
            redactor.span(span, raw);
            sizes.spans += 1;
            sent = sender.add(span);
            span.attributes.append(&mut span.resource.attributes);
            out.clear();
            encode::span(span, &mut out);
            // A key, and a length of two bytes.
            sizes.constants_on_each += out.len() as u64 + 3;
        });
        sent
    })?;
    sizes.sdk = sender.finish()?;
    Ok(sizes)
}

/// Counts bodies and answers 200.
#[derive(Clone, Debug, Default)]
struct Counter(Arc<AtomicU64>);

type Answer<'a> = Pin<Box<dyn Future<Output = std::result::Result<Response<Bytes>, HttpError>> + Send + 'a>>;

impl HttpClient for Counter {
    fn send_bytes<'a, 'b>(&'a self, request: Request<Bytes>) -> Answer<'b>
    where
        'a: 'b,
        Self: 'b,
    {
        self.0.fetch_add(request.body().len() as u64, Ordering::Relaxed);
        Box::pin(async { Ok(Response::new(Bytes::new())) })
    }
}

/// One exporter with its batch for each resource.
struct Sender {
    counter: Counter,
    runtime: tokio::runtime::Runtime,
    groups: Vec<(model::Resource<'static>, SpanExporter, Vec<SpanData>)>,
}

impl Sender {
    fn new() -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
        Ok(Self { counter: Counter::default(), runtime, groups: Vec::new() })
    }

    fn add(&mut self, span: &Span<'_>) -> Result<()> {
        let known = self.groups.iter().position(|(resource, _, _)| *resource == span.resource);
        let at = known.map_or_else(|| self.open(&span.resource), Ok)?;
        let Some((_, exporter, batch)) = self.groups.get_mut(at) else { return Ok(()) };
        batch.push(span_data(span));
        if batch.len() >= BATCH {
            self.runtime.block_on(exporter.export(std::mem::take(batch)))?;
        }
        Ok(())
    }

    fn open(&mut self, resource: &model::Resource<'_>) -> Result<usize> {
        let builder = SpanExporter::builder().with_http().with_protocol(Protocol::HttpBinary);
        let builder = builder.with_endpoint("http://localhost/v1/traces").with_compression(Compression::Gzip);
        let mut exporter = builder.with_http_client(self.counter.clone()).build()?;
        let own = model::Resource { attributes: resource.attributes.iter().map(owned).collect() };
        exporter
            .set_resource(&Resource::builder_empty().with_attributes(attributes(&own.attributes)).build());
        self.groups.push((own, exporter, Vec::new()));
        Ok(self.groups.len() - 1)
    }

    /// Sends what is left; all bytes that were sent.
    fn finish(mut self) -> Result<u64> {
        for (_, exporter, batch) in &mut self.groups {
            self.runtime.block_on(exporter.export(std::mem::take(batch)))?;
        }
        Ok(self.counter.0.load(Ordering::Relaxed))
    }
}

fn owned(kv: &KeyValue<'_>) -> KeyValue<'static> {
    let value = match &kv.value {
        Value::Str(text) => Value::Str(text.clone().into_owned().into()),
        Value::Int(number) => Value::Int(*number),
        Value::Bool(truth) => Value::Bool(*truth),
        Value::Double(number) => Value::Double(*number),
    };
    KeyValue { key: kv.key.clone().into_owned().into(), value }
}

fn attributes(attributes: &[KeyValue<'_>]) -> Vec<opentelemetry::KeyValue> {
    attributes.iter().map(|kv| opentelemetry::KeyValue::new(kv.key.to_string(), value(&kv.value))).collect()
}

fn value(value: &Value<'_>) -> opentelemetry::Value {
    match value {
        Value::Str(text) => text.to_string().into(),
        Value::Int(number) => (*number).into(),
        Value::Bool(truth) => (*truth).into(),
        Value::Double(number) => (*number).into(),
    }
}

fn span_data(span: &Span<'_>) -> SpanData {
    let id = |id: Option<model::SpanId>| {
        id.map_or(otel::SpanId::INVALID, |id| otel::SpanId::from_bytes(*id.bytes()))
    };
    SpanData {
        span_context: otel::SpanContext::new(
            otel::TraceId::from_bytes(*span.trace_id.bytes()),
            id(Some(span.span_id)),
            otel::TraceFlags::SAMPLED,
            false,
            otel::TraceState::default(),
        ),
        parent_span_id: id(span.parent_id),
        parent_span_is_remote: false,
        span_kind: kind(span.kind),
        name: span.name.to_string().into(),
        start_time: time(span.start_unix_nano),
        end_time: time(span.end_unix_nano),
        attributes: attributes(&span.attributes),
        dropped_attributes_count: 0,
        events: events(span),
        links: SpanLinks::default(),
        status: status(&span.status),
        instrumentation_scope: opentelemetry::InstrumentationScope::builder(span.scope.name.to_string())
            .build(),
    }
}

fn time(unix_nano: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_nanos(unix_nano)
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

fn status(status: &Status<'_>) -> otel::Status {
    match status {
        Status::Unset => otel::Status::Unset,
        Status::Ok => otel::Status::Ok,
        Status::Error(message) => otel::Status::error(message.to_string()),
    }
}

fn events(span: &Span<'_>) -> SpanEvents {
    let mut events = SpanEvents::default();
    events.events.extend(span.events.iter().map(|event| {
        let name = event.name.to_string();
        otel::Event::new(name, time(event.time_unix_nano), attributes(&event.attributes), 0)
    }));
    events
}
