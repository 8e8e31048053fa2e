//! Real lines of several versions and programs, field by field against files that were checked by eye.
//!
//! `UPDATE_GOLDEN=1 cargo test -p parser --test log_samples` writes the files anew; then read the difference.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use model::{KeyValue, Uuid, Value};
use parser::evidence::LineEvidence;
use parser::log::{Format, HostContext, LogLine, LogReader, LogSource, Parts, Zone};
use serde_json::{Map, Value as Json, json};
use std::path::PathBuf;

const MODIFIED: i64 = 1_777_580_000; // 30 April 2026, 20:13 UTC

fn file(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)
}

fn host() -> HostContext {
    let mut host = HostContext::new(Uuid::parse("cb043a21-9c51-4418-a1e8-e7079ac6dc1a"), "fallback");
    host.name_label = Some("first host".into());
    host.set_pool(Uuid::parse("0496aa55-4e6f-363d-6578-4ab872ddfb9e"));
    host.extra = vec![("site".into(), "lab".into()), ("host.id".into(), "never".into())];
    host
}

/// Without what is empty, so that a golden line shows only what was read.
fn object(fields: impl IntoIterator<Item = (&'static str, Json)>) -> Json {
    let empty = |value: &Json| {
        value.is_null() || value.as_str() == Some("") || value.as_array().is_some_and(Vec::is_empty)
    };
    Json::Object(
        fields.into_iter().filter(|(_, value)| !empty(value)).map(|(k, v)| (k.to_owned(), v)).collect(),
    )
}

fn text(bytes: &[u8]) -> Json {
    String::from_utf8_lossy(bytes).into()
}

fn parts(parts: &Parts<'_>) -> Json {
    object([
        ("time", text(parts.time)),
        ("host", text(parts.host)),
        ("program", parts.program.into()),
        ("pid", parts.pid.into()),
        ("repeated", parts.repeated.into()),
        ("level", text(parts.level)),
        ("f2", text(parts.f2)),
        ("thread", parts.thread.into()),
        ("client", text(parts.client)),
        ("origin", text(parts.origin)),
        ("task name", text(parts.task.name)),
        ("task id", parts.task.id.map(|id| id.to_string()).into()),
        ("task number", parts.task.number.into()),
        ("module", parts.module.into()),
        ("body", text(parts.body)),
        ("escaped", parts.escaped.then_some(true).into()),
    ])
}

fn attributes(list: &[KeyValue<'_>]) -> Json {
    let value = |value: &Value<'_>| match value {
        Value::Str(text) => json!(text),
        Value::Int(number) => json!(number),
        other => json!(format!("{other:?}")),
    };
    let map: Map<_, _> = list.iter().map(|kv| (kv.key.clone().into_owned(), value(&kv.value))).collect();
    assert_eq!(map.len(), list.len(), "a key is there twice: {list:?}");
    Json::Object(map)
}

fn evidence(evidence: &LineEvidence<'_>) -> Json {
    let facts: Vec<_> = evidence.facts.iter().map(|fact| format!("{fact:?}")).collect();
    object([
        ("service", evidence.service.into()),
        ("program", evidence.program.into()),
        ("second", evidence.second_unix.into()),
        ("second nanos", evidence.second_nanos.into()),
        ("unit", evidence.unit_nanos.into()),
        ("context", evidence.context.map(|context| format!("{context:?}")).into()),
        ("task", evidence.task.map(|id| id.to_string()).into()),
        ("task number", evidence.task_number.into()),
        ("facts", facts.into()),
    ])
}

fn record(line: &LogLine<'_>) -> Json {
    object([
        ("time_unix_nano", line.record.time_unix_nano.into()),
        ("severity", line.record.severity.map(|severity| severity.number()).into()),
        ("severity_text", line.record.severity_text.clone().into_owned().into()),
        ("body", line.record.body.clone().into_owned().into()),
        ("attributes", attributes(&line.record.attributes)),
        ("resource", attributes(&line.record.resource.attributes)),
    ])
}

/// Reads a file of samples line by line; the sources tell by line, as the samples are of several logs.
fn read(name: &str, source: impl Fn(&str) -> LogSource) -> Vec<String> {
    let lines = std::fs::read_to_string(file(name)).unwrap();
    let (host, mut reader, mut start) = (host(), LogReader::new(MODIFIED), 0);
    let mut golden = Vec::new();
    for line in lines.lines() {
        let source = source(line);
        let read = reader.read(&source, &host, line.as_bytes(), start);
        let json = json!({
            "line": line, "parts": parts(&source.parts(line.as_bytes())),
            "record": record(&read), "evidence": evidence(&read.evidence),
        });
        golden.push(json.to_string());
        start += line.len() as u64 + 1;
    }
    golden
}

fn check(name: &str, source: impl Fn(&str) -> LogSource) -> usize {
    let golden = file(&name.replace(".log", ".golden.jsonl"));
    let read = read(name, source);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&golden, read.join("\n") + "\n").unwrap();
    }
    let expected = std::fs::read_to_string(&golden).unwrap();
    for (read, expected) in read.iter().zip(expected.lines()) {
        assert_eq!(read, expected);
    }
    assert_eq!(read.len(), expected.lines().count());
    read.len()
}

#[test]
fn xensource() {
    let source = |_: &str| {
        LogSource::new("/var/log/xensource.log", Format::Xensource).with_zone(Zone::parse("UTC").unwrap())
    };
    assert_eq!(check("xensource-samples.log", source), 89);
}

#[test]
fn other_logs() {
    let source = |line: &str| {
        let (path, format) = match line.contains(" SM: ") {
            true => ("/var/log/SMlog", Format::Smlog),
            false => ("/var/log/daemon.log", Format::Syslog),
        };
        LogSource::new(path, format).with_zone(Zone::parse("Europe/Paris").unwrap())
    };
    assert_eq!(check("other-logs-samples.log", source), 8);
}
