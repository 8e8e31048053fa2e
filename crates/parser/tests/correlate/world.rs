//! Worlds: what happened (operations), what was written of it (spans by service and flush, lines by host), and which
//! traces a line may truly be given.

use model::{NANOS_PER_SECOND, SpanId, TaskId, TraceId, Uuid};
use parser::evidence::{Fact, Facts, LineContext, LineEvidence, SpanFacts};
use proptest::collection::vec;
use proptest::prelude::*;
use std::collections::BTreeMap;

/// The wall clock at second 0 of the world.
pub(crate) const EPOCH: u64 = 1_750_000_000;
pub(crate) const WAIT_SECONDS: u64 = 75;
const FLUSH_SECONDS: u64 = 30;
const MICROS: u64 = 1_000_000;

/// How an operation goes about it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    /// A task with spans.
    Plain,
    /// The coordinator forwards the task to the other host, where a dispatch goes on with it.
    Forwarded,
    /// The task creates others, which have no spans, so deep.
    Creates(u8),
    /// xenopsd splits its work into parallel parts.
    Parallel,
    /// The other host happens to have a task with the same id, in a trace of its own.
    Twin,
}

/// An operation as drawn. Fractions are in 256ths of its length.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    host: u8,
    start_millis: u32,
    millis: u32,
    kind: Kind,
    /// Whether its own span is written.
    own_span: bool,
    /// Whether a span with its id begins a trace of its own.
    stray: bool,
    /// `(service, parent, start, length, has the task's id)`.
    children: Vec<(u8, u8, u8, u8, bool)>,
    /// `(at, by whom, with a context)`.
    lines: Vec<(u8, u8, bool)>,
}

fn kind() -> impl Strategy<Value = Kind> {
    prop_oneof![
        2 => Just(Kind::Plain),
        2 => Just(Kind::Forwarded),
        2 => (1..4u8).prop_map(Kind::Creates),
        3 => Just(Kind::Parallel),
        1 => Just(Kind::Twin),
    ]
}

/// Mostly short operations; some are longer than the wait, a few than ten minutes.
fn plan() -> impl Strategy<Value = Plan> {
    let millis = prop_oneof![6 => 1..40_000u32, 2 => 40_000..200_000u32, 1 => 600_000..1_500_000u32];
    let child = (0..3u8, any::<u8>(), any::<u8>(), any::<u8>(), any::<bool>());
    let line = (any::<u8>(), 0..4u8, prop::bool::weighted(0.1));
    let flags = (prop::bool::weighted(0.9), prop::bool::weighted(0.2));
    let when = (1..3u8, 0..400_000u32, millis);
    (when, kind(), flags, vec(child, 0..7), vec(line, 1..9)).prop_map(
        |(when, kind, flags, children, lines)| {
            let ((host, start_millis, millis), (own_span, stray)) = (when, flags);
            Plan { host, start_millis, millis, kind, own_span, stray, children, lines }
        },
    )
}

/// Up to 12 operations, and the second in which xenopsd starts anew on both hosts.
pub(crate) fn world() -> impl Strategy<Value = World> {
    (vec(plan(), 1..12), 100..300u64).prop_map(|(plans, restart)| World::of(&plans, restart))
}

#[derive(Clone, Debug)]
pub(crate) struct Span {
    pub(crate) facts: SpanFacts<'static>,
    /// The moment at which it is written, in seconds.
    pub(crate) flushed: u64,
}

#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub(crate) host: u8,
    pub(crate) micros: u64,
    pub(crate) evidence: LineEvidence<'static>,
    /// The traces that are right.
    pub(crate) right: Vec<TraceId>,
    /// The operation's span that has its id and is written first: no earlier can the trace be known.
    pub(crate) known_from: Option<u64>,
    /// When the last span of its operation is written: from then on nothing changes any more.
    pub(crate) complete_from: u64,
}

impl Line {
    pub(crate) fn second(&self) -> u64 {
        self.micros / MICROS
    }

    /// Whether all its evidence comes within the wait, read a second after it was written at most.
    pub(crate) fn is_complete_in_time(&self) -> bool {
        self.complete_from <= self.second() + WAIT_SECONDS
    }

