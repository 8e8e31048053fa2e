//! The agent's own metrics: recorded with the OpenTelemetry SDK, encoded by opentelemetry-otlp, sent by our transport.
//!
//! Promises: what becomes of them never touches the other signals; the SDK's own retries are off; endpoint, headers
//! and TLS are those of the resolved configuration. Names and units: `docs/telemetry.md`.

use super::clock::Clock;
use crate::engine::{SignalTally, Status};
use async_trait::async_trait;
use bytes::Bytes;
use exporter::classify::{Answer, Class, classify};
use exporter::transport::Transport;
use opentelemetry::KeyValue;
use opentelemetry::metrics::{AsyncInstrument, Meter, MeterProvider};
use opentelemetry_http::{HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{MetricExporter, Protocol, RetryPolicy, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::metrics::{PeriodicReader, SdkMeterProvider};
use std::collections::BTreeMap;
use std::io::Read;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How often the metrics leave.
const EVERY: Duration = Duration::from_secs(60);

/// Where the numbers come from: asks the engine; `None` when it does not answer in time.
pub(crate) type Source = Arc<dyn Fn() -> Option<Status> + Send + Sync>;

/// A source that asks at most once a second: the SDK calls back for each instrument.
pub(crate) fn cached(ask: impl Fn() -> Option<Status> + Send + Sync + 'static) -> Source {
    let clock = Clock::start();
    let last: Mutex<Option<(Duration, Status)>> = Mutex::new(None);
    Arc::new(move || {
        let now = clock.now().mono;
        let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = last.as_ref().is_some_and(|(at, _)| now.saturating_sub(*at) < Duration::from_secs(1));
        if !fresh {
            *last = ask().map(|status| (now, status));
        }
        last.as_ref().map(|(_, status)| status.clone())
    })
}

/// Starts to record and send. Dropping the provider after `shutdown` ends it.
///
/// # Errors
/// What the SDK says, in words.
pub(crate) fn start(
    transport: Arc<Transport>,
    runtime: tokio::runtime::Handle,
    resource: Vec<(String, String)>,
    source: Source,
) -> Result<SdkMeterProvider, String> {
    let exporter = MetricExporter::builder()
        .with_http()
        .with_protocol(Protocol::HttpBinary)
        .with_endpoint("http://own-metrics.invalid/v1/metrics")
        .with_http_client(OwnTransport { transport, runtime })
        .with_retry_policy(RetryPolicy::disabled())
        .build()
        .map_err(|error| error.to_string())?;
    let attributes = resource.into_iter().map(|(key, value)| KeyValue::new(key, value));
    let provider = SdkMeterProvider::builder()
        .with_reader(PeriodicReader::builder(exporter).with_interval(EVERY).build())
        .with_resource(Resource::builder_empty().with_attributes(attributes).build())
        .build();
    register(&provider.meter("xapi-observer"), source);
    Ok(provider)
}

/// A counter's name, unit, meaning, and where its number is.
type Counter = (&'static str, &'static str, &'static str, fn(&SignalTally) -> u64);
/// The same for one that is told by reason.
type ByReason = (&'static str, &'static str, &'static str, fn(&SignalTally) -> &BTreeMap<String, u64>);

/// The same for a number that goes up and down.
type Gauge = (&'static str, &'static str, &'static str, fn(&Status) -> u64);

/// Counters with the attribute `signal`.
const COUNTERS: [Counter; 8] = [
    ("xapi_observer.read.lines", "{line}", "lines read for delivery", |tally| tally.lines),
    ("xapi_observer.read.size", "By", "uncompressed bytes read for delivery", |tally| tally.read_bytes),
    ("xapi_observer.records.read", "{record}", "records found in the lines", |tally| tally.records),
    ("xapi_observer.records.delivered", "{record}", "records settled as delivered", |tally| tally.delivered),
    ("xapi_observer.records.folded", "{record}", "second copies of spans, not sent", |tally| tally.folded),
    ("xapi_observer.values.redacted", "{value}", "values replaced by [redacted]", |tally| tally.redacted),
    ("xapi_observer.requests", "{request}", "requests sent", |tally| tally.requests),
    ("xapi_observer.requests.size", "By", "their bytes before compression", |tally| tally.request_bytes),
];

/// Counters with the attributes `signal` and `reason`.
const BY_REASON: [ByReason; 6] = [
    ("xapi_observer.records.dropped", "{record}", "left out on purpose, by rule", |tally| &tally.dropped),
    (
        "xapi_observer.records.refused",
        "{record}",
        "refused by the server, the others of the request stored",
        |tally| &tally.refused,
    ),
    ("xapi_observer.records.set_aside", "{record}", "kept in rejected/", |tally| &tally.set_aside),
    (
        "xapi_observer.records.resent",
        "{record}",
        "sent once more, though the server may have had them",
        |tally| &tally.resent,
    ),
    ("xapi_observer.passed_over.size", "By", "bytes of files that are not wanted", |tally| {
        &tally.passed_over_bytes
    }),
    ("xapi_observer.lost.size", "By", "bytes that were wanted and are not delivered", |tally| {
        &tally.lost_bytes
    }),
];

/// A counter with the attribute `outcome`.
const OUTCOMES: (&str, &str, &str) =
    ("xapi_observer.correlation.lines", "{line}", "lines by what became of their join");

/// Numbers that go up and down.
const GAUGES: [Gauge; 2] = [
    ("xapi_observer.lag.size", "By", "bytes in the files that are not settled yet", |status| {
        status.files.iter().map(|file| file.lag_bytes).sum()
    }),
    ("xapi_observer.correlation.held", "{line}", "lines that wait for their span", |status| {
        status.correlation.held_lines
    }),
];

fn register(meter: &Meter, source: Source) {
    for (name, unit, about, number) in COUNTERS {
        let source = Arc::clone(&source);
        let observe = move |to: &dyn AsyncInstrument<u64>| {
            for (signal, status) in source().into_iter().flat_map(|status| status.signals) {
                to.observe(number(&status.tally), &[KeyValue::new("signal", signal)]);
            }
        };
        meter
            .u64_observable_counter(name)
            .with_unit(unit)
            .with_description(about)
            .with_callback(observe)
            .build();
    }
    for (name, unit, about, numbers) in BY_REASON {
        let source = Arc::clone(&source);
        let observe = move |to: &dyn AsyncInstrument<u64>| {
            for (signal, status) in source().into_iter().flat_map(|status| status.signals) {
                for (reason, number) in numbers(&status.tally) {
                    to.observe(
                        *number,
                        &[KeyValue::new("signal", signal), KeyValue::new("reason", reason.clone())],
                    );
                }
            }
        };
        meter
            .u64_observable_counter(name)
            .with_unit(unit)
            .with_description(about)
            .with_callback(observe)
            .build();
    }
    register_correlation(meter, &source);
    register_gauges(meter, &source);
}

fn register_correlation(meter: &Meter, source: &Source) {
    let source = Arc::clone(source);
    let observe = move |to: &dyn AsyncInstrument<u64>| {
        for (outcome, number) in source().into_iter().flat_map(|status| status.correlation.outcomes) {
            to.observe(number, &[KeyValue::new("outcome", outcome)]);
        }
    };
    let (name, unit, about) = OUTCOMES;
    meter.u64_observable_counter(name).with_unit(unit).with_description(about).with_callback(observe).build();
}

fn register_gauges(meter: &Meter, source: &Source) {
    for (name, unit, about, number) in GAUGES {
        let source = Arc::clone(source);
        let observe = move |to: &dyn AsyncInstrument<u64>| {
            source().into_iter().for_each(|status| to.observe(number(&status), &[]));
        };
        meter
            .u64_observable_gauge(name)
            .with_unit(unit)
            .with_description(about)
            .with_callback(observe)
            .build();
    }
}

/// Our transport in the shape that the SDK's exporter wants.
#[derive(Debug)]
struct OwnTransport {
    transport: Arc<Transport>,
    runtime: tokio::runtime::Handle,
}

#[async_trait]
impl HttpClient for OwnTransport {
    /// Sends on our runtime: the SDK exports from a thread without one.
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let transport = Arc::clone(&self.transport);
        let body = plain(&request)?;
        let answer = self.runtime.spawn(async move { transport.send(body).await }).await?;
        match classify(&answer, model::Now::default()) {
            Class::Delivered { .. } | Class::Stored { .. } => Ok(Response::new(Bytes::new())),
            _ => Err(describe(&answer).into()),
        }
    }
}

/// The body without the compression that `OTEL_EXPORTER_OTLP_COMPRESSION` makes the SDK apply: ours comes later.
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
    format!("own metrics were not taken: {answer:?}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn the_page_names_what_is_emitted() {
        let page = include_str!("../../../../docs/telemetry.md");
        let named: BTreeSet<&str> =
            page.split('`').filter(|word| word.starts_with("xapi_observer.")).collect();
        let counters =
            COUNTERS.iter().map(|counter| counter.0).chain(BY_REASON.iter().map(|counter| counter.0));
        let emitted: BTreeSet<&str> =
            counters.chain(GAUGES.iter().map(|gauge| gauge.0)).chain([OUTCOMES.0]).collect();
        assert_eq!(named, emitted);
    }

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
