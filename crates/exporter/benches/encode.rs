//! What encoding costs: nanoseconds a span and a log record, by our writer and by prost's messages, in one run.
//!
//! `cargo bench -p exporter --bench encode`. The figures are the best of several rounds, wall-clock, on
//! one thread; compare the rows of a run with each other, not with another machine's.

#![allow(clippy::disallowed_methods, clippy::print_stdout, reason = "it measures, and says what it measured")]
#![allow(clippy::unwrap_used, reason = "the constants are right")]

#[path = "../tests/encode_support/messages.rs"]
#[allow(dead_code, reason = "the tests use the rest")]
mod messages;

use exporter::batch::{Batch, Batcher, BatcherConfig, Groups};
use exporter::encode;
use model::{
    Correlation, KeyValue, LogRecord, Now, Receipt, Resource, Scope, Severity, Span, SpanId, SpanKind,
    Status, StreamId, TraceContext, TraceId,
};
use prost::Message;
use std::hint::black_box;
use std::time::{Duration, Instant};

/// Different records: so few that they stay in the processor's cache, as a record just parsed is.
const RECORDS: usize = 64;
/// Times that a round goes over them.
const TIMES: usize = 64;
const ROUNDS: usize = 60;
const MAX_REQUEST: usize = 1 << 20;

fn main() {
    let spans: Vec<Span<'_>> = (0..RECORDS).map(span).collect();
    let records: Vec<LogRecord<'_>> = (0..RECORDS).map(log_record).collect();
    let mut out = Vec::new();
    println!("a span is {} bytes, a log record {}", bytes(|out| encode::span(&span(0), out)), {
        bytes(|out| encode::log_record(&log_record(0), out))
    });
    measure("span: our writer", || {
        spans.iter().for_each(|span| encode_alone(&mut out, |out| encode::span(span, out)))
    });
    measure("span: prost's messages", || {
        spans.iter().for_each(|span| drop(messages::span(span).encode_to_vec()))
    });
    let mut groups = Groups::new();
    measure("span: find its group", || {
        spans.iter().for_each(|span| drop(black_box(groups.get(&span.resource, &span.scope))));
    });
    let mut batcher = Batcher::new(BatcherConfig { max_request: MAX_REQUEST, max_delay: Duration::ZERO });
    measure("span: group, writer, batch, body", || batch_spans(&spans, &mut groups, &mut batcher));
    measure("log: our writer", || {
        records.iter().for_each(|record| encode_alone(&mut out, |out| encode::log_record(record, out)));
    });
    let context = context();
    measure("log: our writer, with context", || {
        records.iter().for_each(|record| {
            encode_alone(&mut out, |out| {
                encode::log_record(record, out);
                encode::trace_context(&context, out);
            });
        });
    });
    measure("log: prost's messages", || {
        records.iter().for_each(|record| drop(messages::log_record(record).encode_to_vec()));
    });
    measure("log: group, writer, batch, body", || batch_logs(&records, &mut groups, &mut batcher));
}

fn bytes(write: impl FnOnce(&mut Vec<u8>)) -> usize {
    let mut out = Vec::new();
    write(&mut out);
    out.len()
}

fn encode_alone(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    out.clear();
    write(out);
    black_box(out.as_slice());
}

fn measure(what: &str, mut round: impl FnMut()) {
    let best = (0..ROUNDS).map(|_| {
        let start = Instant::now();
        (0..TIMES).for_each(|_| round());
        start.elapsed()
    });
    let nanos = best.min().unwrap().as_nanos() / (RECORDS * TIMES) as u128;
    println!("{what:<34} {nanos:>6} ns");
}

