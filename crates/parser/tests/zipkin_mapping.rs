//! How a span's fields become OTLP's.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test says so by failing")]

mod zipkin_support;

use model::{KeyValue, SpanKind, Status};
use zipkin_support::*;

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
