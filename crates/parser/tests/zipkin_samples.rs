//! The Zipkin reader on real lines, field by field.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test says so by failing")]

mod zipkin_support;

use model::{KeyValue, SpanKind, Status, TaskId, Uuid};
use serde_json::Value as Json;
use zipkin_support::*;

#[test]
fn a_real_xapi_line_field_by_field() {
    let line = XAPI.lines().next().unwrap();
    let got = read_all(line);
    assert_eq!(names(&got), ["+TaskHelper.get_name", "+TaskHelper.destroy", "+session_check"]);
    let Some(Got::Span(first, facts)) = got.first() else { panic!("no span") };
    let expected = model::Span {
        trace_id: model::TraceId::from_hex(b"0a07bfbf3925e3d4776995171a9222cd").unwrap(),
        span_id: model::SpanId::from_hex(b"d4bcd152c96bd105").unwrap(),
        parent_id: model::SpanId::from_hex(b"873b73d304891032").ok(),
        name: "TaskHelper.get_name".into(),
        kind: SpanKind::Server,
        start_unix_nano: 1_751_469_555_858_327_000,
        end_unix_nano: 1_751_469_555_858_329_000,
        status: Status::Unset,
        attributes: texts(&[
            ("xs.xapi.task.id", "D:a53289ce0d41"),
            ("xs.xapi.session.track.id", "ed027918fda74f47eec4b3ac1de88018"),
            ("xs.observer.name", "local observer"),
        ]),
        events: Vec::new(),
        resource: model::Resource {
            attributes: texts(&[
                ("service.name", "xapi"),
                ("service.instance.id", HOST),
                ("host.id", HOST),
                ("host.name", "dom0.example"),
                ("xs.host.uuid", HOST),
                ("xs.host.name", "xcp-gtn-ip13"),
                ("xs.pool.uuid", "0496aa55-4e6f-363d-6578-4ab872ddfb9e"),
            ]),
        },
        scope: model::Scope::default(),
    };
    assert_eq!(**first, expected);
    let expected = Facts {
        host: Uuid::parse(HOST),
        service: "xapi".into(),
        ids: (
            "0a07bfbf3925e3d4776995171a9222cd".into(),
            "d4bcd152c96bd105".into(),
            Some("873b73d304891032".into()),
        ),
        micros: (1_751_469_555_858_327, 1_751_469_555_858_329),
        task: TaskId::parse(b"D:a53289ce0d41"),
        names_task: false,
    };
    assert_eq!(*facts, expected);
    let Some(Got::Span(last, facts)) = got.last() else { panic!("no span") };
    assert_eq!((last.kind, last.parent_id, facts.names_task), (SpanKind::Internal, None, true));
    assert_eq!(facts.task, TaskId::parse(b"D:31bcb54f6757"));
}

#[test]
fn an_upstream_line_without_tags_takes_the_files_name() {
    let line = XAPI.lines().nth(1).unwrap();
    let context = context().fallback("xapi", Uuid::parse(HOST));
    let got = spans(read_with(line.as_bytes(), &context, &[]));
    let resource = texts(&[
        ("service.name", "xapi"),
        ("service.instance.id", HOST),
        ("host.id", HOST),
        ("host.name", "dom0.example"),
        ("xs.host.uuid", HOST),
    ]);
    assert_eq!(got[0].resource.attributes, resource);
    assert_eq!(got[0].attributes, []);
    assert_eq!(got[0].end_unix_nano - got[0].start_unix_nano, 46_000);
}

/// Every span of the Python sample, compared with a plain reading of the same JSON.
#[test]
fn the_smapi_lines_field_by_field() {
    let mut count = 0;
    for line in SMAPI.lines() {
        let json: Vec<Json> = serde_json::from_str(line).unwrap();
        let got = spans(read_all(line));
        assert_eq!(got.len(), json.len());
        for (span, json) in got.iter().zip(&json) {
            check_smapi(span, json);
            count += 1;
        }
    }
    assert_eq!(count, 12);
}

fn check_smapi(span: &model::Span<'_>, json: &Json) {
    let text = |key: &str| json[key].as_str();
    let tag = |key: &str| json["tags"][key].as_str();
    assert_eq!(Some(&*span.trace_id.to_string()), text("traceId"));
    assert_eq!(Some(&*span.span_id.to_string()), text("id"));
    assert_eq!(span.parent_id.map(|id| id.to_string()).as_deref(), text("parentId"));
    assert_eq!(Some(&*span.name), text("name"));
    assert_eq!(span.kind, SpanKind::Internal);
    let start = json["timestamp"].as_u64().unwrap();
    assert_eq!(span.start_unix_nano, start * 1000);
    assert_eq!(span.end_unix_nano, (start + json["duration"].as_u64().unwrap()) * 1000);
    assert_eq!(
        (Some(&*span.scope.name), Some(&*span.scope.version)),
        (tag("otel.scope.name"), tag("otel.scope.version"))
    );
    let resource = [
        ("service.name", "smapi"),
        ("service.instance.id", HOST),
        ("host.id", HOST),
        ("host.name", "dom0.example"),
        ("xs.host.uuid", HOST),
        ("xs.host.name", "xcp-host"),
        ("xs.pool.uuid", "0496aa55-4e6f-363d-6578-4ab872ddfb9e"),
        ("telemetry.sdk.language", "python"),
        ("telemetry.sdk.name", "opentelemetry"),
        ("telemetry.sdk.version", "1.12.0"),
    ];
    assert_eq!(span.resource.attributes, texts(&resource));
    match tag("error") {
        Some(error) => assert_eq!(span.status, Status::Error(error.to_owned().into())),
        None => assert_eq!(span.status, Status::Unset),
    }
    let mapped = |key: &&String| {
        let elsewhere = ["error", "service.name", "xs.host.uuid", "xs.host.name", "xs.pool.uuid"];
        !elsewhere.contains(&key.as_str()) && !key.starts_with("otel.") && !key.starts_with("telemetry.sdk.")
    };
    let expected: Vec<KeyValue<'_>> = json["tags"]
        .as_object()
        .unwrap()
        .keys()
        .filter(mapped)
        .map(|key| match key.as_str() {
            "span.depth" => KeyValue::int(key.clone(), 5),
            "xs.observer.name" => KeyValue::str(key.clone(), "local observer"),
            _ => KeyValue::str(key.clone(), tag(key).unwrap().to_owned()),
        })
        .collect();
    let mut attributes = span.attributes.clone();
    attributes.sort_by(|a, b| a.key.cmp(&b.key));
    assert_eq!(attributes, expected);
    check_smapi_events(span, json);
}

fn check_smapi_events(span: &model::Span<'_>, json: &Json) {
    let annotations = json["annotations"].as_array().cloned().unwrap_or_default();
    assert_eq!(span.events.len(), annotations.len());
    for (event, annotation) in span.events.iter().zip(&annotations) {
        assert_eq!(event.name, "exception");
        assert_eq!(event.time_unix_nano, annotation["timestamp"].as_u64().unwrap() * 1000);
        let value: Json = serde_json::from_str(annotation["value"].as_str().unwrap()).unwrap();
        assert_eq!(event.attributes.len(), 4);
        for kv in &event.attributes {
            assert_eq!(kv.as_str(), value["exception"][&*kv.key].as_str(), "{}", kv.key);
        }
    }
}
