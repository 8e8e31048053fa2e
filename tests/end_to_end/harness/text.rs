//! Spans and log lines as text, each known by a number.
//!
//! The forms are those of xen-api `ocaml/libs/tracing/tracing_export.ml` and `ocaml/libs/log/debug.ml`. Their times
//! are a moment ago, so that the agent treats them as live.

use chrono::{DateTime, Utc};
use testkit::driver::HOST_UUID;
use testkit::ledger::find_marker;
use testkit::standin::SimTime;

/// A span that has just ended, as a JSON object: trace id and span id are its number.
pub(crate) fn span(n: u64) -> String {
    span_of_task(n, "")
}

/// The same as the own span of a task.
pub(crate) fn span_of_task(n: u64, task: &str) -> String {
    let task = match task {
        "" => String::new(),
        task => format!(r#""xs.xapi.task.id":"{task}","xs.xapi.task.name":"VM.start","#),
    };
    let start = SimTime::now().0 - 2_000_000;
    format!(
        r#"{{"tags":{{{task}"xs.host.uuid":"{HOST_UUID}","xs.host.name":"lab","service.name":"xapi"}},"annotations":[],"localEndpoint":{{"serviceName":"xapi"}},"kind":"SERVER","duration":3000000,"timestamp":{start},"name":"call {n}","traceId":"{n:032x}","id":"{n:016x}"}}"#
    )
}

/// One line of a trace file.
pub(crate) fn array(spans: &[String]) -> String {
    format!("[{}]\n", spans.join(","))
}

/// A line of xensource.log without a task; its number stands in its text.
pub(crate) fn line(n: u64) -> String {
    line_of_task(n, "")
}

/// The same, logged by a task.
pub(crate) fn line_of_task(n: u64, task: &str) -> String {
    written_at(SimTime::now(), &format!("xapi: [ info||7 |{task}|test] said m={n:06}"))
}

/// A line with this time.
pub(crate) fn written_at(at: SimTime, rest: &str) -> String {
    let time = DateTime::<Utc>::from(at.to_system());
    format!("{} lab {rest}\n", time.format("%b %e %H:%M:%S"))
}

/// The number of a line whose body this is.
pub(crate) fn number(body: &str) -> Option<u64> {
    find_marker(body, None)
}

/// A name as XAPI gives it; a later number is a later file.
pub(crate) fn trace_file_name(number: u64) -> String {
    let second = number % 60;
    format!("xapi-{HOST_UUID}-2026-02-19T20:46:{second:02}.{number:06}-00:00.ndjson")
}
