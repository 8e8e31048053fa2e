//! What is picked, listed and written, from requests as they would be shipped.

use super::*;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value::Value};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};
use prost::Message;

const SECOND: u64 = 1_000_000_000;
const START: u64 = 1_772_397_975 * SECOND;
const VM: &str = "cb043a21-9c51-4418-a1e8-e7079ac6dc1a";

fn attributes(pairs: &[(&str, &str)]) -> Vec<KeyValue> {
    let value = |text: &str| Some(AnyValue { value: Some(Value::StringValue(text.to_owned())) });
    pairs
        .iter()
        .map(|(key, text)| KeyValue { key: (*key).to_owned(), value: value(text), ..KeyValue::default() })
        .collect()
}

fn resource() -> Option<Resource> {
    let attributes = attributes(&[("service.name", "xapi"), ("xs.host.name", "lab-1")]);
    Some(Resource { attributes, ..Resource::default() })
}

/// A span of trace `trace` that takes so many seconds from its second on; failed, if there is a message.
fn span(trace: u8, id: u8, name: &str, (from, seconds): (u64, u64), error: Option<&str>) -> Span {
    Span {
        trace_id: vec![trace; 16],
        span_id: vec![id; 8],
        parent_span_id: if id > 1 { vec![1; 8] } else { Vec::new() },
        name: name.to_owned(),
        start_time_unix_nano: START + from * SECOND,
        end_time_unix_nano: START + (from + seconds) * SECOND,
        status: error.map(|message| Status { message: message.to_owned(), code: 2 }),
        attributes: attributes(&[("xs.xapi.task.id", &format!("R:{trace:012}"))]),
        ..Span::default()
    }
}

fn record(trace: u8, task: &str, second: u64, severity: i32, body: &str) -> LogRecord {
    LogRecord {
        time_unix_nano: START + second * SECOND,
        trace_id: if trace > 0 { vec![trace; 16] } else { Vec::new() },
        severity_number: severity,
        severity_text: if severity >= 17 { "error" } else { "info" }.to_owned(),
        body: Some(AnyValue { value: Some(Value::StringValue(body.to_owned())) }),
        attributes: attributes(
            &[("xs.xapi.task.id", task), ("xs.xapi.task.name", "VM.start")]
                [..if task.is_empty() { 0 } else { 2 }],
        ),
        ..LogRecord::default()
    }
}

fn catalog(spans: Vec<Span>, log_records: Vec<LogRecord>) -> Catalog {
    let mut catalog = Catalog::default();
    let scope_spans = vec![ScopeSpans { spans, ..ScopeSpans::default() }];
    let resource_spans =
        vec![ResourceSpans { resource: resource(), scope_spans, ..ResourceSpans::default() }];
    catalog.spans(&ExportTraceServiceRequest { resource_spans }.encode_to_vec()).unwrap();
    let scope_logs = vec![ScopeLogs { log_records, ..ScopeLogs::default() }];
    let resource_logs = vec![ResourceLogs { resource: resource(), scope_logs, ..ResourceLogs::default() }];
    catalog.logs(&ExportLogsServiceRequest { resource_logs }.encode_to_vec()).unwrap();
    catalog
}

/// Three traces: a quick one, a slow one that failed, and one that mentions the machine in a line.
fn pool() -> Catalog {
    let spans = vec![
        span(1, 1, "Async.VM.start", (0, 2), None),
        span(2, 1, "Async.VM.migrate", (10, 60), Some("HOST_OFFLINE")),
        span(2, 2, "VM.receive", (12, 5), None),
        span(3, 1, "SR.scan", (100, 1), None),
    ];
    let lines = vec![
        record(2, "R:000000000002", 12, 17, "no host"),
        record(2, "R:000000000002", 11, 9, "begins"),
        record(3, "", 100, 9, &format!("attach to {VM}")),
        record(0, "D:31bcb54f6757", 3, 17, "alone"),
        record(0, "", 4, 9, "of nobody"),
    ];
    catalog(spans, lines)
}

fn names(filter: &Filter) -> Vec<String> {
    filter.traces(&pool()).iter().map(|shown| shown.name().to_owned()).collect()
}

