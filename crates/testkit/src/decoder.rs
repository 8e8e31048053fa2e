//! The independent decoder (`tests/decoder/decode.py`): Python's protobuf reads what the collector saved.
//!
//! Promises: shares no code with the agent's encoder or the collector's decoder; a body that it can't read, or that
//! has fields OTLP doesn't know, is an error. Leaves to others: making its Python (`tests/setup.sh`).

use crate::ledger::{Arrived, ArrivedLine, ArrivedSpan, SpanId, TraceId, find_marker};
use serde::Deserialize;
use serde_json::{Map, Value};
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// One line that the decoder prints.
#[derive(Debug, Deserialize)]
pub struct Decoded {
    /// `span`, `log` or `metric`.
    pub kind: String,
    /// Hexadecimal; empty if absent.
    #[serde(default)]
    pub trace_id: String,
    /// Hexadecimal; empty if absent.
    #[serde(default)]
    pub span_id: String,
    /// By name.
    #[serde(default)]
    pub attributes: Map<String, Value>,
    /// By name.
    #[serde(default)]
    pub resource: Map<String, Value>,
    /// Everything else, under the names of the decoder.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

impl Decoded {
    fn service(&self) -> String {
        self.resource.get("service.name").and_then(Value::as_str).unwrap_or_default().to_owned()
    }
}

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Decodes a directory of saved bodies and hands out its records in order, one at a time.
///
/// # Errors
/// If the decoder can't be run, or found a body that is not what it should be (which it names on standard error).
pub fn each(directory: &Path, mut row: impl FnMut(Decoded)) -> io::Result<()> {
    let python = repository().join(".venv/bin/python");
    let program = repository().join("tests/decoder/decode.py");
    let mut child =
        Command::new(&python).arg(program).arg(directory).stdout(Stdio::piped()).spawn().map_err(
            |error| io::Error::other(format!("{}: {error}; run tests/setup.sh first", python.display())),
        )?;
    for line in child.stdout.take().into_iter().flat_map(|stdout| BufReader::new(stdout).lines()) {
        row(serde_json::from_str(&line?)?);
    }
    let status = child.wait()?;
    if status.success() { Ok(()) } else { Err(io::Error::other(format!("the decoder: {status}"))) }
}

/// Decodes a directory of saved bodies into what the ledger is held against.
///
/// # Errors
/// As [`each`]; and if a span's ids are no ids.
pub fn arrived(directory: &Path) -> io::Result<Arrived> {
    let (mut arrived, mut without_id) = (Arrived::default(), 0);
    each(directory, |row| match row.kind.as_str() {
        "log" => arrived.lines.push(line(&row)),
        "span" => match span(&row) {
            Some(span) => arrived.spans.push(span),
            None => without_id += 1,
        },
        _ => {}
    })?;
    if without_id == 0 {
        Ok(arrived)
    } else {
        Err(io::Error::other(format!("{without_id} spans have no ids")))
    }
}

/// A span for the ledger; `None` if an id is none.
#[must_use]
pub fn span(row: &Decoded) -> Option<ArrivedSpan> {
    let (trace, id) = (TraceId::from_hex(&row.trace_id)?, SpanId::from_hex(&row.span_id)?);
    Some(ArrivedSpan { trace, id, service: row.service().into() })
}

/// A log record for the ledger.
#[must_use]
pub fn line(row: &Decoded) -> ArrivedLine {
    let body = row.more.get("body").and_then(Value::as_str).unwrap_or_default();
    ArrivedLine {
        marker: find_marker(body, row.attributes.get("thread.id").and_then(Value::as_i64)),
        trace: TraceId::from_hex(&row.trace_id),
        span: SpanId::from_hex(&row.span_id),
        service: row.service().into(),
    }
}
