//! The trace of a line: what settles it at once, and what decides at the end of the wait.
//!
//! The order of proof: a trace context in the line itself; then the task's own span; then other spans with the task's
//! id, if they agree on one trace; then the same for the tasks that the task works for, nearest first. The answer
//! depends on the set of evidence alone, not on its order.

use super::key::TaskKey;
use super::numbers::Resolved;
use super::origin::{HostNo, ServiceNo};
use super::spans::Spans;
use super::tasks::{Link, LinkKind, Task, Tasks};
use super::window::Window;
use crate::evidence::LineContext;
use model::{Correlation, SpanId, TaskId, TraceId};

/// As many links are followed from one task; chains seen in the field are shorter than ten.
const MAX_LINKS: usize = 10_000;

/// What a line gives the rules to go by.
#[derive(Clone, Copy, Debug)]
pub(super) struct Subject {
    pub(super) window: Window,
    pub(super) host: HostNo,
    pub(super) service: ServiceNo,
    /// The trace context in the line.
    pub(super) context: Option<LineContext>,
    pub(super) task: Option<TaskKey>,
    /// Where the line has a task number instead: what that means, once it is known.
    pub(super) number: Option<Option<Resolved>>,
}

impl Subject {
    /// Whether there is anything to go by, be it unknown yet.
    pub(super) fn has_id(&self) -> bool {
        self.context.is_some() || self.task.is_some() || self.number.is_some()
    }

    /// Whether evidence can join it, now or later: not if its task number is unknown, since what a number means is said
    /// before it is used.
    pub(super) fn can_be_joined(&self) -> bool {
        self.context.is_some() || self.start().is_some() || self.meaning().is_some()
    }

    /// The task whose spans speak for the line, and whether the line names it itself.
    pub(super) fn start(&self) -> Option<(TaskKey, bool)> {
        let own = self.task.map(|task| (task, true));
        own.or_else(|| self.meaning()?.task.map(|task| (task, false)))
    }

    fn meaning(&self) -> Option<Resolved> {
        self.number.flatten()
    }
}

/// The trace found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Finding {
    pub(super) trace: u128,
    pub(super) rule: Correlation,
    /// The task whose own span may stand for the line.
    pub(super) task: Option<TaskKey>,
    /// The span id that stood in the line.
    pub(super) hint: Option<SpanId>,
}

/// Why there is no trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoTrace {
    Nothing,
    Ambiguous,
}

/// What spans with one task's id say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Says {
    Nothing,
    Trace(u128),
    Ambiguous,
}

/// Different traces: nearly always one, for which nothing is allocated.
enum Traces {
    None,
    One(u128),
    Several(Vec<u128>),
}

impl Traces {
    fn and(self, trace: u128) -> Self {
        match self {
            Self::None => Self::One(trace),
            Self::One(one) if one == trace => self,
            Self::One(one) => Self::Several(vec![one, trace]),
            Self::Several(mut several) => {
                if !several.contains(&trace) {
                    several.push(trace);
                }
                Self::Several(several)
            }
        }
    }

    fn len(&self) -> usize {
        match self {
            Self::None => 0,
            Self::One(_) => 1,
            Self::Several(several) => several.len(),
        }
    }
}

/// One step of the way to a trace, as `explain` tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// A trace context stands in the line.
    Context {
        /// Its trace.
        trace_id: TraceId,
        /// Its span.
        span_id: Option<SpanId>,
    },
    /// The line has a task number of which nothing was said so far.
    UnknownNumber,
    /// The line's task number means this task, or this trace.
    Number {
        /// The task, where it is known by its text.
        task: Option<TaskId>,
        /// The trace that stood beside it.
        trace_id: Option<TraceId>,
    },
    /// The task's own span was seen.
    OwnSpan {
        /// The task.
        task: Option<TaskId>,
        /// In how many traces; more than one contradicts XAPI's ways.
        traces: usize,
        /// The one that decides: the only one, or the only one open at the line's time.
        trace_id: Option<TraceId>,
    },
    /// Other spans with the task's id were seen. They decide only at the end of the wait.
    Candidates {
        /// The task.
        task: Option<TaskId>,
        /// In how many traces.
        traces: usize,
        /// The one that decides: the only one, the one with the task's own span on another host, or the only one
        /// with such a span open at the line's time.
        trace_id: Option<TraceId>,
    },
    /// No span with the task's id was seen.
    NoSpan {
        /// The task.
        task: Option<TaskId>,
    },
    /// The task works for another.
    Link {
        /// The task.
        task: Option<TaskId>,
        /// The other.
        to: Option<TaskId>,
        /// How that came.
        kind: LinkKind,
    },
    /// The task was said to work for several others: no link is followed.
    LinksClash {
        /// The task.
        task: Option<TaskId>,
    },
    /// The links lead back to where they came from, or on for ever.
    LinksEndless,
}

