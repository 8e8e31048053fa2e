//! The end of a draft: what restarts leave of it, when its spans are written, and the truth about each line.

use super::draft::{Claim, Draft, Process, Saying};
use super::{Act, Operation, SmBatch};
use crate::ledger::{Rule, TraceId};
use crate::standin::line::{Line, Truth};
use crate::standin::options::{Compression, F2};
use crate::standin::rng::{hash, unit};
use crate::standin::span::{Service, Span, TASK_ID};
use crate::standin::time::{MILLI, SECOND, SimTime};
use std::collections::HashMap;

/// Longer chains of tasks are not made.
const MAX_CHAIN: usize = 8;
/// OpenTelemetry's batch processor for Python writes at the process's end, or at this interval.
const SM_INTERVAL: u64 = 5 * SECOND;
/// Share of the lines in a span that show a trace context, in versions that do.
const CONTEXT_SHARE: f64 = 0.85;

impl Draft<'_> {
    /// The finished operation.
    pub(in crate::standin) fn finish(mut self, act: Option<Act>) -> Operation {
        self.cut_at_restarts();
        self.schedule_exports();
        self.sayings.sort_by_key(|saying| saying.at);
        let sayings = std::mem::take(&mut self.sayings);
        let lines = self.judge(sayings);
        let batches = std::mem::take(&mut self.processes).into_iter().flat_map(batches).collect();
        let ends = lines.iter().map(|line| line.at).chain(self.spans.iter().map(|span| span.end));
        let end = ends.max().unwrap_or(self.start).max(self.start);
        let (kind, host, start, spans) = (self.kind, self.host, self.start, self.spans);
        Operation { kind, host, start, end, spans, batches, lines, act }
    }

    /// What a service would do after its restart is not done.
    fn cut_at_restarts(&mut self) {
        let (timetable, start) = (&self.world.timetable, self.start);
        let mut known = HashMap::new();
        let mut cut = |host: u16, service: Service, at: SimTime| {
            let first = *known
                .entry((host, service))
                .or_insert_with(|| timetable.restart_after(host, service, start));
            first.is_some_and(|restart| restart.at < at)
        };
        self.spans.retain(|span| !cut(span.host, span.service, span.start));
        self.sayings
            .retain(|saying| !saying.program.service().is_some_and(|of| cut(saying.host, of, saying.at)));
        self.processes.retain(|process| {
            !process.spans.first().is_some_and(|span| cut(span.host, Service::Xapi, process.began))
        });
    }

    fn schedule_exports(&mut self) {
        let timetable = &self.world.timetable;
        for span in &mut self.spans {
            span.exported = timetable.export(span.host, span.service, span.start, span.end);
        }
        self.spans.retain(|span| span.exported.is_some());
        for process in &mut self.processes {
            let (began, ended) = (process.began, process.ended);
            process
                .spans
                .iter_mut()
                .for_each(|span| span.exported = Some(batch_time(began, ended, span.end)));
        }
    }

    fn judge(&mut self, sayings: Vec<Saying>) -> Vec<Line> {
        let court = Court::new(&self.spans, &sayings, self.delay());
        let mut lines = Vec::with_capacity(sayings.len());
        for saying in &sayings {
            let marker = self.counters.marker;
            self.counters.marker += 1;
            let mut truth = court.truth(saying);
            let f2 = self.second_field(saying, &mut truth, marker);
            let message = saying.words.message(saying.at, &f2, marker);
            let Saying { at, host, program, .. } = *saying;
            lines.push(Line { at, host, program, message, marker, truth });
        }
        lines
    }

    /// A compressed file may be whole only later.
    fn delay(&self) -> u64 {
        let options = &self.world.options;
        if options.compression == Compression::Off { 0 } else { options.compression_delay }
    }

    fn second_field(&self, saying: &Saying, truth: &mut Truth, marker: u64) -> String {
        let Some(host) = self.world.hosts.get(usize::from(saying.host)) else { return String::new() };
        match host.f2 {
            F2::Hostname => host.hostname.clone(),
            F2::Empty | F2::Mixed => String::new(),
            F2::Traceparent => self.context(truth, marker).unwrap_or_default(),
        }
    }

    /// The span id in it is that of some span above, as XAPI's tracer sets it (xen-api `ocaml/libs/tracing/tracing.ml`).
    fn context(&self, truth: &mut Truth, marker: u64) -> Option<String> {
        let (trace, inside) = (truth.trace?, truth.inside?);
        let chance = hash(&[self.world.options.seed, marker]);
        if unit(chance) >= CONTEXT_SHARE {
            return None;
        }
        let above = self.spans.iter().find(|span| span.id == inside).and_then(|span| span.parent);
        let shown = if chance & 1 == 0 { above.unwrap_or(inside) } else { inside };
        (truth.rule, truth.evidence_after_ms) = (Rule::Context, Some(0));
        Some(format!("00-{trace}-{shown}-01"))
    }
}

