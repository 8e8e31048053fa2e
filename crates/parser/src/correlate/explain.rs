//! Why a line is joined as it is, for people.

use super::counters::Outcome;
use super::decide::Step;
use super::flow::{outcome, question, trace_context};
use super::naming::{SpanChoice, name};
use super::{Correlator, Window};
use crate::evidence::LineEvidence;
use model::{TraceContext, Uuid};

/// What the evidence known at present says about a line.
#[derive(Clone, Debug, PartialEq)]
pub struct Explanation {
    /// The time in which the line was written.
    pub window: Window,
    /// The rules tried, in their order, and what each found.
    pub steps: Vec<Step>,
    /// Where the line belongs.
    pub context: Option<TraceContext>,
    /// What becomes of the line if nothing else comes: joined by a rule, or why not.
    pub outcome: Outcome,
    /// Whether later evidence could still change the trace: such a line waits, where waiting can help.
    pub open: bool,
    /// Why this span, or none; `None` without a trace.
    pub span_choice: Option<SpanChoice>,
}

impl<T> Correlator<T> {
    /// Says where a line would go now, and why. Teaches nothing and changes nothing.
    #[must_use]
    pub fn explain(&self, line: &LineEvidence<'_>, host: Option<Uuid>) -> Explanation {
        let (service, program) =
            (self.origins.find_service(line.service), self.origins.find_service(line.program));
        let subject = self.subject(line, self.origins.find_host(host), service, program);
        let known = self.known();
        let settled = known.settled(&subject, &mut ()).is_some();
        let mut steps = Vec::new();
        let found = known.at_last(&subject, &mut steps);
        let answer = found.ok().map(|finding| name(&self.spans, &question(&subject, &finding)));
        let context = found.ok().and_then(|finding| trace_context(&finding, answer.and_then(|(id, _)| id)));
        Explanation {
            window: subject.window,
            steps,
            context,
            outcome: outcome(&subject, found, Outcome::NoEvidence),
            open: subject.start().is_some() && !settled,
            span_choice: answer.map(|(_, choice)| choice),
        }
    }
}
