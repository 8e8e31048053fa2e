//! `--send-test`: one trace of one span, with one log line in it, marked so that it is found again.

use super::answer;
use super::finding::{Finding, Level};
use crate::config::{Destination, Settings};
use crate::host::resource;
use crate::shell::clock::Clock;
use bytes::Bytes;
use exporter::transport::Transport;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs, SeverityNumber};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, span::SpanKind};
use prost::Message;
use serde::Serialize;
use std::io::Read;

/// The attribute of span and line that has the mark.
const MARK: &str = "xapi_observer.test.id";
const NAME: &str = "xapi-observer doctor --send-test";
/// How long the span is.
const LENGTH_NANOS: u64 = 1_000_000;

/// What was sent, and how to find it.
#[derive(Debug, Serialize)]
pub(super) struct Marked {
    /// The mark.
    pub(super) id: String,
    trace_id: String,
    traceql: String,
    logql: String,
    /// Commands that ask Tempo and Loki.
    commands: Vec<String>,
}

impl Marked {
    fn new(trace_id: &[u8; 16], service: &str, logs_url: Option<&str>) -> Self {
        let trace_id = hex(trace_id);
        let id: String = trace_id.chars().take(8).collect();
        let logql = format!("{{service_name=\"{service}\"}} |= \"{id}\"");
        // Loki itself takes logs below /otlp, and a Collector nowhere near.
        let loki = logs_url.and_then(|url| url.strip_suffix("/otlp/v1/logs")).unwrap_or("http://LOKI:3100");
        let commands = vec![
            format!("curl -s http://TEMPO:3200/api/traces/{trace_id}"),
            format!(
                "curl -sG {loki}/loki/api/v1/query_range --data-urlencode 'query={logql}' --data-urlencode since=1h"
            ),
        ];
        Self { traceql: format!("{{ span.{MARK} = \"{id}\" }}"), id, trace_id, logql, commands }
    }

    /// Each way to find it, for people.
    pub(super) fn ways(&self) -> impl Iterator<Item = String> + '_ {
        let queries = [format!("TraceQL: {}", self.traceql), format!("LogQL:   {}", self.logql)];
        queries.into_iter().chain(self.commands.iter().cloned())
    }
}

/// Sends it, one signal after the other, and says what was answered.
pub(super) async fn send(settings: &Settings, clock: Clock) -> (Vec<Finding>, Option<Marked>) {
    let Ok((trace, span)) = random() else {
        return (
            vec![Finding::fail("test.traces", "/dev/urandom can't be read").mend("ls -l /dev/urandom")],
            None,
        );
    };
    let said = settings.own_resource(std::env::var("OTEL_SERVICE_NAME").ok(), resource(&settings.inventory));
    let service = said.iter().find(|(key, _)| key == "service.name").map(|(_, name)| name.clone());
    let export = &settings.export;
    let url = export.logs.as_ref().map(|to| to.transport.url.as_str());
    let marked = Marked::new(&trace, &service.unwrap_or_default(), url);
    let (now, own) = (clock.now().wall_unix_nano, own(&said));
    let traces = spans(&own, &trace, &span, &marked.id, now);
    let logs = lines(&own, &trace, &span, &marked.id, now);
    let sent = vec![
        one("test.traces", "traces", export.traces.as_ref(), traces).await,
        one("test.logs", "logs", export.logs.as_ref(), logs).await,
    ];
    let any = sent.iter().any(|finding| finding.level == Level::Ok && !finding.subject.is_empty());
    (sent, any.then_some(marked))
}

async fn one(id: &'static str, signal: &str, to: Option<&Destination>, body: Bytes) -> Finding {
    let Some(to) = to else {
        return Finding::ok(id, format!("{signal} are not sent, as the configuration says"));
    };
    let url = to.transport.url.split(['?', '#']).next().unwrap_or_default();
    match Transport::new(&to.transport) {
        Err(error) => Finding::fail(id, error.to_string()).of(url).mend("xapi-observer check"),
        Ok(transport) => answer::judge(id, signal, url, &transport.send(body).await),
    }
}

fn random() -> std::io::Result<([u8; 16], [u8; 8])> {
    let (mut trace, mut span) = ([0; 16], [0; 8]);
    let mut source = std::fs::File::open("/dev/urandom")?;
    source.read_exact(&mut trace)?;
    source.read_exact(&mut span)?;
    Ok((trace, span))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn text(value: &str) -> Option<AnyValue> {
    Some(AnyValue { value: Some(any_value::Value::StringValue(value.to_owned())) })
}

fn attribute(key: &str, value: &str) -> KeyValue {
    KeyValue { key: key.to_owned(), value: text(value), ..KeyValue::default() }
}

/// The agent's own resource.
fn own(resource: &[(String, String)]) -> Resource {
    let attributes = resource.iter().map(|(key, value)| attribute(key, value)).collect();
    Resource { attributes, ..Resource::default() }
}

fn spans(own: &Resource, trace: &[u8; 16], id: &[u8; 8], mark: &str, now: u64) -> Bytes {
    let span = Span {
        trace_id: trace.to_vec(),
        span_id: id.to_vec(),
        name: NAME.to_owned(),
        kind: SpanKind::Internal.into(),
        start_time_unix_nano: now.saturating_sub(LENGTH_NANOS),
        end_time_unix_nano: now,
        attributes: vec![attribute(MARK, mark)],
        ..Span::default()
    };
    let scope_spans = vec![ScopeSpans { spans: vec![span], ..ScopeSpans::default() }];
    let resource_spans =
        vec![ResourceSpans { resource: Some(own.clone()), scope_spans, ..ResourceSpans::default() }];
    ExportTraceServiceRequest { resource_spans }.encode_to_vec().into()
}

fn lines(own: &Resource, trace: &[u8; 16], id: &[u8; 8], mark: &str, now: u64) -> Bytes {
    let record = LogRecord {
        time_unix_nano: now,
        severity_number: SeverityNumber::Info.into(),
        severity_text: "info".to_owned(),
        body: text(&format!("{NAME} {mark}")),
        attributes: vec![attribute(MARK, mark)],
        trace_id: trace.to_vec(),
        span_id: id.to_vec(),
        flags: 1,
        ..LogRecord::default()
    };
    let scope_logs = vec![ScopeLogs { log_records: vec![record], ..ScopeLogs::default() }];
    let resource_logs =
        vec![ResourceLogs { resource: Some(own.clone()), scope_logs, ..ResourceLogs::default() }];
    ExportLogsServiceRequest { resource_logs }.encode_to_vec().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_name_the_mark() {
        let marked = Marked::new(&[0xab; 16], "agent", Some("http://loki:3100/otlp/v1/logs"));
        assert_eq!(marked.traceql, "{ span.xapi_observer.test.id = \"abababab\" }");
        assert_eq!(marked.logql, "{service_name=\"agent\"} |= \"abababab\"");
        let ways: Vec<String> = marked.ways().collect();
        assert!(ways[2].ends_with(&format!("/api/traces/{}", "ab".repeat(16))), "{ways:?}");
        assert!(ways[3].contains("http://loki:3100/loki/api/v1/query_range"), "{ways:?}");
        let other = Marked::new(&[1; 16], "agent", Some("http://collector:4318/v1/logs"));
        assert!(other.commands[1].contains("http://LOKI:3100/"));
    }
}
