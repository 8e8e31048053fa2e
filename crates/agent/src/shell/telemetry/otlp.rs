//! Own metrics by OTLP: recorded with the OpenTelemetry SDK, encoded by opentelemetry-otlp, sent by our transport.

use super::Source;
use super::instruments::{INSTRUMENTS, Instrument, Kind};
use crate::shell::metrics_way::MetricsWay;
use async_trait::async_trait;
use bytes::Bytes;
use exporter::classify::{Answer, Class, classify};
use opentelemetry::KeyValue;
use opentelemetry::metrics::{AsyncInstrument, Meter, MeterProvider};
use opentelemetry_http::{HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{MetricExporter, Protocol, RetryPolicy, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::metrics::{PeriodicReader, SdkMeterProvider, Stream};
use std::fmt;
use std::io::Read;
use std::sync::Arc;
use std::time::Duration;

/// How often the metrics leave.
const EVERY: Duration = Duration::from_secs(60);

/// The series of one instrument: a signal and a reason, of which there are a few dozen. The SDK has room for so many from the
/// start, for 2,000 if it is not told.
const SERIES_MAX: usize = 200;

/// Starts to record and send. Dropping the provider after `shutdown` ends it.
///
/// # Errors
/// What the SDK says, in words.
pub(crate) fn start(
    way: MetricsWay,
    runtime: tokio::runtime::Handle,
    resource: Vec<(String, String)>,
    source: Source,
) -> Result<SdkMeterProvider, String> {
    let exporter = MetricExporter::builder()
        .with_http()
        .with_protocol(Protocol::HttpBinary)
        .with_endpoint("http://own-metrics.invalid/v1/metrics")
        .with_http_client(Client { way, runtime })
        .with_retry_policy(RetryPolicy::disabled())
        .build()
        .map_err(|error| error.to_string())?;
    let attributes = resource.into_iter().map(|(key, value)| KeyValue::new(key, value));
    let provider = SdkMeterProvider::builder()
        .with_reader(PeriodicReader::builder(exporter).with_interval(EVERY).build())
        .with_view(|_| Stream::builder().with_cardinality_limit(SERIES_MAX).build().ok())
        .with_resource(Resource::builder_empty().with_attributes(attributes).build())
        .build();
    let meter = provider.meter("xapi-observer");
    INSTRUMENTS.iter().for_each(|instrument| register(&meter, *instrument, Arc::clone(&source)));
    Ok(provider)
}

fn register(meter: &Meter, instrument: Instrument, source: Source) {
    let Instrument { name, unit, about, kind, read } = instrument;
    // Whole numbers up to 2^53 come through exactly.
    let whole = {
        let source = Arc::clone(&source);
        move |to: &dyn AsyncInstrument<u64>| {
            each(&source, read, &mut |number, attributes| to.observe(number as u64, attributes));
        }
    };
    let real = move |to: &dyn AsyncInstrument<f64>| {
        each(&source, read, &mut |number, attributes| to.observe(number, attributes));
    };
    match kind {
        Kind::Counter => drop(
            meter
                .u64_observable_counter(name)
                .with_unit(unit)
                .with_description(about)
                .with_callback(whole)
                .build(),
        ),
        Kind::Gauge => drop(
            meter
                .u64_observable_gauge(name)
                .with_unit(unit)
                .with_description(about)
                .with_callback(whole)
                .build(),
        ),
        Kind::Seconds => drop(
            meter
                .f64_observable_counter(name)
                .with_unit(unit)
                .with_description(about)
                .with_callback(real)
                .build(),
        ),
        Kind::Ratio => drop(
            meter
                .f64_observable_gauge(name)
                .with_unit(unit)
                .with_description(about)
                .with_callback(real)
                .build(),
        ),
    }
}

/// Gives each number of an instrument with its attributes.
fn each(
    source: &Source,
    read: fn(&crate::engine::Status, super::instruments::Take<'_>),
    take: &mut dyn FnMut(f64, &[KeyValue]),
) {
    let Some(status) = source() else { return };
    read(&status, &mut |number, attributes| {
        let attributes: Vec<KeyValue> =
            attributes.iter().map(|(key, value)| KeyValue::new(*key, (*value).to_owned())).collect();
        take(number, &attributes);
    });
}

/// Our transport in the shape that the SDK's exporter wants.
struct Client {
    way: MetricsWay,
    runtime: tokio::runtime::Handle,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").finish_non_exhaustive()
    }
}

#[async_trait]
impl HttpClient for Client {
    /// Sends on our runtime: the SDK exports from a thread without one.
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let (way, body) = (self.way.clone(), plain(&request)?);
        let answer = self.runtime.spawn(async move { way.send(body).await }).await?;
        let Some(answer) = answer else { return Ok(Response::new(Bytes::new())) };
        match classify(&answer, model::Now::default()) {
            Class::Delivered { .. } | Class::Stored { .. } => Ok(Response::new(Bytes::new())),
            _ => Err(describe(&answer).into()),
        }
    }
}

/// The body without the compression that `OTEL_EXPORTER_OTLP_COMPRESSION` makes the SDK apply where it is built with it, as in
/// tests of the whole workspace: ours comes later.
fn plain(request: &Request<Bytes>) -> std::io::Result<Bytes> {
    let body = request.body();
    let mut out = Vec::new();
    match request.headers().get("content-encoding").map(|value| value.as_bytes()) {
        Some(b"gzip") => flate2::read::GzDecoder::new(body.as_ref()).read_to_end(&mut out)?,
        Some(b"zstd") => zstd::stream::read::Decoder::new(body.as_ref())?.read_to_end(&mut out)?,
        _ => return Ok(body.clone()),
    };
    Ok(out.into())
}

fn describe(answer: &Answer) -> String {
    format!("own metrics were not taken: {answer}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_that_the_sdk_compressed_is_sent_plain() {
        let compressed = zstd::encode_all(b"metrics".as_slice(), 1).unwrap();
        let request =
            Request::builder().header("content-encoding", "zstd").body(Bytes::from(compressed)).unwrap();
        assert_eq!(plain(&request).unwrap(), Bytes::from_static(b"metrics"));
        let request = Request::builder().body(Bytes::from_static(b"metrics")).unwrap();
        assert_eq!(plain(&request).unwrap(), Bytes::from_static(b"metrics"));
    }
}