fn batch_spans(spans: &[Span<'_>], groups: &mut Groups, batcher: &mut Batcher) {
    for (start, span) in (0..).zip(spans) {
        let group = groups.get(&span.resource, &span.scope);
        batcher.push(&group, receipt(start), Now::default(), |out| encode::span(span, out));
    }
    drain(batcher);
}

fn batch_logs(records: &[LogRecord<'_>], groups: &mut Groups, batcher: &mut Batcher) {
    for (start, record) in (0..).zip(records) {
        let group = groups.get(&record.resource, &Scope::default());
        batcher.push(&group, receipt(start), Now::default(), |out| encode::log_record(record, out));
    }
    drain(batcher);
}

fn drain(batcher: &mut Batcher) {
    while let Some(batch) = batcher.ready(Now::default(), batcher.is_full()) {
        black_box(body(&batch));
        batcher.recycle(batch);
    }
}

fn body(batch: &Batch) -> usize {
    batch.body(0..batch.len()).len()
}

fn receipt(start: u64) -> Receipt {
    Receipt { stream: StreamId(0), start }
}

fn context() -> TraceContext {
    TraceContext {
        trace_id: TraceId::from_bytes([7; 16]).unwrap(),
        span_id: SpanId::from_bytes([8; 8]),
        traceparent_span_id: None,
        correlation: Correlation::Task,
    }
}

/// Two services of one host, in runs of four, as one line of a trace file has them.
fn resource(number: usize) -> Resource<'static> {
    let service = if number.is_multiple_of(8) { "xapi" } else { "xenopsd" };
    let host = "cb043a21-9c51-4418-a1e8-e7079ac6dc1a";
    let attributes = [
        ("service.name", service),
        ("host.name", "xcp-ng-lab-01"),
        ("host.id", host),
        ("service.instance.id", host),
        ("xs.host.uuid", host),
        ("xs.host.name", "xcp-ng-lab-01"),
        ("xs.pool.uuid", "0d5cd8b1-4a3e-9a7e-3b6f-5a8f1b7c2d3e"),
    ];
    Resource { attributes: attributes.map(|(key, value)| KeyValue::str(key, value)).to_vec() }
}

fn span(number: usize) -> Span<'static> {
    let id = (number as u64 + 1).to_be_bytes();
    let start = 1_700_000_000_000_000_000 + number as u64;
    Span {
        trace_id: TraceId::from_bytes([1; 16]).unwrap(),
        span_id: SpanId::from_bytes(id).unwrap(),
        parent_id: SpanId::from_bytes([2; 8]),
        name: "VM.start_on: forwarding to another member of the pool".into(),
        kind: SpanKind::Internal,
        start_unix_nano: start,
        end_unix_nano: start + 1_000_000,
        status: Status::Unset,
        attributes: vec![
            KeyValue::str("xs.xapi.task.name", "Async.VM.start_on"),
            KeyValue::str("xs.xapi.task.id", "R:3e35c13ce76f"),
            KeyValue::str("xs.xapi.session.track.id", "9c4f2a71f0b1cf4da5b3a5ff1a6c7a3e"),
            KeyValue::str("vm.uuid", "41a8b9f6-0c6f-2d0e-8a13-5c2f5f2c7f10"),
            KeyValue::str("vm.ref", "OpaqueRef:0e4b6a1d-1f0e-4f6c-8a6e-7c1a7b2c9d3f"),
            KeyValue::str("code.namespace", "xapi_vm_lifecycle"),
            KeyValue::str("http.request.method", "POST"),
            KeyValue::int("span.depth", 7),
        ],
        events: Vec::new(),
        resource: resource(number / 4),
        scope: Scope::default(),
    }
}

fn log_record(number: usize) -> LogRecord<'static> {
    LogRecord {
        time_unix_nano: 1_700_000_000_000_000_000 + number as u64,
        severity: Some(Severity::Debug),
        severity_text: "debug".into(),
        body: "Moving VM 41a8b9f6-0c6f-2d0e-8a13-5c2f5f2c7f10 to host cb043a21-9c51-4418-a1e8-e7079ac6dc1a"
            .into(),
        attributes: vec![
            KeyValue::str("code.namespace", "xapi_vm_helpers"),
            KeyValue::int("thread.id", 10_482),
            KeyValue::str("thread.name", "/var/lib/xcp/xapi"),
            KeyValue::str("xs.xapi.task.name", "Async.VM.start_on"),
            KeyValue::str("xs.xapi.task.id", "R:3e35c13ce76f"),
            KeyValue::str("process.executable.name", "xapi"),
            KeyValue::str("log.file.path", "/var/log/xensource.log"),
            KeyValue::str("log.record.uid", "0d1f9c2f6f8f4a7b9d0c1e2f3a4b5c6d"),
        ],
        resource: resource(number / 4),
    }
}
