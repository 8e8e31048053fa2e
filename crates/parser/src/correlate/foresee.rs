//! What held lines would get if they left now, for a span that goes out before they do.
//!
//! Looking at lines changes nothing of what they get when they leave: then more may be known. Here counts only what the
//! spans of the line's own task say (or of the task that its number means); links to other tasks are followed at the end of
//! a line's wait alone, as its own task's spans may yet come.

use super::decide::Known;
use super::flow::{question, trace_context};
use super::held::HeldNo;
use super::{Correlator, Joined};
use model::{Now, TraceContext};

impl<T> Correlator<T> {
    /// Tells each held line for which a span is singled out by what is known now, in the order of reading. Gives false,
    /// and tells nothing, if no span and no line came since it was asked last.
    pub fn foresee(&mut self, out: &mut impl FnMut(HeldNo, &T, TraceContext)) -> bool {
        let state = (self.spans.pushed(), self.held.next_no());
        if self.foreseen == Some(state) {
            return false;
        }
        self.foreseen = Some(state);
        let known = Known { tasks: &self.tasks, spans: &self.spans };
        for (no, held) in self.held.lines() {
            let subject = &held.line.subject;
            let Some(finding) = known.by_own_task(subject) else { continue };
            let (span, _) = self.naming.name(&self.spans, &question(subject, &finding));
            let context = trace_context(&finding, span).filter(|context| context.span_id.is_some());
            context.into_iter().for_each(|context| out(no, &held.payload, context));
        }
        true
    }

    /// Lets a held line go with what is known now, though it could wait.
    pub fn release(&mut self, no: HeldNo, now: Now, out: &mut impl FnMut(Joined<T>)) {
        if let Some(line) = self.held.take_no(no) {
            self.decide_at_last(line, now, out);
        }
    }

    /// A line that is held.
    #[must_use]
    pub fn held_line(&self, no: HeldNo) -> Option<&T> {
        self.held.line(no)
    }
}
