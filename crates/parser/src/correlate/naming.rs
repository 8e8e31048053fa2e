//! The span within the trace: which one, if any, the evidence singles out for a line.
//!
//! Lines have whole seconds, spans microseconds. So the choice is among the spans that share time with the line's
//! second: those of the line's own service on its own host, or all of them if there is none; then the innermost. If
//! several are not on one chain, nothing says in which of them the line was written: then their nearest common
//! ancestor that was open at that time, else the task's own span if it was, else none.
//!
//! The choice depends on the set of spans seen alone, not on their order.

use super::key::TaskKey;
use super::origin::{HostNo, ServiceNo};
use super::spans::{SpanRecord, Spans};
use super::window::Window;
use family::{Family, There};

mod family;

/// Why this span was named, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpanChoice {
    /// No span of the trace was seen, or none at the line's time.
    NoneThere,
    /// The span beside the trace id in the line was seen, and was open at the line's time.
    InLine,
    /// One span alone comes into question.
    Only,
    /// It is the innermost of a chain.
    Innermost,
    /// It is the nearest common ancestor of those that come into question.
    CommonAncestor,
    /// It is the task's own, as nothing singles out a deeper one.
    TasksOwn,
    /// Several come into question, and nothing singles one out.
    NotSingledOut,
}

/// What is asked: the line's trace, time and origin, and what else is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Question {
    pub(super) trace: u128,
    pub(super) window: Window,
    pub(super) host: HostNo,
    pub(super) service: ServiceNo,
    /// The task whose own span may stand for the line.
    pub(super) task: Option<TaskKey>,
    /// The span id in the line.
    pub(super) hint: Option<u64>,
}

/// The span's id, and why it is that.
pub(super) type Answer = (Option<u64>, SpanChoice);

/// Answers, and remembers for the last moments which spans were open in them and what was answered: the lines of an
/// operation come many to a second.
#[derive(Debug)]
pub(super) struct Naming {
    last: Vec<Moment>,
}

/// Moments that are remembered at most.
const REMEMBERED: usize = 128;
/// For so many bytes of spans, one.
const BYTES_FOR_ONE: usize = 28 << 10;
/// Spans that are remembered of one, at most; of one with more, the answers alone are.
const SPANS: usize = 128;
/// Answers that are remembered of one, at most.
const ANSWERS: usize = 32;

/// A trace in a window, as long as its newest span is this.
type Of = (u128, Window, u32);

#[derive(Debug, Default)]
struct Moment {
    of: Option<Of>,
    /// `None` until it is asked for, and again where there are too many.
    there: Option<There>,
    /// The like of an earlier moment, for its buffers.
    spare: There,
    answers: Vec<(Question, Answer)>,
}

impl Naming {
    /// Beside an index of spans that takes so many bytes.
    pub(super) fn beside(span_bytes: usize) -> Self {
        let moments = (span_bytes / BYTES_FOR_ONE).clamp(1, REMEMBERED);
        Self { last: (0..moments).map(|_| Moment::default()).collect() }
    }

    pub(super) fn name(&mut self, spans: &Spans, question: &Question) -> Answer {
        let of = (question.trace, question.window, spans.newest(question.trace));
        let bucket = (question.trace as usize ^ question.window.start_unix_nano as usize >> 9)
            % self.last.len().max(1);
        let Some(moment) = self.last.get_mut(bucket) else { return name(spans, question) };
        if moment.of != Some(of) {
            moment.begin(of);
        }
        moment.answer(spans, question)
    }
}

impl Moment {
    fn begin(&mut self, of: Of) {
        self.of = Some(of);
        self.spare = self.there.take().unwrap_or_default();
        self.answers.clear();
    }

    fn answer(&mut self, spans: &Spans, question: &Question) -> Answer {
        let known = self.answers.iter().find(|(asked, (_, choice))| asked.stands_for(question, *choice));
        if let Some((_, answer)) = known {
            return *answer;
        }
        let there = self.there.get_or_insert_with(|| {
            let mut there = std::mem::take(&mut self.spare);
            there.begin();
            spans.at(question.trace, question.window).for_each(|span| there.push(span));
            there
        });
        let answer = name_of(spans, there, question);
        if self.answers.len() >= ANSWERS {
            self.answers.clear();
        }
        self.answers.push((*question, answer));
        if there.spans().len() > SPANS {
            self.there = None;
        }
        answer
    }
}

/// Answers the question from the spans seen.
pub(super) fn name(spans: &Spans, question: &Question) -> Answer {
    let mut there = There::default();
    spans.at(question.trace, question.window).for_each(|span| there.push(span));
    name_of(spans, &mut there, question)
}

/// Answers it from those of the trace that were open at the time.
fn name_of(spans: &Spans, there: &mut There, question: &Question) -> Answer {
    let open = there.spans();
    if let Some(hint) = question.hint.filter(|hint| open.iter().any(|span| span.id == *hint)) {
        return (Some(hint), SpanChoice::InLine);
    }
    let any_own = open.iter().any(|span| question.wrote(span));
    let asks_for = |span: &SpanRecord| !any_own || question.wrote(span);
    let mut candidates = open.iter().filter(|span| asks_for(span));
    match (candidates.next(), candidates.next()) {
        (None, _) => (None, SpanChoice::NoneThere),
        (Some(only), None) => (Some(only.id), SpanChoice::Only),
        (Some(_), Some(_)) => {
            there.relate(spans, question.trace);
            let all = there.spans().iter().enumerate();
            let candidates: Vec<_> = all.filter(|(_, span)| asks_for(span)).map(|(place, _)| place).collect();
            among(spans, question, there, &candidates).unwrap_or_else(|| own_span(question, there.spans()))
        }
    }
}

impl Question {
    /// Whether the line's own service on its own host made the span.
    fn wrote(&self, span: &SpanRecord) -> bool {
        span.service.is(self.service) && span.host.may_be(self.host)
    }

    /// Whether what was chosen for this one, of the same trace and time, holds for the other. The task is looked at last:
    /// where nothing else singles a span out.
    fn stands_for(&self, other: &Self, choice: SpanChoice) -> bool {
        let by_task = matches!(choice, SpanChoice::TasksOwn | SpanChoice::NotSingledOut);
        (self.service, self.host, self.hint) == (other.service, other.host, other.hint)
            && (self.task == other.task || !by_task)
            && (self.trace, self.window) == (other.trace, other.window)
    }
}

/// The innermost of a chain, or the nearest common ancestor that was open.
fn among(spans: &Spans, question: &Question, there: &There, candidates: &[usize]) -> Option<Answer> {
    let mut family = Family::of(spans, question.trace, there);
    match family.innermost(candidates).as_slice() {
        [] => None,
        [one] => Some((there.id(*one), SpanChoice::Innermost)),
        several => {
            let mut ancestors = family.common_ancestors(several);
            let ancestor = ancestors.find(|span| span.meets(&question.window));
            ancestor.map(|span| (Some(span.id), SpanChoice::CommonAncestor))
        }
    }
}

/// The task's own span, if it was open. On several hosts it has several: the line's own host's goes first.
fn own_span(question: &Question, there: &[SpanRecord]) -> Answer {
    let own = there.iter().filter(|span| question.task.is_some_and(|task| span.is_own_of(task)));
    let best = own.max_by_key(|span| (span.host == question.host, span.start_micros, span.id));
    best.map_or((None, SpanChoice::NotSingledOut), |span| (Some(span.id), SpanChoice::TasksOwn))
}

#[cfg(test)]
mod tests;