/// Hears the steps. The joining itself listens to none.
pub(super) trait Listen {
    fn step(&mut self, step: impl FnOnce() -> Step);
}

impl Listen for () {
    fn step(&mut self, _: impl FnOnce() -> Step) {}
}

impl Listen for Vec<Step> {
    fn step(&mut self, step: impl FnOnce() -> Step) {
        self.push(step());
    }
}

pub(super) fn trace_id(trace: u128) -> Option<TraceId> {
    TraceId::from_bytes(trace.to_be_bytes())
}

pub(super) fn trace_bits(trace: TraceId) -> u128 {
    u128::from_be_bytes(*trace.bytes())
}

/// All that is known.
#[derive(Clone, Copy)]
pub(super) struct Known<'a> {
    pub(super) tasks: &'a Tasks,
    pub(super) spans: &'a Spans,
}

impl Known<'_> {
    /// The trace, if no later evidence can change it: by a context, or by the task's own span on the line's host.
    pub(super) fn settled(&self, subject: &Subject, steps: &mut impl Listen) -> Option<Finding> {
        if let Some(finding) = by_context(subject, steps) {
            return Some(finding);
        }
        let (task, named) = subject.start()?;
        match self.own_span(task, subject, steps) {
            Says::Trace(trace) => Some(by_task(trace, task, rule(named))),
            _ => None,
        }
    }

    /// The trace by everything that is known at the end of the wait.
    pub(super) fn at_last(&self, subject: &Subject, steps: &mut impl Listen) -> Result<Finding, NoTrace> {
        if let Some(finding) = by_context(subject, steps) {
            return Ok(finding);
        }
        let (mut task, mut named) = subject.start().ok_or(NoTrace::Nothing)?;
        let mut loops = LoopGuard::new(task);
        for _ in 0..MAX_LINKS {
            match self.by_spans(task, subject, steps) {
                Says::Trace(trace) => return Ok(by_task(trace, task, rule(named))),
                Says::Ambiguous => return Err(NoTrace::Ambiguous),
                Says::Nothing => {}
            }
            let next = self.next_task(task, subject.host, steps).ok_or(NoTrace::Nothing)?;
            if loops.closes_at(next) {
                break;
            }
            (task, named) = (next, false);
        }
        steps.step(|| Step::LinksEndless);
        Err(NoTrace::Nothing)
    }

    /// Whether the line's task has its own span in.
    pub(super) fn has_own_span(&self, subject: &Subject) -> bool {
        let start = subject.start();
        start.is_some_and(|(task, _)| self.own_span(task, subject, &mut ()) != Says::Nothing)
    }

    /// The trace by a context, or by the spans of the line's own task as they are known now.
    pub(super) fn by_own_task(&self, subject: &Subject) -> Option<Finding> {
        if let Some(finding) = by_context(subject, &mut ()) {
            return Some(finding);
        }
        let (task, named) = subject.start()?;
        match self.by_spans(task, subject, &mut ()) {
            Says::Trace(trace) => Some(by_task(trace, task, rule(named))),
            Says::Nothing | Says::Ambiguous => None,
        }
    }

    /// Whether no span speaks for the line's own task: then only links can lead to a trace.
    pub(super) fn needs_links(&self, subject: &Subject) -> bool {
        let mut records = subject.start().into_iter().flat_map(|(task, _)| self.tasks.of(task));
        !records.any(|known| known.trace().is_some() && known.host().may_be(subject.host))
    }

    fn by_spans(&self, task: TaskKey, subject: &Subject, steps: &mut impl Listen) -> Says {
        match self.own_span(task, subject, steps) {
            Says::Nothing => self.candidates(task, subject, steps),
            says => says,
        }
    }

    fn next_task(&self, task: TaskKey, host: HostNo, steps: &mut impl Listen) -> Option<TaskKey> {
        match self.tasks.link(task, host) {
            Link::None => None,
            Link::Clash => {
                steps.step(|| Step::LinksClash { task: task.task() });
                None
            }
            Link::To(to, kind) => {
                steps.step(|| Step::Link { task: task.task(), to: to.task(), kind });
                Some(to)
            }
        }
    }

    /// What the task's own spans on the line's host say.
    fn own_span(&self, task: TaskKey, subject: &Subject, steps: &mut impl Listen) -> Says {
        let traces = self.traces(task, |known| known.has_own_span() && known.host().may_be(subject.host));
        let says = match traces {
            Traces::None => return Says::Nothing,
            Traces::One(one) => Says::Trace(one),
            Traces::Several(ref several) => self.only_one_open(task, several, subject),
        };
        steps.step(|| Step::OwnSpan { task: task.task(), traces: traces.len(), trace_id: says.trace() });
        says
    }

    /// What other spans with the task's id on the line's host say, and its own span on another host: that speaks
    /// for the line if a span on the line's host is in the same trace.
    fn candidates(&self, task: TaskKey, subject: &Subject, steps: &mut impl Listen) -> Says {
        let traces = self.traces(task, |known| known.host().may_be(subject.host));
        let says = match traces {
            Traces::None => {
                steps.step(|| Step::NoSpan { task: task.task() });
                return Says::Nothing;
            }
            Traces::One(one) => Says::Trace(one),
            Traces::Several(ref several) => match self.own_elsewhere(task, several) {
                Traces::One(one) => Says::Trace(one),
                _ => self.only_one_open(task, several, subject),
            },
        };
        steps.step(|| Step::Candidates { task: task.task(), traces: traces.len(), trace_id: says.trace() });
        says
    }

    /// Those of the traces that have the task's own span on any host.
    fn own_elsewhere(&self, task: TaskKey, traces: &[u128]) -> Traces {
        self.traces(task, |known| {
            known.has_own_span() && known.trace().is_some_and(|trace| traces.contains(&trace))
        })
    }

    /// The traces of the task's records that fit.
    fn traces(&self, task: TaskKey, fits: impl Fn(&Task) -> bool) -> Traces {
        let traces = self.tasks.of(task).filter(|known| fits(known)).filter_map(Task::trace);
        traces.fold(Traces::None, Traces::and)
    }

    /// The one of several traces that alone has a span of the task open at the line's time.
    fn only_one_open(&self, task: TaskKey, traces: &[u128], subject: &Subject) -> Says {
        let mut open = traces.iter().filter(|trace| self.is_open(task, **trace, subject));
        match (open.next(), open.next()) {
            (Some(trace), None) => Says::Trace(*trace),
            _ => Says::Ambiguous,
        }
    }

    fn is_open(&self, task: TaskKey, trace: u128, subject: &Subject) -> bool {
        let mut open = self.spans.at(trace, subject.window);
        open.any(|span| span.has_task(task) && span.host.may_be(subject.host))
    }
}