fn batch_time(began: SimTime, ended: SimTime, finished: SimTime) -> SimTime {
    let ticks = finished.since(began).div_ceil(SM_INTERVAL).max(1);
    began.plus(ticks * SM_INTERVAL).min(ended)
}

fn batches(process: Process) -> Vec<SmBatch> {
    let mut batches: Vec<SmBatch> = Vec::new();
    for span in process.spans {
        let at = span.exported.unwrap_or(process.ended);
        match batches.last_mut().filter(|batch| batch.at == at) {
            Some(batch) => batch.spans.push(span),
            None => batches.push(SmBatch { at, began: process.began, spans: vec![span] }),
        }
    }
    batches
}

/// Finds the truth from what is left of an operation.
struct Court<'a> {
    spans: &'a [Span],
    by_task: HashMap<(u16, &'a str), Vec<&'a Span>>,
    links: HashMap<(u16, &'a str), (&'a str, SimTime)>,
    delay: u64,
}

impl<'a> Court<'a> {
    fn new(spans: &'a [Span], sayings: &'a [Saying], delay: u64) -> Self {
        let mut by_task: HashMap<_, Vec<_>> = HashMap::new();
        for span in spans {
            if let Some(id) = span.tag(TASK_ID) {
                by_task.entry((span.host, id)).or_default().push(span);
            }
        }
        let mut links = HashMap::new();
        for saying in sayings {
            if let Some((child, parent)) = &saying.link {
                links.entry((saying.host, child.as_str())).or_insert((parent.as_str(), saying.at));
            }
        }
        Self { spans, by_task, links, delay }
    }

    fn truth(&self, saying: &Saying) -> Truth {
        let (trace, rule, known) = match &saying.claim {
            Claim::None => (None, Rule::None, None),
            Claim::Context(trace) => (Some(*trace), Rule::Context, Some(saying.at)),
            Claim::Aside(trace) => (Some(*trace), Rule::Link, None),
            Claim::Task(_, None) => (None, Rule::None, None),
            Claim::Task(id, Some(trace)) => self.by_task(saying, id, *trace),
        };
        let after = known.map(|known| u32::try_from(known.since(saying.at) / MILLI).unwrap_or(u32::MAX));
        Truth { trace, inside: self.inside(saying, trace), rule, evidence_after_ms: after }
    }

    fn by_task(&self, saying: &Saying, id: &str, trace: TraceId) -> (Option<TraceId>, Rule, Option<SimTime>) {
        match self.evidence(saying.host, id, trace, MAX_CHAIN) {
            Some((known, rule)) => (Some(trace), rule, Some(known)),
            None => (Some(trace), Rule::None, None),
        }
    }

    /// When the task's trace can be known on a host, and by which rule.
    fn evidence(&self, host: u16, id: &str, trace: TraceId, depth: usize) -> Option<(SimTime, Rule)> {
        if let Some(spans) = self.by_task.get(&(host, id)) {
            return self.direct(spans, trace).map(|known| (known, Rule::Task));
        }
        let (parent, linked) = self.links.get(&(host, id)).filter(|_| depth > 0)?;
        let (known, _) = self.evidence(host, parent, trace, depth - 1)?;
        Some((known.max(*linked), Rule::Link))
    }

    /// Spans of several traces under one id: only the task's own span decides.
    fn direct(&self, spans: &[&Span], trace: TraceId) -> Option<SimTime> {
        let alone = spans.iter().all(|span| span.trace == trace);
        let telling = spans.iter().filter(|span| span.trace == trace && (alone || span.is_own()));
        telling.filter_map(|span| span.exported).min().map(|at| at.plus(self.delay))
    }

    fn inside(&self, saying: &Saying, trace: Option<TraceId>) -> Option<crate::ledger::SpanId> {
        let (trace, service) = (trace?, saying.program.service()?);
        let around = self.spans.iter().filter(|span| {
            span.trace == trace
                && span.host == saying.host
                && span.service == service
                && span.covers(saying.at)
        });
        around.max_by_key(|span| (span.start, std::cmp::Reverse(span.end))).map(|span| span.id)
    }
}
