//! Everything that was read: spans and lines by trace, and tasks by id.
//!
//! It is filled from the very requests that would be shipped, so what is shown is what a backend would have: redacted,
//! joined, with the years and zones that were found.
//!
//! Promises: of lines, those are kept that a trace or a task leads to, up to [`MOST_LINES`]; the others are counted.

use crate::commands::draw::{Line, Span, Trace};
use crate::order;
use model::{SpanId, TraceId};
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{Span as OtlpSpan, status::StatusCode};
use prost::{DecodeError, Message};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// As many lines are kept; some 300 bytes each.
const MOST_LINES: usize = 3_000_000;

/// What is known of a span beyond its drawing.
#[derive(Clone, Debug)]
pub(super) struct Facts {
    pub(super) host: Arc<str>,
    /// Attributes as `key=value`.
    pub(super) attributes: Vec<String>,
}

/// One trace, with the facts of each span in the order of `trace.spans`.
#[derive(Clone, Debug)]
pub(super) struct Shown {
    pub(super) trace: Trace,
    pub(super) facts: Vec<Facts>,
    /// Ids of the tasks that its spans and lines name.
    pub(super) tasks: Vec<String>,
}

/// One task's lines.
#[derive(Clone, Debug, Default)]
pub(super) struct Task {
    pub(super) name: String,
    /// The trace of its lines, if they were joined to one.
    pub(super) trace: Option<TraceId>,
    pub(super) lines: Vec<Line>,
}

/// Everything.
#[derive(Debug, Default)]
pub(super) struct Catalog {
    traces: HashMap<TraceId, Shown>,
    pub(super) tasks: BTreeMap<String, Task>,
    /// Lines of all logs.
    pub(super) lines: u64,
    kept: usize,
    /// Lines that were not kept for want of room.
    pub(super) left_out: u64,
    /// Pieces of trace files that are no spans.
    pub(super) set_aside: u64,
    hosts: HashMap<String, Arc<str>>,
}

impl Catalog {
    /// Takes an `ExportTraceServiceRequest`.
    pub(super) fn spans(&mut self, body: &[u8]) -> Result<(), DecodeError> {
        for group in ExportTraceServiceRequest::decode(body)?.resource_spans {
            let origin = self.origin(group.resource.as_ref());
            for span in group.scope_spans.into_iter().flat_map(|scope| scope.spans) {
                self.span(span, &origin);
            }
        }
        Ok(())
    }

    /// Takes an `ExportLogsServiceRequest`.
    pub(super) fn logs(&mut self, body: &[u8]) -> Result<(), DecodeError> {
        for group in ExportLogsServiceRequest::decode(body)?.resource_logs {
            let origin = self.origin(group.resource.as_ref());
            for record in group.scope_logs.into_iter().flat_map(|scope| scope.log_records) {
                self.lines += 1;
                self.line(record, &origin);
            }
        }
        Ok(())
    }

    /// Everything was taken: lines are put in the order of their time.
    pub(super) fn finish(&mut self) {
        let by_time = |lines: &mut Vec<Line>| order::by_key(lines, |line| line.time_unix_nano);
        self.traces.values_mut().for_each(|shown| by_time(&mut shown.trace.lines));
        self.tasks.values_mut().for_each(|task| by_time(&mut task.lines));
    }

    /// All traces, by their start.
    pub(super) fn traces(&self) -> Vec<&Shown> {
        let mut traces: Vec<&Shown> = self.traces.values().collect();
        order::by_key(&mut traces, |shown| (shown.start_unix_nano(), shown.trace.id));
        traces
    }

    /// Whether there is any span.
    pub(super) fn has_spans(&self) -> bool {
        self.traces.values().any(|shown| !shown.trace.spans.is_empty())
    }

    fn span(&mut self, span: OtlpSpan, origin: &Origin) {
        let Some(trace) = trace_id(&span.trace_id) else { return };
        let Some(id) = span_id(&span.span_id) else { return };
        let failed = span.status.filter(|status| status.code == StatusCode::Error as i32);
        let attributes: Vec<String> = span.attributes.iter().map(written).collect();
        let shown = self.shown(trace);
        shown.note_task(text_of(&span.attributes, "xs.xapi.task.id"));
        shown.trace.spans.push(Span {
            id,
            parent: span_id(&span.parent_span_id),
            name: span.name,
            service: origin.service.clone(),
            start_unix_nano: span.start_time_unix_nano,
            end_unix_nano: span.end_time_unix_nano,
            error: failed.map(|status| status.message),
        });
        shown.facts.push(Facts { host: Arc::clone(&origin.host), attributes });
    }

