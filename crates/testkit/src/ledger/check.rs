//! Holding what arrived against the ledger, one record at a time.

use super::report::Sample;
use super::{
    ArrivedLine, ArrivedSpan, Joins, Ledger, Report, Rule, RuleTally, SpanId, TraceId, WrittenLine,
    WrittenSpan,
};
use std::collections::{HashMap, HashSet};

const SECOND: u64 = 1_000_000;
/// Evidence this close to the end of the wait may be seen in time or not.
const BORDER_MS: u32 = 2_000;
const DEFAULT_WAIT_MS: u32 = 75_000;

/// What the agent itself says it did not deliver.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Accounted {
    /// Records set aside in its directory of refused records.
    pub set_aside: u64,
    /// Records it counted as lost, dropped or passed over.
    pub lost: u64,
}

/// Counts arrivals against a ledger; memory is a few bytes for each entry, however much arrives.
pub struct Checker<'a> {
    ledger: &'a Ledger,
    spans: HashMap<(TraceId, SpanId), usize>,
    lines: HashMap<u64, usize>,
    span_arrivals: Vec<u32>,
    line_arrivals: Vec<u32>,
    wait_ms: u32,
    unknown: Sample,
    unmarked: u64,
    wrong_service: Sample,
    joins: Joins,
}

impl<'a> Checker<'a> {
    /// A checker for this ledger, with the agent's default `wait`.
    #[must_use]
    pub fn new(ledger: &'a Ledger) -> Self {
        Self {
            ledger,
            spans: ledger.spans.iter().enumerate().map(|(i, span)| ((span.trace, span.id), i)).collect(),
            lines: ledger.lines.iter().enumerate().map(|(i, line)| (line.marker, i)).collect(),
            span_arrivals: vec![0; ledger.spans.len()],
            line_arrivals: vec![0; ledger.lines.len()],
            wait_ms: DEFAULT_WAIT_MS,
            unknown: Sample::default(),
            unmarked: 0,
            wrong_service: Sample::default(),
            joins: Joins::default(),
        }
    }

    /// With another `wait`: lines whose evidence comes later need not be joined.
    #[must_use]
    pub fn with_wait_ms(mut self, wait_ms: u32) -> Self {
        self.wait_ms = wait_ms;
        self
    }

    /// Takes note of a span.
    pub fn span(&mut self, span: &ArrivedSpan) {
        let Some(index) = self.spans.get(&(span.trace, span.id)).copied() else {
            return self.unknown.note(|| format!("span {} {}", span.trace, span.id));
        };
        self.span_arrivals.iter_mut().skip(index).take(1).for_each(|count| *count += 1);
        let Some(written) = self.ledger.spans.get(index) else { return };
        if span.service != written.service {
            self.wrong_service.note(|| format!("span {} as {}", span.id, span.service));
        }
    }

    /// Takes note of a log record. Its join is judged at its first arrival.
    pub fn line(&mut self, line: &ArrivedLine) {
        let Some(marker) = line.marker else {
            self.unmarked += 1;
            return;
        };
        let Some(index) = self.lines.get(&marker).copied() else {
            return self.unknown.note(|| format!("line m={marker}"));
        };
        let Some(count) = self.line_arrivals.get_mut(index) else { return };
        *count += 1;
        let first = *count == 1;
        if let Some(written) = self.ledger.lines.get(index).filter(|_| first) {
            self.judge(written, line);
        }
    }

    /// Everything counted so far.
    #[must_use]
    pub fn report(self, accounted: Accounted) -> Report {
        let mut missing = Sample::default();
        let (mut written, mut delivered, mut duplicates, mut tracer) = (0, 0, 0, (0, 0));
        for (span, arrivals) in self.ledger.spans.iter().zip(&self.span_arrivals) {
            if span.tracer {
                tracer = (tracer.0 + 1, tracer.1 + u64::from(*arrivals > 0));
                continue;
            }
            tally(*arrivals, (&mut written, &mut delivered, &mut duplicates));
            if *arrivals == 0 {
                missing.note(|| format!("span {} {} {}", span.service, span.trace, span.id));
            }
        }
        for (line, arrivals) in self.ledger.lines.iter().zip(&self.line_arrivals) {
            tally(*arrivals, (&mut written, &mut delivered, &mut duplicates));
            if *arrivals == 0 {
                missing.note(|| format!("line m={}", line.marker));
            }
        }
        Report {
            written,
            delivered,
            set_aside: accounted.set_aside,
            lost: accounted.lost,
            duplicates,
            missing: missing.count,
            missing_examples: missing.examples,
            unknown: self.unknown.count,
            unknown_examples: self.unknown.examples,
            unmarked: self.unmarked,
            wrong_service: self.wrong_service.count,
            wrong_service_examples: self.wrong_service.examples,
            tracer_written: tracer.0,
            tracer_arrived: tracer.1,
            joins: self.joins,
        }
    }

