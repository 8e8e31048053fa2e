//! The rules, case by case. Times are seconds of one clock; hosts and traces are small numbers.

use super::*;
use crate::evidence::{Fact, Facts, LineContext, SpanFacts};
use model::{NANOS_PER_SECOND, SpanId, TaskId, TraceId};

mod bounds;
mod foresee;
mod joins;
mod waits;

/// The wall clock at second 0.
const EPOCH: u64 = 1_750_000_000;

fn host(number: u8) -> Option<Uuid> {
    (number != 0).then(|| Uuid::from_bytes([number; 16]))
}

fn trace(number: u8) -> TraceId {
    TraceId::from_bytes([number; 16]).unwrap()
}

fn span_id(number: u64) -> SpanId {
    SpanId::from_bytes(number.to_be_bytes()).unwrap()
}

fn task(text: &str) -> TaskId {
    TaskId::parse(text.as_bytes()).unwrap()
}

fn now(second: u64) -> Now {
    Now { mono: Duration::from_secs(second), wall_unix_nano: (EPOCH + second) * NANOS_PER_SECOND }
}

/// The trace files are at their end and changed a second ago; so are the logs.
fn at_end(second: u64) -> FilesRead {
    let last_change_unix_nano = Some((EPOCH + second - 1) * NANOS_PER_SECOND);
    FilesRead { traces_up_to_unix_nano: None, traces_at_end: true, last_change_unix_nano, logs_at_end: true }
}

/// A line, from its task on.
#[derive(Clone, Copy)]
struct Line {
    host: u8,
    evidence: LineEvidence<'static>,
}

fn line(second: u64, service: &'static str) -> Line {
    let evidence = LineEvidence {
        service,
        program: service,
        second_unix: (EPOCH + second) as i64,
        second_nanos: 0,
        unit_nanos: NANOS_PER_SECOND as u32,
        context: None,
        task: None,
        task_number: None,
        facts: Facts::default(),
    };
    Line { host: 1, evidence }
}

impl Line {
    fn host(mut self, host: u8) -> Self {
        self.host = host;
        self
    }

    fn task(mut self, id: &str) -> Self {
        self.evidence.task = Some(task(id));
        self
    }

    fn number(mut self, number: u64) -> Self {
        self.evidence.task_number = Some(number);
        self
    }

    fn context(mut self, trace_number: u8, span: u64) -> Self {
        self.evidence.context =
            Some(LineContext { trace_id: trace(trace_number), span_id: Some(span_id(span)) });
        self
    }

    fn says(mut self, fact: Fact) -> Self {
        assert!(self.evidence.facts.push(fact));
        self
    }

    fn created(self, child: &str, parent: &str) -> Self {
        self.says(Fact::CreatedBy { child: task(child), parent: task(parent) })
    }

    fn means(self, number: u64, id: &str) -> Self {
        self.says(Fact::NumberMeans { number, task: Some(task(id)), parent: None, context: None })
    }
}

/// A span of trace `trace` from `start` to `end`.
fn span(trace_number: u8, id: u64, parent: u64, start: u64, end: u64) -> SpanFacts<'static> {
    SpanFacts {
        host: host(1),
        service: "xapi",
        trace_id: trace(trace_number),
        span_id: span_id(id),
        parent_id: (parent != 0).then(|| span_id(parent)),
        start_unix_micros: (EPOCH + start) * 1_000_000,
        end_unix_micros: (EPOCH + end) * 1_000_000,
        task: None,
        names_task: false,
    }
}

fn of_task<'a>(span: SpanFacts<'a>, id: &str) -> SpanFacts<'a> {
    SpanFacts { task: Some(task(id)), ..span }
}

/// The task's own span.
fn own<'a>(span: SpanFacts<'a>, id: &str) -> SpanFacts<'a> {
    SpanFacts { names_task: true, ..of_task(span, id) }
}

/// A correlator and what came out of it. Lines carry their number, from 1.
struct Bench {
    correlator: Correlator<u32>,
    lines: u32,
    out: Vec<Joined<u32>>,
}

/// Trace, span (0 for none) and outcome.
type Join = (u8, u64, Outcome);

impl Bench {
    fn new() -> Self {
        Self::with(Settings::default())
    }

    fn with(settings: Settings) -> Self {
        Self { correlator: Correlator::new(settings), lines: 0, out: Vec::new() }
    }

    fn span(&mut self, span: SpanFacts<'_>) -> &mut Self {
        self.correlator.span(&span, None);
        self
    }

    /// Reads the line a second after it was written.
    fn line(&mut self, line: Line) -> &mut Self {
        let second = line.evidence.second_unix as u64 - EPOCH;
        self.line_at(second + 1, line)
    }

    fn line_at(&mut self, second: u64, line: Line) -> &mut Self {
        self.enter(second, line, Aim::Trace)
    }

    fn enter(&mut self, second: u64, line: Line, aim: Aim) -> &mut Self {
        self.lines += 1;
        let (correlator, out, number) = (&mut self.correlator, &mut self.out, self.lines);
        let hold = || (number, 600);
        let left = correlator
            .line(&line.evidence, host(line.host), aim, now(second), hold, &mut |joined| out.push(joined));
        out.extend(left.map(|joined| joined.with(number)));
        self
    }

    fn look(&mut self, files: FilesRead, second: u64) -> &mut Self {
        let out = &mut self.out;
        self.correlator.advance(files, now(second), &mut |joined| out.push(joined));
        self
    }

    /// Everything is read, at this time.
    fn end(&mut self, second: u64) -> &mut Self {
        self.look(at_end(second), second)
    }

    /// The lines that have left, by number.
    fn left(&self) -> Vec<u32> {
        self.out.iter().map(|joined| joined.payload).collect()
    }

    fn join(&self, number: u32) -> Join {
        let joined = self.out.iter().find(|joined| joined.payload == number).expect("the line has left");
        let trace = joined.context.map_or(0, |context| context.trace_id.bytes()[0]);
        let span = joined.context.and_then(|context| context.span_id);
        let rule = joined.context.map(|context| context.correlation.as_str());
        assert_eq!(rule.unwrap_or(joined.outcome.as_str()), joined.outcome.as_str());
        (trace, span.map_or(0, |span| u64::from_be_bytes(*span.bytes())), joined.outcome)
    }

    #[track_caller]
    fn check(&self, expected: &[Join]) {
        assert_eq!(self.out.len(), self.lines as usize, "every line has left once");
        let joins: Vec<Join> = (1..=self.lines).map(|number| self.join(number)).collect();
        assert_eq!(joins, expected);
        assert_eq!(self.correlator.held_bytes(), 0);
    }
}

const DISPATCH: &str = "D:fa4c1c72df7e";
const START: &str = "R:82f033257476";
const CHILD: &str = "D:97ec80851062";
const GRANDCHILD: &str = "D:a6bd9ee95f3f";
