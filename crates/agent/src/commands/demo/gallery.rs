//! Which traces are drawn, and when.
//!
//! A trace is ready once nothing more has come for it for some seconds and it hangs together. Few are drawn: some while
//! the play goes on, not too close upon each other, then the most telling of the rest; all others are counted.

use crate::commands::draw::{Line, Span, Trace, count};
use crate::order;
use model::{SpanId, TraceId};
use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;
use testkit::collector::{LogRow, RecordId, SpanRow, State};

/// Nothing more has come for a trace for so long: it is taken to be whole.
const STILL: Duration = Duration::from_secs(3);
/// Time to read.
const PAUSE: Duration = Duration::from_millis(1500);
/// As many are drawn while the play goes on, and as many in all.
const DRAWN: (usize, usize) = (3, 4);
/// OTLP's number of a failed span.
const FAILED: i32 = 2;

/// What arrived, by trace.
#[derive(Debug, Default)]
pub(super) struct Gallery {
    traces: HashMap<TraceId, Piece>,
    seen: HashSet<RecordId>,
    /// How far the collector's lists were looked at.
    spans: usize,
    logs: usize,
    drawn: Vec<String>,
    last_drawn: Duration,
}

/// One trace on the way to its drawing.
#[derive(Debug)]
struct Piece {
    trace: Trace,
    changed: Duration,
    drawn: bool,
}

impl Gallery {
    /// Takes what has come since the last look.
    pub(super) fn look(&mut self, state: &State, now: Duration) {
        for row in state.spans().get(self.spans..).unwrap_or_default() {
            if let Some((trace, span)) = span(row).filter(|_| self.seen.insert(row.id())) {
                self.piece(trace, now).spans.push(span);
            }
        }
        for row in state.logs().get(self.logs..).unwrap_or_default() {
            if let Some((trace, line)) = line(row).filter(|_| self.seen.insert(row.id())) {
                self.piece(trace, now).lines.push(line);
            }
        }
        (self.spans, self.logs) = (state.spans().len(), state.logs().len());
    }

    fn piece(&mut self, id: TraceId, now: Duration) -> &mut Trace {
        let empty = || Piece {
            trace: Trace { id, spans: Vec::new(), lines: Vec::new() },
            changed: now,
            drawn: false,
        };
        let piece = self.traces.entry(id).or_insert_with(empty);
        piece.changed = now;
        &mut piece.trace
    }

    /// The trace to be drawn now, if it is time for one.
    pub(super) fn ready(&mut self, now: Duration) -> Option<Trace> {
        if self.drawn.len() >= DRAWN.0 || now < self.last_drawn + PAUSE {
            return None;
        }
        let still = |piece: &&mut Piece| now >= piece.changed + STILL && hangs_together(&piece.trace);
        let names = &self.drawn;
        let fresh = |piece: &&mut Piece| !names.contains(&name(&piece.trace));
        let telling = self.traces.values_mut().filter(|piece| !piece.drawn && is_telling(&piece.trace));
        let best = telling.filter(still).filter(fresh).max_by_key(|piece| rank(&piece.trace))?;
        best.drawn = true;
        let trace = best.trace.clone();
        self.drawn.push(name(&trace));
        self.last_drawn = now;
        Some(trace)
    }

    /// The most telling of what is left, other operations than those drawn first.
    pub(super) fn best_of_rest(&mut self) -> Vec<Trace> {
        let mut best = Vec::new();
        while self.drawn.len() < DRAWN.1 {
            let names = &self.drawn;
            let telling = self.traces.values_mut().filter(|piece| !piece.drawn && is_telling(&piece.trace));
            let telling = telling.filter(|piece| hangs_together(&piece.trace));
            let key = |piece: &&mut Piece| (!names.contains(&name(&piece.trace)), rank(&piece.trace));
            let Some(piece) = telling.max_by_key(key) else { break };
            piece.drawn = true;
            self.drawn.push(name(&piece.trace));
            best.push(piece.trace.clone());
        }
        best
    }

    /// What was not drawn, by name, the most frequent first.
    pub(super) fn others(&self) -> Option<String> {
        const NAMED: usize = 6;
        let mut names: BTreeMap<String, usize> = BTreeMap::new();
        for piece in self.traces.values().filter(|piece| !piece.drawn) {
            *names.entry(name(&piece.trace)).or_default() += 1;
        }
        let mut names: Vec<(String, usize)> = names.into_iter().collect();
        order::by_key(&mut names, |(_, number)| Reverse(*number));
        let all: usize = names.iter().map(|(_, number)| number).sum();
        let named = names.iter().take(NAMED).map(|(name, number)| format!("{number} × {name}"));
        let more = if names.len() > NAMED { ", …" } else { "" };
        let list: Vec<String> = named.collect();
        (all > 0).then(|| format!("And {} not drawn: {}{more}", count(all, "trace"), list.join(", ")))
    }
}

