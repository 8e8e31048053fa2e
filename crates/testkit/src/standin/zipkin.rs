//! Spans as text: one line, one array, in the form of XAPI's OCaml services and of its Python plugins.

use super::host::Host;
use super::span::{Service, Span};
use crate::ledger::Kind;
use std::io::Write;

/// Appends an array of spans as xapi and xenopsd write it (xen-api `ocaml/libs/tracing/tracing_export.ml`): no blanks,
/// the newest first, `kind` only where it is not internal.
pub(super) fn ocaml(out: &mut Vec<u8>, host: &Host, spans: &[Span]) {
    out.push(b'[');
    for (number, span) in spans.iter().enumerate() {
        if number > 0 {
            out.push(b',');
        }
        ocaml_span(out, host, span);
    }
    out.extend_from_slice(b"]\n");
}

fn ocaml_span(out: &mut Vec<u8>, host: &Host, span: &Span) {
    out.extend_from_slice(b"{\"tags\":{");
    for (key, value) in &span.tags {
        text(out, key);
        out.push(b':');
        text(out, value);
        out.push(b',');
    }
    let service = span.service.name();
    let Host { pool, observer, uuid, name, .. } = host;
    add(
        out,
        format_args!(
            "\"span.depth\":\"{}\",\"deployment.environment\":\"prod\",\"datacenter.name\":\"par1\",\"xs.pool.uuid\":\"{pool}\",\"xs.observer.uuid\":\"{observer}\",\"xs.observer.name\":\"local observer\",\"xs.host.uuid\":\"{uuid}\",\"xs.host.name\":\"{name}\",\"service.name\":\"{service}\"}}",
            1 + span.id.0 % 6
        ),
    );
    out.extend_from_slice(b",\"annotations\":[");
    for (number, (at, value)) in span.annotations.iter().enumerate() {
        out.extend_from_slice(if number > 0 { b"," } else { b"" });
        add(out, format_args!("{{\"timestamp\":{},\"value\":", at.0));
        text(out, value);
        out.push(b'}');
    }
    add(out, format_args!("],\"localEndpoint\":{{\"serviceName\":\"{service}\"}},"));
    if let Some(kind) = kind(span.kind) {
        add(out, format_args!("\"kind\":\"{kind}\","));
    }
    add(
        out,
        format_args!("\"duration\":{},\"timestamp\":{},\"name\":", span.end.since(span.start), span.start.0),
    );
    text(out, &span.name);
    if let Some(parent) = span.parent {
        add(out, format_args!(",\"parentId\":\"{parent}\""));
    }
    add(out, format_args!(",\"traceId\":\"{}\",\"id\":\"{}\"}}", span.trace, span.id));
}

/// Appends an array of spans as the Python exporter writes it (xen-api `python3/packages/observer.py` with
/// OpenTelemetry 1.12): blanks after `,` and `:`, `kind` null, resource values percent-encoded.
pub(super) fn python(out: &mut Vec<u8>, host: &Host, spans: &[Span]) {
    out.push(b'[');
    for (number, span) in spans.iter().enumerate() {
        out.extend_from_slice(if number > 0 { b", " } else { b"" });
        python_span(out, host, span);
    }
    out.extend_from_slice(b"]\n");
}

fn python_span(out: &mut Vec<u8>, host: &Host, span: &Span) {
    add(out, format_args!("{{\"traceId\": \"{}\", \"id\": \"{}\", \"name\": ", span.trace, span.id));
    text(out, &span.name);
    add(out, format_args!(", \"timestamp\": {}, \"duration\": {}", span.start.0, span.end.since(span.start)));
    out.extend_from_slice(b", \"localEndpoint\": {\"serviceName\": \"smapi\"}, \"kind\": null, \"tags\": {");
    let (status, own): (Vec<_>, Vec<_>) = span.tags.iter().partition(|(key, _)| is_status(key));
    for (key, value) in own {
        python_tag(out, key, value);
    }
    let Host { pool, observer, uuid, name, .. } = host;
    let name = name.replace(' ', "%20");
    add(
        out,
        format_args!(
            "\"telemetry.sdk.language\": \"python\", \"telemetry.sdk.name\": \"opentelemetry\", \"telemetry.sdk.version\": \"1.12.0\", \"deployment.environment\": \"prod\", \"datacenter.name\": \"par1\", \"xs.pool.uuid\": \"{pool}\", \"xs.host.name\": \"{name}\", \"xs.host.uuid\": \"{uuid}\", \"xs.observer.name\": \"local%20observer\", \"xs.observer.uuid\": \"{observer}\", \"service.name\": \"smapi\", \"span.depth\": \"5\", \"xs.xapi.session.originator\": \"xapi\", "
        ),
    );
    add(
        out,
        format_args!(
            "\"otel.library.name\": \"__main__\", \"otel.library.version\": \"\", \"otel.scope.name\": \"__main__\", "
        ),
    );
    for (key, value) in status {
        python_tag(out, key, value);
    }
    out.extend_from_slice(b"\"otel.scope.version\": \"\"}");
    annotations(out, span);
    out.extend_from_slice(b", \"debug\": true");
    if let Some(parent) = span.parent {
        add(out, format_args!(", \"parentId\": \"{parent}\""));
    }
    out.push(b'}');
}

fn python_tag(out: &mut Vec<u8>, key: &str, value: &str) {
    text(out, key);
    out.extend_from_slice(b": ");
    text(out, value);
    out.extend_from_slice(b", ");
}

fn annotations(out: &mut Vec<u8>, span: &Span) {
    for (number, (at, value)) in span.annotations.iter().enumerate() {
        out.extend_from_slice(if number > 0 { b", " } else { b", \"annotations\": [" });
        add(out, format_args!("{{\"timestamp\": {}, \"value\": ", at.0));
        text(out, value);
        out.push(b'}');
    }
    out.extend_from_slice(if span.annotations.is_empty() { b"" } else { b"]" });
}

fn is_status(key: &str) -> bool {
    key == "otel.status_code" || key == "error"
}

fn kind(kind: Kind) -> Option<&'static str> {
    match kind {
        Kind::Internal => None,
        Kind::Server => Some("SERVER"),
        Kind::Client => Some("CLIENT"),
        Kind::Producer => Some("PRODUCER"),
        Kind::Consumer => Some("CONSUMER"),
    }
}

/// A JSON string. Writing to memory can't fail.
fn text(out: &mut Vec<u8>, text: &str) {
    let _ = serde_json::to_writer(out, text);
}

fn add(out: &mut Vec<u8>, arguments: std::fmt::Arguments<'_>) {
    let _ = out.write_fmt(arguments);
}

/// The name of a flushing service's file, and of a plugin's.
pub(super) fn file_name(host: &Host, service: Service, created: super::time::SimTime) -> String {
    let (tracestate, zone) = if service == Service::Smapi { ("unknown-", "+00:00") } else { ("", "-00:00") };
    let time = super::time::file_name(created, zone);
    format!("{}-{}-{tracestate}{time}.ndjson", service.name(), host.uuid)
}
