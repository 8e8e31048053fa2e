//! The way of a line through its states: in, held, out.

use super::decide::{Finding, Known, NoTrace, Subject, trace_id};
use super::held::{HeldLine, Line, Stage};
use super::naming::Question;
use super::reading::{nanos, signed};
use super::{Aim, Correlator, Joined, Outcome};
use crate::evidence::LineEvidence;
use model::{Correlation, Now, SpanId, TraceContext, Uuid};
use std::time::Duration;

/// What becomes of a line now.
enum Fate {
    Leave(Result<Finding, NoTrace>),
    Hold(Stage),
}

impl<T> Correlator<T> {
    /// A line was read.
    pub(super) fn enter(
        &mut self,
        line: &LineEvidence<'_>,
        host: Option<Uuid>,
        aim: Aim,
        now: Now,
        hold: impl FnOnce() -> (T, usize),
        out: &mut impl FnMut(Joined<T>),
    ) -> Option<Joined<()>> {
        let subject = self.learn(line, host);
        let read = nanos(now.mono);
        let age = signed(now.wall_unix_nano).saturating_sub(subject.window.end_unix_nano).max(0);
        let born = read.saturating_sub(age);
        let line = Line { read, born, subject, stage: Stage::Evidence, for_span: aim == Aim::Span };
        let left = match self.admit(&line) {
            Fate::Leave(found) => Some(self.joined(&line, found, now)),
            Fate::Hold(stage) => {
                let (payload, bytes) = hold();
                self.held.push(HeldLine { payload, bytes, line: Line { stage, ..line } });
                None
            }
        };
        self.let_go_linked(&subject, now, out);
        left
    }

    /// Of a line that was just read.
    fn admit(&self, line: &Line) -> Fate {
        if !line.subject.can_be_joined() {
            return Fate::Leave(Err(NoTrace::Nothing));
        }
        let settled = self.known().settled(&line.subject, &mut ());
        let waits_for_span = line.for_span && !self.known().has_own_span(&line.subject);
        let stage = if settled.is_some() && !waits_for_span { Stage::Reading } else { Stage::Evidence };
        match settled {
            _ if !self.traces_are_read_for(&Line { stage, ..*line }) => Fate::Hold(stage),
            Some(finding) => Fate::Leave(Ok(finding)),
            None => self.behind_evidence(line),
        }
    }

    /// By the data's own time: the trace files have been read past these lines.
    pub(super) fn let_go_read_past(&mut self, now: Now, out: &mut impl FnMut(Joined<T>)) {
        let Some(up_to) = self.reading.up_to() else { return };
        let latest = up_to.saturating_sub(self.wait());
        while self.held.earliest_end().is_some_and(|end| end <= latest) {
            let Some(line) = self.held.take_earliest() else { return };
            self.decide(line, now, out);
        }
    }

    /// By the clock, or because nothing is traced.
    pub(super) fn let_go_at_end(&mut self, now: Now, out: &mut impl FnMut(Joined<T>)) {
        while let Some(line) = self.held.take_oldest_reading() {
            self.decide(line, now, out);
        }
        let mono = nanos(now.mono);
        let latest = if self.reading.is_quiet(mono) { i64::MAX } else { mono.saturating_sub(self.wait()) };
        while self.held.oldest_waiting().is_some_and(|born| born <= latest) {
            let Some(line) = self.held.take_oldest_waiting() else { return };
            self.decide(line, now, out);
        }
    }

    /// A line was read: those before it by more than `wait` wait for links no longer, nor do any for which there is no
    /// room.
    pub(super) fn let_go_linked(&mut self, read: &Subject, now: Now, out: &mut impl FnMut(Joined<T>)) {
        if !self.held.has_links() {
            return;
        }
        let log_read = self.logs_read.get(&read.host).copied().unwrap_or(i64::MIN);
        while let Some(line) = self.held.take_links(read.host, log_read.saturating_sub(self.wait())) {
            self.decide_at_last(line, now, out);
        }
        while self.is_full() {
            let Some(line) = self.held.take_any_links() else { return };
            self.decide_at_last(line, now, out);
        }
    }

    /// The logs were read to their end: no line there is can link anything.
    pub(super) fn let_go_all_linked(&mut self, now: Now, out: &mut impl FnMut(Joined<T>)) {
        while let Some(line) = self.held.take_any_links() {
            self.decide_at_last(line, now, out);
        }
    }

    /// Lets a line go before its time. Only one that waits for evidence of its trace loses by it.
    pub(super) fn force(&mut self, held: HeldLine<T>, now: Now, out: &mut impl FnMut(Joined<T>)) {
        if held.line.stage != Stage::Evidence || held.line.subject.context.is_some() {
            return self.decide_at_last(held, now, out);
        }
        out(self.noted(&held.line, None, Outcome::Forced, now).with(held.payload));
    }

