//! What is shown, as data: for scripts, and inside the page.

use super::catalog::{Shown, Task};
use crate::commands::draw::{Line, Span};
use serde::Serialize;
use std::collections::BTreeSet;

/// Everything that fits.
#[derive(Serialize)]
pub(super) struct Data<'c> {
    traces: Vec<TraceData<'c>>,
    tasks: Vec<TaskData<'c>>,
}

#[derive(Serialize)]
struct TraceData<'c> {
    trace_id: String,
    name: &'c str,
    start_unix_nano: u64,
    duration_nano: u64,
    errors: usize,
    services: BTreeSet<&'c str>,
    hosts: BTreeSet<&'c str>,
    tasks: &'c [String],
    spans: Vec<SpanData<'c>>,
    lines: Vec<LineData<'c>>,
}

#[derive(Serialize)]
struct SpanData<'c> {
    span_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    parent_id: Option<String>,
    name: &'c str,
    service: &'c str,
    host: &'c str,
    start_unix_nano: u64,
    duration_nano: u64,
    /// Its message, if it failed; may be empty.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'c str>,
    /// `key=value`.
    attributes: &'c [String],
}

#[derive(Serialize)]
struct LineData<'c> {
    #[serde(skip_serializing_if = "Option::is_none")]
    span_id: Option<String>,
    time_unix_nano: u64,
    service: &'c str,
    level: &'c str,
    severity: u8,
    body: &'c str,
}

#[derive(Serialize)]
struct TaskData<'c> {
    task_id: &'c str,
    name: &'c str,
    lines: Vec<LineData<'c>>,
}

/// These traces and tasks.
pub(super) fn data<'c>(traces: &[&'c Shown], tasks: &[(&'c str, &'c Task)]) -> Data<'c> {
    Data {
        traces: traces.iter().copied().map(trace).collect(),
        tasks: tasks
            .iter()
            .map(|(task_id, task)| TaskData {
                task_id,
                name: &task.name,
                lines: task.lines.iter().map(line).collect(),
            })
            .collect(),
    }
}

fn trace(shown: &Shown) -> TraceData<'_> {
    let spans = shown.trace.spans.iter().zip(&shown.facts);
    TraceData {
        trace_id: shown.trace.id.to_string(),
        name: shown.name(),
        start_unix_nano: shown.start_unix_nano(),
        duration_nano: shown.length_nanos(),
        errors: shown.errors(),
        services: shown.trace.spans.iter().map(|span| span.service.as_str()).collect(),
        hosts: shown.facts.iter().map(|facts| &*facts.host).collect(),
        tasks: &shown.tasks,
        spans: spans.map(|(one, facts)| span(one, &facts.host, &facts.attributes)).collect(),
        lines: shown.trace.lines.iter().map(line).collect(),
    }
}

fn span<'c>(span: &'c Span, host: &'c str, attributes: &'c [String]) -> SpanData<'c> {
    SpanData {
        span_id: span.id.to_string(),
        parent_id: span.parent.map(|parent| parent.to_string()),
        name: &span.name,
        service: &span.service,
        host,
        start_unix_nano: span.start_unix_nano,
        duration_nano: span.length_nanos(),
        error: span.error.as_deref(),
        attributes,
    }
}

fn line(line: &Line) -> LineData<'_> {
    LineData {
        span_id: line.span.map(|span| span.to_string()),
        time_unix_nano: line.time_unix_nano,
        service: &line.service,
        level: &line.level,
        severity: line.severity,
        body: &line.body,
    }
}
