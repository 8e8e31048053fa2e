//! What the collector has seen.

use super::request::{Kill, Outcome, Request};
use super::rows::{LogRow, MetricRow, RecordId, Row, SpanRow};
use super::{Keep, Signal};
use std::collections::HashMap;
use std::fmt;
use std::time::Instant;

/// All that was seen, and what was kept of it.
#[derive(Debug, Default)]
pub struct State {
    keep: Keep,
    requests: Vec<Request>,
    spans: Vec<SpanRow>,
    logs: Vec<LogRow>,
    metrics: Vec<MetricRow>,
    copies: HashMap<RecordId, u32>,
    stored: [u64; 3],
    distinct: [u64; 3],
    malformed: Vec<String>,
}

impl State {
    pub(crate) fn keeping(keep: Keep) -> Self {
        Self { keep, ..Self::default() }
    }

    /// Every request to a known path, also those that were refused.
    #[must_use]
    pub fn requests(&self) -> &[Request] {
        &self.requests
    }

    /// The requests of one signal.
    pub fn of(&self, signal: Signal) -> impl Iterator<Item = &Request> {
        self.requests.iter().filter(move |request| request.signal == signal)
    }

    /// The spans stored, copies included. Empty unless [`Keep::Rows`].
    #[must_use]
    pub fn spans(&self) -> &[SpanRow] {
        &self.spans
    }

    /// The log records stored, copies included. Empty unless [`Keep::Rows`].
    #[must_use]
    pub fn logs(&self) -> &[LogRow] {
        &self.logs
    }

    /// The metrics stored. Empty unless [`Keep::Rows`].
    #[must_use]
    pub fn metrics(&self) -> &[MetricRow] {
        &self.metrics
    }

    /// How many records were stored, copies included. Counted however little is kept, but for [`Keep::Nothing`].
    #[must_use]
    pub fn stored(&self, signal: Signal) -> u64 {
        self.stored.get(signal.index()).copied().unwrap_or_default()
    }

    /// How many different records were stored (none of metrics, none under [`Keep::Nothing`]).
    #[must_use]
    pub fn distinct(&self, signal: Signal) -> u64 {
        self.distinct.get(signal.index()).copied().unwrap_or_default()
    }

    /// The ids of the records stored, and how often each was.
    pub fn ids(&self, signal: Signal) -> impl Iterator<Item = (&RecordId, u32)> {
        let of = move |id: &RecordId| match id {
            RecordId::Span(..) => signal == Signal::Traces,
            RecordId::Log(_) => signal == Signal::Logs,
            RecordId::Metric => false,
        };
        self.copies.iter().filter(move |(id, _)| of(id)).map(|(id, copies)| (id, *copies))
    }

    /// How often this record was stored.
    #[must_use]
    pub fn copies(&self, id: &RecordId) -> u32 {
        self.copies.get(id).copied().unwrap_or_default()
    }

    /// How many records were stored beyond the first copy of each.
    #[must_use]
    pub fn duplicates(&self, signal: Signal) -> u64 {
        if signal == Signal::Metrics { 0 } else { self.stored(signal) - self.distinct(signal) }
    }

    /// What could not be read, and why.
    #[must_use]
    pub fn malformed(&self) -> &[String] {
        &self.malformed
    }

    /// How many duplicates of a signal the delivery promise allows: the records stored of requests without a
    /// definite answer, and for each kill those answered since the last checkpoint that was sure to be stored.
    #[must_use]
    pub fn duplicates_allowed(&self, signal: Signal, kills: &[Kill]) -> u64 {
        self.of(signal).map(|request| request.stored * request.copies_allowed(kills)).sum()
    }

    pub(crate) fn open(&mut self, request: Request) -> u64 {
        let seq = self.requests.len() as u64;
        self.requests.push(Request { seq, ..request });
        seq
    }

    pub(crate) fn request_mut(&mut self, seq: u64) -> Option<&mut Request> {
        usize::try_from(seq).ok().and_then(|at| self.requests.get_mut(at))
    }

    pub(crate) fn end(&mut self, seq: u64, outcome: Outcome, now: Instant) {
        if let Some(request) = self.request_mut(seq) {
            request.outcome = outcome;
            request.ended = Some(now);
        }
    }

    pub(crate) fn not_read(&mut self, why: String) {
        self.malformed.push(why);
    }

    pub(crate) fn store(&mut self, seq: u64, rows: Vec<Row>) {
        let Some(request) = self.request_mut(seq) else { return };
        request.stored = rows.len() as u64;
        let signal = request.signal;
        add(&mut self.stored, signal, rows.len() as u64);
        for row in rows {
            self.count_copy(signal, row.id());
            if self.keep == Keep::Rows {
                self.keep_row(row);
            }
        }
    }

    fn count_copy(&mut self, signal: Signal, id: RecordId) {
        if id == RecordId::Metric {
            return;
        }
        let copies = self.copies.entry(id).or_default();
        *copies += 1;
        if *copies == 1 {
            add(&mut self.distinct, signal, 1);
        }
    }

    fn keep_row(&mut self, row: Row) {
        match row {
            Row::Span(span) => self.spans.push(span),
            Row::Log(log) => self.logs.push(log),
            Row::Metric(metric) => self.metrics.push(metric),
        }
    }
}

fn add(counts: &mut [u64; 3], signal: Signal, count: u64) {
    counts.iter_mut().skip(signal.index()).take(1).for_each(|sum| *sum += count);
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} requests", self.requests.len())?;
        for signal in Signal::ALL {
            write!(
                f,
                "; {}: {} stored, {} distinct",
                signal.name(),
                self.stored(signal),
                self.distinct(signal)
            )?;
        }
        if let Some(last) = self.requests.last() {
            write!(f, "; the last: {} {:?}", last.path, last.outcome)?;
        }
        match self.malformed.last() {
            Some(why) => write!(f, "; {} malformed, the last: {why}", self.malformed.len()),
            None => Ok(()),
        }
    }
}