    pub(super) fn known(&self) -> Known<'_> {
        Known { tasks: &self.tasks, spans: &self.spans }
    }

    pub(super) fn wait(&self) -> i64 {
        nanos(self.settings.wait)
    }

    /// Whether the trace files have nothing more for a line that was just read.
    fn traces_are_read_for(&self, line: &Line) -> bool {
        let patience = if line.stage == Stage::Evidence { self.wait() } else { 0 };
        let end = line.subject.window.end_unix_nano;
        self.settings.wait.is_zero()
            || self.reading.was_at_end(line.born.saturating_add(patience))
            || self.reading.covers(end.saturating_add(self.wait()))
            || self.reading.is_quiet(line.read)
    }

    fn decide(&mut self, mut held: HeldLine<T>, now: Now, out: &mut impl FnMut(Joined<T>)) {
        match self.behind_evidence(&held.line) {
            Fate::Leave(found) => out(self.joined(&held.line, found, now).with(held.payload)),
            Fate::Hold(stage) => {
                held.line.stage = stage;
                self.held.push(held);
            }
        }
    }

    pub(super) fn decide_at_last(&mut self, held: HeldLine<T>, now: Now, out: &mut impl FnMut(Joined<T>)) {
        let found = self.at_last(&held.line);
        out(self.joined(&held.line, found, now).with(held.payload));
    }

    /// The trace files have nothing more for the line. It goes, unless links alone can help it and the log may yet have
    /// one: a line that was young when it was read has had its wait for that, one of a backlog has not.
    fn behind_evidence(&self, line: &Line) -> Fate {
        let could_be_linked = self.spans.len() > 0 && self.known().needs_links(&line.subject);
        if could_be_linked && self.is_backlog(line) && !self.log_is_read_past(line) {
            return Fate::Hold(Stage::Links);
        }
        Fate::Leave(self.at_last(line))
    }

    fn at_last(&self, line: &Line) -> Result<Finding, NoTrace> {
        self.known().at_last(&line.subject, &mut ())
    }

    /// Whether the line was older than `wait` when it was read.
    fn is_backlog(&self, line: &Line) -> bool {
        !self.settings.wait.is_zero() && line.born.saturating_add(self.wait()) <= line.read
    }

    fn log_is_read_past(&self, line: &Line) -> bool {
        let past = line.subject.window.end_unix_nano.saturating_add(self.wait());
        self.logs_read.get(&line.subject.host).is_some_and(|read| *read >= past)
    }

    /// What a line leaves with; it is counted.
    fn joined(&mut self, line: &Line, found: Result<Finding, NoTrace>, now: Now) -> Joined<()> {
        let waited =
            line.born.saturating_add(self.wait()) > line.read && !self.reading.is_quiet(nanos(now.mono));
        let without = if waited { Outcome::TimedOut } else { Outcome::NoEvidence };
        let outcome = outcome(&line.subject, found, without);
        let context = found.ok().and_then(|finding| {
            let (span, _) = self.naming.name(&self.spans, &question(&line.subject, &finding));
            trace_context(&finding, span)
        });
        self.noted(line, context, outcome, now)
    }

    fn noted(
        &mut self,
        line: &Line,
        context: Option<TraceContext>,
        outcome: Outcome,
        now: Now,
    ) -> Joined<()> {
        let waited = nanos(now.mono).saturating_sub(line.read).max(0);
        let waited = Duration::from_nanos(waited.unsigned_abs());
        self.counters.note(outcome, context.is_some_and(|context| context.span_id.is_some()), waited);
        Joined { payload: (), context, outcome, waited }
    }
}

pub(super) fn question(subject: &Subject, finding: &Finding) -> Question {
    Question {
        trace: finding.trace,
        window: subject.window,
        host: subject.host,
        service: subject.service,
        task: finding.task,
        hint: finding.hint.map(|span| u64::from_be_bytes(*span.bytes())),
    }
}

pub(super) fn trace_context(finding: &Finding, span: Option<u64>) -> Option<TraceContext> {
    Some(TraceContext {
        trace_id: trace_id(finding.trace)?,
        span_id: span.and_then(|span| SpanId::from_bytes(span.to_be_bytes())),
        traceparent_span_id: finding.hint,
        correlation: finding.rule,
    })
}

/// What becomes of a line: joined by a rule, or why not; `without` is for a line with an id of which nothing is known.
pub(super) fn outcome(subject: &Subject, found: Result<Finding, NoTrace>, without: Outcome) -> Outcome {
    match found.map(|finding| finding.rule) {
        Ok(Correlation::Context) => Outcome::Context,
        Ok(Correlation::Task) => Outcome::Task,
        Ok(Correlation::Link) => Outcome::Link,
        Err(_) if !subject.has_id() => Outcome::NoId,
        Err(NoTrace::Ambiguous) => Outcome::Ambiguous,
        Err(NoTrace::Nothing) if !subject.can_be_joined() => Outcome::NoEvidence,
        Err(NoTrace::Nothing) => without,
    }
}
