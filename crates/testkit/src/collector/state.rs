//! What the collector has seen.

use super::rows::{LogRow, MetricRow, RecordId, Row, SpanRow};
use super::{Keep, Signal};
use std::collections::HashMap;
use std::fmt;
use std::time::{Duration, Instant};

/// By which protocol a request came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// OTLP/HTTP with protobuf.
    HttpProtobuf,
    /// OTLP/HTTP with JSON.
    HttpJson,
    /// OTLP/gRPC.
    Grpc,
}

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Still being read or answered.
    Open,
    /// Stored, and said so; with what a partial success refused left out.
    Accepted,
    /// Refused; nothing of it is stored.
    Refused,
    /// Refused, though part of it is stored.
    RefusedInPart,
    /// No answer left, or the sender was gone: it can't know what became of its records.
    Unanswered,
}

impl Outcome {
    /// The sender knows what became of its records: it has no reason to send stored ones again.
    #[must_use]
    pub fn is_definite(self) -> bool {
        matches!(self, Self::Accepted | Self::Refused)
    }
}

/// One request, in the order of arrival.
#[derive(Clone, Debug)]
pub struct Request {
    /// Counts from 0 over all signals; the index in [`State::requests`].
    pub seq: u64,
    /// Which signal.
    pub signal: Signal,
    /// Which protocol.
    pub transport: Transport,
    /// The path asked for.
    pub path: String,
    /// The header as it came.
    pub content_type: String,
    /// `gzip`, `zstd`, or empty.
    pub encoding: String,
    /// All headers or gRPC metadata, names in lower case.
    pub headers: Vec<(String, String)>,
    /// Body bytes as they came; 0 until they have all come.
    pub wire_bytes: u64,
    /// Body bytes uncompressed; 0 until they have all come.
    pub bytes: u64,
    /// Spans, log records or metrics in it; 0 until it was decoded.
    pub records: u64,
    /// How many of them were stored.
    pub stored: u64,
    /// When its head had come.
    pub arrived: Instant,
    /// When its outcome was known.
    pub ended: Option<Instant>,
    /// What became of it.
    pub outcome: Outcome,
}

impl Request {
    /// The first header of this name (in lower case).
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// A moment at which the sender was killed, and how old its last stored checkpoint may have been then.
#[derive(Clone, Copy, Debug)]
pub struct Kill {
    /// When the kill was sent.
    pub at: Instant,
    /// Answers younger than this at the kill may have been forgotten.
    pub checkpoint_age: Duration,
}

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

impl Request {
    /// How many more copies of its records may come: one if its answer was in doubt, one for each kill that may
    /// have come before the checkpoint that holds its answer.
    fn copies_allowed(&self, kills: &[Kill]) -> u64 {
        let forgotten = |kill: &&Kill| {
            let recent = self
                .ended
                .is_none_or(|ended| kill.at.saturating_duration_since(ended) <= kill.checkpoint_age);
            recent && self.arrived <= kill.at
        };
        let kills = kills.iter().filter(forgotten).count() as u64;
        if self.outcome.is_definite() { kills } else { kills.max(1) }
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn request(arrived: Instant, ended_ms: u64, outcome: Outcome, stored: u64) -> Request {
        Request {
            seq: 0,
            signal: Signal::Logs,
            transport: Transport::Grpc,
            path: String::new(),
            content_type: String::new(),
            encoding: String::new(),
            headers: Vec::new(),
            wire_bytes: 0,
            bytes: 0,
            records: stored,
            stored,
            arrived,
            ended: Some(arrived + Duration::from_millis(ended_ms)),
            outcome,
        }
    }

    #[test]
    #[allow(clippy::disallowed_methods, reason = "any instant will do")]
    fn the_bound_counts_doubtful_answers_and_those_younger_than_the_checkpoint() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let kill = |ms| Kill { at: at(ms), checkpoint_age: Duration::from_secs(1) };
        let mut state = State::default();
        state.open(request(start, 10, Outcome::Accepted, 1));
        state.open(request(start, 3_000, Outcome::Unanswered, 10));
        state.open(request(at(3_500), 20, Outcome::Accepted, 100));
        state.open(request(at(9_000), 20, Outcome::RefusedInPart, 1_000));
        state.open(request(at(9_000), 20, Outcome::Refused, 0));
        let cases: [(&[Kill], u64); 4] = [
            (&[], 1_010),
            (&[kill(2_000)], 1_010),
            (&[kill(4_000)], 1_110),
            (&[kill(4_000), kill(4_200)], 1_000 + 20 - 10 + 200),
        ];
        for (kills, allowed) in cases {
            assert_eq!(state.duplicates_allowed(Signal::Logs, kills), allowed, "{kills:?}");
        }
    }
}