    /// Whether its trace can be known within the wait.
    pub(crate) fn is_known_in_time(&self) -> bool {
        let known = self.known_from.is_some_and(|known| known <= self.second() + WAIT_SECONDS);
        known || self.evidence.context.is_some()
    }
}

/// What was written.
#[derive(Clone, Debug, Default)]
pub(crate) struct World {
    /// By host and service, in the order of writing.
    pub(crate) files: BTreeMap<(u8, u8), Vec<Span>>,
    /// By host, in the order of writing.
    pub(crate) logs: BTreeMap<u8, Vec<Line>>,
}

/// Spans that are in the operation's other trace.
const STRAY: u8 = 200;
const TWIN: u8 = 201;

const SERVICES: [&str; 3] = ["xapi", "xenopsd", "smapi"];

pub(crate) fn host(number: u8) -> Option<Uuid> {
    Some(Uuid::from_bytes([number; 16]))
}

impl World {
    fn of(plans: &[Plan], restart: u64) -> Self {
        let mut world = Self::default();
        for host in [1, 2] {
            world.write_restart(host, restart * MICROS);
        }
        let mut numbers = BTreeMap::new();
        let mut plans: Vec<_> = plans.iter().enumerate().collect();
        plans.sort_by_key(|(_, plan)| plan.start_millis);
        for (index, plan) in plans {
            let after = u64::from(plan.start_millis) > restart * 1000;
            let number = numbers.entry((plan.host, after)).or_insert(0u64);
            Operation::new(index, plan, *number, restart).write(&mut world);
            *number += 1;
        }
        world.files.values_mut().for_each(|spans| spans.sort_by_key(|span| span.flushed));
        world.logs.values_mut().for_each(|lines| lines.sort_by_key(|line| line.micros));
        world
    }

    /// xenopsd starts anew, and uses numbers of which nothing was said yet: they belong nowhere.
    fn write_restart(&mut self, host: u8, micros: u64) {
        let log = self.logs.entry(host).or_default();
        let started = LineEvidence { facts: facts([Fact::ProcessStarted]), ..evidence(1, micros) };
        log.push(Line { host, micros, evidence: started, ..Line::without_truth() });
        for number in 0..4 {
            let unknown = LineEvidence { task_number: Some(number), ..evidence(1, micros) };
            log.push(Line { host, micros: micros + 1, evidence: unknown, ..Line::without_truth() });
        }
    }

    pub(crate) fn spans(&self) -> impl Iterator<Item = &Span> {
        self.files.values().flatten()
    }

    pub(crate) fn lines(&self) -> impl Iterator<Item = &Line> {
        self.logs.values().flatten()
    }

    /// When everything is over, in seconds.
    pub(crate) fn end(&self) -> u64 {
        let spans = self.spans().map(|span| span.flushed);
        spans.chain(self.lines().map(Line::second)).max().unwrap_or(0) + 1
    }
}

impl Line {
    fn without_truth() -> Self {
        let evidence = evidence(0, 0);
        Self { host: 1, micros: 0, evidence, right: Vec::new(), known_from: None, complete_from: 0 }
    }
}

/// One operation while it is written down.
struct Operation<'a> {
    index: u8,
    plan: &'a Plan,
    number: u64,
    restart: u64,
    spans: Vec<(u8, u8, Span)>,
    lines: Vec<Line>,
}

impl<'a> Operation<'a> {
    fn new(index: usize, plan: &'a Plan, number: u64, restart: u64) -> Self {
        Self { index: index as u8 + 1, plan, number, restart, spans: Vec::new(), lines: Vec::new() }
    }

    fn write(mut self, world: &mut World) {
        self.write_spans();
        self.write_lines();
        let known_from = self.known_from();
        let complete_from = self.spans.iter().map(|(_, _, span)| span.flushed).max().unwrap_or(0);
        let mut right = vec![self.trace(0)];
        // Without its own span, spans with its id in two traces are all there is, and either may alone be there.
        right.extend((self.plan.stray && !self.plan.own_span).then(|| self.trace(1)));
        let twin = matches!(self.plan.kind, Kind::Twin).then(|| (self.other_host(), self.trace(1)));
        for line in self.lines {
            let of_twin = twin.filter(|(host, _)| line.host == *host).map(|(_, trace)| vec![trace]);
            let right = of_twin.unwrap_or_else(|| right.clone());
            let line = Line { right, known_from, complete_from, ..line };
            world.logs.entry(line.host).or_default().push(line);
        }
        for (host, service, span) in self.spans {
            world.files.entry((host, service)).or_default().push(span);
        }
    }

