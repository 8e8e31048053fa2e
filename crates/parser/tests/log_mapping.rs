//! Lines that the samples lack, each with what must be read from it.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use model::{KeyValue, Uuid, Value};
use parser::log::{DropRule, Filters, Format, HostContext, LinePattern, LogLine, LogReader, LogSource, Zone};

const CONTEXT: &str = "00-0a07bfbf3925e3d4776995171a9222cd-d4bcd152c96bd105-01";
const READ_CONTEXT: &str = "0a07bfbf3925e3d4776995171a9222cd Some(d4bcd152c96bd105)";
const MODIFIED: i64 = 1_777_580_000;

fn source(format: Format) -> LogSource {
    LogSource::new("/var/log/xensource.log", format).with_zone(Zone::parse("UTC").unwrap())
}

fn text(value: &Value<'_>) -> String {
    match value {
        Value::Str(text) => text.to_string(),
        Value::Int(number) => format!("int {number}"),
        other => format!("{other:?}"),
    }
}

/// The value under a short name of the record, of the evidence, or of an attribute; empty where there is none.
fn value(line: &LogLine<'_>, name: &str) -> String {
    let record = &line.record;
    let attribute = |list: &[KeyValue<'_>]| list.iter().find(|kv| kv.key == name).map(|kv| text(&kv.value));
    match name {
        "body" => record.body.to_string(),
        "severity" => record.severity.map_or(0, |severity| severity.number()).to_string(),
        "severity_text" => record.severity_text.to_string(),
        "time" => record.time_unix_nano.to_string(),
        "unit" => line.evidence.unit_nanos.to_string(),
        "context" => {
            let shown =
                line.evidence.context.map(|context| format!("{} {:?}", context.trace_id, context.span_id));
            shown.unwrap_or_default()
        }
        "task" => line.evidence.task.map(|task| task.to_string()).unwrap_or_default(),
        "number" => line.evidence.task_number.map(|number| number.to_string()).unwrap_or_default(),
        "facts" => line.evidence.facts.iter().map(|fact| format!("{fact:?}")).collect(),
        _ => attribute(&record.attributes)
            .or_else(|| attribute(&record.resource.attributes))
            .unwrap_or_default(),
    }
}

fn check(source: &LogSource, line: &str, expected: &[(&str, &str)]) {
    let host = HostContext::new(Uuid::parse("cb043a21-9c51-4418-a1e8-e7079ac6dc1a"), "fallback");
    let read = LogReader::new(MODIFIED).read(source, &host, line.as_bytes(), 7);
    for (name, expected) in expected {
        assert_eq!(value(&read, name), *expected, "{name} of {line}");
    }
}

#[test]
fn trace_contexts() {
    let xensource = source(Format::Xensource);
    let head = "Apr 30 20:00:00 h xenopsd-xc: [debug|";
    let dbg = format!(
        r#"Async.VM.start R:c9be3e35c13c\x0A{{"traceparent":"{CONTEXT}","baggage":[["span.depth","3"]]}}"#
    );
    let own = [("context", READ_CONTEXT), ("task", "R:c9be3e35c13c"), ("host.name", "h")];
    check(&xensource, &format!("{head}{CONTEXT}|39 |Async.VM.start R:c9be3e35c13c|xenops] x"), &own);
    check(&xensource, &format!("{head}|39 |{dbg}|xenops_server] VBD.add x"), &own);
    check(
        &xensource,
        &format!("{head}|39 |{dbg}|xenops_server] VBD.add x"),
        &[
            ("xs.xapi.task.name", "Async.VM.start"),
            ("code.namespace", "xenops_server"),
            ("body", "VBD.add x"),
        ],
    );
    check(
        &xensource,
        &format!("{head}|39 ||xenops_server] queue_atomics_and_wait: {dbg}: chunk of 2 atoms"),
        &[("context", READ_CONTEXT), ("task", "")],
    );
    check(
        &xensource,
        &format!("{head}|39 ||xenops_server] traceparent: {CONTEXT}"),
        &[("context", READ_CONTEXT)],
    );
    check(&xensource, &format!("{head}|39 ||xenops] no word, so {CONTEXT} is none"), &[("context", "")]);
    // The storage manager's lines are never joined by what they happen to quote.
    check(
        &source(Format::Smlog),
        &format!("Apr 30 20:00:00 h SM: [7] traceparent: {CONTEXT}"),
        &[("context", "")],
    );
}

#[test]
fn escapes() {
    let xensource = source(Format::Xensource);
    let check = |message: &str, body: &str| {
        check(&xensource, &format!("Apr 30 20:00:00 h {message}"), &[("body", body)]);
    };
    check(r"xapi: [debug||1 |t|xapi] caf\xC3\xA9\x0Atwo \\ end", "café\ntwo \\ end");
    check(r#"xapi: [debug||1 |t|xapi] old \/ \\"#, r#"old \/ \\"#);
    check(r"xapi: [debug||1 |t|xapi] cut \\ off \x0", r"cut \ off \x0");
    check(r"observer.py: C:\\dir", r"C:\\dir");
    check(r"child[3]: one\x0Atwo", "one\ntwo");
    check("xapi: [debug||1 |t|xapi]", "");
    let name = [("xs.xapi.task.name", "café"), ("task", "R:c9be3e35c13c")];
    let line = r"Apr 30 20:00:00 h xapi: [debug||1 |caf\xC3\xA9 R:c9be3e35c13c|xapi] x";
    self::check(&xensource, line, &name);
}

#[test]
fn audit_and_standard_output() {
    let audit = source(Format::Audit);
    let line = "Apr 30 22:00:00 h xapi: [20260430T20:26:40.089Z|audit||9 HTTPS 10.0.0.1->INET :::80|VM.start \
                R:c9be3e35c13c|audit] ('trackid=9be672f1a72fb158013dce44c1df30fc' 'sid' 'user' 'ALLOWED')";
    check(
        &audit,
        line,
        &[
            ("time", "1777580800089000007"),
            ("unit", "1000000"),
            ("severity", "10"),
            ("severity_text", "audit"),
            ("client.address", "10.0.0.1"),
            ("thread.name", "INET :::80"),
            ("thread.id", "int 9"),
            ("xs.xapi.session.track.id", "9be672f1a72fb158013dce44c1df30fc"),
            ("service.name", "xapi"),
            ("log.file.path", "/var/log/xensource.log"),
        ],
    );
    let bare = "[20260430T20:26:40.089Z|debug||-1 heartbeat||xapi] x\r";
    let expected =
        [("service.name", "xensource"), ("host.name", "fallback"), ("thread.id", "int -1"), ("body", "x")];
    check(&audit, bare, &expected);
    // Repeated lines have the time of their own header.
    let repeated =
        "Apr 30 22:00:00 h xapi: message repeated 3 times: [ [20260430T20:26:40.089Z|debug||1 |t|xapi] x]";
    let expected = [("time", "1777586400000000007"), ("log.repeat_count", "int 3"), ("body", "x")];
    check(&audit, repeated, &expected);
}

#[test]
fn plain_text() {
    let cases = [
        ("Apr 30 20:00:00 h observer.py: text", "observer.py", "h", "text"),
        ("Apr 30 20:00:00 h xapi: [debug||0 |cut in the brack", "xapi", "h", "[debug||0 |cut in the brack"),
        (
            "Apr 30 20:00:00 h last message repeated 2 times",
            "xensource",
            "h",
            "last message repeated 2 times",
        ),
        ("no header at all", "xensource", "fallback", "no header at all"),
        ("", "xensource", "fallback", ""),
    ];
    for (line, service, host, body) in cases {
        let expected = [("service.name", service), ("host.name", host), ("body", body), ("severity", "0")];
        check(&source(Format::Xensource), line, &expected);
    }
    let named = source(Format::Syslog).with_service_name("named");
    check(&named, "no header", &[("service.name", "named")]);
    check(
        &named,
        "Apr 30 20:00:00 h squeezed[1308]: x",
        &[("service.name", "squeezed"), ("process.pid", "int 1308")],
    );
    let storage = "Apr 30 20:00:00 h SMAPIv3: [7] - WARNING - text";
    let expected =
        [("service.name", "smapi"), ("severity", "13"), ("severity_text", "WARNING"), ("body", "text")];
    check(&source(Format::Smlog), storage, &expected);
}

#[test]
fn invalid_utf8_is_replaced() {
    let (source, host) = (source(Format::Xensource), HostContext::default());
    let line = b"Apr 30 20:00:00 h xapi: [debug||1 |t|xapi] a\xffb";
    let read = LogReader::new(MODIFIED).read(&source, &host, line, 7);
    assert_eq!(read.record.body, "a\u{fffd}b");
}

#[test]
fn configured_expressions() {
    let pattern = r"^(?<time>\S+) (?<severity>\w+) (?<user>\w*) ?t=(?<trace_id>\w+) (?<log.file.path>\w+): (?<body>.*)$";
    let source = source(Format::Regex(LinePattern::new(pattern).unwrap())).with_service_name("own");
    let line = "2026-04-30T20:26:40.5Z error me t=0a07bfbf3925e3d4776995171a9222cd path: text";
    check(
        &source,
        line,
        &[
            ("time", "1777580800500000007"),
            ("severity", "17"),
            ("user", "me"),
            ("trace_id", ""),
            ("context", "0a07bfbf3925e3d4776995171a9222cd None"),
            ("log.file.path", "/var/log/xensource.log"),
            ("body", "text"),
            ("service.name", "own"),
        ],
    );
    check(&source, "something else", &[("body", "something else"), ("service.name", "own")]);
}

#[test]
fn a_dropped_line_still_teaches() {
    let filters = Filters::new(None, &["dummytaskhelper"], &[""; 0]).unwrap();
    let (source, host) = (source(Format::Xensource).with_filters(filters), HostContext::default());
    let line = "Apr 30 20:00:00 h xapi: [debug||1 |t D:97ec80851062|dummytaskhelper] task x D:a6bd9ee95f3f created by \
                task D:97ec80851062";
    let mut reader = LogReader::new(MODIFIED);
    let read = reader.read(&source, &host, line.as_bytes(), 7);
    assert_eq!(read.dropped, Some(DropRule::Pattern(0)));
    assert_eq!(value(&read, "facts"), "CreatedBy { child: D:a6bd9ee95f3f, parent: D:97ec80851062 }");
    let kept = reader.read(&source, &host, b"Apr 30 20:00:00 h xapi: other", 7);
    assert_eq!(kept.dropped, None);
}
