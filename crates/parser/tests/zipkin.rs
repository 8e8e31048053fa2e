//! The Zipkin reader on real lines, damaged lines and generated ones.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test says so by failing")]

use model::{Event, KeyValue, SpanKind, Status, TaskId, Uuid, Value};
use parser::evidence::SpanFacts;
use parser::zipkin::{Context, DropRules, Item, Reason, read};
use serde_json::Value as Json;

const XAPI: &str = include_str!("data/zipkin-xapi.ndjson");
const SMAPI: &str = include_str!("data/zipkin-smapi.ndjson");
const HOST: &str = "cb043a21-9c51-4418-a1e8-e7079ac6dc1a";

/// An item, owned.
#[derive(Debug, PartialEq)]
enum Got {
    Span(Box<model::Span<'static>>, Facts),
    Dropped(Facts),
    Bad(usize, Vec<u8>, Reason),
}

#[derive(Debug, PartialEq)]
struct Facts {
    host: Option<Uuid>,
    service: String,
    ids: (String, String, Option<String>),
    micros: (u64, u64),
    task: Option<TaskId>,
    names_task: bool,
}

impl Facts {
    fn of(facts: SpanFacts<'_>) -> Self {
        Self {
            host: facts.host,
            service: facts.service.to_owned(),
            ids: (
                facts.trace_id.to_string(),
                facts.span_id.to_string(),
                facts.parent_id.map(|id| id.to_string()),
            ),
            micros: (facts.start_unix_micros, facts.end_unix_micros),
            task: facts.task,
            names_task: facts.names_task,
        }
    }
}

fn owned_list(list: &[KeyValue<'_>]) -> Vec<KeyValue<'static>> {
    let value = |value: &Value<'_>| match value {
        Value::Str(text) => Value::Str(text.to_string().into()),
        Value::Int(number) => Value::Int(*number),
        Value::Bool(truth) => Value::Bool(*truth),
        Value::Double(number) => Value::Double(*number),
    };
    list.iter().map(|kv| KeyValue { key: kv.key.to_string().into(), value: value(&kv.value) }).collect()
}

fn owned(span: &model::Span<'_>) -> Box<model::Span<'static>> {
    let event = |event: &Event<'_>| Event {
        time_unix_nano: event.time_unix_nano,
        name: event.name.to_string().into(),
        attributes: owned_list(&event.attributes),
    };
    let status = match &span.status {
        Status::Error(message) => Status::Error(message.to_string().into()),
        Status::Ok => Status::Ok,
        Status::Unset => Status::Unset,
    };
    Box::new(model::Span {
        trace_id: span.trace_id,
        span_id: span.span_id,
        parent_id: span.parent_id,
        name: span.name.to_string().into(),
        kind: span.kind,
        start_unix_nano: span.start_unix_nano,
        end_unix_nano: span.end_unix_nano,
        status,
        attributes: owned_list(&span.attributes),
        events: span.events.iter().map(event).collect(),
        resource: model::Resource { attributes: owned_list(&span.resource.attributes) },
        scope: model::Scope {
            name: span.scope.name.to_string().into(),
            version: span.scope.version.to_string().into(),
        },
    })
}

fn context() -> Context {
    Context::new("dom0.example")
}

fn read_with(line: &[u8], context: &Context, drop: &[&str]) -> Vec<Got> {
    let mut got = Vec::new();
    read(line, context, &DropRules::new(drop.iter().copied()), |item| {
        got.push(match item {
            Item::Span { span, facts, raw } => {
                assert!(raw.starts_with(b"{") && raw.ends_with(b"}"), "{raw:?}");
                Got::Span(owned(span), Facts::of(facts))
            }
            Item::Dropped { facts } => Got::Dropped(Facts::of(facts)),
            Item::Bad { offset, bytes, reason } => {
                assert_eq!(line.get(offset..offset + bytes.len()), Some(bytes), "offset and bytes agree");
                Got::Bad(offset, bytes.to_vec(), reason)
            }
        });
    });
    got
}

fn read_all(line: impl AsRef<[u8]>) -> Vec<Got> {
    read_with(line.as_ref(), &context(), &[])
}

fn spans(got: Vec<Got>) -> Vec<model::Span<'static>> {
    got.into_iter()
        .map(|got| match got {
            Got::Span(span, _) => *span,
            other => panic!("not a span: {other:?}"),
        })
        .collect()
}

fn names(got: &[Got]) -> Vec<String> {
    let name = |got: &Got| match got {
        Got::Span(span, _) => format!("+{}", span.name),
        Got::Dropped(facts) => format!("-{}", facts.ids.1.trim_start_matches('0')),
        Got::Bad(_, _, reason) => reason.as_str().to_owned(),
    };
    got.iter().map(name).collect()
}

/// A small good span.
fn span(name: &str, id: &str, parent: Option<&str>) -> String {
    let parent = parent.map(|id| format!("\"parentId\":\"{id}\",")).unwrap_or_default();
    format!(
        r#"{{"tags":{{}},"duration":1,"timestamp":5,"name":"{name}",{parent}"traceId":"a1","id":"{id}"}}"#
    )
}

fn one(json: &str) -> model::Span<'static> {
    let mut spans = spans(read_all(json));
    assert_eq!(spans.len(), 1, "{json}");
    spans.remove(0)
}

