//! OTLP/JSON against the rules of the OTLP specification, "JSON Protobuf Encoding".

#![allow(clippy::unwrap_used, reason = "a panic fails the test")]

mod encode_support;

use encode_support::{Rig, batch_of, generate, receipt};
use exporter::encode::json;
use model::{Event, KeyValue, LogRecord, Resource, Severity, Span, SpanId, SpanKind, Status, TraceId, Value};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use proptest::collection::vec;
use proptest::prelude::*;
use prost::Message;

const NANOS: u64 = 1_544_712_660_300_000_001;

fn sample() -> Span<'static> {
    Span {
        trace_id: TraceId::from_hex(b"5b8efff798038103d269b633813fc60c").unwrap(),
        span_id: SpanId::from_hex(b"eee19b7ec3c1b174").unwrap(),
        parent_id: SpanId::from_hex(b"eee19b7ec3c1b173").ok(),
        name: "VM.start \"q\" é".into(),
        kind: SpanKind::Client,
        start_unix_nano: NANOS,
        end_unix_nano: NANOS + 1,
        status: Status::Error("no \u{1} host".into()),
        attributes: vec![
            KeyValue::str("text", "v"),
            KeyValue::int("big", i64::MAX),
            KeyValue { key: "truth".into(), value: Value::Bool(false) },
            KeyValue { key: "half".into(), value: Value::Double(0.5) },
        ],
        events: vec![Event { time_unix_nano: NANOS, name: "e".into(), attributes: Vec::new() }],
        resource: Resource { attributes: vec![KeyValue::str("service.name", "xapi")] },
        scope: model::Scope { name: "s".into(), version: "1".into() },
    }
}

#[test]
fn a_span_follows_the_rules() {
    let json = json::traces(&batch_of(&[sample()]).body(0..1)).unwrap();
    assert!(!json.contains(&b'\n'), "on one line");
    let request: serde_json::Value = serde_json::from_slice(&json).unwrap();
    let check = |pointer: &str, expected: serde_json::Value| {
        assert_eq!(request.pointer(pointer), Some(&expected), "{pointer} in {request:#}");
    };
    check("/resourceSpans/0/resource/attributes/0/key", "service.name".into());
    check("/resourceSpans/0/scopeSpans/0/scope/name", "s".into());
    let span = |field: &str| format!("/resourceSpans/0/scopeSpans/0/spans/0/{field}");
    check(&span("traceId"), "5b8efff798038103d269b633813fc60c".into());
    check(&span("spanId"), "eee19b7ec3c1b174".into());
    check(&span("parentSpanId"), "eee19b7ec3c1b173".into());
    check(&span("name"), "VM.start \"q\" é".into());
    check(&span("kind"), 3.into());
    check(&span("startTimeUnixNano"), NANOS.to_string().into());
    check(&span("endTimeUnixNano"), (NANOS + 1).to_string().into());
    check(&span("flags"), 1.into());
    check(&span("status/code"), 2.into());
    check(&span("status/message"), "no \u{1} host".into());
    check(&span("events/0/timeUnixNano"), NANOS.to_string().into());
    check(&span("attributes/0/value/stringValue"), "v".into());
    check(&span("attributes/1/value/intValue"), i64::MAX.to_string().into());
    check(&span("attributes/2/value/boolValue"), false.into());
    check(&span("attributes/3/value/doubleValue"), 0.5.into());
}

#[test]
fn a_log_record_follows_the_rules() {
    let record = LogRecord {
        time_unix_nano: NANOS,
        severity: Some(Severity::Audit),
        severity_text: "audit".into(),
        body: "line".into(),
        attributes: vec![KeyValue::int("thread.id", 7)],
        resource: Resource::default(),
    };
    let mut rig = Rig::new(usize::MAX);
    rig.log(&record, receipt(0));
    let body = rig.batches().pop().unwrap().body(0..1);
    let request: serde_json::Value = serde_json::from_slice(&json::logs(&body).unwrap()).unwrap();
    let check = |field: &str, expected: serde_json::Value| {
        let pointer = format!("/resourceLogs/0/scopeLogs/0/logRecords/0/{field}");
        assert_eq!(request.pointer(&pointer), Some(&expected), "{pointer} in {request:#}");
    };
    check("timeUnixNano", NANOS.to_string().into());
    check("severityNumber", 10.into());
    check("severityText", "audit".into());
    check("body/stringValue", "line".into());
    check("attributes/0/value/intValue", "7".into());
}

#[test]
fn what_is_no_request_is_refused() {
    for write in [json::traces, json::logs, json::metrics] {
        assert!(matches!(write(b"\xff\xff"), Err(json::JsonError::Decode(_))));
        assert!(write(b"").is_ok(), "an empty request is one");
    }
}

proptest! {
    #[test]
    fn nothing_is_lost_on_the_way(spans in vec(generate::span(), 1..4)) {
        let body = batch_of(&spans).body(0..spans.len());
        let read: ExportTraceServiceRequest = serde_json::from_slice(&json::traces(&body).unwrap()).unwrap();
        prop_assert_eq!(read, ExportTraceServiceRequest::decode(body).unwrap());
    }
}