    fn line(&mut self, record: LogRecord, origin: &Origin) {
        let trace = trace_id(&record.trace_id);
        let task = text_of(&record.attributes, "xs.xapi.task.id").map(str::to_owned);
        if trace.is_none() && task.is_none() {
            return;
        }
        if self.kept >= MOST_LINES {
            self.left_out += 1;
            return;
        }
        self.kept += 1;
        let name = text_of(&record.attributes, "xs.xapi.task.name").unwrap_or_default().to_owned();
        let line = line(record, origin);
        if let Some(id) = &task {
            let task = self.tasks.entry(id.clone()).or_default();
            task.name = if task.name.is_empty() { name } else { std::mem::take(&mut task.name) };
            task.trace = task.trace.or(trace);
            if trace.is_none() {
                task.lines.push(line.clone());
            }
        }
        if let Some(trace) = trace {
            let shown = self.shown(trace);
            shown.note_task(task.as_deref());
            shown.trace.lines.push(line);
        }
    }

    fn shown(&mut self, id: TraceId) -> &mut Shown {
        let empty = || Shown {
            trace: Trace { id, spans: Vec::new(), lines: Vec::new() },
            facts: Vec::new(),
            tasks: Vec::new(),
        };
        self.traces.entry(id).or_insert_with(empty)
    }

    fn origin(&mut self, resource: Option<&Resource>) -> Origin {
        let attributes = resource.map_or(&[][..], |resource| &resource.attributes);
        let service = text_of(attributes, "service.name").unwrap_or_default().to_owned();
        let host = ["xs.host.name", "host.name", "xs.host.uuid"];
        let host = host.iter().find_map(|key| text_of(attributes, key)).unwrap_or_default();
        let host = self.hosts.entry(host.to_owned()).or_insert_with(|| Arc::from(host));
        Origin { service, host: Arc::clone(host) }
    }
}

impl Shown {
    /// Its first span's start, else its first line's time.
    pub(super) fn start_unix_nano(&self) -> u64 {
        let spans = self.trace.spans.iter().map(|span| span.start_unix_nano).min();
        spans.or_else(|| self.trace.lines.iter().map(|line| line.time_unix_nano).min()).unwrap_or(0)
    }

    /// From its first span's start to its last one's end.
    pub(super) fn length_nanos(&self) -> u64 {
        let end = self.trace.spans.iter().map(|span| span.end_unix_nano).max().unwrap_or(0);
        end.saturating_sub(self.start_unix_nano())
    }

    /// Spans that failed.
    pub(super) fn errors(&self) -> usize {
        self.trace.spans.iter().filter(|span| span.error.is_some()).count()
    }

    /// What it is called: its longest span's name.
    pub(super) fn name(&self) -> &str {
        self.trace.main_span().map_or("lines without spans", |span| span.name.as_str())
    }

    fn note_task(&mut self, task: Option<&str>) {
        if let Some(task) = task.filter(|task| self.tasks.iter().all(|known| known != task)) {
            self.tasks.push(task.to_owned());
        }
    }
}

/// Whose records those of a group are.
struct Origin {
    service: String,
    host: Arc<str>,
}

fn line(record: LogRecord, origin: &Origin) -> Line {
    let body = match record.body.and_then(|body| body.value) {
        Some(Value::StringValue(text)) => text,
        _ => String::new(),
    };
    Line {
        span: span_id(&record.span_id),
        time_unix_nano: record.time_unix_nano,
        service: origin.service.clone(),
        level: record.severity_text,
        severity: u8::try_from(record.severity_number).unwrap_or(0),
        body,
    }
}

fn trace_id(bytes: &[u8]) -> Option<TraceId> {
    TraceId::from_bytes(bytes.try_into().ok()?)
}

fn span_id(bytes: &[u8]) -> Option<SpanId> {
    SpanId::from_bytes(bytes.try_into().ok()?)
}

fn text_of<'a>(attributes: &'a [KeyValue], key: &str) -> Option<&'a str> {
    match attributes.iter().find(|kv| kv.key == key)?.value.as_ref()?.value.as_ref()? {
        Value::StringValue(text) => Some(text),
        _ => None,
    }
}

fn written(kv: &KeyValue) -> String {
    let value = match &kv.value {
        Some(AnyValue { value: Some(Value::StringValue(text)) }) => text.clone(),
        Some(AnyValue { value: Some(Value::IntValue(number)) }) => number.to_string(),
        Some(AnyValue { value: Some(Value::BoolValue(truth)) }) => truth.to_string(),
        Some(AnyValue { value: Some(Value::DoubleValue(number)) }) => number.to_string(),
        _ => String::new(),
    };
    format!("{}={value}", kv.key)
}