    /// When the own spans are in, on every host; or, without any, when the first other span with the id is, if all
    /// are in one trace.
    fn known_from(&self) -> Option<u64> {
        let own = self
            .spans
            .iter()
            .filter(|(_, _, span)| span.facts.names_task)
            .map(|(_, _, span)| span.flushed)
            .max();
        let candidates = self.spans.iter().filter(|(_, _, span)| span.facts.task.is_some());
        let first = candidates.map(|(_, _, span)| span.flushed).min();
        let on_one_host = !matches!(self.plan.kind, Kind::Forwarded | Kind::Twin);
        own.filter(|_| self.plan.own_span).or(first.filter(|_| !self.plan.stray && on_one_host))
    }

    fn start(&self) -> u64 {
        u64::from(self.plan.start_millis) * 1000
    }

    fn micros(&self) -> u64 {
        u64::from(self.plan.millis) * 1000
    }

    fn at(&self, fraction: u8) -> u64 {
        self.start() + self.micros() * u64::from(fraction) / 256
    }

    fn trace(&self, stray: u8) -> TraceId {
        TraceId::from_bytes([self.index * 2 + stray; 16]).unwrap()
    }

    fn span_id(&self, number: u8) -> SpanId {
        SpanId::from_bytes([0, 0, 0, 0, 0, 0, self.index, number + 1]).unwrap()
    }

    fn task(&self, kind: char, number: u8) -> TaskId {
        TaskId::parse(format!("{kind}:{:08x}{number:04x}", self.index).as_bytes()).unwrap()
    }

    fn real(&self) -> TaskId {
        self.task('R', 0)
    }

    fn other_host(&self) -> u8 {
        3 - self.plan.host
    }

    fn is_forwarded(&self) -> bool {
        matches!(self.plan.kind, Kind::Forwarded)
    }

    fn write_spans(&mut self) {
        let (start, end) = (self.start(), self.start() + self.micros());
        if self.plan.own_span {
            self.span(self.plan.host, 0, (0, None), (start, end), Some(true));
            if self.is_forwarded() {
                let parent = Some(self.span_id(0));
                self.span(self.other_host(), 0, (1, parent), (start + self.micros() / 8, end), Some(true));
            }
        }
        if matches!(self.plan.kind, Kind::Twin) {
            self.span(self.other_host(), 0, (TWIN, None), (start, end), Some(true));
        }
        for (index, (service, parent, from, length, has_id)) in self.plan.children.iter().enumerate() {
            let number = index as u8 + 2;
            let from = self.at(*from);
            let to = (from + self.micros() * u64::from(*length) / 256).min(end);
            let (parent, host) = self.parent_of(number, *parent);
            let task = (*service == 0 && *has_id).then_some(false);
            self.span(host, *service, (number, Some(parent)), (from, to), task);
        }
        if self.plan.stray {
            self.span(self.plan.host, 0, (STRAY, None), (end, end + 2), Some(false));
        }
    }

    /// Any span before; what a forwarded operation does, it does on the other host.
    fn parent_of(&self, number: u8, drawn: u8) -> (SpanId, u8) {
        let before = drawn % number;
        match self.is_forwarded() {
            true => (self.span_id(before.max(1)), self.other_host()),
            false if before == 1 => (self.span_id(0), self.plan.host),
            false => (self.span_id(before), self.plan.host),
        }
    }

    fn span(
        &mut self,
        at: u8,
        service: u8,
        (id, parent): (u8, Option<SpanId>),
        micros: (u64, u64),
        task: Option<bool>,
    ) {
        let facts = SpanFacts {
            host: host(at),
            service: SERVICES[usize::from(service)],
            trace_id: self.trace(u8::from(id == STRAY || id == TWIN)),
            span_id: self.span_id(id),
            parent_id: parent,
            start_unix_micros: EPOCH * MICROS + micros.0,
            end_unix_micros: EPOCH * MICROS + micros.1,
            task: task.map(|_| self.real()),
            names_task: task == Some(true),
        };
        // Each service of each host flushes in its own rhythm.
        let phase = u64::from(at) * 7 + u64::from(service) * 11;
        let flushed = (micros.1 / MICROS + phase) / FLUSH_SECONDS * FLUSH_SECONDS + FLUSH_SECONDS
            - phase % FLUSH_SECONDS;
        self.spans.push((at, service, Span { facts, flushed: flushed.max(micros.1 / MICROS + 1) }));
    }