    fn judge(&mut self, written: &WrittenLine, arrived: &ArrivedLine) {
        if !written.service.is_empty() && arrived.service != written.service {
            self.wrong_service.note(|| format!("line m={} as {}", written.marker, arrived.service));
        }
        self.judge_trace(written, arrived);
        if let (Some(trace), Some(span)) = (arrived.trace, arrived.span) {
            self.judge_span(written, trace, span);
        }
    }

    fn judge_trace(&mut self, written: &WrittenLine, arrived: &ArrivedLine) {
        let due = written.trace.and(written.evidence_after_ms);
        let required = due.is_some_and(|after| after.saturating_add(BORDER_MS) <= self.wait_ms);
        let tally = self.joins.of(written.rule);
        let outcome = match (written.trace, arrived.trace) {
            (expected, Some(given)) if expected == Some(given) => Outcome::Right,
            (_, Some(_)) => Outcome::Wrong,
            (None, None) => Outcome::Rightly,
            (Some(_), None) => Outcome::Unjoined,
        };
        tally.count(outcome, required);
        match outcome {
            Outcome::Wrong => self.joins.wrong_examples.note(|| describe(written, arrived)),
            Outcome::Unjoined if required => self.joins.unjoined_examples.note(|| describe(written, arrived)),
            _ => {}
        }
    }

    fn judge_span(&mut self, written: &WrittenLine, trace: TraceId, id: SpanId) {
        let found = self.spans.get(&(trace, id)).and_then(|index| self.ledger.spans.get(*index));
        let Some(span) = found else {
            return self.joins.span_unknown.note(|| format!("m={} span {id}", written.marker));
        };
        if !overlaps(span, written.second) {
            return self.joins.span_apart.note(|| format!("m={} span {id}", written.marker));
        }
        if written.inside == Some(id) {
            self.joins.span_exact += 1;
        } else if written.inside.is_some_and(|inside| self.is_above(trace, id, inside)) {
            self.joins.span_above += 1;
        } else {
            self.joins.span_beside += 1;
        }
    }

    fn is_above(&self, trace: TraceId, above: SpanId, below: SpanId) -> bool {
        let mut seen = HashSet::new();
        let mut at = Some(below);
        while let Some(id) = at.filter(|id| seen.insert(*id)) {
            at = self
                .spans
                .get(&(trace, id))
                .and_then(|index| self.ledger.spans.get(*index))
                .and_then(|span| span.parent);
            if at == Some(above) {
                return true;
            }
        }
        false
    }
}

/// What became of one line's join.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Right,
    Wrong,
    Unjoined,
    /// Belongs to no trace and got none.
    Rightly,
}

impl RuleTally {
    fn count(&mut self, outcome: Outcome, required: bool) {
        self.lines += 1;
        self.required += u64::from(required);
        self.required_right += u64::from(required && outcome == Outcome::Right);
        match outcome {
            Outcome::Right | Outcome::Rightly => self.right += 1,
            Outcome::Wrong => self.wrong += 1,
            Outcome::Unjoined => self.unjoined += 1,
        }
    }
}

impl Joins {
    fn of(&mut self, rule: Rule) -> &mut RuleTally {
        match rule {
            Rule::Context => &mut self.context,
            Rule::Task => &mut self.task,
            Rule::Link => &mut self.link,
            Rule::None => &mut self.none,
        }
    }
}

fn tally(arrivals: u32, (written, delivered, duplicates): (&mut u64, &mut u64, &mut u64)) {
    *written += 1;
    *delivered += u64::from(arrivals > 0);
    *duplicates += u64::from(arrivals.saturating_sub(1));
}

fn overlaps(span: &WrittenSpan, second: u64) -> bool {
    span.start < (second + 1) * SECOND && span.end.max(span.start) >= second * SECOND
}

fn describe(written: &WrittenLine, arrived: &ArrivedLine) -> String {
    let text = |trace: Option<TraceId>| trace.map_or_else(|| "none".to_owned(), |trace| trace.to_string());
    format!(
        "m={} {:?} expected {} got {}, evidence after {:?} ms",
        written.marker,
        written.rule,
        text(written.trace),
        text(arrived.trace),
        written.evidence_after_ms
    )
}