fn one_tagged(tags: &str) -> model::Span<'static> {
    one(&format!(r#"{{"traceId":"1","id":"2","timestamp":10,"duration":5,"tags":{{{tags}}}}}"#))
}

fn texts(pairs: &[(&'static str, &'static str)]) -> Vec<KeyValue<'static>> {
    pairs.iter().map(|(key, value)| KeyValue::str(*key, *value)).collect()
}

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

#[test]
fn kinds() {
    let cases = [
        (r#""kind":"SERVER""#, SpanKind::Server),
        (r#""kind":"CLIENT""#, SpanKind::Client),
        (r#""kind":"PRODUCER""#, SpanKind::Producer),
        (r#""kind":"CONSUMER""#, SpanKind::Consumer),
        (r#""kind":null"#, SpanKind::Internal),
        (r#""kind":"OTHER""#, SpanKind::Internal),
        (r#""kind":7"#, SpanKind::Internal),
        (r#""annotations":[{"timestamp":1,"value":"cs"},{"timestamp":2,"value":"cr"}]"#, SpanKind::Client),
        (r#""annotations":[{"timestamp":1,"value":"sr"}]"#, SpanKind::Server),
        (r#""annotations":[{"timestamp":1,"value":"ss"}]"#, SpanKind::Server),
        (r#""annotations":[{"timestamp":1,"value":"ms"}]"#, SpanKind::Producer),
        (r#""kind":null,"annotations":[{"timestamp":1,"value":"mr"}]"#, SpanKind::Consumer),
        (r#""kind":"SERVER","annotations":[{"timestamp":1,"value":"cs"}]"#, SpanKind::Server),
    ];
    for (field, kind) in cases {
        assert_eq!(
            one(&format!(r#"{{"traceId":"1","id":"2","timestamp":1,{field}}}"#)).kind,
            kind,
            "{field}"
        );
    }
}

#[test]
fn times() {
    let cases = [
        (r#""timestamp":10,"duration":5"#, (10, 15)),
        (r#""timestamp":10,"duration":-5"#, (10, 10)),
        (r#""timestamp":10,"duration":null"#, (10, 10)),
        (r#""timestamp":10"#, (10, 10)),
        (r#""timestamp":0,"annotations":[{"timestamp":9,"value":"x"},{"timestamp":4,"value":"y"}]"#, (4, 9)),
        (r#""annotations":[{"timestamp":9,"value":"x"}]"#, (9, 9)),
    ];
    for (fields, (start, end)) in cases {
        let span = one(&format!(r#"{{"traceId":"1","id":"2",{fields}}}"#));
        assert_eq!((span.start_unix_nano, span.end_unix_nano), (start * 1000, end * 1000), "{fields}");
    }
}

#[test]
fn failures_and_their_exception() {
    let cases = [
        (r#""error":"true""#, "", 0),
        (r#""error":"""#, "", 0),
        (r#""error":"false""#, "false", 0),
        (r#""error":true"#, "", 0),
        (r#""error":"SROSError: no""#, "SROSError: no", 0),
        (r#""error":"true","exception.message":"m","exception.type":"t""#, "m", 2),
        (r#""error":"e","exception.message":"m""#, "m", 1),
        (r#""otel.status_code":"ERROR""#, "", 0),
        (r#""otel.status_code":"ERROR","otel.status_description":"d""#, "d", 0),
        (r#""otel.status_code":"OK","error":"e""#, "e", 0),
    ];
    for (tags, message, exception) in cases {
        let span = one_tagged(tags);
        assert_eq!(span.status, Status::Error(message.into()), "{tags}");
        assert_eq!(span.attributes, [], "{tags}");
        let events: Vec<_> =
            span.events.iter().map(|e| (&*e.name, e.time_unix_nano, e.attributes.len())).collect();
        let expected: &[_] = if exception > 0 { &[("exception", 15_000, exception)] } else { &[] };
        assert_eq!(events, expected, "{tags}");
    }
    assert_eq!(one_tagged(r#""otel.status_code":"OK""#).status, Status::Ok);
    assert_eq!(one_tagged(r#""otel.status_code":"UNSET""#).status, Status::Unset);
    assert_eq!(one_tagged("").status, Status::Unset);
    let odd = one_tagged(r#""otel.status_code":"odd","otel.status_description":"d""#);
    assert_eq!(odd.attributes, texts(&[("otel.status_code", "odd"), ("otel.status_description", "d")]));
}

#[test]
fn endpoints() {
    let json = r#"{"traceId":"1","id":"2","timestamp":1,
        "localEndpoint":{"serviceName":"a","ipv4":"1.2.3.4","ipv6":"::1","port":80,"other":[1]},
        "remoteEndpoint":{"serviceName":"b","ipv6":"::2","port":"443"}}"#;
    let span = one(json);
    assert_eq!(span.resource.get("service.name"), Some("a"));
    let expected = [
        KeyValue::str("network.local.address", "1.2.3.4"),
        KeyValue::str("network.peer.address", "::2"),
        KeyValue::str("service.peer.name", "b"),
        KeyValue::int("network.local.port", 80),
        KeyValue::int("network.peer.port", 443),
    ];
    assert_eq!(span.attributes, expected);
    let tagged = r#"{"traceId":"1","id":"2","timestamp":1,"tags":{"network.peer.port":"1"},
        "localEndpoint":null,"remoteEndpoint":{"serviceName":"","port":443}}"#;
    assert_eq!(one(tagged).attributes, [KeyValue::int("network.peer.port", 1)]);
}

#[test]
fn the_service_is_named_by_endpoint_tag_file() {
    let cases = [
        (r#""localEndpoint":{"serviceName":"e"},"tags":{"service.name":"t"}"#, "e"),
        (r#""localEndpoint":{},"tags":{"service.name":"t"}"#, "t"),
        (r#""tags":{"service.name":""}"#, "f"),
    ];
    let context = context().fallback("f", None);
    for (fields, service) in cases {
        let json = format!(r#"{{"traceId":"1","id":"2","timestamp":1,{fields}}}"#);
        let got = read_with(json.as_bytes(), &context, &[]);
        let [Got::Span(span, facts)] = got.as_slice() else { panic!("{got:?}") };
        assert_eq!(
            (span.resource.get("service.name"), &*facts.service),
            (Some(service), service),
            "{fields}"
        );
    }
}

#[test]
fn configured_attributes_come_last_and_override_nothing() {
    let more = [("service.namespace", "lab"), ("host.name", "no"), ("xs.pool.uuid", "p"), ("", "no")];
    let more = more.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    let context = context().attributes(more);
    let json =
        r#"{"traceId":"1","id":"2","timestamp":1,"tags":{"xs.host.name":"n","xs.host.uuid":"no uuid"}}"#;
    let got = read_with(json.as_bytes(), &context, &[]);
    let [Got::Span(span, facts)] = got.as_slice() else { panic!("{got:?}") };
    let expected = texts(&[
        ("service.name", "unknown"),
        ("service.instance.id", "no uuid"),
        ("host.id", "no uuid"),
        ("host.name", "dom0.example"),
        ("xs.host.uuid", "no uuid"),
        ("xs.host.name", "n"),
        ("service.namespace", "lab"),
        ("xs.pool.uuid", "p"),
    ]);
    assert_eq!((&span.resource.attributes, facts.host), (&expected, None));
}

#[test]
fn tags_are_lenient() {
    let span = one_tagged(r#""a":"1","b":1.5,"c":-3,"d":true,"e":null,"a":"2","\u0066":"x\ny","":"z""#);
    let expected =
        texts(&[("a", "2"), ("b", "1.5"), ("c", "-3"), ("d", "true"), ("f", "x\ny"), ("tag", "z")]);
    assert_eq!(span.attributes, expected);
    assert_eq!(
        one_tagged(r#""otel.scope.name":"s","otel.scope.version":"1","otel.library.name":"l""#).scope.name,
        "s"
    );
    assert_eq!(one_tagged(r#""otel.library.name":"l""#).scope.name, "l");
}

#[test]
fn bad_spans_are_set_aside_alone() {
    let good = r#""traceId":"1","id":"2","timestamp":1"#;
    let cases = [
        (r#""id":"2","timestamp":1"#.to_owned(), Reason::TraceId),
        (r#""traceId":"0","id":"2","timestamp":1"#.to_owned(), Reason::TraceId),
        (
            r#""traceId":"123456789012345678901234567890123","id":"2","timestamp":1"#.to_owned(),
            Reason::TraceId,
        ),
        (r#""traceId":1,"id":"2","timestamp":1"#.to_owned(), Reason::TraceId),
        (r#""traceId":"1","timestamp":1"#.to_owned(), Reason::SpanId),
        (r#""traceId":"1","id":"xyz","timestamp":1"#.to_owned(), Reason::SpanId),
        (format!(r#"{good},"parentId":"0000000000000000""#), Reason::ParentId),
        (format!(r#"{good},"parentId":3"#), Reason::ParentId),
        (format!(r#"{good},"name":{{}}"#), Reason::Name),
        (r#""traceId":"1","id":"2""#.to_owned(), Reason::Timestamp),
        (r#""traceId":"1","id":"2","timestamp":1.5"#.to_owned(), Reason::Timestamp),
        (r#""traceId":"1","id":"2","timestamp":-1"#.to_owned(), Reason::Timestamp),
        (r#""traceId":"1","id":"2","timestamp":"1""#.to_owned(), Reason::Timestamp),
        (r#""traceId":"1","id":"2","timestamp":18446744073709551615"#.to_owned(), Reason::Timestamp),
        (r#""traceId":"1","id":"2","timestamp":99999999999999999999999"#.to_owned(), Reason::Timestamp),
        (format!(r#"{good},"duration":1.0"#), Reason::Duration),
        (format!(r#"{good},"duration":18446744073709551615"#), Reason::Duration),
        (format!(r#"{good},"duration":9223372036854775807"#), Reason::Duration),
        (format!(r#"{good},"localEndpoint":"xapi""#), Reason::Endpoint),
        (format!(r#"{good},"remoteEndpoint":[{{}}]"#), Reason::Endpoint),
        (format!(r#"{good},"annotations":{{"a":[1]}}"#), Reason::Annotation),
        (format!(r#"{good},"annotations":[1]"#), Reason::Annotation),
        (format!(r#"{good},"annotations":[{{"timestamp":1.5,"value":"x"}}]"#), Reason::Annotation),
        (format!(r#"{good},"tags":[]"#), Reason::Tag),
        (format!(r#"{good},"tags":{{"a":{{"b":[]}}}}"#), Reason::Tag),
    ];
    for (fields, reason) in cases {
        let bad = format!("{{{fields}}}");
        let (before, after) = (span("before", "b", None), span("after", "c", None));
        let got = read_all(format!("[{before},{bad},{after}]"));
        assert_eq!(names(&got), ["+before", reason.as_str(), "+after"], "{bad}");
        assert_eq!(got[1], Got::Bad(before.len() + 2, bad.into_bytes(), reason));
    }
}

#[test]
fn other_values_are_set_aside() {
    let good = span("s", "1", None);
    for value in
        ["1", "\"x\"", "null", "[1,[2]]", "[[]]", "{}", "{\"foo\":{\"id\":\"1\"}}", "[]", "-1.5e3", "true"]
    {
        let got = read_all(format!("[{good}, {value} ,{good}]"));
        let reason = if value.starts_with('{') { Reason::TraceId } else { Reason::NotASpan };
        assert_eq!(names(&got), ["+s", reason.as_str(), "+s"], "{value}");
        assert_eq!(got[1], Got::Bad(good.len() + 3, value.into(), reason));
    }
}

#[test]
fn all_shapes_of_a_document() {
    let (a, b) = (span("a", "1", None), span("b", "2", None));
    let pretty = format!("[\n  {},\r\n\t{}\n]\n", a.replace(":", " : \n"), b);
    for document in [
        format!("[{a},{b}]"),
        format!("\u{feff}[{a},{b}]  \r"),
        format!("[ {a} , {b} ] \r\n"),
        pretty,
        format!("[{a}][{b}]"),
        format!("[{a},[{b}]"),
        format!("{a}{b}"),
        format!("[{a}{b}"),
        format!("{a}\n{b}"),
    ] {
        assert_eq!(names(&read_all(&document)), ["+a", "+b"], "{document}");
    }
    assert_eq!(names(&read_all(&a)), ["+a"]);
    for nothing in ["", "[]", " \r\n", "\u{feff}", "[ ]\n"] {
        assert_eq!(read_all(nothing), [], "{nothing:?}");
    }
}

#[test]
fn a_cut_array_with_a_whole_one_appended() {
    let whole = format!("[{},{}]", span("a", "1", None), span("b", "2", None));
    for cut in 1..whole.len() - 1 {
        let joined = format!("{}{whole}", &whole[..cut]);
        let got = read_all(&joined);
        let names = names(&got);
        assert_eq!(names[names.len() - 2..], ["+a", "+b"], "{joined}");
        let first_done = cut > span("a", "1", None).len();
        assert_eq!(names.len() > 2 && names[0] == "+a", first_done, "{joined}");
    }
    let torn = r#"[{"tags":{"xs."#;
    let got = read_all(format!("{torn}{whole}"));
    assert_eq!(got[0], Got::Bad(1, torn.as_bytes()[1..].to_vec(), Reason::Syntax));
}

#[test]
fn damage_is_reported_where_it_is() {
    let good = span("s", "1", None);
    for damage in [
        "\0\0\0\0",
        "garbage",
        "{\"tags\":{\"a\":\"\u{1}\"}}",
        "{\"tags\":{\"a\":\"\\q\"}}",
        "\"",
        "{",
        "}",
        "]]",
        "nul",
    ] {
        let line = format!("[{good},{damage},{good}]");
        let got = read_all(&line);
        assert_eq!(got.iter().filter(|got| matches!(got, Got::Span(..))).count(), 2, "{line}");
        let bad: Vec<&[u8]> = got
            .iter()
            .filter_map(|got| match got {
                Got::Bad(_, bytes, _) => Some(&**bytes),
                _ => None,
            })
            .collect();
        assert!(bad.concat().ends_with(damage.trim_start_matches(']').as_bytes()), "{line}: {bad:?}");
        assert!(!bad.is_empty() && bad.concat().len() <= damage.len() + 1, "{line}: {bad:?}");
    }
}

#[test]
fn bytes_that_are_no_utf8_harm_only_themselves() {
    let mut line = b"[".to_vec();
    line.extend(span("a\u{e9}", "1", None).bytes());
    line.extend(b",{\"id\":\"\xff\xfe\"},");
    line.extend(
        span("QQ", "2", None)
            .replace("QQ", "q\u{1}q")
            .bytes()
            .map(|byte| if byte == 1 { 0xc3 } else { byte }),
    );
    line.extend(b",{\"traceId\":\"\xff\"}]");
    let got = read_all(&line);
    assert_eq!(names(&got), ["+aé", "trace_id", "+q\u{fffd}q", "trace_id"]);
    assert!(matches!(&got[1], Got::Bad(_, bytes, _) if bytes == b"{\"id\":\"\xff\xfe\"}"));
    assert!(matches!(&got[3], Got::Bad(_, bytes, _) if bytes == b"{\"traceId\":\"\xff\"}"));
    let garbage = vec![0xff; 1 << 20];
    assert_eq!(read_all(&garbage), [Got::Bad(0, garbage.clone(), Reason::Encoding)]);
}

#[test]
fn lone_surrogates_become_replacement_characters() {
    let good = span("s", "1", None);
    let lone = span(r"x\ud83dy", "2", None);
    let pair = span(r"\ud83d\ude00", "3", None);
    let bad = r#"{"id":"\udead"}"#;
    let got = read_all(format!("[{good},{lone},{bad},{pair}]"));
    assert_eq!(names(&got), ["+s", "+x\u{fffd}y", "trace_id", "+😀"]);
    assert_eq!(got[2], Got::Bad(good.len() + lone.len() + 3, bad.into(), Reason::TraceId));
}

#[test]
fn depth_is_no_danger() {
    const DEPTH: usize = 10_000;
    let good = span("s", "1", None);
    let (open, close) = ("[".repeat(DEPTH), "]".repeat(DEPTH));
    let (open_map, close_map) = ("{\"tags\":".repeat(DEPTH), "}".repeat(DEPTH));
    for deep in [
        format!("{open}{close}"),
        format!(r#"{{"traceId":"1","id":"2","x":{open}{close}}}"#),
        format!(r#"{{"traceId":"1","id":"2","tags":{{"a":{open_map}1{close_map}}}}}"#),
        format!(r#"{{"traceId":"1","id":"2","annotations":[{open}{close}]}}"#),
        format!(r#"{{"traceId":"1","id":"2","localEndpoint":{open}{close}}}"#),
        format!("{open_map}1{close_map}"),
    ] {
        let got = read_all(format!("[{good},{deep},{good}]"));
        let first_of: Vec<_> = names(&got);
        assert_eq!((first_of.len(), &*first_of[0], &*first_of[2]), (3, "+s", "+s"), "{}", &deep[..40]);
    }
    assert_eq!(read_all(open.repeat(10)).len(), 1);
    assert!(!read_all(format!("{good}{}", open_map.repeat(10))).is_empty());
    let annotated =
        format!(r#"{{"x":{{"deep":{}{}}}}}"#, "[".repeat(DEPTH), "]".repeat(DEPTH)).replace('"', "\\\"");
    let json =
        format!(r#"{{"traceId":"1","id":"2","annotations":[{{"timestamp":1,"value":"{annotated}"}}]}}"#);
    assert_eq!(one(&json).events[0].name, "x");
}

#[test]
fn dropped_spans_take_those_below_with_them() {
    let line = format!(
        "[{},{},{},{},{},{}]",
        span("leaf", "4", Some("3")),
        span("Tracing.File.export", "3", Some("2")),
        span("other", "9", Some("8")),
        span("inner", "2", Some("1")),
        span("Tracing.flush_spans", "1", None),
        span("elsewhere", "5", None).replace("a1", "b2"),
    );
    let got = read_with(line.as_bytes(), &context(), &["Tracing.*"]);
    assert_eq!(names(&got), ["+elsewhere", "-4", "-3", "+other", "-2", "-1"]);
    assert_eq!(names(&read_with(line.as_bytes(), &context(), &[])).len(), 6);
    assert!(read_all(&line).iter().all(|got| matches!(got, Got::Span(..))));
    let all = read_with(line.as_bytes(), &context(), &["*"]);
    assert!(all.iter().all(|got| matches!(got, Got::Dropped(..))), "{all:?}");
    let escaped = line.replace("Tracing.f", r"\u0054racing.f");
    let got = names(&read_with(escaped.as_bytes(), &context(), &["Tracing.*"]));
    assert!(got.contains(&"-1".to_owned()) && got.contains(&"-4".to_owned()), "{got:?}");
}

mod properties {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(400))]

        /// Every byte is delivered, set aside, or one of those that stand between spans.
        #[test]
        fn any_bytes_are_accounted_for(line in prop::collection::vec(any::<u8>(), 0..200)) {
            account(&line);
        }

        #[test]
        fn any_mix_of_pieces_is_accounted_for(pieces in prop::collection::vec(piece(), 0..24)) {
            account(pieces.concat().as_bytes());
        }

        #[test]
        fn generated_spans_come_back(wanted in prop::collection::vec(wanted(), 0..8)) {
            let json = Json::Array(wanted.iter().map(Wanted::json).collect());
            for text in [json.to_string(), serde_json::to_string_pretty(&json).unwrap()] {
                let got = spans(read_all(text));
                prop_assert_eq!(got.len(), wanted.len());
                for (span, wanted) in got.iter().zip(&wanted) {
                    wanted.check(span);
                }
            }
        }

        /// Whichever traces are looked at first, dropping is the same as when all spans wait.
        #[test]
        fn dropping_is_the_same_by_both_ways(tree in prop::collection::vec((0..3u8, 1..7u8, prop::option::of(1..7u8), 0..3usize), 0..10)) {
            let names = ["Tracing.x", "Tracin", "a.Tracing.b"];
            let one = |(trace, id, parent, name): &(u8, u8, Option<u8>, usize)| {
                let parent = parent.map(|parent| parent.to_string());
                span(names[*name], &id.to_string(), parent.as_deref()).replace("a1", &format!("a{trace}"))
            };
            let line = format!("[{}]", tree.iter().map(one).collect::<Vec<_>>().join(","));
            let count = |globs: &[&str]| {
                let got = read_with(line.as_bytes(), &context(), globs);
                got.iter().filter(|got| matches!(got, Got::Dropped(..))).count()
            };
            // The second glob fits no name, but has no text to look for.
            prop_assert_eq!(count(&["Tracing.*"]), count(&["Tracing.*", "?"]));
        }
    }

    fn account(line: &[u8]) {
        let mut place = 0;
        read(line, &context(), &DropRules::new([]), |item| {
            let bytes = match item {
                Item::Bad { offset, bytes, .. } => {
                    assert!(offset >= place, "in order");
                    place = offset;
                    bytes.len()
                }
                Item::Span { raw, .. } => {
                    let text = std::str::from_utf8(raw).unwrap();
                    assert!(serde_json::from_str::<Json>(text).is_ok());
                    place += line[place..].iter().position(|byte| *byte == b'{').unwrap();
                    raw.len()
                }
                Item::Dropped { .. } => panic!("nothing is dropped"),
            };
            place += bytes;
        });
        let rest = String::from_utf8_lossy(&line[place.min(line.len())..]).into_owned();
        let between = rest.trim_matches([' ', '\t', '\r', '\n', ',', '[', ']', '\u{feff}']);
        assert_eq!(between, "", "{:?}", String::from_utf8_lossy(line));
    }

    fn piece() -> impl Strategy<Value = String> {
        let parts = [
            "[",
            "]",
            "{",
            "}",
            ",",
            "\"",
            "\\",
            ":",
            "{\"tags\":",
            "{\"id\":",
            "\"traceId\":\"1\"",
            "1",
            "\0",
            "\u{feff}",
            " ",
            "é",
            "\\ud800",
        ];
        prop_oneof![
            6 => proptest::sample::select(parts.to_vec()).prop_map(str::to_owned),
            1 => Just(span("s", "1", None)),
        ]
    }

    #[derive(Debug, Clone)]
    struct Wanted {
        trace: u128,
        id: u64,
        parent: Option<u64>,
        name: String,
        micros: u64,
        duration: i64,
        tags: std::collections::BTreeMap<String, String>,
    }

    fn wanted() -> impl Strategy<Value = Wanted> {
        let tags = prop::collection::btree_map("[a-z.\"\\\\é]{1,8}x", ".{0,12}", 0..6);
        let ids = (1..u128::MAX, 1..u64::MAX, prop::option::of(1..u64::MAX));
        (ids, ".{0,12}", 1..u64::from(u32::MAX) * 1000, any::<i32>(), tags).prop_map(
            |((trace, id, parent), name, micros, duration, tags)| Wanted {
                trace,
                id,
                parent,
                name,
                micros,
                duration: duration.into(),
                tags,
            },
        )
    }

    impl Wanted {
        fn json(&self) -> Json {
            let mut json = serde_json::json!({
                "tags": self.tags, "annotations": [], "localEndpoint": {"serviceName": "xapi"}, "duration": self.duration,
                "timestamp": self.micros, "name": self.name, "traceId": format!("{:x}", self.trace), "id": format!("{:016x}", self.id),
            });
            if let Some(parent) = self.parent {
                json["parentId"] = format!("{parent:X}").into();
            }
            json
        }

        fn check(&self, span: &model::Span<'_>) {
            assert_eq!(u128::from_be_bytes(*span.trace_id.bytes()), self.trace);
            assert_eq!(u64::from_be_bytes(*span.span_id.bytes()), self.id);
            assert_eq!(span.parent_id.map(|id| u64::from_be_bytes(*id.bytes())), self.parent);
            assert_eq!(span.name, self.name);
            assert_eq!(span.start_unix_nano, self.micros * 1000);
            let length = u64::try_from(self.duration).unwrap_or(0);
            assert_eq!(span.end_unix_nano, (self.micros + length) * 1000);
            let mut tags: Vec<_> =
                span.attributes.iter().map(|kv| (&*kv.key, kv.as_str().unwrap())).collect();
            tags.sort_unstable();
            let expected: Vec<_> =
                self.tags.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
            assert_eq!(tags, expected);
        }
    }

    /// Every prefix of a real line: the spans that are whole in it are delivered.
    #[test]
    fn every_prefix_of_a_real_line() {
        for line in [XAPI, SMAPI].iter().flat_map(|file| file.lines()) {
            let ends = span_ends(line);
            for cut in 0..line.len() {
                if !line.is_char_boundary(cut) {
                    continue;
                }
                let prefix = &line[..cut];
                account(prefix.as_bytes());
                let whole = ends.iter().filter(|end| **end <= cut).count();
                let got = read_all(prefix);
                assert_eq!(
                    got.iter().filter(|got| matches!(got, Got::Span(..))).count(),
                    whole,
                    "cut at {cut}"
                );
            }
        }
    }

    /// Every byte of a real line flipped in three ways: the spans that it doesn't stand in are delivered.
    #[test]
    fn every_byte_of_a_real_line_flipped() {
        let line = XAPI.lines().next().unwrap();
        let ends = span_ends(line);
        for place in 0..line.len() {
            for mask in [0x01, 0x20, 0xff] {
                let mut bytes = line.as_bytes().to_vec();
                bytes[place] ^= mask;
                account_loosely(&bytes, &ends, place);
            }
        }
    }

    fn account_loosely(bytes: &[u8], ends: &[usize], place: usize) {
        let hit = ends.iter().position(|end| place < *end);
        let ids: Vec<String> = read_all(bytes)
            .iter()
            .filter_map(|got| match got {
                Got::Span(span, _) => Some(span.span_id.to_string()),
                _ => None,
            })
            .collect();
        let all = ["d4bcd152c96bd105", "fcdd53da8eb51fee", "5fb761b593cbd395"];
        for (index, id) in all.iter().enumerate() {
            assert!(hit == Some(index) || ids.iter().any(|got| got == id), "flip at {place} lost {id}");
        }
    }

    fn span_ends(line: &str) -> Vec<usize> {
        let values: Vec<&serde_json::value::RawValue> = serde_json::from_str(line).unwrap();
        let start = line.as_ptr() as usize;
        values.iter().map(|value| value.get().as_ptr() as usize - start + value.get().len()).collect()
    }
}