    fn write_lines(&mut self) {
        let start = self.start();
        match self.plan.kind {
            Kind::Plain | Kind::Twin => {}
            Kind::Forwarded => {
                let dispatch = self.task('D', 9);
                let fact = Fact::Forwarded { dispatch: Some(dispatch), task: self.real() };
                self.line(self.other_host(), 0, start + 10_000, Some(dispatch), None, None);
                self.line(self.other_host(), 0, start + 20_000, Some(dispatch), None, Some(fact));
            }
            Kind::Creates(depth) => {
                for level in 1..=depth {
                    let (child, parent) = (self.created(level), self.created(level - 1));
                    let fact = Fact::CreatedBy { child, parent };
                    let at = start + u64::from(level) * 1000;
                    self.line(self.plan.host, 0, at, Some(parent), None, Some(fact));
                }
            }
            Kind::Parallel => {
                let fact = Fact::NumberMeans {
                    number: self.number,
                    task: Some(self.real()),
                    parent: None,
                    context: None,
                };
                self.line(self.plan.host, 1, start, Some(self.real()), None, Some(fact));
            }
        }
        for (at, who, context) in self.plan.lines.clone() {
            self.drawn_line(start + 30_000 + self.micros() * u64::from(at) / 256, who, context);
        }
    }

    /// The task created at this depth; the operation's own at depth 0.
    fn created(&self, level: u8) -> TaskId {
        if level == 0 { self.real() } else { self.task('D', level) }
    }

    fn drawn_line(&mut self, micros: u64, who: u8, context: bool) {
        let here = self.plan.host;
        match (self.plan.kind, who) {
            (Kind::Forwarded | Kind::Twin, 1) => {
                self.line(self.other_host(), 0, micros, Some(self.real()), None, None)
            }
            (Kind::Forwarded, 2) => {
                self.line(self.other_host(), 0, micros, Some(self.task('D', 9)), None, None)
            }
            (Kind::Creates(depth), level) => {
                self.line(here, 0, micros, Some(self.created(level.min(depth))), None, None);
            }
            (Kind::Parallel, 1 | 2) if self.same_process(micros) => {
                self.line(here, 1, micros, None, Some(self.number), None);
            }
            (Kind::Parallel, 3) => self.line(here, 1, micros, Some(self.real()), None, None),
            _ => self.line(here, 0, micros, Some(self.real()), None, None),
        }
        if let Some(line) = self.lines.last_mut().filter(|line| context && line.host == here) {
            let trace_id = TraceId::from_bytes([self.index * 2; 16]).unwrap();
            line.evidence.context = Some(LineContext { trace_id, span_id: None });
        }
    }

    /// Whether xenopsd is still the process that it was when the operation began.
    fn same_process(&self, micros: u64) -> bool {
        let restart = self.restart * MICROS;
        (self.start() > restart) == (micros > restart)
    }

    fn line(
        &mut self,
        at: u8,
        service: u8,
        micros: u64,
        task: Option<TaskId>,
        number: Option<u64>,
        fact: Option<Fact>,
    ) {
        let evidence =
            LineEvidence { task, task_number: number, facts: facts(fact), ..evidence(service, micros) };
        self.lines.push(Line { host: at, micros, evidence, ..Line::without_truth() });
    }
}

fn facts(all: impl IntoIterator<Item = Fact>) -> Facts {
    let mut facts = Facts::default();
    all.into_iter().for_each(|fact| assert!(facts.push(fact)));
    facts
}

fn evidence(service: u8, micros: u64) -> LineEvidence<'static> {
    LineEvidence {
        service: SERVICES[usize::from(service)],
        program: SERVICES[usize::from(service)],
        second_unix: (EPOCH + micros / MICROS) as i64,
        second_nanos: 0,
        unit_nanos: NANOS_PER_SECOND as u32,
        context: None,
        task: None,
        task_number: None,
        facts: Facts::default(),
    }
}