#[test]
fn filters_pick_traces() {
    let some = |text: &str| Some(text.to_owned());
    let cases = [
        (Filter::default(), vec!["Async.VM.start", "Async.VM.migrate", "SR.scan"]),
        (Filter { trace: some("0202"), ..Filter::default() }, vec!["Async.VM.migrate"]),
        (Filter { task: some("R:000000000001"), ..Filter::default() }, vec!["Async.VM.start"]),
        (Filter { vm: some(VM), ..Filter::default() }, vec!["SR.scan"]),
        (Filter { name: some("vm.RECEIVE"), ..Filter::default() }, vec!["Async.VM.migrate"]),
        (Filter { errors: true, ..Filter::default() }, vec!["Async.VM.migrate"]),
        (Filter { slowest: Some(2), ..Filter::default() }, vec!["Async.VM.migrate", "Async.VM.start"]),
        (
            Filter { since: Some(START + 50 * SECOND), ..Filter::default() },
            vec!["Async.VM.migrate", "SR.scan"],
        ),
        (Filter { until: Some(START + 5 * SECOND), ..Filter::default() }, vec!["Async.VM.start"]),
        (Filter { errors: true, name: some("scan"), ..Filter::default() }, vec![]),
    ];
    for (filter, expected) in cases {
        assert_eq!(names(&filter), expected, "{filter:?}");
    }
}

#[test]
fn failures_are_listed_with_their_message_and_lines() {
    let catalog = pool();
    let traces = Filter { errors: true, ..Filter::default() }.traces(&catalog);
    let style = Style { width: 120, colour: false, spans: 9, lines: 9, marks: true };
    let text = list::traces(&traces, true, &style);
    let rows: Vec<&str> = text.lines().collect();
    assert_eq!(rows.len(), 4, "{text}");
    assert!(
        rows[1].starts_with(
            "2026-03-01 20:46:25 UTC  0202020202020202     1m00s       2      1      2  Async.VM.migrate"
        ),
        "{text}"
    );
    assert_eq!(rows[2], "    ✗ Async.VM.migrate (xapi): HOST_OFFLINE");
    assert_eq!(rows[3], "    20:46:27 error xapi: no host");
}

#[test]
fn tasks_without_a_trace_are_listed_and_told() {
    let catalog = pool();
    let tasks = Filter::default().tasks(&catalog);
    assert_eq!(tasks.iter().map(|(id, _)| *id).collect::<Vec<_>>(), ["D:31bcb54f6757"]);
    let style = Style { width: 120, colour: false, spans: 9, lines: 9, marks: true };
    let text = list::tasks(&tasks, &style);
    assert!(text.lines().nth(1).unwrap().ends_with("1      1  D:31bcb54f6757  VM.start"), "{text}");
    let (id, task) = tasks[0];
    assert_eq!(
        list::lines(id, task, &style),
        "D:31bcb54f6757  VM.start  1 line\n    20:46:18 error xapi: alone\n"
    );
    assert_eq!(catalog.lines, 5);
}

#[test]
fn data_holds_everything() {
    let catalog = pool();
    let (traces, tasks) = (Filter::default().traces(&catalog), Filter::default().tasks(&catalog));
    let value = serde_json::to_value(json::data(&traces, &tasks)).unwrap();
    let trace = &value["traces"][1];
    assert_eq!(trace["trace_id"], "02".repeat(16));
    assert_eq!(trace["errors"], 1);
    assert_eq!(trace["hosts"][0], "lab-1");
    assert_eq!(trace["tasks"][0], "R:000000000002");
    assert_eq!(trace["spans"][0]["error"], "HOST_OFFLINE");
    assert_eq!(trace["spans"][1]["parent_id"], "01".repeat(8));
    assert_eq!(trace["lines"].as_array().unwrap().len(), 2);
    assert_eq!(value["tasks"][0]["lines"][0]["body"], "alone");
}

#[test]
fn ids_are_checked() {
    let parsed = |arguments: &[&str]| {
        use clap::Parser;
        let all = ["xapi-observer", "show", "x"].iter().chain(arguments);
        match crate::cli::Cli::try_parse_from(all).map(|cli| cli.command) {
            Ok(crate::cli::Command::Show(options)) => filter(&options).map(|_| ()).map_err(|_| "filter"),
            Ok(_) => Err("another command"),
            Err(_) => Err("usage"),
        }
    };
    for (arguments, expected) in [
        (&["--trace", "02AB"][..], Ok(())),
        (&["--trace", "02"], Err("filter")),
        (&["--trace", "xyzw"], Err("filter")),
        (&["--since", "2026-03-01"], Ok(())),
        (&["--since", "soon"], Err("usage")),
        (&["--timezone", "Europe/Paris"], Ok(())),
        (&["--timezone", "Paris"], Err("usage")),
        (&["--json", "--html", "x"], Err("usage")),
    ] {
        assert_eq!(parsed(arguments), expected, "{arguments:?}");
    }
}
