//! The series, and which one a span belongs to.

use super::histogram::Histogram;
use model::{Resource, Span, SpanId, SpanKind, Status, TraceId};
use std::collections::HashMap;
use std::time::Duration;
use xxhash_rust::xxh3::Xxh3;

/// More operations than this share one series for each resource. About 400 bytes each.
const MAX_SERIES: usize = 2_000;
/// More resources than this share the first one's: a host has three or four services.
const MAX_RESOURCES: usize = 32;

/// One resource's attributes, as text.
pub(super) type Attributes = Vec<(String, String)>;

/// A span to look at behind a number.
#[derive(Clone, Copy, Debug)]
pub(super) struct Exemplar {
    pub(super) trace_id: TraceId,
    pub(super) span_id: SpanId,
    pub(super) end_unix_nano: u64,
    pub(super) duration: Duration,
}

/// The spans of one operation of one service, of one kind and status.
#[derive(Debug)]
pub(super) struct Series {
    /// Index of the resource.
    pub(super) resource: usize,
    /// `None`: all operations that have no series of their own.
    pub(super) operation: Option<Box<str>>,
    pub(super) kind: SpanKind,
    pub(super) status: &'static str,
    pub(super) durations: Histogram,
    /// The slowest since the last request.
    pub(super) exemplar: Option<Exemplar>,
}

impl Series {
    /// Counts a span.
    pub(super) fn observe(&mut self, span: &Span<'_>) {
        let duration = Duration::from_nanos(span.end_unix_nano.saturating_sub(span.start_unix_nano));
        self.durations.observe(duration);
        if self.exemplar.is_none_or(|slowest| slowest.duration < duration) {
            let (trace_id, span_id) = (span.trace_id, span.span_id);
            self.exemplar = Some(Exemplar { trace_id, span_id, end_unix_nano: span.end_unix_nano, duration });
        }
    }

    /// The next request has exemplars of its own.
    pub(super) fn forget_exemplar(&mut self) {
        self.exemplar = None;
    }
}

/// All series, by a hash of what tells them apart: 64 bits, so two of 2,000 meet once in 10¹³ hosts.
#[derive(Debug, Default)]
pub(super) struct Table {
    series: HashMap<u64, Series>,
    resources: Vec<Attributes>,
    by_resource: HashMap<u64, usize>,
}

impl Table {
    /// The series of a span whose operation this is, and whether it is that of all others.
    pub(super) fn series(&mut self, span: &Span<'_>, operation: &str) -> (&mut Series, bool) {
        let resource = self.resource(&span.resource);
        let status = status(&span.status);
        let own = key(resource, Some(operation), span.kind, status);
        let overflows = self.series.len() >= MAX_SERIES && !self.series.contains_key(&own);
        let operation = (!overflows).then_some(operation);
        let key = if overflows { key(resource, None, span.kind, status) } else { own };
        let series = self.series.entry(key).or_insert_with(|| Series {
            resource,
            operation: operation.map(Into::into),
            kind: span.kind,
            status,
            durations: Histogram::default(),
            exemplar: None,
        });
        (series, overflows)
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Series> {
        self.series.values_mut()
    }

    /// Each resource with its series.
    pub(super) fn by_resource(&self) -> impl Iterator<Item = (&Attributes, Vec<&Series>)> {
        let series_of = |index| self.series.values().filter(move |series| series.resource == index);
        self.resources
            .iter()
            .enumerate()
            .map(move |(index, attributes)| (attributes, series_of(index).collect()))
    }

    pub(super) fn len(&self) -> usize {
        self.series.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.series.is_empty()
    }

    fn resource(&mut self, resource: &Resource<'_>) -> usize {
        let hash = hash_of(resource);
        if let Some(index) = self.by_resource.get(&hash) {
            return *index;
        }
        if self.resources.len() >= MAX_RESOURCES {
            return 0;
        }
        let text = |kv: &model::KeyValue<'_>| kv.as_str().map(|value| (kv.key.to_string(), value.to_owned()));
        self.resources.push(resource.attributes.iter().filter_map(text).collect());
        self.by_resource.insert(hash, self.resources.len() - 1);
        self.resources.len() - 1
    }
}

fn hash_of(resource: &Resource<'_>) -> u64 {
    let mut hash = Xxh3::new();
    for attribute in &resource.attributes {
        part(&mut hash, attribute.key.as_bytes());
        part(&mut hash, attribute.as_str().unwrap_or_default().as_bytes());
    }
    hash.digest()
}

fn key(resource: usize, operation: Option<&str>, kind: SpanKind, status: &str) -> u64 {
    let mut hash = Xxh3::new();
    hash.update(&resource.to_le_bytes());
    hash.update(&[kind as u8, u8::from(operation.is_some())]);
    part(&mut hash, status.as_bytes());
    part(&mut hash, operation.unwrap_or_default().as_bytes());
    hash.digest()
}

fn part(hash: &mut Xxh3, bytes: &[u8]) {
    hash.update(&bytes.len().to_le_bytes());
    hash.update(bytes);
}

/// As the connector writes it.
fn status(status: &Status<'_>) -> &'static str {
    match status {
        Status::Unset => "STATUS_CODE_UNSET",
        Status::Ok => "STATUS_CODE_OK",
        Status::Error(_) => "STATUS_CODE_ERROR",
    }
}
