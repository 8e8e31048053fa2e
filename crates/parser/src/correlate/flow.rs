//! The way of a line through its states: in, held, out.

use super::decide::{Finding, Known, NoTrace, Subject, trace_id};
use super::held::{HeldLine, Stage};
use super::naming::Question;
use super::reading::{nanos, signed};
use super::{Correlator, Joined, Outcome};
use crate::evidence::LineEvidence;
use model::{Correlation, Now, SpanId, TraceContext, Uuid};
use std::time::Duration;

impl<T> Correlator<T> {
    /// A line was read.
    pub(super) fn enter(
        &mut self,
        line: &LineEvidence<'_>,
        host: Option<Uuid>,
        (payload, bytes): (T, usize),
        for_span: bool,
        now: Now,
        out: &mut impl FnMut(Joined<T>),
    ) {
        let subject = self.learn(line, host);
        let read = nanos(now.mono);
        let age = signed(now.wall_unix_nano).saturating_sub(subject.window.end_unix_nano).max(0);
        let born = read.saturating_sub(age);
        let line = HeldLine { payload, bytes, read, born, subject, stage: Stage::Evidence, for_span };
        self.admit(line, now, out);
        self.let_go_linked(&subject, now, out);
    }

    /// Lets a line go at once, or holds it.
    fn admit(&mut self, line: HeldLine<T>, now: Now, out: &mut impl FnMut(Joined<T>)) {
        if !line.subject.can_be_joined() {
            return self.ship(line, Err(NoTrace::Nothing), now, out);
        }
        let settled = self.known().settled(&line.subject, &mut ());
        let waits_for_span = line.for_span && !self.known().has_own_span(&line.subject);
        let stage = if settled.is_some() && !waits_for_span { Stage::Reading } else { Stage::Evidence };
        let line = HeldLine { stage, ..line };
        match settled {
            _ if !self.traces_are_read_for(&line) => self.held.push(line),
            Some(finding) => self.ship(line, Ok(finding), now, out),
            None => self.decide(line, now, out),
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
    pub(super) fn force(&mut self, line: HeldLine<T>, now: Now, out: &mut impl FnMut(Joined<T>)) {
        if line.stage != Stage::Evidence || line.subject.context.is_some() {
            return self.decide_at_last(line, now, out);
        }
        self.hand_on(line, None, Outcome::Forced, now, out);
    }

    pub(super) fn known(&self) -> Known<'_> {
        Known { tasks: &self.tasks, spans: &self.spans }
    }

    pub(super) fn wait(&self) -> i64 {
        nanos(self.settings.wait)
    }

    /// Whether the trace files have nothing more for a line that was just read.
    fn traces_are_read_for(&self, line: &HeldLine<T>) -> bool {
        let patience = if line.stage == Stage::Evidence { self.wait() } else { 0 };
        let end = line.subject.window.end_unix_nano;
        self.settings.wait.is_zero()
            || self.reading.was_at_end(line.born.saturating_add(patience))
            || self.reading.covers(end.saturating_add(self.wait()))
            || self.reading.is_quiet(line.read)
    }

    /// The trace files have nothing more for the line. It goes, unless links alone can help it and the log may yet have
    /// one: a line that was young when it was read has had its wait for that, one of a backlog has not.
    fn decide(&mut self, line: HeldLine<T>, now: Now, out: &mut impl FnMut(Joined<T>)) {
        let could_be_linked = self.spans.len() > 0 && self.known().needs_links(&line.subject);
        if could_be_linked && self.is_backlog(&line) && !self.log_is_read_past(&line) {
            return self.held.push(HeldLine { stage: Stage::Links, ..line });
        }
        self.decide_at_last(line, now, out);
    }

    pub(super) fn decide_at_last(&mut self, line: HeldLine<T>, now: Now, out: &mut impl FnMut(Joined<T>)) {
        let found = self.known().at_last(&line.subject, &mut ());
        self.ship(line, found, now, out);
    }

    /// Whether the line was older than `wait` when it was read.
    fn is_backlog(&self, line: &HeldLine<T>) -> bool {
        !self.settings.wait.is_zero() && line.born.saturating_add(self.wait()) <= line.read
    }

    fn log_is_read_past(&self, line: &HeldLine<T>) -> bool {
        let past = line.subject.window.end_unix_nano.saturating_add(self.wait());
        self.logs_read.get(&line.subject.host).is_some_and(|read| *read >= past)
    }

    fn ship(
        &mut self,
        line: HeldLine<T>,
        found: Result<Finding, NoTrace>,
        now: Now,
        out: &mut impl FnMut(Joined<T>),
    ) {
        let waited =
            line.born.saturating_add(self.wait()) > line.read && !self.reading.is_quiet(nanos(now.mono));
        let without = if waited { Outcome::TimedOut } else { Outcome::NoEvidence };
        let outcome = outcome(&line.subject, found, without);
        let context = found.ok().and_then(|finding| {
            let (span, _) = self.naming.name(&self.spans, &question(&line.subject, &finding));
            trace_context(&finding, span)
        });
        self.hand_on(line, context, outcome, now, out);
    }

    fn hand_on(
        &mut self,
        line: HeldLine<T>,
        context: Option<TraceContext>,
        outcome: Outcome,
        now: Now,
        out: &mut impl FnMut(Joined<T>),
    ) {
        let waited = nanos(now.mono).saturating_sub(line.read).max(0);
        let waited = Duration::from_nanos(waited.unsigned_abs());
        self.counters.note(outcome, context.is_some_and(|context| context.span_id.is_some()), waited);
        out(Joined { payload: line.payload, context, outcome, waited });
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