fn span(row: &SpanRow) -> Option<(TraceId, Span)> {
    let span = Span {
        id: SpanId::from_hex(row.span_id.as_bytes()).ok()?,
        parent: SpanId::from_hex(row.parent_id.as_bytes()).ok(),
        name: row.name.clone(),
        service: row.service().to_owned(),
        start_unix_nano: row.start,
        end_unix_nano: row.end,
        error: (row.status == FAILED).then(|| row.status_message.clone()),
    };
    Some((TraceId::from_hex(row.trace_id.as_bytes()).ok()?, span))
}

fn line(row: &LogRow) -> Option<(TraceId, Line)> {
    let line = Line {
        span: SpanId::from_hex(row.span_id.as_bytes()).ok(),
        time_unix_nano: row.time,
        service: row.service().to_owned(),
        level: row.severity_text.clone(),
        severity: u8::try_from(row.severity).unwrap_or(0),
        body: row.body.clone(),
    };
    Some((TraceId::from_hex(row.trace_id.as_bytes()).ok()?, line))
}

/// What the trace is called where it is counted.
fn name(trace: &Trace) -> String {
    let name = trace.main_span().map_or("lines alone", |span| span.name.as_str());
    name.trim_start_matches("Async.").to_owned()
}

/// More than a span or two, and lines with them.
fn is_telling(trace: &Trace) -> bool {
    trace.spans.len() >= 4 && !trace.lines.is_empty()
}

/// Every span's parent has come, but that of the first: it may be the client's own.
fn hangs_together(trace: &Trace) -> bool {
    let ids: HashSet<SpanId> = trace.spans.iter().map(|span| span.id).collect();
    let first = trace.spans.iter().map(|span| span.start_unix_nano).min();
    let hangs = |span: &Span| span.parent.is_none_or(|parent| ids.contains(&parent));
    trace.spans.iter().all(|span| hangs(span) || Some(span.start_unix_nano) == first)
}

/// Failures first, then what many services took part in, then what is large.
fn rank(trace: &Trace) -> (bool, usize, usize, TraceId) {
    let services: HashSet<&str> = trace.spans.iter().map(|span| span.service.as_str()).collect();
    (trace.error().is_some(), services.len(), trace.spans.len() + trace.lines.len(), trace.id)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u64) -> SpanId {
        SpanId::from_bytes(number.to_be_bytes()).unwrap()
    }

    /// A trace of so many spans, each the parent of the next, with one line.
    fn trace(number: u8, name: &str, spans: u64) -> Trace {
        let span = |n: u64| Span {
            id: id(n),
            parent: SpanId::from_bytes((n - 1).to_be_bytes()),
            name: if n == 1 { name.to_owned() } else { format!("step {n}") },
            service: "xapi".to_owned(),
            start_unix_nano: n,
            end_unix_nano: 1_000 - n,
            error: None,
        };
        let line = Line {
            span: None,
            time_unix_nano: 5,
            service: "xapi".to_owned(),
            level: "info".to_owned(),
            severity: 9,
            body: String::new(),
        };
        let id = TraceId::from_bytes([number; 16]).unwrap();
        Trace { id, spans: (1..=spans).map(span).collect(), lines: vec![line] }
    }

    fn gallery(traces: Vec<(Trace, u64)>) -> Gallery {
        let piece = |(trace, seconds): (Trace, u64)| {
            (trace.id, Piece { trace, changed: Duration::from_secs(seconds), drawn: false })
        };
        Gallery { traces: traces.into_iter().map(piece).collect(), ..Gallery::default() }
    }

    fn names(traces: &[Trace]) -> Vec<String> {
        traces.iter().map(name).collect()
    }

    #[test]
    fn a_trace_is_drawn_once_it_is_still_and_whole() {
        let mut torn = trace(3, "torn", 9);
        torn.spans.retain(|span| span.id != id(4));
        let (small, large) = (trace(1, "Async.small", 4), trace(2, "Async.large", 8));
        let mut gallery = gallery(vec![(small, 1), (large, 3), (torn, 0), (trace(4, "tiny", 2), 0)]);
        let mut ready = |ms| gallery.ready(Duration::from_millis(ms)).as_ref().map(name);
        assert_eq!(ready(3_999), None);
        assert_eq!(ready(4_000).as_deref(), Some("small"));
        assert_eq!(ready(5_400), None);
        assert_eq!(ready(6_000).as_deref(), Some("large"));
        assert_eq!(ready(60_000), None);
        assert!(gallery.best_of_rest().is_empty());
        assert_eq!(gallery.others().as_deref(), Some("And 2 traces not drawn: 1 × tiny, 1 × torn"));
    }

    #[test]
    fn other_operations_and_failures_go_first() {
        let mut failed = trace(3, "fails", 4);
        failed.spans[3].error = Some("no".to_owned());
        let many = (10..20).map(|n| (trace(n, "Async.SR.scan", 5), 0));
        let mut gallery = gallery(many.chain([(failed, 0), (trace(4, "start", 6), 0)]).collect());
        assert_eq!(names(&gallery.best_of_rest()), ["fails", "start", "SR.scan", "SR.scan"]);
        assert_eq!(gallery.others().as_deref(), Some("And 8 traces not drawn: 8 × SR.scan"));
    }
}
