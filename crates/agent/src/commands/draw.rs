//! Traces and their log lines, drawn in text.
//!
//! For: `demo`, and whatever else shows traces in the terminal. Promises: plain functions on plain data; the same data
//! and [`Style`] give the same text; no row is wider than the style says; nothing from the data can drive the terminal
//! (control characters are replaced); any shape of trace is drawn (parents missing, loops, one id twice, 10,000 levels
//! deep) in time that grows with its size. Leaves to others: where the data comes from, redaction, printing.
//!
//! A trace is drawn as
//! ```text
//! Async.VM.start  xapi xenopsd  14.2 s  41 spans  87 lines
//! trace 23ed7a2fd076a3f1870fdc4f68063819  2026-03-01 20:46:15 UTC
//! dispatch:VM.start         xapi     31 ms  ▏
//! └ Async.VM.start          xapi    14.2 s  ██████████████████████
//!   │ · 20:46:15 info  VM.start: begin …
//!   └ VM_start              xenopsd 13.9 s   █████████████████████
//! ```
//! `·` stands before a line that was joined to the span above it, `~` before one that was joined to the trace alone.

mod bar;
mod pick;
mod row;
mod style;
mod text;
mod tree;
mod units;

pub(crate) use style::{Paint, Style};
pub(crate) use text::{clean, fit};
pub(crate) use units::{clock_time, date_time, duration};

use crate::order;
use model::{SpanId, TraceId};
use std::fmt::Write as _;

/// One trace, with the lines that were joined to it.
#[derive(Clone, Debug)]
pub(crate) struct Trace {
    pub(crate) id: TraceId,
    pub(crate) spans: Vec<Span>,
    pub(crate) lines: Vec<Line>,
}

/// One span.
#[derive(Clone, Debug)]
pub(crate) struct Span {
    pub(crate) id: SpanId,
    pub(crate) parent: Option<SpanId>,
    pub(crate) name: String,
    pub(crate) service: String,
    pub(crate) start_unix_nano: u64,
    /// Not before the start.
    pub(crate) end_unix_nano: u64,
    /// Its message, if it failed; may be empty.
    pub(crate) error: Option<String>,
}

/// One log line.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    /// The span that it was joined to.
    pub(crate) span: Option<SpanId>,
    pub(crate) time_unix_nano: u64,
    pub(crate) service: String,
    /// As written; may be empty.
    pub(crate) level: String,
    /// OTLP's number, 0 where the line has none.
    pub(crate) severity: u8,
    pub(crate) body: String,
}

impl Span {
    pub(crate) fn length_nanos(&self) -> u64 {
        self.end_unix_nano.saturating_sub(self.start_unix_nano)
    }
}

impl Trace {
    /// The span that the trace is named after: the longest, and of several the earliest.
    pub(crate) fn main_span(&self) -> Option<&Span> {
        let key = |span: &&Span| (span.length_nanos(), std::cmp::Reverse(span.start_unix_nano));
        self.spans.iter().max_by_key(key)
    }

    /// The message of its earliest failure.
    pub(crate) fn error(&self) -> Option<&str> {
        let failed = self.spans.iter().filter(|span| span.error.is_some());
        failed.min_by_key(|span| span.end_unix_nano).and_then(|span| span.error.as_deref())
    }

    /// From its first span's start to its last one's end; `None` without spans.
    fn extent(&self) -> Option<(u64, u64)> {
        let start = self.spans.iter().map(|span| span.start_unix_nano).min()?;
        let end = self.spans.iter().map(|span| span.end_unix_nano).max()?;
        Some((start, end))
    }
}

/// The trace as rows of text, each with its newline.
pub(crate) fn trace(trace: &Trace, style: &Style) -> String {
    let mut text = title(trace, style);
    let columns = row::Columns::of(style, trace);
    for row in tree::rows(trace, style) {
        text.push_str(&row::draw(&row, &columns, style));
        text.push('\n');
    }
    text
}

/// Name, services, duration, counts; the error; the id and the time.
fn title(trace: &Trace, style: &Style) -> String {
    let paint = style.paint();
    let name = trace.main_span().map_or("lines without spans", |span| span.name.as_str());
    let (start, end) = trace.extent().unwrap_or_else(|| first_line(trace));
    let facts = format!(
        "{}  {}  {}  {}",
        services(trace).join(" "),
        duration(end.saturating_sub(start)),
        count(trace.spans.len(), "span"),
        count(trace.lines.len(), "line"),
    );
    let room = style.width.saturating_sub(facts.chars().count() + 2).max(12);
    let mut text = format!("{}  {}\n", paint.bold(&fit(name, room)), clean(&facts));
    if let Some(error) = trace.error() {
        let error = if error.is_empty() { "it says no more" } else { error };
        let _ = writeln!(text, "{}", paint.red(&fit(&format!("failed: {error}"), style.width)));
    }
    let place = format!("trace {}  {}", trace.id, date_time(start));
    let _ = writeln!(text, "{}", paint.dim(&fit(&place, style.width)));
    text
}

fn first_line(trace: &Trace) -> (u64, u64) {
    let time = trace.lines.iter().map(|line| line.time_unix_nano).min().unwrap_or(0);
    (time, time)
}

/// The services that took part, in the order in which they came in.
fn services(trace: &Trace) -> Vec<&str> {
    let mut by_start: Vec<&Span> = trace.spans.iter().collect();
    order::by_key(&mut by_start, |span| span.start_unix_nano);
    let mut names = Vec::new();
    for span in by_start {
        if !names.contains(&span.service.as_str()) {
            names.push(span.service.as_str());
        }
    }
    names
}

/// A number of things in words: `1 span`, `2 spans`.
pub(crate) fn count(number: usize, thing: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {thing}{plural}")
}

#[cfg(test)]
mod tests;