impl Says {
    fn trace(self) -> Option<TraceId> {
        match self {
            Self::Trace(trace) => trace_id(trace),
            Self::Nothing | Self::Ambiguous => None,
        }
    }
}

/// A line's own context, or that beside the meaning of its task number.
fn by_context(subject: &Subject, steps: &mut impl Listen) -> Option<Finding> {
    if let Some(context) = subject.context {
        let LineContext { trace_id, span_id } = context;
        steps.step(|| Step::Context { trace_id, span_id });
        return Some(Finding {
            trace: trace_bits(trace_id),
            rule: Correlation::Context,
            task: subject.task,
            hint: span_id,
        });
    }
    if subject.task.is_some() {
        return None;
    }
    let Some(meaning) = subject.number? else {
        steps.step(|| Step::UnknownNumber);
        return None;
    };
    let Resolved { task, trace: trace_id } = meaning;
    steps.step(|| Step::Number { task: task.and_then(TaskKey::task), trace_id });
    Some(Finding { trace: trace_bits(trace_id?), rule: Correlation::Link, task, hint: None })
}

fn by_task(trace: u128, task: TaskKey, rule: Correlation) -> Finding {
    Finding { trace, rule, task: Some(task), hint: None }
}

fn rule(named: bool) -> Correlation {
    if named { Correlation::Task } else { Correlation::Link }
}

/// Finds out that a way of links has come back upon itself (Brent's algorithm): it remembers one task, at steps whose
/// number is a power of two.
struct LoopGuard {
    remembered: TaskKey,
    steps: u32,
}

impl LoopGuard {
    fn new(start: TaskKey) -> Self {
        Self { remembered: start, steps: 0 }
    }

    fn closes_at(&mut self, task: TaskKey) -> bool {
        let closes = task == self.remembered;
        self.steps += 1;
        if self.steps.is_power_of_two() {
            self.remembered = task;
        }
        closes
    }
}
